/** Cancelled on one node, running on another: the vendor's socket closes within a second, what was made is paid. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { cancel, type Json, outcome, post, submit, view } from '../support/api.ts';
import { type ClusterNode, type Fleet, startFleet } from '../support/cluster.ts';
import { eventually } from '../support/server.ts';
import { checkFrames, openSse, openWs, readAll, textOf } from '../support/streams.ts';
import { callsWith, MODEL } from '../support/vendors.ts';

/** What gpt-4o-mini costs. */
const OUT = 0.6e-6;

/** As they are unless somebody sets them: a heartbeat of five seconds is no help. */
const DEFAULT_CLOCKS = { lease_ms: 15_000, heartbeat_ms: 5000 };

let fleet: Fleet;
let here: ClusterNode;
let there: ClusterNode;

before(async () => {
  fleet = await startFleet({ settings: { clocks: DEFAULT_CLOCKS } });
  [here, there] = await Promise.all([
    fleet.start('api'),
    fleet.start('api'),
    fleet.start('worker'),
    fleet.start('worker'),
  ]);
});
after(() => fleet.close());

const closedAfter = async (text: string, since: number, limitMs = 10_000): Promise<number> => {
  const entry = await eventually(
    () => callsWith(fleet.vendor, text).find((one) => one.endedAt !== null),
    `the end of ${text}`,
    limitMs,
  );
  assert.equal(entry.outcome, 'aborted');
  return (entry.endedAt as number) - since;
};

/** Waits until the runner has said what the attempt cost. */
const settled = (id: string) =>
  eventually(async () => {
    const row = await view(here, id);
    return row.attempts.every((attempt) => attempt.status !== 'running') ? row : null;
  }, 'the attempt is settled');

test('a stream that speaks: terminal at once, closed within a second, the shown part is billed and kept', async (t) => {
  const { request_id: id } = await submit(here, { prompt: 'Speaks [[sim tokens=300 rate=20]]', model: MODEL });
  const [sse, ws] = await Promise.all([openSse(here, id), openWs(there, id)]);
  await ws.until((frame) => frame.seq > 5);
  const since = Date.now();
  const answer = await cancel(there, id);
  assert.deepEqual([answer.status, answer.body], [200, { request_id: id, status: 'cancelled' }]);
  const took = await closedAfter('Speaks', since);
  t.diagnostic(`the vendor's socket was closed after ${took} ms`);
  assert.ok(took < 1000, `it took ${took} ms`);
  const [frames, others] = await Promise.all([readAll(Promise.resolve(sse)), readAll(Promise.resolve(ws))]);
  assert.equal(checkFrames(frames).status, 'cancelled');
  assert.deepEqual(others, frames);

  const row = await settled(id);
  assert.deepEqual([row.status, row.attempts.length, row.attempts[0]?.status], ['cancelled', 1, 'cancelled']);
  const shown = textOf(frames);
  const cost = row.attempts[0]?.cost_usd ?? 0;
  // The simulator's tokens are words of at least four characters.
  assert.ok(cost >= (shown.length / 8) * OUT, `${cost} for ${shown.length} characters`);
  assert.ok(Math.abs((row.cost_usd ?? 0) - cost) < 1e-12);
  const ended = await outcome(there, id);
  assert.equal(ended.status, 409);
  assert.deepEqual([ended.body.status, ended.body.code], ['cancelled', 'cancelled']);
  assert.ok((ended.body.partial_text ?? '').startsWith(shown), 'all that was shown is kept');
  assert.ok(shown.length > 0);
});

test('a stream that is silent still closes within a second', async (t) => {
  const { request_id: id } = await submit(here, { prompt: 'Silent [[sim first=60000]]', model: MODEL });
  await eventually(() => callsWith(fleet.vendor, 'Silent')[0], 'the call');
  const since = Date.now();
  // Both nodes at once, twice each: one cancel, four equal answers.
  const answers = await Promise.all([here, there, here, there].map((node) => cancel(node, id)));
  for (const answer of answers) assert.deepEqual([answer.status, answer.body.status], [200, 'cancelled']);
  const took = await closedAfter('Silent', since);
  t.diagnostic(`the vendor's socket was closed after ${took} ms`);
  assert.ok(took < 1000, `it took ${took} ms`);
  const row = await settled(id);
  assert.ok((row.cost_usd ?? 0) > 0, 'the vendor had the prompt');
  await sleep(1500);
  assert.equal(callsWith(fleet.vendor, 'Silent').length, 1, 'nothing starts after a cancel');
  const [count] = await fleet.sql<{ n: number }>(
    `select count(*)::int as n from mcp_event where request_id = '${id}' and type = 'request.cancelled'`,
  );
  assert.equal(count?.n, 1);
});

test('a call at the door of another node', async (t) => {
  const answer = post<Json>(here, '/v1/chat/completions', {
    model: MODEL,
    messages: [{ role: 'user', content: 'Door cancelled [[sim first=60000]]' }],
  });
  await eventually(() => callsWith(fleet.vendor, 'Door cancelled')[0], 'the call');
  const id = await eventually(
    async () =>
      (
        await fleet.sql<{ id: string }>(
          `select id::text from mcp_request where mode = 'attached' and state = 'running'`,
        )
      )[0]?.id,
    'its row',
  );
  const since = Date.now();
  assert.equal((await cancel(there, id)).body.status, 'cancelled');
  const took = await closedAfter('Door cancelled', since);
  t.diagnostic(`the vendor's socket was closed after ${took} ms`);
  assert.ok(took < 1000, `it took ${took} ms`);
  const told = await answer;
  assert.equal(told.status, 409, told.text);
  assert.equal((told.body.error as Json).code, 'cancelled');
});

test('with Redis away: streams that speak or are silent, and a call at a door, close within about two seconds', async (t) => {
  const cases = { Loud: 'Loud, no Redis [[sim tokens=300 rate=20]]', Mute: 'Mute, no Redis [[sim first=60000]]' };
  const ids = new Map<string, string>();
  for (const [name, prompt] of Object.entries(cases))
    ids.set(name, (await submit(here, { prompt, model: MODEL })).request_id);
  const stream = await openSse(there, ids.get('Loud') as string);
  await stream.until((frame) => frame.type === 'text');
  const door = post<Json>(here, '/v1/chat/completions', {
    model: MODEL,
    messages: [{ role: 'user', content: 'Door, no Redis [[sim first=60000]]' }],
  });
  for (const name of ['Mute', 'Door'])
    await eventually(() => callsWith(fleet.vendor, `${name}, no Redis`)[0], `the call of ${name}`);
  const [attached] = await fleet.sql<{ id: string }>(
    `select id::text from mcp_request where mode = 'attached' and state = 'running'`,
  );
  ids.set('Door', attached?.id ?? '');
  await fleet.redis.kill();
  // Just after a heartbeat of the silent one's worker, so that the next one is far away.
  await eventually(
    async () =>
      (
        await fleet.sql(
          `select 1 from mcp_process p join mcp_request r on r.owner = p.id where r.id = '${ids.get('Mute')}'
           and p.beat_at between now() - interval '1000 milliseconds' and now() - interval '100 milliseconds'`,
        )
      ).length > 0,
    'a heartbeat',
  );
  const since = Date.now();
  for (const id of ids.values()) assert.equal((await cancel(there, id)).body.status, 'cancelled');
  for (const name of ids.keys()) {
    const took = await closedAfter(`${name}, no Redis`, since);
    t.diagnostic(`${name}: the vendor's socket was closed after ${took} ms`);
    assert.ok(took < 2500, `${name}: it took ${took} ms`);
  }
  assert.equal(checkFrames(await readAll(Promise.resolve(stream))).status, 'cancelled');
  const told = await door;
  assert.equal(told.status, 409, told.text);
  assert.equal((told.body.error as Json).code, 'cancelled');
  assert.equal(told.headers.get('x-should-retry'), 'false', 'nobody runs again what was cancelled');
  for (const id of ids.values()) {
    const row = await settled(id);
    assert.equal(row.attempts[0]?.status, 'cancelled');
    assert.ok((row.cost_usd ?? 0) > 0);
  }
});
