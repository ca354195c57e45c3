/** Set on one node, in force on all of them: breakers and fire drills, told over Redis. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { call, type Json, type RequestView, result, submit, view } from '../support/api.ts';
import { type ClusterNode, type Fleet, startFleet } from '../support/cluster.ts';
import { eventually } from '../support/server.ts';
import { callsWith, MODEL } from '../support/vendors.ts';

interface Target {
  provider: string;
  model: string | null;
  state: string;
  reason: string;
  load: number;
}

let fleet: Fleet;
let here: ClusterNode;
let there: ClusterNode;
let key: { id: string; key: string };
/** A second is promised; a busy machine stands still for longer. */
const TOLD_MS = 8000;
const operator = (node: ClusterNode) => ({ authorization: `Bearer ${node.token}` });
const mine = () => ({ authorization: `Bearer ${key.key}` });

before(async () => {
  // A request that meets the drill outlives it.
  fleet = await startFleet({ settings: { attempts: 20 } });
  const env = { ...fleet.env, MCP_AUTH: 'required' };
  [here, there] = await Promise.all([
    fleet.start('api', { env }),
    fleet.start('api', { env }),
    fleet.start('worker', { env }),
  ]);
  key = (await call<typeof key>(here, '/mcp/v1/keys', { json: { tenant: 'acme' }, headers: operator(here) })).body;
});
after(() => fleet.close());

const post = (node: ClusterNode, path: string, json: Json) => call<Json>(node, path, { json, headers: operator(node) });
const chat = (node: ClusterNode, prompt: string) =>
  call<Json>(node, '/v1/chat/completions', {
    json: { model: MODEL, messages: [{ role: 'user', content: prompt }] },
    headers: mine(),
  });

async function target(node: ClusterNode): Promise<Target | undefined> {
  const metrics = await call<{ providers: Target[] }>(node, '/mcp/v1/admin/metrics', { headers: operator(node) });
  return metrics.body.providers.find(({ provider, model }) => `${provider}/${model}` === MODEL);
}

test('a breaker that is set here is set there within a second, for doors and workers', async () => {
  const [provider, model] = MODEL.split('/');
  const set = await post(here, '/mcp/v1/admin/breakers', { provider, model, state: 'open', minutes: 5 });
  assert.equal(set.status, 200, set.text);
  const told = await eventually(
    async () => {
      const seen = await target(there);
      return seen?.state === 'open' ? seen : null;
    },
    'the other node knows',
    TOLD_MS,
  );
  assert.match(told.reason, /^set open by operator/);
  const refused = await chat(there, 'Kept away.');
  assert.equal(refused.status, 503, refused.text);
  assert.equal(callsWith(fleet.vendor, 'Kept away.').length, 0);
  assert.equal((await post(there, '/mcp/v1/admin/breakers', { provider, model, state: 'auto' })).status, 200);
  await eventually(async () => (await target(here))?.state === 'closed', 'taken back', TOLD_MS);
  assert.equal((await chat(here, 'Back again.')).status, 200);
});

test('load is that of all processes', async () => {
  const { request_id: id } = await submit(here, { prompt: '[[sim rate=4 tokens=40]] Loaded.', model: MODEL }, mine());
  // The worker tells of it with its heartbeat.
  await eventually(async () => (await target(there))?.load === 1, 'the load of the worker');
  await call(here, `/mcp/v1/cancel/${id}`, { method: 'POST', headers: mine() });
});

test('a drill that is begun here is met there, by doors and workers, and ends everywhere', async () => {
  const begun = await post(here, '/mcp/v1/admin/drills', { provider: 'openai', fault: 'status-500', key_id: key.id });
  assert.equal(begun.status, 201, begun.text);
  await eventually(
    async () => {
      const list = await call<{ items: Json[] }>(there, '/mcp/v1/admin/drills', { headers: operator(there) });
      return list.body.items.length === 1;
    },
    'the other node knows',
    TOLD_MS,
  );
  const broken = await chat(there, 'Drilled there.');
  assert.equal(broken.status, 502, broken.text);
  assert.equal(callsWith(fleet.vendor, 'Drilled there.').length, 0);
  const { request_id: id } = await submit(there, { prompt: 'Drilled by a worker.', model: MODEL }, mine());
  await eventually(async () => {
    const row: RequestView = await view(there, id, mine());
    return row.attempts.some(({ reason }) => reason.includes('fire drill: status-500'));
  }, 'the worker meets it');
  const ended = await call(there, `/mcp/v1/admin/drills/${begun.body.id}`, {
    method: 'DELETE',
    headers: operator(there),
  });
  assert.equal(ended.status, 200, ended.text);
  // It tries again by itself, and the vendor answers.
  assert.equal((await chat(there, 'Over there.')).status, 200);
  await eventually(async () => (await chat(here, 'Over here.')).status === 200, 'the end is told', TOLD_MS);
  assert.match((await result(there, id, mine())).text, /Drilled by a worker/);
});
