/** With keys required: 401 before anything else, and nobody ever sees another tenant's anything. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import {
  type Answer,
  call,
  isProblem,
  type Json,
  type Problem,
  post,
  type RequestView,
  result,
  submit,
} from '../support/api.ts';
import { eventually, type Server, startServer } from '../support/server.ts';
import { openSse, openWs, readAll } from '../support/streams.ts';
import { MODEL, OPENAI_KEY, openaiEnv } from '../support/vendors.ts';

interface Key {
  id: string;
  tenant: string;
  key: string;
}

let vendor: Simulator;
let server: Server;
let acme: Key;
let other: Key;
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

async function makeKey(tenant: string): Promise<Key> {
  const answer = await call<Key>(server, '/mcp/v1/keys', { json: { tenant }, headers: bearer(server.token) });
  assert.equal(answer.status, 201, answer.text);
  return answer.body;
}

before(async () => {
  vendor = await startSimulator({ journal: true, key: OPENAI_KEY });
  server = await startServer({ env: { ...openaiEnv(vendor), MCP_AUTH: 'required' } });
  acme = await makeKey('acme');
  other = await makeKey('other');
});
after(async () => {
  await server.stop();
  await vendor.close();
});

test('401 comes before every other check', async () => {
  const id = '01890000-0000-7000-8000-000000000000';
  const calls: [string, string, string?][] = [
    ['POST', '/mcp/v1/request', '{"prompt":"x"}'],
    ['POST', '/mcp/v1/request', '{broken'],
    ['POST', '/mcp/v1/request', 'x'.repeat(11 * 1024 * 1024)],
    ['GET', '/mcp/v1/request?limit=junk'],
    ['GET', `/mcp/v1/request/${id}`],
    ['GET', '/mcp/v1/request/nonsense/result?wait=x'],
    ['GET', `/mcp/v1/stream/${id}`],
    ['POST', `/mcp/v1/cancel/${id}`],
    ['GET', '/mcp/v1/keys'],
    ['POST', '/mcp/v1/keys', '{"tenant":"evil"}'],
    ['GET', '/mcp/v1/admin/metrics'],
    ['GET', '/metrics'],
    ['POST', '/v1/chat/completions', '{"messages":[]}'],
    ['POST', '/v1/messages', '{"messages":[]}'],
    ['POST', '/v1/messages?beta=true', '{broken'],
    ['POST', '/v1/messages/count_tokens', '{"messages":[]}'],
    ['GET', '/v1/models'],
    ['GET', '/no/such/path'],
    ['DELETE', '/mcp/v1/request'],
    ['PUT', '/'],
  ];
  const wrong: Record<string, string>[] = [
    {},
    bearer('gob_wrong'),
    { authorization: `Basic ${Buffer.from(`x:${acme.key}`).toString('base64')}` },
    { authorization: 'Bearer' },
    bearer(acme.key.slice(0, -1)),
    bearer('x'.repeat(5000)),
    { 'x-api-key': "' or true --" },
  ];
  for (const [method, path, raw] of calls) {
    for (const headers of raw && raw.length > 1000 ? wrong.slice(0, 1) : wrong) {
      const answer = await call(server, path, { method, headers, ...(raw === undefined ? {} : { raw }) }).catch(
        (error: unknown) => error,
      );
      // A client that still sends 11 MB may see the connection close.
      if (answer instanceof Error && raw && raw.length > 1000) continue;
      assert.ok(!(answer instanceof Error), `${method} ${path}: ${String(answer)}`);
      const { status, text } = answer as Answer<Json>;
      assert.equal(status, 401, `${method} ${path} with ${JSON.stringify(headers).slice(0, 80)}: ${text}`);
      assert.ok(text.includes('unauthorized') || text.includes('authentication_error'), text);
    }
    const malformed = await call(server, '/mcp/v1/request', { raw: '<x/>', headers: { 'content-type': 'text/xml' } });
    assert.equal(malformed.status, 401, 'before the content type');
  }
  assert.equal(vendor.journal().length, 0);
});

test('401 before the upgrade, and the refused socket is closed: it would hold up the end of the process', {
  timeout: 60_000,
}, async () => {
  const one = await startServer({ env: { ...openaiEnv(vendor), MCP_AUTH: 'required' } });
  const socket = await openWs(one, '01890000-0000-7000-8000-000000000000');
  assert.equal(socket.status, 401);
  assert.equal(await one.stop(), 0);
});

test('health, readiness and the documents are public', async () => {
  for (const path of ['/healthz', '/readyz', '/openapi.json', '/docs']) {
    const answer = await call(server, path);
    assert.ok(answer.status < 400, `${path}: ${answer.status}`);
  }
});

test('a key works as bearer and as x-api-key, everywhere', async () => {
  for (const headers of [bearer(acme.key), { 'x-api-key': acme.key }, { authorization: `bearer ${acme.key}` }]) {
    const { request_id: id } = await submit(server, { prompt: 'With a key [[sim tokens=3]]', model: MODEL }, headers);
    await result(server, id, headers);
    await readAll(openSse(server, id, { headers }));
    await readAll(openWs(server, id, { headers }));
    assert.equal((await call(server, '/v1/models', { headers })).status, 200);
    assert.equal((await call(server, '/mcp/v1/admin/metrics', { headers })).status, 200);
    const door = await post(
      server,
      '/v1/chat/completions',
      { model: MODEL, messages: [{ role: 'user', content: 'x' }] },
      headers,
    );
    assert.equal(door.status, 200, door.text);
  }
});

test('keys are made and seen by the operator only; a tenant name is checked', async () => {
  for (const path of ['/mcp/v1/keys']) {
    isProblem(await call(server, path, { headers: bearer(acme.key) }), 403, 'forbidden');
    isProblem(await post(server, path, { tenant: 'evil' }, bearer(acme.key)), 403, 'forbidden');
  }
  isProblem(
    await call(server, `/mcp/v1/keys/${other.id}/revoke`, { method: 'POST', headers: bearer(acme.key) }),
    403,
    'forbidden',
  );
  for (const tenant of ['', 'Big', 'a b', '../x', 7, null, 'x'.repeat(64), "x'; drop table mcp_key"]) {
    isProblem(await post(server, '/mcp/v1/keys', { tenant }, bearer(server.token)), 400, 'invalid_request');
  }
  isProblem(
    await post(server, '/mcp/v1/keys', { tenant: 'ok', more: 1 }, bearer(server.token)),
    400,
    'invalid_request',
  );
  const list = await call(server, '/mcp/v1/keys', { headers: bearer(server.token) });
  assert.equal(list.status, 200);
  assert.ok(!list.text.includes(acme.key), 'a key is shown once');
});

test("another tenant's id is as unknown as any other: same status, same body", async () => {
  const mine = bearer(acme.key);
  const theirs = bearer(other.key);
  const unknown = '01890000-0000-7000-8000-000000000000';
  const { request_id: done } = await submit(
    server,
    { prompt: 'Marker-7f3a of acme [[sim tokens=9]]', model: MODEL },
    mine,
  );
  await result(server, done, mine);
  const { request_id: running } = await submit(
    server,
    { prompt: 'Still runs [[sim tokens=400 rate=10]]', model: MODEL },
    mine,
  );
  for (const id of [done, running]) {
    const routes: [string, string][] = [
      ['GET', `/mcp/v1/request/ID`],
      ['GET', `/mcp/v1/request/ID/result`],
      ['GET', `/mcp/v1/request/ID/result?wait=1`],
      ['GET', `/mcp/v1/request/ID/events`],
      ['GET', `/mcp/v1/stream/ID`],
      ['GET', `/mcp/v1/stream/ID?after=3`],
      ['POST', `/mcp/v1/cancel/ID`],
    ];
    for (const [method, route] of routes) {
      const foreign = await call<Problem>(server, route.replace('ID', id), { method, headers: theirs });
      const none = await call<Problem>(server, route.replace('ID', unknown), { method, headers: theirs });
      isProblem(foreign, 404, 'not_found');
      assert.equal(foreign.text.replaceAll(id, 'ID'), none.text.replaceAll(unknown, 'ID'), route);
      assert.deepEqual([...foreign.headers.keys()].sort(), [...none.headers.keys()].sort());
    }
    const socket = await openWs(server, id, { headers: theirs });
    assert.equal(socket.status, 404);
  }
  assert.equal(
    (await call<RequestView>(server, `/mcp/v1/request/${running}`, { headers: mine })).body.status,
    'running',
    'and nothing was cancelled',
  );
  const list = await call<{ items: RequestView[] }>(server, '/mcp/v1/request?limit=200', { headers: theirs });
  assert.ok(list.body.items.every((item) => item.request_id !== done && item.request_id !== running));
  assert.ok(!list.text.includes('7f3a'));
  await call(server, `/mcp/v1/cancel/${running}`, { method: 'POST', headers: mine });
});

test('idempotency keys are per tenant', async () => {
  const body = { prompt: 'Same key [[sim tokens=2]]', model: MODEL };
  const a = await submit(server, body, { ...bearer(acme.key), 'idempotency-key': 'shared' });
  const b = await submit(server, { ...body, priority: 3 }, { ...bearer(other.key), 'idempotency-key': 'shared' });
  assert.notEqual(a.request_id, b.request_id);
});

test('a revoked key stops within five seconds', { timeout: 30_000 }, async () => {
  const key = await makeKey('acme');
  const headers = bearer(key.key);
  assert.equal((await call(server, '/mcp/v1/request', { headers })).status, 200);
  const revoked = await call(server, `/mcp/v1/keys/${key.id}/revoke`, {
    method: 'POST',
    headers: bearer(server.token),
  });
  assert.equal(revoked.status, 200, revoked.text);
  const at = performance.now();
  await eventually(
    async () => (await call(server, '/mcp/v1/request', { headers })).status === 401,
    'the refusal',
    10_000,
  );
  assert.ok(performance.now() - at < 6500);
  isProblem(
    await call(server, `/mcp/v1/keys/${key.id}/revoke`, { method: 'POST', headers: bearer(server.token) }),
    404,
    'not_found',
  );
});

test('keys survive a restart, the operator token does not; no secret is in what the process says', {
  timeout: 60_000,
}, async () => {
  const token = server.token;
  const said = () => server.stdout() + server.stderr();
  for (const secret of [acme.key, token, OPENAI_KEY]) assert.ok(!said().includes(secret));
  assert.equal(await server.stop(), 0);
  server = await server.again();
  assert.equal((await call(server, '/mcp/v1/request', { headers: bearer(acme.key) })).status, 200);
  assert.equal((await call(server, '/mcp/v1/keys', { headers: bearer(token) })).status, 401);
  assert.notEqual(server.token, token);
});
