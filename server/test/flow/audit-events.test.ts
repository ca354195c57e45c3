/** Security events: each stands in the trail of its tenant once it has happened, and a flood of them does not. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { bearer, makeKey, person, signIn } from '../support/accounts.ts';
import { call, type Json, outcome, submit } from '../support/api.ts';
import { eventually, type Server, startServer } from '../support/server.ts';
import { openSse, readAll } from '../support/streams.ts';

let server: Server;
let admin: string;
before(async () => {
  server = await startServer({ env: { MCP_AUTH: 'required' }, settings: { simulator: true } });
  admin = (await person(server, 'acme', 'admin')).access_token;
});
after(() => server.stop());

interface Event {
  id: string;
  type: string;
  actor: string | null;
  request_id: string | null;
  payload: Json;
}

async function events(query: string): Promise<Event[]> {
  const page = await call<{ items: Event[] }>(server, `/mcp/v1/admin/audit?limit=1000&${query}`, {
    headers: bearer(admin),
  });
  assert.equal(page.status, 200, page.text);
  return page.body.items;
}
const event = (query: string, fits: (event: Event) => boolean = () => true) =>
  eventually(async () => (await events(query)).find(fits), `an event with ${query}`);

test('signing in, and failing to', async () => {
  const { user } = await person(server, 'acme', 'member');
  await event('type=session.begun', ({ actor }) => actor === user.id);
  const wrong = { tenant: 'acme', email: user.email, password: 'not the password' };
  assert.equal((await call(server, '/mcp/v1/auth/login', { json: wrong })).status, 401);
  const refused = await event('type=session.refused');
  assert.equal(refused.payload.method, 'password');
  assert.ok(!JSON.stringify(refused).includes(user.email));
  const { access_token } = await signIn(server, { tenant: 'acme', email: user.email });
  const change = await call(server, '/mcp/v1/auth/password', {
    json: { old: 'not the password', new: 'another horse battery' },
    headers: bearer(access_token),
  });
  assert.ok(change.status >= 400);
});

test('what one may not: the first at once, a flood as one event', async () => {
  const key = await makeKey(server, { tenant: 'acme' });
  for (let n = 0; n < 30; n++) {
    assert.equal((await call(server, '/mcp/v1/keys', { headers: bearer(key.key) })).status, 403);
  }
  assert.equal((await call(server, '/mcp/v1/users', { headers: bearer(key.key) })).status, 403);
  const mine = () => events('type=request.refused').then((all) => all.filter(({ payload }) => payload.key === key.id));
  await eventually(async () => (await mine()).length >= 2, 'both routes');
  const seen = await mine();
  assert.deepEqual(seen.map(({ payload }) => [payload.code, payload.where]).sort(), [
    ['forbidden', 'GET /mcp/v1/keys'],
    ['forbidden', 'GET /mcp/v1/users'],
  ]);
});

test('answers of others, their streams and metadata leave a trace once a minute; one’s own leave none', async () => {
  const [key, other] = await Promise.all([makeKey(server, { tenant: 'acme' }), makeKey(server, { tenant: 'acme' })]);
  const made = await submit(
    server,
    { prompt: 'Mine.', model: 'simulator/goblin-sim', metadata: { note: 'mine' } },
    bearer(key.key),
  );
  const id = made.request_id;
  const look = async (token: string) => {
    assert.equal((await outcome(server, id, bearer(token))).status, 200);
    await readAll(openSse(server, id, { headers: bearer(token) }));
    assert.equal((await call(server, `/mcp/v1/request/${id}`, { headers: bearer(token) })).status, 200);
  };
  await look(key.key);
  const reads = async () =>
    (await events(`request_id=${id}&type=answer.read`)).map(({ actor, payload }) => [actor, payload.what]);
  assert.deepEqual(await reads(), []);
  await look(other.key);
  await look(other.key);
  assert.deepEqual((await reads()).sort(), [
    [other.id, 'metadata'],
    [other.id, 'result'],
    [other.id, 'stream'],
  ]);
  const session = await person(server, 'acme', 'member');
  const own = await submit(
    server,
    { prompt: 'Of a person', model: 'simulator/goblin-sim' },
    bearer(session.access_token),
  );
  await outcome(server, own.request_id, bearer(session.access_token));
  assert.deepEqual(await events(`request_id=${own.request_id}&type=answer.read`), []);
});

test('an export of the trail stands in it', async () => {
  assert.equal(
    (await call(server, '/mcp/v1/admin/audit?format=ndjson&type=key.*', { headers: bearer(admin) })).status,
    200,
  );
  const [told] = await events('type=audit.exported');
  assert.deepEqual(told?.payload, { filter: { format: 'ndjson', type: 'key.*' } });
});

/** From another address of this machine. */
function from(localAddress: string, token: string, agent: string): Promise<number> {
  return new Promise((resolve, reject) => {
    http
      .get(
        `${server.address}/v1/models`,
        { agent: false, localAddress, headers: { authorization: `Bearer ${token}`, 'user-agent': agent } },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        },
      )
      .on('error', reject);
  });
}

test('a key that is used from a new network, or by a new kind of client', async () => {
  const key = await makeKey(server, { tenant: 'acme' });
  const places = async () => (await events('type=key.new_place')).filter(({ payload }) => payload.key === key.id);
  for (let n = 0; n < 3; n++) assert.equal(await from('127.0.0.1', key.key, `OpenAI/JS 5.0.${n}`), 200);
  assert.equal(await from('127.0.0.9', key.key, 'OpenAI/JS 6'), 200, 'the same network');
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual(await places(), [], 'its first place is its own');
  assert.equal(await from('127.0.7.1', key.key, 'OpenAI/JS 5.0.0'), 200);
  const [first] = await eventually(async () => {
    const seen = await places();
    return seen.length === 1 && seen;
  }, 'the new network');
  assert.equal(first?.payload.agent, 'openai');
  assert.ok(!JSON.stringify(first).includes('127.0'), 'no address in clear');
  assert.equal(await from('127.0.7.2', key.key, 'curl/8'), 200);
  const second = (await eventually(async () => (await places()).length === 2 && (await places()), 'the new client'))[0];
  assert.deepEqual([second?.payload.agent, second?.payload.network], ['curl', first?.payload.network]);
  for (let n = 0; n < 60; n++) await from('127.0.7.2', key.key, `agent-${String.fromCharCode(97 + (n % 26))}${n}`);
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.ok((await places()).length <= 21, 'whoever changes its name with every call fills nothing');
});
