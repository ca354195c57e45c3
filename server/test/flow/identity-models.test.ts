/** A key that is bound to models asks no other, at any door, by any name, now or later. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bearer, makeKey } from '../support/accounts.ts';
import { type Answer, call, isProblem, type Json, outcome, post } from '../support/api.ts';
import { runGoblin, type Server } from '../support/server.ts';
import { startHouse, underNames } from '../support/vendors.ts';

let house: Awaited<ReturnType<typeof startHouse>>;
let server: Server;
let bound: string;
let free: string;

before(async () => {
  house = await startHouse({ env: { MCP_AUTH: 'required' } });
  await house.server.stop();
  server = await house.server.again({
    settings: {
      providers: underNames(house.vendor, ['alpha', 'beta']),
      aliases: { both: ['alpha/gpt-4o-mini', 'beta/gpt-4o-mini'], only: 'alpha/gpt-4o-mini' },
      tasks: { summarize: { model: 'alpha/gpt-4o-mini' } },
    },
  });
  bound = (await makeKey(server, { tenant: 'acme', models: ['beta/*'] })).key;
  free = (await makeKey(server, { tenant: 'acme' })).key;
});
after(async () => {
  await server.stop();
  await house.vendor.close();
});

const chat = (model: string, key = bound, stream = false) =>
  post<Json>(
    server,
    '/v1/chat/completions',
    { model, stream, messages: [{ role: 'user', content: 'x [[sim tokens=2]]' }] },
    bearer(key),
  );

function forbidden(answer: Answer<unknown>, name: string): void {
  assert.equal(answer.status, 403, `${name}: ${answer.text}`);
  assert.match(answer.text, /forbidden|permission/, name);
}

test('the exact name, a bare name, an alias, a hint, a task, auto: at the doors of OpenAI and Anthropic', async () => {
  forbidden(await chat('alpha/gpt-4o-mini'), 'exact');
  forbidden(await chat('only'), 'an alias');
  forbidden(await chat('alpha/never-heard-of-it'), 'a name that nobody lists');
  for (const stream of [false, true]) {
    const answer = await chat('both', bound, stream);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers.get('x-mcp-provider'), 'beta');
  }
  assert.equal((await chat('gpt-4o-mini')).headers.get('x-mcp-provider'), 'beta', 'a bare name goes where it may');
  assert.equal((await chat('alpha/gpt-4o-mini', free)).status, 200, 'the other key may');
  const messages = await post(
    server,
    '/v1/messages',
    { model: 'alpha/gpt-4o-mini', max_tokens: 10, messages: [{ role: 'user', content: 'x' }] },
    bearer(bound),
  );
  forbidden(messages, 'messages');
  const responses = await post(server, '/v1/responses', { model: 'alpha/gpt-4o-mini', input: 'x' }, bearer(bound));
  forbidden(responses, 'responses');
  const background = await post(
    server,
    '/v1/responses',
    { model: 'alpha/gpt-4o-mini', input: 'x', background: true },
    bearer(bound),
  );
  forbidden(background, 'responses in the background');
  const vectors = await post(
    server,
    '/v1/embeddings',
    { model: 'alpha/text-embedding-3-small', input: 'x' },
    bearer(bound),
  );
  forbidden(vectors, 'vectors');
});

test('raw calls need all of the provider', async () => {
  const path = (provider: string) => `/mcp/v1/raw/${provider}/models`;
  isProblem(await call(server, path('alpha'), { headers: bearer(bound) }), 403, 'forbidden');
  const own = await call(server, path('beta'), { headers: bearer(bound) });
  assert.notEqual(own.status, 403, own.text);
  const one = await makeKey(server, { tenant: 'acme', models: ['beta/gpt-4o-mini'] });
  isProblem(await call(server, path('beta'), { headers: bearer(one.key) }), 403, 'forbidden');
});

test('detached requests: refused when they are made, and bound when they run', async () => {
  const submit = (fields: Json) =>
    post<{ request_id: string }>(server, '/mcp/v1/request', { prompt: 'x [[sim tokens=2]]', ...fields }, bearer(bound));
  isProblem(await submit({ model: 'alpha/gpt-4o-mini' }), 403, 'forbidden');
  isProblem(await submit({ task_type: 'summarize' }), 403, 'forbidden');
  const hinted = await submit({ model: 'gpt-4o-mini', provider_hint: 'alpha' });
  assert.equal(hinted.status, 202, hinted.text);
  const both = await submit({ model: 'both' });
  for (const { request_id: id } of [hinted.body, both.body]) {
    const ended = await outcome(server, id, bearer(bound));
    assert.equal(ended.status, 200, ended.text);
    assert.equal(ended.body.provider, 'beta');
    const view = await call<{ plan: { dropped: { provider: string; reason: string }[] } | null }>(
      server,
      `/mcp/v1/request/${id}`,
      { headers: bearer(bound) },
    );
    assert.ok(
      view.body.plan?.dropped.some(({ provider, reason }) => provider === 'alpha' && /not for this model/.test(reason)),
    );
  }
});

test('the list of models is of those that it may ask; a key makes none that may more', async () => {
  const list = async (key: string) =>
    (await call<{ data: { id: string }[] }>(server, '/v1/models', { headers: bearer(key) })).body.data.map(
      ({ id }) => id,
    );
  assert.ok((await list(bound)).every((id) => id.startsWith('beta/')));
  assert.ok((await list(bound)).length > 0);
  assert.ok((await list(free)).some((id) => id.startsWith('alpha/')));
  assert.equal((await call(server, '/v1/models/alpha/gpt-4o-mini', { headers: bearer(bound) })).status, 404);
  const maker = await makeKey(server, { tenant: 'acme', role: 'admin', models: ['beta/*'] });
  const made = await makeKey(server, {}, maker.key);
  forbidden(await chat('alpha/gpt-4o-mini', made.key), 'inherited');
  for (const models of [[], [' '], ['a b'], 'beta/*', [7], Array(300).fill('x')]) {
    isProblem(
      await post(server, '/mcp/v1/keys', { tenant: 'acme', models }, bearer(server.token)),
      400,
      'invalid_request',
    );
  }
});

test('keys of other gateways go on working once their hashes are here', { timeout: 60_000 }, async () => {
  const { createHash } = await import('node:crypto');
  const { writeFileSync } = await import('node:fs');
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  const litellm = 'sk-Q1w2E3r4T5y6U7i8O9p0';
  const helicone = 'sk-helicone-abcdefg-hijklmn-opqrstu-vwxyz12';
  const tensorzero = `sk-t0-123456789012-${'a1B2'.repeat(12)}`;
  const file = `${server.folder}/keys.jsonl`;
  const load = async (scheme: string, rows: unknown[]) => {
    writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'));
    return await runGoblin(['key', 'import', file, '--tenant', 'acme', '--scheme', scheme], server);
  };
  const one = await load('sha256', [
    { token: sha256(litellm), key_name: 'sk-...9p0', key_alias: 'old ci', models: ['beta/*'] },
    { token: sha256('sk-blocked'), blocked: true },
  ]);
  assert.equal(one.code, 0, one.stderr);
  assert.match(one.stderr, /1 of 2 keys are taken over/);
  assert.equal((await load('helicone', [{ api_key_hash: sha256(`Bearer ${helicone}`), api_key_name: 'h' }])).code, 0);
  assert.equal((await load('tensorzero', [{ hash: sha256('a1B2'.repeat(12)) }])).code, 0);
  for (const key of [litellm, helicone, tensorzero])
    assert.equal((await chat('beta/gpt-4o-mini', key)).status, 200, key);
  forbidden(await chat('alpha/gpt-4o-mini', litellm), 'bound as it was');
  for (const wrong of [
    sha256(litellm),
    `Bearer ${helicone}`,
    helicone.toUpperCase(),
    'sk-blocked',
    'a1B2'.repeat(12),
    `sk-t0-999999999999-${'a1B2'.repeat(11)}`,
  ]) {
    assert.equal((await chat('beta/gpt-4o-mini', wrong)).status, 401, wrong);
  }
  const twice = await load('sha256', [{ token: sha256(litellm) }, { token: 'not a hash' }]);
  assert.equal(twice.code, 1);
  assert.match(twice.stderr, /entry 2 is left out: its hash is no SHA-256[\s\S]*is there already[\s\S]*0 of 2 keys/);
  const fails = async (text: string) => {
    writeFileSync(file, text);
    const { code, stdout, stderr } = await runGoblin(
      ['key', 'import', file, '--tenant', 'acme', '--scheme', 'sha256'],
      server,
    );
    assert.equal(code, 1, stderr);
    assert.doesNotMatch(stdout + stderr, /hush/);
    return stderr;
  };
  assert.match(
    await fails('\nhush:x:0:0::/hush:/bin/sh\nhush2:x:1:1::/:/bin/sh\n'),
    /keys\.jsonl, entry 2: its hash is no SHA-256 .*0 of 2 keys are taken over/,
  );
  assert.match(await fails('[hush'), /not JSON/);
  assert.match(await fails('{"hush"'), /Line 1 is not JSON/);
  assert.match(await fails('\n'), /is empty/);
  assert.match(await fails(`${sha256('sk-fresh')}\nhush`), /entry 2 is left out[\s\S]*1 of 2 keys are taken over/);
});
