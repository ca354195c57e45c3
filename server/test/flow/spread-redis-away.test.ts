/** Redis only makes things soon: without it everything still happens, within a second or so, and it comes back by itself. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, cancel, outcome, result, submit } from '../support/api.ts';
import { type ClusterNode, type Fleet, startFleet } from '../support/cluster.ts';
import { eventually } from '../support/server.ts';
import { checkFrames, openSse, openWs, readAll, type StreamReader, textOf } from '../support/streams.ts';
import { callsWith, MODEL, saidBy } from '../support/vendors.ts';

/** As they are by default: no short heartbeat helps here. */
const clocks = { lease_ms: 15_000, heartbeat_ms: 5000 };

let fleet: Fleet;
let apis: [ClusterNode, ClusterNode];
let workers: ClusterNode[];

before(async () => {
  fleet = await startFleet({ settings: { clocks } });
  [apis, workers] = await Promise.all([
    Promise.all([fleet.start('api'), fleet.start('api')]),
    Promise.all([fleet.start('worker'), fleet.start('worker')]),
  ] as const);
});
after(() => fleet.close());

const readiness = async (node: ClusterNode) => {
  const { status, body } = await call<{ status: string; missing: string[] }>(node, '/readyz');
  return `${status} ${body.status} ${body.missing.join()}`;
};
const say = (what: string) =>
  Promise.all(
    [...apis, ...workers].map((node) =>
      eventually(async () => ((await readiness(node)) === what ? true : null), `${node.name}: ${what}`, 8000),
    ),
  );

/** The longest time between two frames, from now on. */
function watch(reader: StreamReader): () => number {
  let seen = reader.frames.length;
  let last = performance.now();
  let longest = 0;
  const timer = setInterval(() => {
    if (reader.frames.length === seen) return;
    seen = reader.frames.length;
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 5);
  void reader.ended.then(() => clearInterval(timer));
  return () => longest;
}

async function stream(name: string, tokens: number) {
  const prompt = `${name} [[sim tokens=${tokens} rate=10]]`;
  const said = saidBy(fleet.vendor, prompt);
  const { request_id: id } = await submit(apis[0], { prompt, model: MODEL });
  const readers = await Promise.all([openSse(apis[0], id), openWs(apis[1], id)]);
  await Promise.all(readers.map((reader) => reader.until((frame) => frame.type === 'text')));
  return {
    id,
    readers,
    /** All readers and the record say the same. */
    async whole(): Promise<void> {
      const [frames, others] = await Promise.all(readers.map((reader) => readAll(Promise.resolve(reader))));
      assert.equal(checkFrames(frames ?? []).status, 'succeeded');
      assert.equal(textOf(frames ?? []), (await said).text);
      assert.deepEqual(others, frames);
      for (const api of apis) assert.deepEqual(await readAll(openSse(api, id)), frames);
      assert.equal(callsWith(fleet.vendor, name).filter((entry) => entry.stream).length, 1);
    },
  };
}

/** `gapMs`: how long readers may see nothing new at most. */
async function without(t: TestContext, name: string, gapMs: number, away: () => Promise<void> | void): Promise<void> {
  const running = await stream(`Through ${name}`, 60);
  await away();
  const began = performance.now();
  const gaps = running.readers.map(watch);
  await say('200 degraded redis');
  t.diagnostic(`${name}: all say so after ${Math.round(performance.now() - began)} ms`);

  const found: string[] = [];
  for (let n = 0; n < 8; n++) {
    const asked = performance.now();
    const api = apis[n % 2] as ClusterNode;
    found.push((await submit(api, { prompt: `Found ${n} without ${name}`, model: MODEL })).request_id);
    assert.ok(performance.now() - asked < 700, 'a submit does not wait for Redis');
    await sleep(170);
  }
  for (const id of found) assert.equal((await result(apis[1], id)).status, 'succeeded');
  const [late] = await fleet.sql<{ ms: number }>(
    `select max(extract(epoch from started_at - created_at) * 1000)::float8 as ms from mcp_request
     where id in (${found.map((id) => `'${id}'`).join()})`,
  );
  t.diagnostic(`${name}: work was found after ${Math.round(late?.ms ?? 0)} ms at most`);
  assert.ok((late?.ms ?? Number.POSITIVE_INFINITY) <= 1000, `${late?.ms} ms`);

  // Cancelled here, running there.
  const silent = await submit(apis[0], { prompt: `Silent without ${name} [[sim first=60000]]`, model: MODEL });
  const entry = () => callsWith(fleet.vendor, `Silent without ${name}`)[0];
  await eventually(entry, 'the call');
  const since = Date.now();
  assert.equal((await cancel(apis[1], silent.request_id)).body.status, 'cancelled');
  const closed = await eventually(() => entry()?.endedAt, 'the vendor’s socket is closed', 4000);
  t.diagnostic(`${name}: a cancel closed the socket after ${closed - since} ms`);
  assert.ok(closed - since < 2500, `${closed - since} ms`);
  assert.equal((await outcome(apis[0], silent.request_id)).body.status, 'cancelled');

  await running.whole();
  for (const gap of gaps) {
    t.diagnostic(`${name}: the longest time between two frames was ${Math.round(gap())} ms`);
    assert.ok(gap() < gapMs, `${gap()} ms`);
  }
}

async function recovered(name: string): Promise<void> {
  await say('200 ready ');
  const running = await stream(`After ${name}`, 10);
  await running.whole();
  const { request_id: id } = await submit(apis[0], { prompt: `Woken after ${name}`, model: MODEL });
  await result(apis[1], id);
}

test('Redis is killed, and started again', async (t) => {
  await without(t, 'the kill', 1200, () => fleet.redis.kill()).finally(() => fleet.redis.start());
  await recovered('the kill');
});

test('Redis is frozen, and goes on', async (t) => {
  // That nothing comes any more is only seen by a question without an answer, each second.
  await without(t, 'the frost', 3000, () => fleet.redis.freeze()).finally(() => fleet.redis.thaw());
  await recovered('the frost');
});

test('Redis is emptied in the middle of streams', async () => {
  const running = await stream('Emptied', 40);
  const gaps = running.readers.map(watch);
  for (let n = 0; n < 6; n++) {
    fleet.redis.cli('FLUSHALL');
    if (n % 2) fleet.redis.cli('SCRIPT', 'FLUSH');
    await sleep(300);
  }
  const reader = running.readers[0] as StreamReader;
  const after = Math.floor(reader.frames.length / 2);
  const resumed = await readAll(openSse(apis[1], running.id, { after }));
  await running.whole();
  assert.deepEqual(resumed, reader.frames.slice(after));
  for (const gap of gaps) assert.ok(gap() < 1500, `${gap()} ms`);
});
