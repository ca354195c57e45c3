/** The command line as a user meets it: real processes, and what they print. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { webhookSecretOf } from '../../src/identity/secrets.ts';
import { SettingsFile } from '../../src/settings/schema.ts';
import { makePlace, type Place, runGoblin, type Server, startServer } from '../support/server.ts';
import { launch } from './cli-launch.ts';

const KEY = 'sk-test-000011112222abcd';

/** One sentence on standard error, nothing on standard output, exit code 1. */
function refused(ran: { code: number | null; stdout: string; stderr: string }, pattern: RegExp): void {
  assert.equal(ran.code, 1, ran.stdout + ran.stderr);
  assert.equal(ran.stdout, '');
  assert.match(ran.stderr, pattern);
  assert.equal(ran.stderr.trim().split('\n').length, 1, ran.stderr);
}

async function takenPort(): Promise<{ port: number; close(): void }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as { port: number }).port, close: () => server.close() };
}

describe('goblin', () => {
  const place = makePlace();

  test('help names every verb, and each verb explains itself', async () => {
    const help = await runGoblin([], place);
    assert.equal(help.code, 0);
    for (const verb of ['start', 'ask', 'doctor', 'config', 'key', 'simulate']) {
      assert.match(help.stdout, new RegExp(`^  ${verb} `, 'm'));
      const own = await runGoblin([verb, '--help'], place);
      assert.equal(own.code, 0);
      assert.match(own.stdout, new RegExp(`^goblin ${verb}`));
      assert.equal((await runGoblin(['help', verb], place)).stdout, own.stdout);
    }
    assert.match((await runGoblin(['--version'], place)).stdout, /^\d+\.\d+\.\d+\n$/);
  });

  test('an unknown verb or flag is refused with what may have been meant', async () => {
    refused(await runGoblin(['strat'], place), /"strat" is not a verb.*did you mean start\?/);
    refused(await runGoblin(['xyzzy'], place), /there are start, api, worker, migrate/);
    refused(await runGoblin(['ask', '--modle', 'x', 'hi'], place), /--modle is not a flag.*--model/);
    refused(await runGoblin(['ask', 'hi', '--model'], place), /--model needs a value/);
    refused(await runGoblin(['ask', 'hi', '--max-tokens', 'many'], place), /--max-tokens is "many"/);
    refused(await runGoblin(['config', 'extra'], place), /"extra" is one word too many/);
    refused(await runGoblin(['key', 'creat', '--tenant', 'a'], place), /did you mean create\?/);
    refused(await runGoblin(['key', 'create'], place), /--tenant acme/);
    refused(await runGoblin(['key', 'create', '--tenant', 'No Good'], place), /cannot name a tenant/);
    const never = ['key', 'create', '--tenant', 'a', '--expires', '2027-02-30T00:00:00Z'];
    refused(await runGoblin(never, place), /--expires takes a time as in 2027-01-31T12:00:00Z/);
    refused(await runGoblin(['ask'], place), /say what to ask/);
    assert.equal(existsSync(place.dataDir), false, 'none of these opens the data folder');
  });

  test('start stops with one sentence at a wrong variable, a taken port, a bad folder', async () => {
    refused(await runGoblin(['start'], place, { PORT: 'eighty' }), /PORT is "eighty".*PORT=8000/);
    const taken = await takenPort();
    refused(await runGoblin(['start'], place, { PORT: String(taken.port) }), new RegExp(`Port ${taken.port} is taken`));
    taken.close();
    const file = join(place.folder, 'a-file');
    writeFileSync(file, '');
    refused(await runGoblin(['start'], place, { MCP_DATA_DIR: file }), /data folder .* cannot be written/);
  });
});

describe('goblin config', () => {
  const place = makePlace({
    attempts: 3,
    clocks: { idle_ms: 7000 },
    aliases: { fast: ['openai/gpt-4.1-nano'] },
    providers: { mine: { base_url: 'http://127.0.0.1:9/v1', headers: { 'x-team': 'hush-hush' } } },
  });
  writeFileSync(join(place.folder, '.env'), 'LOG_LEVEL=error\nGROQ_API_KEY=gsk-from-the-file-9876\n');
  const env = { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: 'http://127.0.0.1:9/v1', MCP_SECRET: `${'s'.repeat(36)}wxyz` };

  test('says where each value came from and shows no secret', async () => {
    // The clean environment of a test sets LOG_LEVEL; here it must come from the file.
    const ran = await runGoblin(['config'], place, { ...env, LOG_LEVEL: '' });
    assert.equal(ran.code, 0, ran.stderr);
    for (const line of [
      /HOST +127\.0\.0\.1 +default/,
      /PORT +0 +environment/,
      /LOG_LEVEL +error +\.env/,
      /MCP_AUTH +off +derived/,
      /MCP_SECRET +…wxyz +environment/,
      /clocks\.idle_ms +7000 +\S*goblin\.yaml/,
      /clocks\.total_ms +600000 +default/,
      /attempts +3 +\S*goblin\.yaml/,
      /openai +http:\/\/127\.0\.0\.1:9\/v1 +key …abcd from OPENAI_API_KEY \(environment\) +address from OPENAI_BASE_URL/,
      /groq +https:\/\/api\.groq\.com\S* +key …9876 from GROQ_API_KEY \(\.env\)/,
      /fast +openai\/gpt-4\.1-nano/,
      /code +auto/,
    ]) {
      assert.match(ran.stdout, line);
    }
    for (const secret of [KEY, 'hush-hush', 'sssss', 'gsk-from']) assert.ok(!ran.stdout.includes(secret), secret);
    assert.equal(existsSync(place.dataDir), false, 'it needs no data folder');
  });

  test('has the same as JSON', async () => {
    const ran = await runGoblin(['config', '--json'], place, env);
    const report = JSON.parse(ran.stdout) as Record<string, { name: string; value?: unknown; source?: string }[]>;
    assert.deepEqual(
      report.limits?.find(({ name }) => name === 'attempts'),
      { name: 'attempts', value: 3, source: place.config },
    );
    assert.deepEqual(
      report.providers?.map(({ name }) => name),
      ['openai', 'groq', 'mine'],
    );
    assert.ok(!ran.stdout.includes(KEY));
  });

  test('names every setting of goblin.yaml, and shows no secret of an address', async () => {
    const all = makePlace({
      limits: [{ scope: 'user', requests_per_minute: 7 }],
      budgets: {
        list: [{ scope: 'tenant', period: 'day', hard_usd: 2.5 }],
        webhook_url: 'https://hooks.test/hush-path',
      },
      guardrails: { before: { url: 'http://127.0.0.1:9/check?token=hush-query' } },
      policies: [{ id: 'all', cedar: 'permit (principal, action, resource);' }],
      secrets: { kinds: { pii: 'redact' } },
    });
    const ran = await runGoblin(['config'], all);
    assert.equal(ran.code, 0, ran.stderr);
    for (const line of [
      /limits\.0 +user \(each\), 7 requests a minute +\S*goblin\.yaml/,
      /budgets\.list\.0 +tenant \(each\), by day, hard 2\.5 USD, https:\/\/hooks\.test\/… /,
      /guardrails\.before +http:\/\/127\.0\.0\.1:9\/check\?…, 2000 ms, closed on failure/,
      /policies +1 +\S*goblin\.yaml/,
      /secrets\.kinds +pii redact/,
    ]) {
      assert.match(ran.stdout, line);
    }
    assert.ok(!ran.stdout.includes('hush'));
    const shown = new Set([...ran.stdout.matchAll(/^ {2}([a-z_]+)/gm)].map(([, name]) => name));
    // These have sections of their own.
    const elsewhere = ['providers', 'aliases', 'tasks', 'prices'];
    for (const name of Object.keys(SettingsFile.properties)) {
      assert.ok(shown.has(name) || elsewhere.includes(name), name);
    }
    const odd = makePlace({ policies: [{ id: 'odd', cedar: 'permit (' }] });
    refused(await runGoblin(['config'], odd), /goblin\.yaml: policies/);
    refused(await runGoblin(['config'], makePlace({ policy_file: 'none.cedar' })), /policy_file: .* cannot be read/);
  });

  test('refuses what a start would refuse', async () => {
    refused(await runGoblin(['config'], place, { MCP_AUTH: 'maybe' }), /MCP_AUTH is "maybe"/);
    refused(await runGoblin(['config'], place, { OPENAI_API_KEY: 'a b' }), /OPENAI_API_KEY has blanks/);
  });
});

describe('goblin key', () => {
  let place: Place;
  let server: Server;
  let key: string;
  const call = (secret: string) =>
    fetch(server.url('/mcp/v1/request'), { headers: { authorization: `Bearer ${secret}` } }).then((a) => a.status);

  before(async () => {
    place = makePlace();
    const made = await runGoblin(['key', 'create', '--tenant', 'acme', '--name', 'my laptop'], place);
    assert.equal(made.code, 0, made.stderr);
    assert.match(made.stdout, /^gob_\S{40,}\n$/);
    assert.match(made.stderr, /The tenant acme was not there; it is made\./);
    const second = await runGoblin(['key', 'create', '--tenant', 'acme'], place);
    assert.doesNotMatch(second.stderr, /was not there/);
    key = made.stdout.trim();
    assert.equal(existsSync(join(place.dataDir, 'server.json')), false);
    // With access by key the simulator does not stand in; without a provider the server would not be ready.
    const settings = { simulator: true };
    server = await startServer({ folder: place.folder, env: { MCP_AUTH: 'required' }, settings });
  });
  after(() => server.stop());

  test('a key made in the folder opens the server that starts on it; others do not', async () => {
    assert.equal(await call(key), 200);
    assert.equal(await call('gob_nonsense'), 401);
  });

  test('while a server runs, keys are made, listed and revoked through it', async () => {
    const made = await runGoblin(['key', 'create', '--tenant', 'other'], place);
    assert.match(made.stdout, /^gob_\S{40,}\n$/);
    assert.match(made.stderr, /The tenant other was not there; it is made\./);
    assert.equal(await call(made.stdout.trim()), 200);
    const id = /key_\S+/.exec(made.stderr)?.[0] ?? '';
    const all = await runGoblin(['key', 'list'], place);
    assert.match(all.stdout, /acme +….* valid +my laptop/);
    assert.match(all.stdout, new RegExp(`${id} +other .* valid`));
    assert.ok(!all.stdout.includes(key));
    assert.equal((await runGoblin(['key', 'revoke', id], place)).code, 0);
    assert.match((await runGoblin(['key', 'list', '--tenant', 'other'], place)).stdout, /revoked/);
    refused(await runGoblin(['key', 'revoke', id], place), /no such key/);
  });

  test('the call-back secret is that of the tenant, whatever runs', async () => {
    const ran = await runGoblin(['key', 'webhook-secret', '--tenant', 'acme'], place);
    assert.match(ran.stdout, /^whsec_\S+\n$/);
    const secret = 'x'.repeat(40);
    const set = await runGoblin(['key', 'webhook-secret', '--tenant', 'acme'], place, { MCP_SECRET: secret });
    assert.equal(set.stdout.trim(), webhookSecretOf(secret, 'acme'));
    assert.notEqual(set.stdout, ran.stdout);
    refused(await runGoblin(['key', 'webhook-secret', '--tenant', 'acme'], makePlace()), /no secret/);
  });

  test('a second server on the folder is refused; a silent one is named', async () => {
    refused(await runGoblin(['start'], place), new RegExp(`in use by another server \\(process ${server.pid}`));
    server.signal('SIGSTOP');
    try {
      refused(await runGoblin(['key', 'list'], place), new RegExp(`held by process ${server.pid} .* does not answer`));
    } finally {
      server.signal('SIGCONT');
    }
    assert.equal((await runGoblin(['key', 'list'], place)).code, 0);
  });
});

describe('goblin simulate and doctor', () => {
  test('the simulator runs alone until it is told to stop', async () => {
    const simulator = launch(['simulate', '--port', '0', '--key', KEY, '--tokens', '5'], makePlace());
    const url = await simulator.says(/listens at (\S+)/);
    const ask = (secret: string) =>
      fetch(`${url}/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret}` },
        body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }),
      });
    const answer = (await (await ask(KEY)).json()) as { usage: { completion_tokens: number } };
    assert.equal(answer.usage.completion_tokens, 5);
    assert.equal((await ask('wrong')).status, 401);
    simulator.signal('SIGTERM');
    assert.equal(await simulator.exited, 0);
  });

  test('a taken port and an unknown fault are refused; the faults are listed', async () => {
    const taken = await takenPort();
    refused(await runGoblin(['simulate', '--port', String(taken.port)], makePlace()), /is taken.*--port/);
    taken.close();
    refused(
      await runGoblin(['simulate', '--fault', 'rest'], makePlace()),
      /"rest" is not a fault; did you mean reset\?/,
    );
    assert.match((await runGoblin(['simulate', '--list-faults'], makePlace())).stdout, /^cut-after-N +the socket/m);
  });

  test('the doctor calls every provider, names the broken one, and prints no key', async () => {
    const place = makePlace();
    const simulator = launch(['simulate', '--port', '0', '--key', KEY], place);
    const url = await simulator.says(/listens at (\S+)/);
    const env = { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: url };
    const well = await runGoblin(['doctor'], place, env);
    assert.equal(well.code, 0, well.stdout + well.stderr);
    assert.match(well.stdout, /^ok +openai +\S+ +\d+ ms$/m);
    assert.match(well.stdout, /All that is configured works\.\n$/);

    const broken = { ...env, GROQ_API_KEY: 'gsk-wrong-key-4321', GROQ_BASE_URL: url };
    const ill = await runGoblin(['doctor'], place, broken);
    assert.equal(ill.code, 1);
    assert.match(ill.stdout, /^ok +openai/m);
    assert.match(ill.stdout, /^FAIL +groq .*upstream_unauthorized: The provider refused our key/m);
    assert.ok(!/sk-test|gsk-wrong/.test(ill.stdout + ill.stderr));
    assert.equal(existsSync(join(place.dataDir, 'server.json')), false);

    // A running server is asked with what it was started with.
    const server = await startServer({ folder: place.folder, env });
    const asked = await runGoblin(['doctor'], place, broken);
    assert.match(asked.stdout, new RegExp(`held by the running server \\(process ${server.pid}`));
    assert.match(asked.stdout, /^FAIL +groq .*restart the server/m);
    await server.stop();
    simulator.signal('SIGTERM');
  });

  test('nothing configured is a warning; a wrong variable is a failure', async () => {
    const place = makePlace();
    const bare = await runGoblin(['doctor'], place, { MCP_AUTH: 'required' });
    assert.equal(bare.code, 0, bare.stdout + bare.stderr);
    assert.match(bare.stdout, /^warn +providers +none is configured; set a key/m);
    const wrong = await runGoblin(['doctor'], place, { LOG_LEVEL: 'loud' });
    assert.equal(wrong.code, 1);
    assert.match(wrong.stdout, /^FAIL +configuration +LOG_LEVEL is "loud"/m);
  });
});
