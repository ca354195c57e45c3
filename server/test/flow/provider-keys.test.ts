/** Keys of vendors, set through the API: whose they are, who may see and set them, where they go, and where they do not. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { bearer, makeKey, person, type SignedInView } from '../support/accounts.ts';
import { type Answer, call, isProblem, type Json, post } from '../support/api.ts';
import { type KeyVendor, startKeyVendor } from '../support/key-vendor.ts';
import { cleanEnv, eventually, GOBLIN, runGoblin, type Server, startServer } from '../support/server.ts';

interface KeyRow {
  id: string;
  provider: string;
  name: string;
  tenant: string | null;
  last_four: string;
  origin: string;
  state: string;
}

const CONFIGURED = 'sk-configured-0000000001';
const OWN = 'sk-own-of-acme-0000a11e';
const SHARED = 'sk-of-the-house-00005678';

let vendor: KeyVendor;
let elsewhere: KeyVendor;
let server: Server;
let acme: SignedInView;
let other: SignedInView;
let acmeKey: string;
let otherKey: string;

before(async () => {
  vendor = await startKeyVendor();
  elsewhere = await startKeyVendor();
  server = await startServer({
    env: {
      MCP_AUTH: 'required',
      OPENAI_API_KEY: CONFIGURED,
      OPENAI_BASE_URL: vendor.url,
      MISTRAL_BASE_URL: vendor.url,
      MCP_SECRET: 's'.repeat(40),
    },
  });
  acmeKey = (await makeKey(server, { tenant: 'acme' })).key;
  otherKey = (await makeKey(server, { tenant: 'other' })).key;
  [acme, other] = [await person(server, 'acme', 'admin'), await person(server, 'other', 'admin')];
});
after(async () => {
  await server?.stop();
  await Promise.all([vendor.close(), elsewhere.close()]);
});

const path = (provider: string, name = 'main') => `/mcp/v1/admin/providers/${provider}/keys/${name}`;
const set = (provider: string, json: Json, token: string, name = 'main'): Promise<Answer<KeyRow>> =>
  call<KeyRow>(server, path(provider, name), { method: 'PUT', json, headers: bearer(token) });
const remove = (provider: string, token: string, query = '', name = 'main') =>
  call(server, path(provider, name) + query, { method: 'DELETE', headers: bearer(token) });
const list = async (token: string, at: string = 'keys') =>
  (await call<{ items: KeyRow[] }>(server, `/mcp/v1/admin/providers/${at}`, { headers: bearer(token) })).body.items;
const chat = (key: string, model = 'openai/gpt-4o-mini') =>
  post<Json>(
    server,
    '/v1/chat/completions',
    { model, messages: [{ role: 'user', content: `Say ${Math.random()}` }] },
    bearer(key),
  );
/** With which key a call of this API key goes. */
async function goesWith(key: string, model?: string): Promise<string | undefined> {
  const answer = await chat(key, model);
  assert.equal(answer.status, 200, answer.text);
  return vendor.keys().at(-1);
}

describe('a tenant’s own key', () => {
  it('is used for that tenant alone, at once, and until it is taken away', async () => {
    assert.equal(await goesWith(acmeKey), CONFIGURED);
    const made = await set('openai', { key: OWN }, acme.access_token);
    assert.equal(made.status, 200, made.text);
    assert.equal(made.body.tenant, 'acme');
    assert.equal(made.body.last_four, 'a11e');
    assert.equal(made.body.origin, vendor.origin);
    assert.ok(!made.text.includes(OWN.slice(0, -4)));
    assert.equal(await goesWith(acmeKey), OWN);
    assert.equal(await goesWith(otherKey), CONFIGURED);
    const detached = await post<{ request_id: string }>(
      server,
      '/mcp/v1/request',
      { prompt: 'By a worker', model: 'openai/gpt-4o-mini' },
      bearer(acmeKey),
    );
    const result = await call(server, `/mcp/v1/request/${detached.body.request_id}/result?wait=20`, {
      headers: bearer(acmeKey),
    });
    assert.equal(result.status, 200, result.text);
    assert.equal(vendor.keys().at(-1), OWN);
    const shown = await call<{ attempts: { key?: string }[] }>(server, `/mcp/v1/request/${detached.body.request_id}`, {
      headers: bearer(acmeKey),
    });
    assert.equal(shown.body.attempts[0]?.key, made.body.id);

    assert.equal((await remove('openai', acme.access_token)).status, 200);
    assert.equal(await goesWith(acmeKey), CONFIGURED);
    assert.equal((await remove('openai', acme.access_token)).status, 404);
  });

  it('is shown to no other tenant, and can be neither replaced nor removed by one', async () => {
    await set('openai', { key: OWN }, acme.access_token);
    assert.deepEqual(await list(other.access_token), []);
    assert.deepEqual(await list(other.access_token, 'openai/keys'), []);
    assert.equal((await remove('openai', other.access_token)).status, 404);
    const asked = await set('openai', { key: OWN, tenant: 'acme' }, other.access_token);
    assert.equal(asked.status, 404);
    assert.equal((await remove('openai', other.access_token, '?tenant=acme')).status, 404);
    assert.equal((await list(acme.access_token)).length, 1);
    assert.equal(await goesWith(acmeKey), OWN);
  });

  it('that the vendor refuses fails for that tenant, and costs nobody else anything', async () => {
    const bad = 'sk-refused-000000000bad';
    vendor.refuse(bad);
    await set('openai', { key: bad }, acme.access_token);
    const before = vendor.keys().length;
    assert.notEqual((await chat(acmeKey)).status, 200);
    const seen = vendor.keys().slice(before);
    assert.ok(seen.length > 0 && seen.every((key) => key === bad), `went with ${seen.join(', ')}`);
    assert.equal(await goesWith(otherKey), CONFIGURED);
    // That it rests is for its tenant to know.
    const metrics = await call(server, '/mcp/v1/admin/metrics', { headers: bearer(server.token) });
    assert.ok(metrics.text.includes('"openai"') && !metrics.text.includes('pk_'), metrics.text);
    // Replaced under the same name it is another key: that the old one was refused says nothing of it.
    await set('openai', { key: OWN }, acme.access_token);
    assert.equal(await goesWith(acmeKey), OWN);
    assert.equal((await list(acme.access_token)).length, 1);
  });

  it('makes a provider available that nobody else has, with a list of models of its own', async () => {
    const own = 'mistral-key-of-acme-00001';
    vendor.offer(own, ['mistral-small-latest', 'ft:acme-secret-model']);
    const before = await chat(acmeKey, 'mistral/mistral-small-latest');
    assert.notEqual(before.status, 200);
    assert.equal((await set('mistral', { key: own }, acme.access_token)).status, 200);
    assert.equal(await goesWith(acmeKey, 'mistral/mistral-small-latest'), own);
    const models = async (key: string) =>
      (await call<{ data: { id: string }[] }>(server, '/v1/models', { headers: bearer(key) })).body.data.map(
        ({ id }) => id,
      );
    assert.ok((await models(acmeKey)).includes('mistral/ft:acme-secret-model'));
    const theirs = await models(otherKey);
    assert.ok(!theirs.some((id) => id.startsWith('mistral/')), theirs.join(', '));
    const refused = await chat(otherKey, 'mistral/mistral-small-latest');
    assert.notEqual(refused.status, 200);
    const raw = await call(server, '/mcp/v1/raw/mistral/models', { headers: bearer(otherKey) });
    assert.equal(raw.status, 404, raw.text);
    assert.equal((await remove('mistral', acme.access_token)).status, 200);
    assert.notEqual((await chat(acmeKey, 'mistral/mistral-small-latest')).status, 200);
  });
});

describe('a key of the installation', () => {
  it('is for who runs it alone, extends what is configured, and serves tenants without one of their own', async () => {
    await remove('openai', acme.access_token);
    const made = await set('openai', { key: SHARED }, server.token);
    assert.equal(made.status, 200, made.text);
    assert.equal(made.body.tenant, null);
    await set('openai', { key: OWN }, acme.access_token);
    const used = new Set<string | undefined>();
    for (let n = 0; n < 40; n++) used.add(await goesWith(otherKey));
    assert.deepEqual([...used].sort(), [CONFIGURED, SHARED].sort());
    for (let n = 0; n < 10; n++) assert.equal(await goesWith(acmeKey), OWN);
    assert.ok((await list(acme.access_token)).every(({ tenant }) => tenant === 'acme'));
    assert.deepEqual(
      (await list(server.token)).map(({ tenant }) => tenant),
      [null, 'acme'],
    );
    assert.equal((await remove('openai', server.token)).status, 200);
    for (let n = 0; n < 10; n++) assert.equal(await goesWith(otherKey), CONFIGURED);
  });
});

describe('what makes no sense', () => {
  it('is refused where it stands, and nothing of it is kept', async () => {
    for (const [provider, json, field] of [
      ['nobody', { key: OWN }, 'provider'],
      ['azure-openai', { key: OWN }, 'provider'],
      ['openai', {}, 'key'],
      ['openai', { key: 'two words' }, 'key'],
      ['openai', { key: 7 }, 'key'],
      ['openai', { key: 'x', weight: 2 }, 'weight'],
    ] as const) {
      const answer = await set(provider, json, other.access_token);
      isProblem(answer, 400, 'invalid_request');
      const { errors } = answer.body as unknown as { errors: { path: string }[] };
      assert.equal(errors[0]?.path, field, answer.text);
    }
    isProblem(await set('openai', { key: OWN }, other.access_token, '.hidden'), 400, 'invalid_request');
    assert.deepEqual(await list(other.access_token), []);
  });

  it('is more than a hundred keys of one tenant; one of them can still be replaced', async () => {
    const many = await person(server, 'other', 'admin');
    for (let n = 0; n < 100; n++) {
      const answer = await set('openai', { key: `sk-number-${n}-of-other` }, many.access_token, `k${n}`);
      assert.equal(answer.status, 200, answer.text);
    }
    isProblem(await set('openai', { key: OWN }, many.access_token, 'more'), 400, 'invalid_request');
    assert.equal((await set('openai', { key: OWN }, many.access_token, 'k7')).status, 200);
    assert.equal((await list(many.access_token)).length, 100);
    for (let n = 0; n < 100; n++) await remove('openai', many.access_token, '', `k${n}`);
    assert.equal(await goesWith(otherKey), CONFIGURED);
  });

  it('is who may not: a member sees no keys, an operator sets none', async () => {
    const member = await person(server, 'acme', 'member');
    const operator = await person(server, 'acme', 'operator');
    const seen = await call(server, '/mcp/v1/admin/providers/keys', { headers: bearer(member.access_token) });
    isProblem(seen, 403, 'forbidden');
    assert.equal((await list(operator.access_token)).length, 1);
    isProblem(await set('openai', { key: OWN }, operator.access_token), 403, 'forbidden');
    isProblem(await remove('openai', operator.access_token), 403, 'forbidden');
  });
});

describe('the trail, and the command line', () => {
  it('tell what was done, and never the key', async () => {
    const events = await call<{ items: { type: string; payload: Json }[] }>(
      server,
      '/mcp/v1/admin/audit?type=provider_key.set',
      { headers: bearer(acme.access_token) },
    );
    assert.ok(events.body.items.length >= 3, events.text);
    assert.ok(!events.text.includes(OWN.slice(3, -4)));
    assert.deepEqual(new Set(events.body.items.map(({ payload }) => payload.provider)), new Set(['openai', 'mistral']));
  });

  it('take the key from standard input', async () => {
    const place = { folder: server.folder, dataDir: server.dataDir, config: server.config };
    const run = spawnSync(process.execPath, [GOBLIN, 'provider', 'key', 'set', 'openai', '--tenant', 'other'], {
      cwd: place.folder,
      env: cleanEnv(place, { MCP_SECRET: 's'.repeat(40) }),
      input: 'sk-typed-by-hand-00007777\n',
      encoding: 'utf8',
    });
    assert.equal(run.status, 0, run.stderr);
    assert.equal(await goesWith(otherKey), 'sk-typed-by-hand-00007777');
    const shown = await runGoblin(['provider', 'key', 'list'], place, { MCP_SECRET: 's'.repeat(40) });
    assert.match(shown.stdout, /openai +main +other +…7777 +in use/);
    const gone = await runGoblin(['provider', 'key', 'remove', 'openai', '--tenant', 'other'], place);
    assert.equal(gone.code, 0, gone.stderr);
    assert.equal(await goesWith(otherKey), CONFIGURED);
    const wrong = await runGoblin(['provider', 'key', 'list', 'openai', 'sk-in-argv'], place);
    assert.equal(wrong.code, 1);
  });
});

describe('after a start', () => {
  it('elsewhere, a key is not sent there; with another MCP_SECRET it is not used, and both are said', async () => {
    await set('openai', { key: OWN }, acme.access_token);
    await server.stop();
    server = await server.again({ env: { OPENAI_BASE_URL: elsewhere.url } });
    const moved = await chat(acmeKey);
    assert.notEqual(moved.status, 200);
    assert.ok(!elsewhere.keys().includes(OWN) && !elsewhere.lists().includes(OWN));
    assert.equal((await list(acme.access_token))[0]?.state, 'unused');
    // Nor with the key of the installation: who has a key of his own is not billed to somebody else.
    assert.deepEqual(elsewhere.keys(), []);

    await server.stop();
    const lost = { MCP_SECRET: 'n'.repeat(40) };
    assert.equal((await runGoblin(['secret', 'rotate', '--forget-lost'], server, lost)).code, 1);
    server = await server.again({ env: { OPENAI_BASE_URL: vendor.url, ...lost } });
    const before = vendor.keys().length;
    for (const model of ['openai/gpt-4o-mini', 'gpt-4o-mini']) {
      const refused = await chat(acmeKey, model);
      assert.equal(refused.status, 503, refused.text);
      assert.match(refused.text, /key of the provider openai cannot be read.*"unavailable"/);
    }
    isProblem(await call(server, '/mcp/v1/raw/openai/models', { headers: bearer(acmeKey) }), 503, 'unavailable');
    // Of another tenant it is not said.
    assert.match((await chat(otherKey, 'mistral/mistral-small-latest')).text, /"unknown_model"/);
    // Nobody else's key is meant.
    assert.equal(await goesWith(otherKey), CONFIGURED);
    assert.equal(vendor.keys().length, before + 1);
    const doctor = await runGoblin(['doctor'], server, lost);
    assert.match(doctor.stdout, /FAIL +secret +the stored key openai\/main of the tenant acme cannot be read/);
    const ready = await call<{ status: string; missing: string[] }>(server, '/readyz');
    assert.equal(ready.status, 200);
    assert.ok(ready.body.missing.includes('provider_keys'), ready.text);
    await eventually(() => /stored key is not used/.test(server.stderr() + server.stdout()), 'the log');
    const again = await person(server, 'acme', 'admin');
    assert.equal((await list(again.access_token))[0]?.state, 'unreadable');

    await server.stop();
    server = await server.again({ env: { MCP_SECRET: 'n'.repeat(40), MCP_SECRET_PREVIOUS: 's'.repeat(40) } });
    assert.equal(await goesWith(acmeKey), OWN);
    await eventually(
      async () => !(await call<{ missing: string[] }>(server, '/readyz')).body.missing.includes('provider_keys'),
      'readiness',
    );
  });
});
