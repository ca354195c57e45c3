/** MCP_SECRET is changed on a live system: nothing is lost on the way, and afterwards the old one is not needed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openPostgres } from '../../src/drivers/postgres.ts';
import { secretIdOf } from '../../src/identity/ring.ts';
import { bearer, makeKey, person, type SignedInView } from '../support/accounts.ts';
import { call, isProblem, type Json, outcome, post, submit } from '../support/api.ts';
import { type KeyVendor, startKeyVendor } from '../support/key-vendor.ts';
import { LEAKED, type Parrot, startParrot } from '../support/parrot.ts';
import { allRows, placesOf } from '../support/rows.ts';
import { makePlace, runGoblin, type Server, startServer } from '../support/server.ts';
import { type PostgresService, type RedisService, startPostgres, startRedis } from '../support/services.ts';
import { openSse, readAll, textOf } from '../support/streams.ts';
import { MODEL, OPENAI_KEY, PATIENT } from '../support/vendors.ts';

const [OLD, NEW, LATER] = ['o', 'n', 'l'].map((letter) => letter.repeat(40)) as [string, string, string];
const AWS = ['AKIA', 'QYLPMN5HFIQR7XYA'].join('');
const SAID = `WOMBAT my key is ${AWS} and that is all, LEAK`;
const OWN = 'sk-own-key-of-acme-0000-9f3a';

let postgres: PostgresService;
let redis: RedisService;
let vendor: Parrot;
let mistral: KeyVendor;
let server: Server;
let owner: SignedInView;
const keys = new Map<string, Record<string, string>>();
const asked = new Map<string, string>();

before(async () => {
  [postgres, redis, vendor, mistral] = await Promise.all([
    startPostgres(),
    startRedis(),
    startParrot(),
    startKeyVendor(),
  ]);
  server = await startServer({
    env: {
      OPENAI_API_KEY: OPENAI_KEY,
      OPENAI_BASE_URL: vendor.url,
      MISTRAL_BASE_URL: mistral.url,
      DATABASE_URL: postgres.url,
      REDIS_URL: redis.url,
      MCP_AUTH: 'required',
      MCP_SECRET: OLD,
    },
    settings: PATIENT,
  });
  for (const tenant of ['acme', 'sealed']) {
    keys.set(tenant, bearer((await makeKey(server, { tenant, role: 'admin' })).key));
  }
  owner = await person(server, 'acme', 'owner');
  await call(server, '/mcp/v1/tenants/sealed', {
    method: 'PATCH',
    json: { bodies: 'encrypted' },
    headers: bearer(server.token),
  });
  const set = await call(server, '/mcp/v1/admin/providers/mistral/keys/main', {
    method: 'PUT',
    json: { key: OWN },
    headers: headers('acme'),
  });
  assert.equal(set.status, 200, set.text);
  for (const tenant of ['acme', 'sealed']) asked.set(tenant, await ask(tenant, 'user-before'));
});
after(async () => {
  await server?.stop();
  await Promise.all([postgres?.stop(), redis?.stop(), vendor?.close(), mistral?.close()]);
});

const headers = (tenant: string) => keys.get(tenant) as Record<string, string>;

/** A conversation with a secret in it, of which the record has a placeholder. */
async function ask(tenant: string, user: string): Promise<string> {
  const messages = [
    { role: 'user', content: `WOMBAT ${'a long turn of a conversation. '.repeat(60)}` },
    { role: 'assistant', content: 'Yes?' },
    { role: 'user', content: SAID },
  ];
  const { request_id: id } = await submit(server, { model: MODEL, user_id: user, messages }, headers(tenant));
  assert.equal((await outcome(server, id, headers(tenant))).status, 200);
  return id;
}

/** Everything of a request reads as it was. */
async function reads(tenant: string, id: string): Promise<void> {
  const result = await outcome(server, id, headers(tenant));
  assert.equal(result.status, 200, result.text);
  // Also what the vendor made up, of which the record has a placeholder too.
  assert.equal(result.body.text, `${SAID} ${LEAKED}`);
  const frames = await readAll(openSse(server, id, { headers: headers(tenant) }));
  assert.equal(textOf(frames), result.body.text);
  const content = await call(server, `/mcp/v1/request/${id}/content`, { headers: headers(tenant) });
  assert.ok(content.text.includes(AWS) && content.text.includes('a long turn'), content.text);
}

async function mistralKey(): Promise<string | undefined> {
  const answer = await post<Json>(
    server,
    '/v1/chat/completions',
    { model: 'mistral/mistral-small-latest', messages: [{ role: 'user', content: `x${Math.random()}` }] },
    headers('acme'),
  );
  assert.equal(answer.status, 200, answer.text);
  return mistral.keys().at(-1);
}

const sql = async <T extends Record<string, unknown>>(text: string): Promise<T[]> => {
  const one = await openPostgres({ url: postgres.url, size: 1, application: 'test', retryMs: 2000 });
  try {
    return await one.query<T>(text);
  } finally {
    await one.close();
  }
};
const hashOf = async (id: string) =>
  (
    await sql<{ hash: string; by: string }>(
      `select encode(user_hash, 'hex') as hash, user_key as by from mcp_request where id = '${id}'`,
    )
  )[0];
const rotate = (env: Record<string, string>, args: string[] = []) =>
  runGoblin(['secret', 'rotate', ...args], server, {
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    MCP_AUTH: 'required',
    ...env,
  });
/** Rows that are sealed, by table and secret. */
async function sealedBy(): Promise<Set<string>> {
  const ids = new Set<string>();
  for (const table of [
    'mcp_body',
    'mcp_piece',
    'mcp_result',
    'mcp_partial',
    'mcp_frame',
    'mcp_provider_key',
    'mcp_kept_key',
  ]) {
    const rows = await sql<{ id: string }>(`select distinct key_id as id from ${table} where key_id <> ''`);
    for (const { id } of rows) ids.add(id);
  }
  return ids;
}

describe('a secret that is changed', () => {
  it('is refused beside a process that has another one and does not know it', async () => {
    const place = makePlace({});
    const env = { DATABASE_URL: postgres.url, REDIS_URL: redis.url, MCP_AUTH: 'required', OPENAI_API_KEY: OPENAI_KEY };
    const ran = await runGoblin(['start'], place, { ...env, MCP_SECRET: NEW });
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /MCP_SECRET differs from that of a process/);
    const oneWay = await runGoblin(['start'], place, { ...env, MCP_SECRET: NEW, MCP_SECRET_PREVIOUS: OLD });
    assert.equal(oneWay.code, 1);
    assert.match(oneWay.stderr, /MCP_SECRET_PREVIOUS/);
  });

  it('can be changed process by process, when each knows both: what one writes the other reads', async () => {
    await server.stop();
    server = await server.again({ env: { MCP_SECRET: OLD, MCP_SECRET_PREVIOUS: NEW } });
    const first = server;
    const second = await startServer({
      settings: PATIENT,
      env: {
        OPENAI_API_KEY: OPENAI_KEY,
        OPENAI_BASE_URL: vendor.url,
        DATABASE_URL: postgres.url,
        REDIS_URL: redis.url,
        MCP_AUTH: 'required',
        MCP_SECRET: NEW,
        MCP_SECRET_PREVIOUS: OLD,
      },
    });
    try {
      server = second;
      const written = await ask('sealed', 'user-between');
      server = first;
      await reads('sealed', written);
      const early = await rotate({ MCP_SECRET: OLD, MCP_SECRET_PREVIOUS: NEW });
      assert.equal(early.code, 1);
      assert.match(early.stderr, /still writes with another MCP_SECRET/);
    } finally {
      server = first;
      await second.stop();
    }
  });

  it('leaves everything readable, sessions and keys among it, and user hashes as they were', async () => {
    await server.stop();
    server = await server.again({ env: { MCP_SECRET: NEW, MCP_SECRET_PREVIOUS: OLD } });
    for (const [tenant, id] of asked) await reads(tenant, id);
    const me = await call(server, '/mcp/v1/auth/me', { headers: bearer(owner.access_token) });
    assert.equal(me.status, 200, me.text);
    assert.equal(await mistralKey(), OWN);
    const again = await ask('acme', 'user-before');
    assert.deepEqual(await hashOf(again), await hashOf(asked.get('acme') as string));
  });

  it('is brought to everything that rests, while requests go on', async () => {
    assert.ok((await sealedBy()).size > 1);
    let stop = false;
    const traffic = (async () => {
      let n = 0;
      while (!stop) {
        await ask(n % 2 ? 'acme' : 'sealed', 'user-meanwhile');
        n++;
      }
      return n;
    })();
    const ran = await rotate({ MCP_SECRET: NEW, MCP_SECRET_PREVIOUS: OLD });
    stop = true;
    assert.ok((await traffic) > 0);
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stderr, /[1-9]\d* rows are sealed/);
    assert.equal((await sealedBy()).size, 1);
    // Nothing is left to do, and nothing is done twice.
    const again = await rotate({ MCP_SECRET: NEW, MCP_SECRET_PREVIOUS: OLD });
    assert.equal(again.code, 0, again.stderr);
    const all = await allRows(postgres.url);
    assert.deepEqual(placesOf(all, AWS), []);
    assert.deepEqual(placesOf(all, OWN), []);
    assert.deepEqual(placesOf(all, LEAKED), []);
    for (const [tenant, id] of asked) await reads(tenant, id);
  });

  it('needs the old one no more: only access tokens of before do not hold', async () => {
    await server.stop();
    server = await server.again({ env: { MCP_SECRET: NEW, MCP_SECRET_PREVIOUS: '' } });
    for (const [tenant, id] of asked) await reads(tenant, id);
    assert.equal(await mistralKey(), OWN);
    const again = await ask('acme', 'user-before');
    assert.deepEqual(await hashOf(again), await hashOf(asked.get('acme') as string));
    const me = await call(server, '/mcp/v1/auth/me', { headers: bearer(owner.access_token) });
    assert.equal(me.status, 401);
    const fresh = await post<SignedInView>(server, '/mcp/v1/auth/refresh', { refresh_token: owner.refresh_token });
    assert.equal(fresh.status, 200, fresh.text);
    const verified = await call<{ findings: unknown[] }>(server, '/mcp/v1/admin/audit/verify', {
      headers: bearer(server.token),
    });
    assert.equal(verified.status, 200, verified.text);
    assert.deepEqual(verified.body.findings, []);
    // A receipt of before can be checked without a server, by the keys that it names.
    const receipt = await call(server, `/mcp/v1/request/${asked.get('acme')}/receipt`, { headers: headers('acme') });
    assert.equal(receipt.status, 200, receipt.text);
    const file = join(server.folder, 'receipt.json');
    writeFileSync(file, receipt.text);
    const script = fileURLToPath(new URL('../../scripts/verify-receipt.mjs', import.meta.url));
    const checked = spawnSync(process.execPath, [script, file], { encoding: 'utf8' });
    assert.equal(checked.status, 0, checked.stdout + checked.stderr);
    const ready = await call<{ missing: string[] }>(server, '/readyz');
    assert.deepEqual(ready.body.missing, []);
  });

  it('that is not there stops the start in one sentence, and nothing is written', async () => {
    await server.stop();
    const signers = 'select id from mcp_audit_key order by id';
    const before = await sql(signers);
    const ran = await runGoblin(['start'], server, {
      DATABASE_URL: postgres.url,
      REDIS_URL: redis.url,
      MCP_AUTH: 'required',
      MCP_SECRET: LATER,
    });
    assert.equal(ran.code, 1, ran.stdout);
    assert.equal(ran.stderr.trim().split('\n').length, 1, ran.stderr);
    assert.ok(ran.stderr.includes(secretIdOf(NEW)) && ran.stderr.includes('MCP_SECRET_PREVIOUS'), ran.stderr);
    assert.deepEqual(await sql(signers), before);
  });

  it('that nobody has any more costs what it sealed, and no more', async () => {
    // Ends with 1: content and keys of vendors are left. Digests have new keys.
    const ran = await rotate({ MCP_SECRET: LATER }, ['--forget-lost']);
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /no secret opens/);
    server = await server.again({ env: { MCP_SECRET: LATER, MCP_SECRET_PREVIOUS: '' } });
    const ready = await call<{ status: string; missing: string[] }>(server, '/readyz');
    assert.equal(ready.status, 200);
    assert.deepEqual(ready.body.missing, ['provider_keys']);
    const sealed = await call(server, `/mcp/v1/request/${asked.get('sealed')}/result`, { headers: headers('sealed') });
    isProblem(sealed, 503, 'unavailable');
    const plain = await outcome(server, asked.get('acme') as string, headers('acme'));
    assert.match(plain.body.text, /my key is \[\[secret:/);
    const id = await ask('acme', 'somebody');
    await reads('acme', id);
  });
});
