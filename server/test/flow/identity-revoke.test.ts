/** What is taken away is gone within five seconds: for new calls, and for every answer that is under way, on every node. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bearer, makeKey, me, person, signIn } from '../support/accounts.ts';
import { type Addressed, call, isProblem, post, submit } from '../support/api.ts';
import { openDoor, within } from '../support/open-door.ts';
import { eventually, type Server, startServer } from '../support/server.ts';
import { openSse, openWs } from '../support/streams.ts';
import { callsOver, callsWith, MODEL, startHouse } from '../support/vendors.ts';

/** Five seconds are promised; the rest is for a machine that stands still now and then. Left alone the answers take 80 s. */
const LIMIT_MS = 10_000;

const slow = (marker: string) => ({
  model: MODEL,
  messages: [{ role: 'user', content: `${marker} [[sim tokens=4000 rate=50]]` }],
});

let house: Awaited<ReturnType<typeof startHouse>>;
let server: Server;

before(async () => {
  house = await startHouse({ env: { MCP_AUTH: 'required' } });
  server = house.server;
});
after(() => house.close());

/** Everything that can be open, opened by one credential. */
async function openAll(at: Addressed & { token: string }, headers: Record<string, string>, marker: string) {
  const body = { prompt: `${marker}-detached [[sim tokens=4000 rate=50]]`, model: MODEL };
  const { request_id: id } = await submit(at, body, headers);
  const [sse, ws, door, keyed, second] = await Promise.all([
    openSse(at, id, { headers }),
    openWs(at, id, { headers }),
    openDoor(at, { ...slow(`${marker}-door`), stream: true }, headers),
    openDoor(at, { ...slow(`${marker}-keyed`), stream: true }, { ...headers, 'idempotency-key': `${marker}-k` }),
    openSse(at, id, { headers }),
  ]);
  assert.equal(sse.status, 200);
  assert.equal(ws.status, 101);
  assert.equal(door.status, 200);
  assert.equal(keyed.status, 200);
  const unstreamed = openDoor(at, slow(`${marker}-whole`), headers).then(
    (answer) => answer.over,
    () => {},
  );
  const waiting = call(at, `/mcp/v1/request/${id}/result?wait=60`, { headers }).then(
    (answer) => assert.notEqual(answer.status, 200),
    () => {},
  );
  await sse.until((frame) => frame.type === 'text');
  await ws.until((frame) => frame.type === 'text');
  await eventually(() => door.text().includes('chunk') && keyed.text().includes('chunk'), 'the first chunks');
  return {
    id,
    all: {
      sse: sse.ended,
      ws: ws.ended,
      second: second.ended,
      door: door.over,
      keyed: keyed.over,
      unstreamed,
      waiting,
    },
    door,
  };
}

test('a revoked key: every connection ends, the vendor’s calls end, and nothing else does', {
  timeout: 60_000,
}, async () => {
  const [mine, other] = [await makeKey(server, { tenant: 'acme' }), await makeKey(server, { tenant: 'acme' })];
  const opened = await openAll(server, bearer(mine.key), 'rev');
  const bystander = await openDoor(server, { ...slow('bystander'), stream: true }, bearer(other.key));
  const link = await post<{ url: string }>(server, '/mcp/v1/auth/link', { request_id: opened.id }, bearer(mine.key));
  const byLink = await fetch(server.url(link.body.url));
  assert.equal(byLink.status, 200);
  const read = byLink.text().catch(() => 'cut off');

  const revoked = await call(server, `/mcp/v1/keys/${mine.id}/revoke`, {
    method: 'POST',
    headers: bearer(server.token),
  });
  assert.equal(revoked.status, 200);
  for (const [name, over] of Object.entries(opened.all)) await within(over, name, LIMIT_MS);
  await within(read, 'the stream of the link', LIMIT_MS);
  assert.doesNotMatch(opened.door.text(), /\[DONE\]|"finish_reason":"stop"/, 'cut off, never a shorter success');
  isProblem(await me(server, mine.key), 401, 'unauthorized');
  assert.equal((await fetch(server.url(link.body.url))).status, 401, 'and so is the link');
  for (const marker of ['rev-door', 'rev-whole', 'rev-keyed']) {
    const calls = await callsOver(house.vendor, marker);
    assert.equal(calls.length, 1, marker);
  }
  // The other key of the same tenant goes on.
  const before = bystander.text().length;
  await eventually(() => bystander.text().length > before, 'more of the bystander');
  assert.equal(callsWith(house.vendor, 'bystander')[0]?.endedAt, null);
  await call(server, `/mcp/v1/keys/${other.id}/revoke`, { method: 'POST', headers: bearer(server.token) });
  await within(bystander.over, 'the bystander', LIMIT_MS);
});

test('a closed account, a sign-out, a stolen refresh token, a closed tenant: the same', {
  timeout: 120_000,
}, async () => {
  const headers = bearer(server.token);
  const cases: [string, (of: Awaited<ReturnType<typeof person>>) => Promise<unknown>][] = [
    [
      'a closed account',
      (of) => call(server, `/mcp/v1/users/${of.user.id}`, { method: 'PATCH', json: { disabled: true }, headers }),
    ],
    [
      'a new password',
      (of) =>
        call(server, `/mcp/v1/users/${of.user.id}`, {
          method: 'PATCH',
          json: { password: 'something else entirely' },
          headers,
        }),
    ],
    ['a sign-out', (of) => post(server, '/mcp/v1/auth/logout', {}, bearer(of.access_token))],
    [
      'a stolen refresh token',
      async (of) => {
        await post(server, '/mcp/v1/auth/refresh', { refresh_token: of.refresh_token });
        await post(server, '/mcp/v1/auth/refresh', { refresh_token: of.refresh_token });
      },
    ],
    [
      'a closed tenant',
      () => call(server, '/mcp/v1/tenants/acme', { method: 'PATCH', json: { disabled: true }, headers }),
    ],
  ];
  for (const [name, take] of cases) {
    const of = await person(server, 'acme', 'member');
    const opened = await openAll(server, bearer(of.access_token), name.replaceAll(' ', '-'));
    await take(of);
    for (const [what, over] of Object.entries(opened.all)) await within(over, `${name}: ${what}`, LIMIT_MS);
    isProblem(await me(server, of.access_token), 401, 'unauthorized');
    isProblem(await post(server, '/mcp/v1/auth/refresh', { refresh_token: of.refresh_token }), 401, 'unauthorized');
  }
  await call(server, '/mcp/v1/tenants/acme', { method: 'PATCH', json: { disabled: false }, headers });
});

test('a key that expires ends what it has open', { timeout: 60_000 }, async () => {
  const key = await makeKey(server, { tenant: 'acme', expires_at: new Date(Date.now() + 8000).toISOString() });
  const door = await openDoor(server, { ...slow('expires'), stream: true }, bearer(key.key));
  assert.equal(door.status, 200);
  await within(door.over, 'the answer', 8000 + LIMIT_MS);
});

test('a link opens the stream of its request, for a minute, and nothing else', { timeout: 30_000 }, async () => {
  const key = await makeKey(server, { tenant: 'acme' });
  const headers = bearer(key.key);
  const one = await submit(server, { prompt: 'one [[sim tokens=3]]', model: MODEL }, headers);
  const two = await submit(server, { prompt: 'two [[sim tokens=3]]', model: MODEL }, headers);
  const link = await post<{ token: string; url: string; expires_in: number }>(
    server,
    '/mcp/v1/auth/link',
    { request_id: one.request_id },
    headers,
  );
  assert.equal(link.body.expires_in, 60);
  const { token } = link.body;
  assert.equal((await fetch(server.url(link.body.url))).status, 200);
  const frames: string[] = [];
  const socket = new WebSocket(server.url(link.body.url).replace('http', 'ws'));
  const closed = new Promise<number>((resolve) => {
    socket.onmessage = ({ data }) => frames.push(String(data));
    socket.onclose = ({ code }) => resolve(code);
  });
  assert.equal(await closed, 1000, 'as a browser opens it');
  assert.ok(frames.some((frame) => frame.includes('"end"')));
  for (const [path, status] of [
    [`/mcp/v1/stream/${two.request_id}?token=${token}`, 404],
    [`/mcp/v1/request/${one.request_id}?token=${token}`, 401],
    [`/mcp/v1/request?token=${token}`, 401],
    [`/mcp/v1/stream/${one.request_id}?token=${token}x`, 401],
    [`/mcp/v1/stream/${one.request_id}?token=${token}&token=${token}`, 401],
    [`/mcp/v1/stream/${one.request_id}?token=${key.key}`, 401],
  ] as const) {
    assert.equal((await call(server, path)).status, status, path);
  }
  for (const carried of [bearer(token), { 'x-api-key': token }, { cookie: `goblin_session=${token}` }]) {
    assert.equal(
      (await call(server, `/mcp/v1/stream/${one.request_id}`, { headers: carried })).status,
      401,
      'it is no credential',
    );
  }
  const foreign = await makeKey(server, { tenant: 'other' });
  isProblem(
    await post(server, '/mcp/v1/auth/link', { request_id: one.request_id }, bearer(foreign.key)),
    404,
    'not_found',
  );
});

test('what nobody took away stays: a session goes on on another node, and after its process', {
  timeout: 60_000,
}, async () => {
  const one = await startServer({ env: { MCP_AUTH: 'required' }, settings: { simulator: true } });
  const of = await person(one, 'acme', 'member');
  await one.stop();
  const two = await one.again();
  assert.equal((await me(two, of.access_token)).status, 200);
  assert.equal((await signIn(two, { tenant: 'acme', email: of.user.email })).user.id, of.user.id);
  await two.stop();
});
