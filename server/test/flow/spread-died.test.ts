/** What is said of requests whose worker died with them in hand. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { call, cancel, outcome, submit, view } from '../support/api.ts';
import { type ClusterNode, type Fleet, startFleet } from '../support/cluster.ts';
import { eventually } from '../support/server.ts';
import { openSse, textOf } from '../support/streams.ts';
import { MODEL } from '../support/vendors.ts';

let fleet: Fleet;
let api: ClusterNode;
let worker: ClusterNode;
before(async () => {
  // The lease is long, so that the money of the dead stays open for a while.
  fleet = await startFleet({ settings: { clocks: { lease_ms: 4000, heartbeat_ms: 1000 } } });
  [api, worker] = await Promise.all([fleet.start('api'), fleet.start('worker')]);
});
after(() => fleet.close());

/** A request that has shown something when its worker dies; answers what was shown. */
async function died(name: string, more: Record<string, unknown> = {}): Promise<{ id: string; shown: string }> {
  const { request_id: id } = await submit(api, { prompt: `${name} [[sim tokens=400 rate=20]]`, model: MODEL, ...more });
  const stream = await openSse(api, id);
  await stream.until((frame) => frame.seq > 5);
  await worker.kill();
  const { frames } = stream;
  return { id, shown: textOf(frames) };
}

const requests = async (state: string): Promise<number> =>
  (await call<{ requests: Record<string, number> }>(api, '/mcp/v1/admin/metrics')).body.requests[state] ?? 0;

test('cancelled: its price is not called unknown, what was shown is kept, and it is counted', async () => {
  const { id, shown } = await died('Cancelled');
  assert.ok(shown.length > 0);
  assert.equal((await cancel(api, id)).body.status, 'cancelled');
  const row = (await view(api, id)) as Awaited<ReturnType<typeof view>> & { cost_reason?: string };
  assert.deepEqual([row.status, row.cost_usd], ['cancelled', null]);
  assert.match(row.cost_reason ?? '', /not settled yet/);
  const ended = await outcome(api, id);
  assert.equal(ended.status, 409);
  assert.ok(ended.body.partial_text?.startsWith(shown), `${ended.body.partial_text} for ${shown}`);
  const settled = await eventually(async () => {
    const now = await view(api, id);
    return now.cost_usd === null ? null : now;
  }, 'the cost');
  assert.ok((settled.cost_usd ?? 0) > 0);
  assert.ok(!('cost_reason' in settled));
  assert.equal(await requests('cancelled'), 1);
});

test('out of time: it does not say that the request never ran', async () => {
  await worker.restart();
  const { id, shown } = await died('Late', { deadline_ms: 6000 });
  const ended = await outcome(api, id);
  assert.deepEqual([ended.status, ended.body.status], [409, 'expired']);
  assert.match(JSON.stringify(ended.body), /passed before its answer was complete/);
  assert.ok(ended.body.partial_text?.startsWith(shown));
  await eventually(async () => (await requests('expired')) === 1, 'it is counted');
});
