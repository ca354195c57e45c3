/** SIGTERM with work in hand: what can end in time ends, the rest runs elsewhere, nothing is held against it, exit 0. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, type Json, outcome, post, result, submit, view } from '../support/api.ts';
import { type ClusterNode, type Fleet, startFleet } from '../support/cluster.ts';
import { takesConnections } from '../support/daemon.ts';
import { eventually } from '../support/server.ts';
import { checkFrames, openSse, openWs, readAll, textOf } from '../support/streams.ts';
import { callsWith, MODEL, saidBy } from '../support/vendors.ts';

/** Long enough for the short ones on a machine that stands still now and then; the long ones take three times as long. */
const DRAIN_MS = 4000;
/** What a busy machine adds. */
const SLOW_MS = 6000;

let fleet: Fleet;
let api: ClusterNode;

before(async () => {
  fleet = await startFleet({ settings: { clocks: { drain_ms: DRAIN_MS } } });
  api = await fleet.start('api');
});
after(() => fleet.close());

/** Calls of a request that the vendor was sent; not those that a test asks itself. */
const streamed = (text: string) => callsWith(fleet.vendor, text).filter((entry) => entry.stream);

/** Waits until a process has heard that it shall stop. */
const stopping = (node: ClusterNode) =>
  eventually(
    () =>
      call(node, '/readyz').then(
        ({ status }) => status !== 200,
        () => true,
      ),
    `${node.name} stops`,
    DRAIN_MS,
  );

const begun = (text: string, calls: number) =>
  eventually(() => (streamed(text).length >= calls ? true : null), `call ${calls} with ${text}`);

test('a worker that is told to stop ends what it can, hands back the rest, takes nothing new', async () => {
  const first = await fleet.start('worker');
  const short = 'Short one [[sim tokens=10 rate=10]]';
  const long = 'Long one [[sim tokens=120 rate=10]]';
  const expected = saidBy(fleet.vendor, long);
  const ids = [];
  for (const prompt of [short, long]) ids.push((await submit(api, { prompt, model: MODEL })).request_id);
  const [shortId, longId] = ids as [string, string];
  await Promise.all([begun('Short one', 1), begun('Long one', 1)]);
  const reader = await openSse(api, longId);
  await reader.until((frame) => frame.type === 'text');

  const told = performance.now();
  const stopped = first.stop();
  await stopping(first);
  const { request_id: newId } = await submit(api, { prompt: 'Came later', model: MODEL });
  assert.equal(await stopped, 0);
  const took = performance.now() - told;
  assert.ok(took > DRAIN_MS - 100 && took < DRAIN_MS + SLOW_MS, `it took ${took} ms to stop`);
  assert.equal((await view(api, newId)).status, 'queued', 'nothing is taken by a process that stops');
  assert.equal((await view(api, longId)).status, 'queued', 'handed back, not lost');
  assert.equal((await view(api, shortId)).status, 'succeeded');
  const handed = streamed('Long one')[0];
  assert.equal(handed?.outcome, 'aborted', 'the socket is closed');

  const began = performance.now();
  const second = await fleet.start('worker');
  assert.equal((await result(api, newId)).status, 'succeeded');
  await begun('Long one', 2);
  assert.ok(performance.now() - began < 6000 + SLOW_MS);
  const frames = await readAll(Promise.resolve(reader));
  assert.equal(checkFrames(frames).status, 'succeeded');
  assert.equal(textOf(frames), (await expected).text);
  assert.equal(frames.filter((frame) => frame.type === 'restart').length, 1);
  assert.equal(streamed('Short one').length, 1, 'what ended is not run again');
  const attempts = (await view(api, longId)).attempts;
  assert.deepEqual(
    attempts.map((attempt) => attempt.status),
    ['cancelled', 'succeeded'],
  );
  for (const attempt of attempts) assert.ok((attempt.cost_usd ?? 0) > 0, 'also the part that was cut is paid');
  assert.equal(await second.stop(), 0);
});

test('three workers stop in the middle of it: with two attempts allowed it still succeeds', async () => {
  const settings = { attempts: 2, clocks: { drain_ms: 100 } };
  const prompt = 'Handed round [[sim tokens=80 rate=10]]';
  const expected = saidBy(fleet.vendor, prompt);
  const { request_id: id } = await submit(api, { prompt, model: MODEL });
  for (let round = 1; round <= 3; round++) {
    const worker = await fleet.start('worker', { settings });
    await begun('Handed round', round);
    await sleep(300);
    assert.equal(await worker.stop(), 0);
    assert.equal((await view(api, id)).status, 'queued');
  }
  const last = await fleet.start('worker', { settings });
  const done = await result(api, id);
  assert.equal(done.text, (await expected).text);
  const { attempts } = await view(api, id);
  assert.deepEqual(
    attempts.map(({ attempt, status }) => [attempt, status]),
    [
      [1, 'cancelled'],
      [2, 'cancelled'],
      [3, 'cancelled'],
      [4, 'succeeded'],
    ],
  );
  const [row] = await fleet.sql<{ crashes: number; epoch: number }>(
    `select crashes::int, epoch from mcp_request where id = '${id}'`,
  );
  assert.deepEqual(row, { crashes: 0, epoch: 4 });

  // What was not burnt does not become free attempts: the provider's own failures still count.
  const failing = await submit(api, { prompt: 'Never works [[sim fault=status-500]]', model: MODEL });
  assert.equal((await outcome(api, failing.request_id)).body.code, 'upstream_unavailable');
  assert.equal(callsWith(fleet.vendor, 'Never works').length, 2);
  assert.equal(await last.stop(), 0);
});

test('an API that is told to stop: its calls end in time or with an honest error, its readers go on elsewhere', async () => {
  const worker = await fleet.start('worker');
  const leaving = await fleet.start('api');
  const { request_id: id } = await submit(api, { prompt: 'Read on [[sim tokens=180 rate=10]]', model: MODEL });
  const [sse, ws] = await Promise.all([openSse(leaving, id), openWs(leaving, id)]);
  await sse.until((frame) => frame.type === 'text');

  const ask = (prompt: string, stream: boolean) =>
    post<Json>(leaving, '/v1/chat/completions', {
      model: MODEL,
      stream,
      messages: [{ role: 'user', content: prompt }],
    });
  const quick = ask('Door quick [[sim tokens=12 rate=10]]', false);
  const slow = ask('Door slow [[sim tokens=180 rate=10]]', false);
  const cut = ask('Door streamed [[sim tokens=181 rate=10]]', true);
  await Promise.all(
    ['Door quick', 'Door slow', 'Door streamed'].map((text) =>
      eventually(() => callsWith(fleet.vendor, text)[0], text),
    ),
  );
  await sleep(300);

  const told = performance.now();
  const stopped = leaving.stop();
  const port = Number(new URL(leaving.address).port);
  await eventually(async () => !(await takesConnections(port)), 'it listens no more', DRAIN_MS - 500);

  assert.equal((await quick).status, 200);
  const refused = await slow;
  assert.equal(refused.status, 502, refused.text);
  assert.equal((refused.body.error as Json).code, 'interrupted');
  assert.equal(refused.headers.get('x-should-retry'), null, 'it may be asked again');
  const half = await cut;
  assert.equal(half.status, 200);
  assert.match(half.text, /data: \{"error":/);
  assert.doesNotMatch(half.text, /\[DONE\]/);
  assert.equal(await stopped, 0);
  const took = performance.now() - told;
  assert.ok(took < DRAIN_MS + SLOW_MS, `it took ${took} ms to stop`);

  for (const text of ['Door slow', 'Door streamed']) assert.equal(callsWith(fleet.vendor, text)[0]?.outcome, 'aborted');
  for (const answer of [refused, half]) {
    const requestId = answer.headers.get('x-mcp-request-id') ?? '';
    const row = await view(api, requestId);
    assert.deepEqual([row.status, row.error?.code], ['failed', 'interrupted']);
    assert.ok((row.cost_usd ?? 0) > 0, 'what was made is paid');
  }

  // Both readers were let go without an end, and have the rest from the other node.
  await Promise.all([sse.ended, ws.ended]);
  assert.equal(ws.code(), 1001);
  for (const reader of [sse, ws]) {
    assert.ok(!reader.frames.some((frame) => frame.type === 'end'));
    const rest = await readAll(openSse(api, id, { after: reader.frames.length }));
    assert.equal(checkFrames([...reader.frames, ...rest]).status, 'succeeded');
  }
  assert.equal(await worker.stop(), 0);
});

test('a second signal does not wait, and what it left behind runs elsewhere', async () => {
  const worker = await fleet.start('worker', { settings: { clocks: { drain_ms: 30_000 } } });
  const { request_id: id } = await submit(api, { prompt: 'Twice told [[sim tokens=80 rate=10]]', model: MODEL });
  await begun('Twice told', 1);
  worker.signal('SIGTERM');
  await stopping(worker);
  const told = performance.now();
  worker.signal('SIGTERM');
  assert.equal(await worker.exited(), 1);
  assert.ok(performance.now() - told < SLOW_MS);
  const next = await fleet.start('worker');
  assert.equal((await result(api, id)).status, 'succeeded');
  assert.equal(await next.stop(), 0);
});
