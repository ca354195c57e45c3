/** A full queue refuses honestly and stores nothing; a request that kills its workers ends, and the queue flows on. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, isProblem, outcome, post, type Receipt, result, submit, view } from '../support/api.ts';
import { type ClusterNode, type Fleet, SECRET, startFleet } from '../support/cluster.ts';
import { eventually, makePlace, runGoblin } from '../support/server.ts';
import { checkFrames, openSse, readAll } from '../support/streams.ts';
import { callsWith, MODEL } from '../support/vendors.ts';

const CAPS = { per_tenant: 20, total: 30 };

let fleet: Fleet;
let apis: [ClusterNode, ClusterNode];
let acme: Record<string, string>;
let bolt: Record<string, string>;

before(async () => {
  fleet = await startFleet({ settings: { queue: CAPS, clocks: { lease_ms: 3000, heartbeat_ms: 500 } } });
  const env = { MCP_AUTH: 'required' };
  apis = await Promise.all([fleet.start('api', { env }), fleet.start('api', { env })]);
  [acme, bolt] = await Promise.all([keyOf('acme'), keyOf('bolt')]);
});
after(() => fleet.close());

async function keyOf(tenant: string): Promise<Record<string, string>> {
  const ran = await runGoblin(['key', 'create', '--tenant', tenant], makePlace(), { ...fleet.env, MCP_SECRET: SECRET });
  assert.equal(ran.code, 0, ran.stderr);
  return { authorization: `Bearer ${ran.stdout.trim()}` };
}

const send = (n: number, headers: Record<string, string>, prompt = `Fill ${n} [[sim tokens=1]]`) =>
  post<Receipt>(apis[n % 2] as ClusterNode, '/mcp/v1/request', { prompt, model: MODEL }, headers);

/** Seconds. */
function retryAfter(answer: Answer<unknown>): number {
  const text = answer.headers.get('retry-after') ?? '';
  assert.match(text, /^\d+$/);
  assert.ok(Number(text) >= 1 && Number(text) <= 60, text);
  assert.notEqual(answer.headers.get('x-should-retry'), 'false');
  return Number(text);
}

const count = async (where: string) =>
  (await fleet.sql<{ n: number }>(`select count(*)::int as n from mcp_request where ${where}`))[0]?.n;

test('a tenant’s cap and the cap of all: refused, nothing stored, room again when the queue has moved', async () => {
  // One after the other the cap is exact, over both nodes.
  for (let n = 0; n < CAPS.per_tenant; n++) assert.equal((await send(n, acme)).status, 202);
  const full = await send(0, acme);
  isProblem(full, 429, 'tenant_queue_full');
  retryAfter(full);
  isProblem(await send(1, acme), 429, 'tenant_queue_full');
  assert.equal(await count(`tenant = 'acme'`), CAPS.per_tenant);
  assert.equal((await send(0, bolt)).status, 202, 'the others have room');

  // All at once: never more than the cap of all and what two nodes write in one moment.
  const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => send(n, bolt)));
  const refused = answers.filter((answer) => answer.status !== 202);
  for (const answer of refused) {
    // Of one write the last ones would also be too many of their tenant.
    if (answer.status === 429) isProblem(answer, 429, 'tenant_queue_full');
    else isProblem(answer, 503, 'queue_full');
    retryAfter(answer);
  }
  isProblem(await send(0, bolt), 503, 'queue_full');
  const stored = (await count(`state = 'queued'`)) ?? 0;
  assert.equal(stored, 20 + 1 + answers.length - refused.length, 'who was refused is not stored');
  assert.ok(stored >= CAPS.total && stored <= CAPS.total + 10, `${stored} wait`);
  const bodies = await fleet.sql<{ n: number }>('select count(*)::int as n from mcp_body');
  assert.equal(bodies[0]?.n, stored);
  assert.equal(await count('true'), stored);
  assert.equal(callsWith(fleet.vendor, 'Fill').length, 0);

  // Whoever waits on the connection is no part of the queue.
  const door = await post(
    apis[0],
    '/v1/chat/completions',
    { model: MODEL, messages: [{ role: 'user', content: 'Hi' }] },
    acme,
  );
  assert.equal(door.status, 200, door.text);

  const last = await send(0, acme);
  const worker = await fleet.start('worker');
  await sleep(retryAfter(last) * 1000);
  // The worker may stand still for a moment on a busy machine.
  await eventually(async () => (await send(0, acme)).status === 202, 'the time that was named was enough', 5000);
  await eventually(async () => (await count(`state in ('queued', 'running')`)) === 0, 'the end of all');
  assert.equal(await worker.stop(), 0);
});

test('an earlier submit with the same key is answered also when the queue is full', async () => {
  const keyed = { ...acme, 'idempotency-key': 'before-the-flood' };
  const first = await send(0, keyed);
  for (let n = 1; n < CAPS.per_tenant; n++) assert.equal((await send(n, acme)).status, 202);
  isProblem(await send(0, acme), 429, 'tenant_queue_full');
  for (const n of [0, 2]) {
    const again = await send(n, keyed, 'Fill 0 [[sim tokens=1]]');
    assert.deepEqual([again.status, again.body.request_id], [202, first.body.request_id]);
  }
  isProblem(await send(0, { ...acme, 'idempotency-key': 'after-it' }), 429, 'tenant_queue_full');
  await fleet.sql(`update mcp_request set state = 'cancelled', finished_at = now() where state = 'queued'`);
  // The refused one has not used its key up.
  assert.equal((await send(0, { ...acme, 'idempotency-key': 'after-it' })).status, 202);
  await fleet.sql(`update mcp_request set state = 'cancelled', finished_at = now() where state = 'queued'`);
});

test('a request that kills its worker three times ends failed, poisoned; the others come through', async () => {
  const [api] = apis;
  const poison = await submit(api, { prompt: 'Poison [[sim first=60000]]', model: MODEL, priority: 9 }, acme);
  const id = poison.request_id;
  const others: string[] = [];
  for (let crash = 1; crash <= 3; crash++) {
    others.push(
      (await submit(api, { prompt: `Beside ${crash} [[sim tokens=1]]`, model: MODEL, priority: 0 }, bolt)).request_id,
    );
    const worker = await fleet.start('worker');
    await eventually(() => callsWith(fleet.vendor, 'Poison').length >= crash, `run ${crash}`);
    // One that is still there at all three would be taken for the cause as well.
    await result(api, others.at(-1) as string, bolt);
    await worker.kill();
  }
  const ended = await outcome(api, id, acme, 30_000);
  assert.deepEqual([ended.status, ended.body.status, ended.body.code], [409, 'failed', 'poisoned']);
  const row = await view(api, id, acme);
  assert.equal(row.attempts.length, 3);
  for (const attempt of row.attempts) {
    assert.deepEqual([attempt.status, attempt.error?.code], ['failed', 'interrupted']);
    assert.ok((attempt.cost_usd ?? 0) > 0);
  }
  assert.ok((row.cost_usd ?? 0) > 0);
  assert.equal(checkFrames(await readAll(openSse(api, id, { headers: acme }))).status, 'failed');

  const worker = await fleet.start('worker');
  for (const other of others) assert.equal((await result(api, other, bolt)).status, 'succeeded');
  const later = await submit(api, { prompt: 'After the poison', model: MODEL }, acme);
  assert.equal((await result(api, later.request_id, acme)).status, 'succeeded');
  await sleep(1500);
  assert.equal(callsWith(fleet.vendor, 'Poison').length, 3, 'it is not tried again');
  assert.equal(await worker.stop(), 0);
});
