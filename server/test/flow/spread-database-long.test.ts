/** An outage of more than thirty seconds: degraded, then out of the load balancer; and back by itself. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, isProblem, type Json, post, result, submit, view } from '../support/api.ts';
import { type ClusterNode, type Fleet, startFleet } from '../support/cluster.ts';
import { eventually } from '../support/server.ts';
import { checkFrames, openSse, readAll, textOf } from '../support/streams.ts';
import { callsWith, MODEL, saidBy } from '../support/vendors.ts';

let fleet: Fleet;
let api: ClusterNode;
let worker: ClusterNode;

before(async () => {
  fleet = await startFleet();
  [api, worker] = await Promise.all([fleet.start('api'), fleet.start('worker')]);
});
after(() => fleet.close());

const readiness = async (node: ClusterNode) => {
  const { status, headers, body } = await call<{ status: string; missing: string[] }>(node, '/readyz');
  return { status, state: body.status, missing: body.missing, again: headers.get('retry-after') };
};

test('PostgreSQL is away for 33 seconds', async (t) => {
  // Its answer is complete while nobody can write it down.
  const prompt = 'Ends in the dark [[sim tokens=40 rate=10]]';
  const said = saidBy(fleet.vendor, prompt);
  const { request_id: id } = await submit(api, { prompt, model: MODEL });
  const reader = await openSse(api, id);
  await reader.until((frame) => frame.type === 'text');
  await fleet.postgres.kill();
  const began = performance.now();
  const since = () => performance.now() - began;
  for (const node of [api, worker]) {
    await eventually(
      async () => ((await readiness(node)).state === 'degraded' ? true : null),
      `${node.name} sees it`,
      15_000,
    );
  }
  const calls = [1, 2].map(async (n) => {
    const asked = performance.now();
    const messages = [{ role: 'user', content: `Waits in vain ${n}` }];
    const answer = await post<Json>(api, '/v1/chat/completions', { model: MODEL, stream: n === 2, messages });
    return { answer, took: performance.now() - asked };
  });

  const gone = new Map<ClusterNode, number>();
  // Half a minute counts from when a process has seen it, and a busy machine looks late.
  while (since() < 33_000 || (gone.size < 2 && since() < 45_000)) {
    for (const node of [api, worker]) {
      const { status, state, missing, again } = await readiness(node);
      assert.deepEqual(missing, ['database']);
      if (since() < 29_500) assert.deepEqual([status, state], [200, 'degraded'], `after ${since()} ms`);
      if (status === 503) {
        assert.equal(state, 'unavailable');
        assert.match(again ?? '', /^\d+$/);
        if (!gone.has(node)) gone.set(node, since());
      }
      assert.equal((await call(node, '/healthz')).status, 200, 'a restart would not help');
    }
    await sleep(250);
  }
  assert.equal(gone.size, 2, 'both are out of the load balancer after half a minute');
  for (const [node, at] of gone) t.diagnostic(`${node.name}: 503 after ${Math.round(at)} ms`);
  for (const at of gone.values()) assert.ok(at < 45_000);
  for (const { answer, took } of await Promise.all(calls)) {
    assert.equal(answer.status, 503, answer.text);
    assert.equal((answer.body.error as Json).code, 'unavailable');
    assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/);
    t.diagnostic(`a call that waited had its 503 after ${Math.round(took)} ms`);
    assert.ok(took > 27_000 && took < 40_000, `${took} ms`);
  }
  isProblem(await post(api, '/mcp/v1/request', { prompt: 'No', model: MODEL }), 503, 'unavailable');
  assert.equal(callsWith(fleet.vendor, 'Waits in vain').length, 0);

  await fleet.postgres.start();
  const back = performance.now();
  for (const node of [api, worker]) {
    await eventually(
      async () => ((await readiness(node)).state === 'ready' ? true : null),
      `${node.name} is back`,
      20_000,
    );
  }
  t.diagnostic(`ready again ${Math.round(performance.now() - back)} ms after the return`);
  const frames = await readAll(Promise.resolve(reader));
  assert.equal(checkFrames(frames).status, 'succeeded');
  assert.equal(textOf(frames), (await said).text);
  assert.equal((await view(api, id)).attempts.length, 1);
  assert.equal(callsWith(fleet.vendor, 'Ends in the dark').filter((entry) => entry.stream).length, 1);
  const later = await submit(api, { prompt: 'Again', model: MODEL });
  assert.equal((await result(api, later.request_id)).status, 'succeeded');
  // Of the calls that gave up there is no row.
  const rows = await fleet.sql(`select id from mcp_request where mode = 'attached'`);
  assert.deepEqual(rows, []);
});
