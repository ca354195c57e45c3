/** The line to PostgreSQL breaks again and again: every promise is kept, once. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isProblem, post, type Receipt, result, submit } from '../support/api.ts';
import { type ClusterNode, type Fleet, startFleet } from '../support/cluster.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { checkFrames, openSse, openWs, readAll, textOf } from '../support/streams.ts';
import { callsWith, MODEL, saidBy } from '../support/vendors.ts';

let fleet: Fleet;
let proxy: FaultProxy;
let apis: [ClusterNode, ClusterNode];

before(async () => {
  // A longer lease than in other tests: on a busy machine a late heartbeat must not look like a loss.
  fleet = await startFleet({ settings: { clocks: { lease_ms: 6000, heartbeat_ms: 500 } } });
  proxy = await startFaultProxy(fleet.postgres.port);
  fleet.env.DATABASE_URL = fleet.postgres.url.replace(String(fleet.postgres.port), String(proxy.port));
  [apis] = await Promise.all([
    Promise.all([fleet.start('api'), fleet.start('api')]),
    fleet.start('worker'),
    fleet.start('worker'),
  ] as const);
});
after(async () => {
  await fleet.close();
  await proxy?.close();
});

test('cuts while requests are taken, run and read', async () => {
  let stop = false;
  let cuts = 0;
  const cutting = (async () => {
    while (!stop) {
      await sleep(150 + Math.random() * 300);
      proxy.reset();
      cuts++;
    }
  })();
  const accepted: string[] = [];
  let refused = 0;
  const began = performance.now();
  // Five seconds, or until enough was cut and taken: a busy machine needs longer.
  const goesOn = () => {
    const ms = performance.now() - began;
    return ms < 5000 || (ms < 40_000 && (cuts < 8 || accepted.length < 20));
  };
  try {
    await Promise.all(
      Array.from({ length: 4 }, async (_, lane) => {
        for (let n = 0; goesOn(); n++) {
          const text = `Cut ${lane}-${n}. [[sim tokens=10 rate=20]]`;
          const api = apis[(lane + n) % 2] as ClusterNode;
          const answer = await post<Receipt>(
            api,
            '/mcp/v1/request',
            { prompt: text, model: MODEL },
            { 'idempotency-key': `cut-${lane}-${n}` },
          );
          if (answer.status === 202) accepted.push(answer.body.request_id);
          else {
            isProblem(answer, 503, 'unavailable');
            refused++;
          }
        }
      }),
    );
  } finally {
    stop = true;
  }
  await cutting;
  assert.ok(cuts >= 8 && accepted.length >= 20, `${cuts} cuts, ${accepted.length} accepted, ${refused} refused`);
  for (const id of accepted) {
    const done = await result(apis[0], id);
    assert.equal(checkFrames(await readAll(openSse(apis[1], id))).status, 'succeeded');
    assert.equal(textOf(await readAll(openSse(apis[1], id))), done.text);
  }
  // Every one that was accepted had one success, and none was asked for twice.
  const prompts = new Map<string, number>();
  for (const entry of callsWith(fleet.vendor, 'Cut ')) {
    const text = /Cut \d+-\d+\./.exec(JSON.stringify(entry.body))?.[0] ?? '';
    if (entry.outcome === 'completed') prompts.set(text, (prompts.get(text) ?? 0) + 1);
  }
  assert.equal([...prompts.values()].filter((times) => times > 1).length, 0);
});

test('bytes in small pieces, late, and a line that says nothing for a while', async () => {
  proxy.slice(7);
  proxy.latency(5);
  const prompt = 'Slow line [[sim tokens=60 rate=10]]';
  const said = saidBy(fleet.vendor, prompt);
  const { request_id: id } = await submit(apis[0], { prompt, model: MODEL });
  const readers = [await openSse(apis[0], id), await openWs(apis[1], id)];
  await Promise.all(readers.map((reader) => reader.until((frame) => frame.type === 'text')));
  proxy.latency(0);
  proxy.slice(null);
  // Half-open: nothing closes, nothing comes.
  proxy.freeze();
  await sleep(3000);
  proxy.thaw();
  const [frames, others] = await Promise.all(readers.map((reader) => readAll(Promise.resolve(reader))));
  assert.equal(checkFrames(frames ?? []).status, 'succeeded');
  assert.deepEqual(others, frames);
  assert.equal(textOf(frames ?? []), (await said).text);
  assert.equal(callsWith(fleet.vendor, 'Slow line').filter((entry) => entry.stream).length, 1);
});
