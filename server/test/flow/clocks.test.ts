/** Deadlines and clocks: what takes too long ends, says so, and lets go of the vendor. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startSimulator } from '../../src/providers/simulator/index.ts';
import { events, outcome, submit, view } from '../support/api.ts';
import { eventually } from '../support/server.ts';
import { checkFrames, openSse, readAll, textOf } from '../support/streams.ts';
import { callsWith, type House, MODEL, OPENAI_KEY, startHouse, underNames } from '../support/vendors.ts';

let house: House;
before(async () => {
  const vendor = await startSimulator({ journal: true, key: OPENAI_KEY });
  house = await startHouse({
    vendor,
    settings: {
      // A key that rests keeps the calls of the other tests away.
      providers: underNames(vendor, ['resting']),
      // Long enough that an answer begins before them on a busy machine.
      clocks: { total_ms: 6000, first_token_ms: 20_000, headers_ms: 20_000 },
    },
  });
});
after(() => house.close());

test('a deadline that passes in the queue ends expired, without a call', async () => {
  const { server, vendor } = house;
  const { request_id: id } = await submit(server, {
    prompt: 'Expire in the queue',
    model: MODEL,
    not_before: new Date(Date.now() + 3_600_000).toISOString(),
    deadline_ms: 400,
  });
  const answer = await outcome(server, id, {}, 20_000);
  assert.equal(answer.status, 409);
  assert.equal(answer.headers.get('x-should-retry'), 'false');
  assert.equal(answer.body.status, 'expired');
  assert.equal(answer.body.code, 'expired');
  const frames = await readAll(openSse(server, id));
  assert.equal(checkFrames(frames).status, 'expired');
  assert.deepEqual(
    (await events(server, id)).map((event) => event.type),
    ['request.queued', 'request.expired'],
  );
  assert.equal(callsWith(vendor, 'Expire in the queue').length, 0);
});

test('a deadline that passes while it runs ends expired, with what was shown', async () => {
  const { server, vendor } = house;
  const began = Date.now();
  const { request_id: id } = await submit(server, {
    prompt: 'Expire on the run [[sim tokens=400 rate=20]]',
    model: MODEL,
    deadline_ms: 4000,
  });
  const stream = await openSse(server, id);
  const frames = await readAll(Promise.resolve(stream));
  const end = checkFrames(frames);
  assert.ok(Date.now() - began < 15_000, 'at its deadline, not at the end of the answer');
  assert.equal(end.status, 'expired');
  assert.equal((end.error as { code: string }).code, 'expired');
  const answer = await outcome(server, id);
  assert.equal(answer.status, 409);
  assert.equal(answer.body.code, 'expired');
  assert.ok((answer.body.partial_text ?? '').length > 0);
  assert.equal(textOf(frames), answer.body.partial_text);
  const entry = await eventually(
    () => callsWith(vendor, 'Expire on the run').find((one) => one.endedAt !== null),
    'the end of the upstream call',
  );
  assert.equal(entry.outcome, 'aborted');
  const row = await eventually(async () => {
    const now = await view(server, id);
    return now.attempts[0]?.status !== 'running' && now;
  }, 'the money of the attempt');
  assert.equal(row.status, 'expired');
  assert.equal(row.attempts[0]?.usage?.source, 'estimated');
  assert.ok((row.cost_usd ?? 0) > 0);
});

test('no attempt begins after the deadline: a rest that is longer is not waited for', async () => {
  const { server, vendor } = house;
  const { request_id: id } = await submit(server, {
    prompt: 'No time to rest [[sim fault=retry-after-30]]',
    model: 'resting/gpt-4o-mini',
    deadline_ms: 5000,
  });
  const answer = await outcome(server, id, {}, 20_000);
  assert.equal(answer.status, 409);
  assert.ok(['failed', 'expired'].includes(answer.body.status), answer.text);
  assert.equal(callsWith(vendor, 'No time to rest').length, 1);
});

test('the total clock ends failed, code timeout', async () => {
  const { server, vendor } = house;
  const { request_id: id } = await submit(server, {
    prompt: 'Too long in all [[sim tokens=500 rate=20]]',
    model: MODEL,
  });
  const answer = await outcome(server, id, {}, 30_000);
  assert.equal(answer.status, 409);
  assert.equal(answer.body.status, 'failed');
  assert.equal(answer.body.code, 'timeout');
  assert.ok((answer.body.partial_text ?? '').length > 0);
  const frames = await readAll(openSse(server, id));
  assert.equal(checkFrames(frames).status, 'failed');
  assert.equal(textOf(frames), answer.body.partial_text);
  const entry = await eventually(
    () => callsWith(vendor, 'Too long in all').find((one) => one.endedAt !== null),
    'the end of the upstream call',
  );
  assert.equal(entry.outcome, 'aborted');
});

test('an answer in time beats its deadline', async () => {
  const { server } = house;
  const { request_id: id } = await submit(server, {
    prompt: 'In time [[sim tokens=5]]',
    model: MODEL,
    deadline_ms: 20_000,
  });
  assert.equal((await outcome(server, id)).status, 200);
});
