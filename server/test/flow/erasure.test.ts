/** Erasure as a user of the command line and of the API meets it, on one process. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bearer, makeKey, person } from '../support/accounts.ts';
import { call, isProblem, type Json, outcome, result, submit, view } from '../support/api.ts';
import { eventually, runGoblin, type Server, startServer } from '../support/server.ts';
import { openSse, openWs } from '../support/streams.ts';
import { callsWith, type House, MODEL, startHouse } from '../support/vendors.ts';

let house: House;
let guarded: Server;
before(async () => {
  [house, guarded] = await Promise.all([
    startHouse({ settings: { cache: { enabled: true } } }),
    startServer({ env: { MCP_AUTH: 'required' }, settings: { simulator: true } }),
  ]);
});
after(async () => {
  await house.close();
  await guarded.stop();
});

async function gone(id: string): Promise<void> {
  for (const path of [`request/${id}/result`, `request/${id}/content`, `stream/${id}`]) {
    const answer = await call<Json>(house.server, `/mcp/v1/${path}`);
    assert.deepEqual([answer.status, answer.body.code], [410, 'gone'], path);
    assert.match(String(answer.body.detail), /erased/);
  }
  assert.equal((await openSse(house.server, id)).status, 410);
  assert.equal((await openWs(house.server, id)).status, 410);
  assert.equal((await openWs(house.server, id, { after: 2 })).status, 410);
}

test('goblin user erase takes everything of a user, and waits until it is gone; others keep theirs', async () => {
  const { server, vendor } = house;
  const ask = (user_id: string, prompt: string) =>
    submit(server, { model: MODEL, user_id, prompt, labels: { of: user_id }, metadata: { note: prompt } });
  const mine = await ask('ada', 'canary-of-ada');
  const others = await ask('bob', 'canary-of-bob');
  await result(server, mine.request_id);
  await result(server, others.request_id);
  const runs = await ask('ada', 'Slow. [[sim tokens=500 rate=5]]');
  const chat = () =>
    call<Json>(server, '/v1/chat/completions', {
      json: { model: MODEL, messages: [{ role: 'user', content: 'canary-in-cache' }] },
      headers: { 'x-mcp-user': 'ada' },
    });
  const attached = (await chat()).headers.get('x-mcp-request-id') ?? '';
  assert.equal((await chat()).headers.get('x-mcp-cache'), 'hit');
  await eventually(async () => (await view(server, attached)).status === 'succeeded', 'the end is written');
  const costs = await view(server, mine.request_id);

  const ran = await runGoblin(['user', 'erase', 'ada'], server, {}, 60_000);
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  assert.match(ran.stdout, /Erased: 4 requests, 4 bodies/);
  for (const id of [mine.request_id, attached]) await gone(id);
  assert.equal((await outcome(server, runs.request_id)).status, 410);
  assert.equal((await view(server, runs.request_id)).status, 'cancelled');
  const row = await view(server, mine.request_id);
  assert.deepEqual([row.status, row.cost_usd, row.attempts.length], ['succeeded', costs.cost_usd, 1]);
  assert.ok(!JSON.stringify(row).includes('canary'));
  const events = await call(server, `/mcp/v1/request/${mine.request_id}/events`);
  assert.match(events.text, /"erased":true/);
  const before = callsWith(vendor, 'canary-in-cache').length;
  const again = await chat();
  assert.notEqual(again.headers.get('x-mcp-cache'), 'hit', 'no process remembers the answer');
  assert.equal(callsWith(vendor, 'canary-in-cache').length, before + 1);
  assert.equal((await result(server, others.request_id)).status, 'succeeded');
  const content = await call(server, `/mcp/v1/request/${others.request_id}/content`);
  assert.match(content.text, /canary-of-bob/);
  const verified = await runGoblin(['verify-audit'], server);
  assert.equal(verified.code, 0, verified.stdout);
  const trail = await call<{ items: { type: string; payload: Json }[] }>(server, '/mcp/v1/admin/audit?type=user.*');
  assert.deepEqual(
    trail.body.items.map(({ type }) => type),
    ['user.erased', 'user.erasing'],
  );
  assert.equal((trail.body.items.at(0)?.payload.counts as Json | undefined)?.requests, 4);
  const nothing = await runGoblin(['user', 'erase', 'nobody'], server, {}, 60_000);
  assert.equal(nothing.code, 1);
  assert.match(nothing.stderr, /Nothing was found in local\./);
});

test('one request is erased by whoever asked, and by who may read what others asked', async () => {
  const [key, other] = await Promise.all([makeKey(guarded, { tenant: 'acme' }), makeKey(guarded, { tenant: 'acme' })]);
  const ask = async (prompt: string) => {
    const made = await submit(guarded, { prompt, model: 'simulator/goblin-sim' }, bearer(key.key));
    return made.request_id;
  };
  const erase = (id: string, token: string) =>
    call<Json>(guarded, `/mcp/v1/request/${id}`, { method: 'DELETE', headers: bearer(token) });
  const id = await ask('Erase me.');
  await outcome(guarded, id, bearer(key.key));
  assert.equal((await erase(id, other.key)).status, 403);
  const stranger = await makeKey(guarded, { tenant: 'strangers' });
  assert.equal((await erase(id, stranger.key)).status, 404);
  assert.deepEqual((await erase(id, key.key)).body, { request_id: id, erased: true });
  assert.equal((await outcome(guarded, id, bearer(key.key))).status, 410);
  const running = await ask('Slow. [[sim tokens=100 rate=10]]');
  const early = await erase(running, key.key);
  assert.deepEqual([early.status, early.body.code], [409, 'not_finished']);
  await call(guarded, `/mcp/v1/cancel/${running}`, { method: 'POST', headers: bearer(key.key) });
  const admin = await person(guarded, 'acme', 'admin');
  assert.equal((await erase(running, admin.access_token)).status, 200);
});

test('an account is found by its id and by its address; of another tenant there is nothing to find', async () => {
  const [admin, stranger] = await Promise.all([
    person(guarded, 'acme', 'admin'),
    person(guarded, 'strangers', 'admin'),
  ]);
  const made = await submit(
    guarded,
    { prompt: 'Of an account', model: 'simulator/goblin-sim' },
    bearer(admin.access_token),
  );
  await outcome(guarded, made.request_id, bearer(admin.access_token));
  const { email } = admin.user;
  const erase = async (token: string) => {
    const order = await call<{ erasure_id: number; links: { self: string } }>(
      guarded,
      `/mcp/v1/users/${encodeURIComponent(email.toUpperCase())}/data`,
      { method: 'DELETE', headers: bearer(token) },
    );
    assert.equal(order.status, 202, order.text);
    return await eventually(
      async () => {
        const seen = await call<{ status: string; counts: Record<string, number> }>(guarded, order.body.links.self, {
          headers: bearer(token),
        });
        return seen.body.status === 'done' ? { ...seen.body, self: order.body.links.self } : null;
      },
      'the erasure to be done',
      30_000,
    );
  };
  const bare = await runGoblin(['user', 'erase', email], guarded, { MCP_AUTH: 'required' });
  assert.equal(bare.code, 1);
  assert.match(bare.stderr, /goblin user erase: say whose, e\.g\. goblin user erase --tenant acme/);
  const headers = bearer(guarded.token);
  const unsaid = await call(guarded, '/mcp/v1/users/x-else/data', { method: 'DELETE', headers });
  assert.equal(isProblem(unsaid, 400, 'invalid_request').errors?.[0]?.path, 'tenant');
  const inAcme = ['--tenant', 'acme'];
  const nobody = await runGoblin(['user', 'erase', 'x-else', ...inAcme], guarded, { MCP_AUTH: 'required' }, 60_000);
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /Nothing was found in acme\./);
  const foreign = await erase(stranger.access_token);
  assert.equal(foreign.counts.requests ?? 0, 0);
  assert.equal((await outcome(guarded, made.request_id, bearer(admin.access_token))).status, 200);
  const second = await submit(guarded, { prompt: 'By id', model: 'simulator/goblin-sim' }, bearer(admin.access_token));
  await outcome(guarded, second.request_id, bearer(admin.access_token));
  const byId = await runGoblin(['user', 'erase', admin.user.id, ...inAcme], guarded, { MCP_AUTH: 'required' }, 60_000);
  assert.match(byId.stdout, /Erased: 2 requests/, byId.stderr);
  const last = await submit(
    guarded,
    { prompt: 'Once more', model: 'simulator/goblin-sim' },
    bearer(admin.access_token),
  );
  await outcome(guarded, last.request_id, bearer(admin.access_token));
  const done = await erase(admin.access_token);
  assert.equal(done.counts.requests, 1);
  assert.equal((await outcome(guarded, made.request_id, bearer(admin.access_token))).status, 410);
  assert.equal((await call(guarded, done.self, { headers: bearer(stranger.access_token) })).status, 404);
  for (const path of ['/mcp/v1/erasures/x', '/mcp/v1/erasures/999999']) {
    assert.equal((await call(guarded, path, { headers: bearer(admin.access_token) })).status, 404);
  }
});
