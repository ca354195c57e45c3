/** Everything through PgBouncer in transaction mode: each statement may meet another connection of the server. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { cancel, events, type Json, outcome, post, result, submit, view } from '../support/api.ts';
import { type ClusterNode, type Fleet, SECRET, startFleet } from '../support/cluster.ts';
import { eventually, makePlace, runGoblin } from '../support/server.ts';
import { type PgbouncerService, startPgbouncer } from '../support/services.ts';
import { checkFrames, openSse, openWs, readAll, textOf } from '../support/streams.ts';
import { callsWith, MODEL, saidBy } from '../support/vendors.ts';

let fleet: Fleet;
let bouncer: PgbouncerService;
let apis: [ClusterNode, ClusterNode];
let worker: ClusterNode;

before(async () => {
  // A longer lease than in other tests: two hundred at once keep the processes from their heartbeats.
  fleet = await startFleet({ settings: { clocks: { lease_ms: 4000, heartbeat_ms: 500 } } });
  // Fewer connections to the server than our processes have to the pooler: they are shared in earnest.
  bouncer = await startPgbouncer(fleet.postgres, { default_pool_size: 3 });
  fleet.env.DATABASE_URL = bouncer.url;
});
after(async () => {
  await fleet.close();
  await bouncer?.kill();
});

test('migrate, twice', async () => {
  const env = { MCP_SECRET: SECRET, DATABASE_URL: bouncer.url };
  const first = await runGoblin(['migrate'], makePlace(), env);
  assert.deepEqual([first.code, /\d migrations ran/.test(first.stdout)], [0, true], first.stderr);
  const second = await runGoblin(['migrate'], makePlace(), env);
  assert.deepEqual([second.code, second.stdout.trim()], [0, 'The database is up to date.'], second.stderr);
});

test('processes start, also several at once', async () => {
  [apis, worker] = await Promise.all([
    Promise.all([fleet.start('api'), fleet.start('api')]),
    fleet.start('worker'),
  ] as const);
});

test('a request and its stream in both forms', async () => {
  const prompt = 'Through the pooler [[sim tokens=30 rate=15]]';
  const said = saidBy(fleet.vendor, prompt);
  const { request_id: id } = await submit(apis[0], { prompt, model: MODEL });
  const [sse, ws] = await Promise.all([readAll(openSse(apis[1], id)), readAll(openWs(apis[0], id))]);
  assert.equal(checkFrames(sse).status, 'succeeded');
  assert.equal(textOf(sse), (await said).text);
  assert.deepEqual(ws, sse);
  assert.deepEqual(await readAll(openSse(apis[0], id, { after: 3 })), sse.slice(3));
  assert.deepEqual(
    (await events(apis[1], id)).map((event) => event.type),
    ['request.queued', 'request.running', 'request.succeeded'],
  );
});

test('door calls, whole and streamed, and one idempotency key on both nodes', async () => {
  const messages = [{ role: 'user', content: 'Door through the pooler' }];
  const whole = await post<Json>(apis[0], '/v1/chat/completions', { model: MODEL, messages });
  assert.equal(whole.status, 200, whole.text);
  assert.equal((await result(apis[1], whole.headers.get('x-mcp-request-id') ?? '')).status, 'succeeded');
  const streamed = await post(apis[1], '/v1/chat/completions', { model: MODEL, messages, stream: true });
  assert.match(streamed.text, /data: \[DONE\]\n\n$/);
  const keyed = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      post<{ request_id: string }>(
        apis[n % 2] as ClusterNode,
        '/mcp/v1/request',
        { prompt: 'Keyed through the pooler', model: MODEL },
        { 'idempotency-key': 'pooled' },
      ),
    ),
  );
  assert.deepEqual([...new Set(keyed.map((answer) => answer.status))], [202]);
  assert.equal(new Set(keyed.map((answer) => answer.body.request_id)).size, 1);
  await result(apis[0], keyed[0]?.body.request_id ?? '');
  assert.equal(callsWith(fleet.vendor, 'Keyed through').length, 1);
});

test('two hundred at once', async () => {
  const ids = await Promise.all(
    Array.from({ length: 200 }, async (_, n) => {
      const api = apis[n % 2] as ClusterNode;
      return (await submit(api, { prompt: `Crowd ${n}. [[sim tokens=3]]`, model: MODEL })).request_id;
    }),
  );
  for (const id of ids) assert.equal((await result(apis[0], id)).status, 'succeeded');
  assert.equal(callsWith(fleet.vendor, 'Crowd ').length, 200);
});

test('cancel, and a worker that dies', async () => {
  const silent = await submit(apis[0], { prompt: 'Silent, pooled [[sim first=60000]]', model: MODEL });
  await eventually(() => callsWith(fleet.vendor, 'Silent, pooled')[0], 'the call');
  const since = Date.now();
  assert.equal((await cancel(apis[1], silent.request_id)).body.status, 'cancelled');
  const closed = await eventually(() => callsWith(fleet.vendor, 'Silent, pooled')[0]?.endedAt, 'it is closed');
  assert.ok(closed - since < 6000, `${closed - since} ms`);
  assert.equal((await outcome(apis[0], silent.request_id)).body.code, 'cancelled');

  const { request_id: id } = await submit(apis[0], {
    prompt: 'Killed, pooled [[sim tokens=100 rate=10]]',
    model: MODEL,
  });
  await eventually(() => callsWith(fleet.vendor, 'Killed, pooled')[0], 'the call');
  const heir = await fleet.start('worker');
  await worker.kill();
  assert.equal((await result(apis[1], id)).status, 'succeeded');
  assert.equal((await view(apis[1], id)).attempts.length, 2);
  assert.equal(await heir.stop(), 0);
});

test('the pooler itself is started anew', async () => {
  const heir = await fleet.start('worker');
  const prompt = 'Over the restart [[sim tokens=40 rate=10]]';
  const said = saidBy(fleet.vendor, prompt);
  const { request_id: id } = await submit(apis[0], { prompt, model: MODEL });
  const reader = await openSse(apis[1], id);
  await reader.until((frame) => frame.type === 'text');
  await bouncer.kill();
  await bouncer.start();
  const frames = await readAll(Promise.resolve(reader));
  assert.equal(checkFrames(frames).status, 'succeeded');
  assert.equal(textOf(frames), (await said).text);
  assert.equal(callsWith(fleet.vendor, 'Over the restart').filter((entry) => entry.stream).length, 1);
  assert.equal(await heir.stop(), 0);
  for (const api of apis) assert.equal(await api.stop(), 0);
});
