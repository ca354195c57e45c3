/** Cancel at every state: terminal at once, the vendor's socket closed, the money still told. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, cancel, events, isProblem, outcome, result, submit, view } from '../support/api.ts';
import { eventually } from '../support/server.ts';
import { checkFrames, openSse, openWs, readAll } from '../support/streams.ts';
import { callsWith, type House, MODEL, startHouse } from '../support/vendors.ts';

const IN = 0.15e-6;
const OUT = 0.6e-6;

/** A second is promised; a busy machine stands still for longer, and left alone these calls go on for much longer still. */
const CLOSED_MS = 6000;

let house: House;
before(async () => {
  house = await startHouse({ settings: { clocks: { first_token_ms: 30_000 } } });
});
after(() => house.close());

async function isCancelled(id: string): Promise<void> {
  const answer = await outcome(house.server, id);
  assert.equal(answer.status, 409);
  assert.equal(answer.body.status, 'cancelled');
  assert.equal(answer.body.code, 'cancelled');
  const end = checkFrames(await readAll(openSse(house.server, id)));
  assert.equal(end.status, 'cancelled');
  const types = (await events(house.server, id)).map((event) => event.type);
  assert.deepEqual(
    types.filter((type) => /cancelled|succeeded|failed|expired/.test(type)),
    ['request.cancelled'],
  );
}

test('queued: it never runs', async () => {
  const { server, vendor } = house;
  const not_before = new Date(Date.now() + 3_600_000).toISOString();
  const { request_id: id } = await submit(server, { prompt: 'Cancel me queued', model: MODEL, not_before });
  const reader = await openWs(server, id);
  const answer = await cancel(server, id);
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, { request_id: id, status: 'cancelled' });
  assert.equal((await view(server, id)).status, 'cancelled');
  const frames = await readAll(Promise.resolve(reader));
  assert.deepEqual(
    frames.map((frame) => [frame.seq, frame.type, frame.status]),
    [[1, 'end', 'cancelled']],
  );
  await isCancelled(id);
  assert.equal(callsWith(vendor, 'Cancel me queued').length, 0);
  assert.deepEqual((await view(server, id)).attempts, []);
});

test('running: terminal at once, upstream closed within a second, shown tokens charged by estimate', async () => {
  const { server, vendor } = house;
  const { request_id: id } = await submit(server, {
    prompt: 'Cancel me running [[sim tokens=500 rate=25]]',
    model: MODEL,
  });
  const [sse, ws] = await Promise.all([openSse(server, id), openWs(server, id)]);
  await sse.until((frame) => frame.type === 'text' && frame.seq > 5);
  const at = Date.now();
  const answer = await cancel(server, id);
  assert.deepEqual(answer.body, { request_id: id, status: 'cancelled' });
  assert.equal((await view(server, id)).status, 'cancelled', 'terminal at once');
  for (const stream of [sse, ws]) {
    const end = checkFrames(await readAll(Promise.resolve(stream)));
    assert.equal(end.status, 'cancelled');
    assert.equal((end.error as { code: string }).code, 'cancelled');
  }
  const entry = await eventually(
    () => callsWith(vendor, 'Cancel me running').find((one) => one.endedAt !== null),
    'the end of the upstream call',
  );
  assert.equal(entry.outcome, 'aborted');
  assert.ok((entry.endedAt ?? 0) - at <= CLOSED_MS, `closed after ${(entry.endedAt ?? 0) - at} ms`);

  const shown = sse.frames
    .filter((frame) => frame.type === 'text')
    .map((frame) => String(frame.text))
    .join('');
  const row = await eventually(async () => {
    const now = await view(server, id);
    return now.attempts[0]?.status !== 'running' && now;
  }, 'the money of the cancelled attempt');
  const [attempt] = row.attempts;
  assert.equal(row.attempts.length, 1);
  assert.equal(attempt?.status, 'cancelled');
  assert.equal(attempt?.usage?.source, 'estimated');
  const least = (shown.split(/\s+/).length / 2) * OUT;
  assert.ok((attempt?.cost_usd ?? 0) >= least, `${attempt?.cost_usd} for ${shown.length} characters shown`);
  assert.ok((attempt?.cost_usd ?? 0) <= 600 * OUT + 100 * IN);
  assert.equal(row.cost_usd, attempt?.cost_usd, 'state and money end separately, but both end');
  await sleep(1500);
  await isCancelled(id);
  assert.equal(callsWith(vendor, 'Cancel me running').length, 1);
});

test('running, before the first token: the vendor is left', async () => {
  const { server, vendor } = house;
  const { request_id: id } = await submit(server, { prompt: 'Cancel me thinking [[sim first=20000]]', model: MODEL });
  await eventually(() => callsWith(vendor, 'Cancel me thinking')[0], 'the upstream call');
  const at = Date.now();
  await cancel(server, id);
  const entry = await eventually(
    () => callsWith(vendor, 'Cancel me thinking').find((one) => one.endedAt !== null),
    'the end of the upstream call',
  );
  assert.equal(entry.outcome, 'aborted');
  assert.ok((entry.endedAt ?? 0) - at <= CLOSED_MS);
  await isCancelled(id);
});

test('between two attempts: no other attempt begins', async () => {
  const { server, vendor } = house;
  const { request_id: id } = await submit(server, {
    prompt: 'Cancel me resting [[sim fault=retry-after-6]]',
    model: MODEL,
  });
  await eventually(
    () => callsWith(vendor, 'Cancel me resting').find((one) => one.endedAt !== null),
    'the first attempt',
  );
  await sleep(200);
  assert.equal((await cancel(server, id)).body.status, 'cancelled');
  await sleep(7000);
  assert.equal(callsWith(vendor, 'Cancel me resting').length, 1);
  await isCancelled(id);
});

test('finished: nothing changes; twice: the same answer; unknown: 404', async () => {
  const { server } = house;
  const { request_id: id } = await submit(server, { prompt: 'Too late [[sim tokens=5]]', model: MODEL });
  const before = await result(server, id);
  const answer = await cancel(server, id);
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, { request_id: id, status: 'succeeded' });
  assert.deepEqual(await result(server, id), before);
  assert.deepEqual(
    (await events(server, id)).map((event) => event.type),
    ['request.queued', 'request.running', 'request.succeeded'],
  );

  const { request_id: twice } = await submit(server, { prompt: 'Twice [[sim tokens=300 rate=10]]', model: MODEL });
  const both = await Promise.all([cancel(server, twice), cancel(server, twice), cancel(server, twice)]);
  for (const one of both) assert.deepEqual(one.body, { request_id: twice, status: 'cancelled' });
  assert.deepEqual((await cancel(server, twice)).body, { request_id: twice, status: 'cancelled' });
  await isCancelled(twice);

  isProblem(await cancel(server, '01890000-0000-7000-8000-000000000000'), 404, 'not_found');
  isProblem(await cancel(server, 'nonsense'), 404, 'not_found');
  const wrong = await call(server, `/mcp/v1/cancel/${id}`);
  isProblem(wrong, 405, 'method_not_allowed');
});

test('racing with success: one end, and all that is told agrees', async () => {
  const { server } = house;
  const ends = await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      const { request_id: id } = await submit(server, { prompt: `Race ${i} [[sim tokens=6 rate=200]]`, model: MODEL });
      await sleep((i * 7) % 90);
      const said = (await cancel(server, id)).body.status;
      const final = await outcome(server, id);
      assert.equal(final.body.status, said, 'the answer to cancel is final');
      assert.equal(final.status, said === 'succeeded' ? 200 : 409);
      const end = checkFrames(await readAll(openSse(server, id)));
      assert.equal(end.status, said);
      const terminal = (await events(server, id)).filter((event) => /\.(cancelled|succeeded|failed)$/.test(event.type));
      assert.deepEqual(
        terminal.map((event) => event.type),
        [`request.${said}`],
      );
      return said;
    }),
  );
  assert.ok(
    ends.every((state) => state === 'succeeded' || state === 'cancelled'),
    String(ends),
  );
});
