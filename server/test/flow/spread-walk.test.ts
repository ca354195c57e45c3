/** The same code as API and worker processes over PostgreSQL and Redis: a request taken here, run there, read elsewhere. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { call, events, type Json, post, result, submit, view } from '../support/api.ts';
import { type ClusterNode, type Fleet, startFleet } from '../support/cluster.ts';
import { eventually } from '../support/server.ts';
import { freePort } from '../support/services.ts';
import { checkFrames, openSse, openWs, readAll, textOf } from '../support/streams.ts';
import { callsOver, callsWith, MODEL, saidBy } from '../support/vendors.ts';

let fleet: Fleet;
let apis: [ClusterNode, ClusterNode];
let worker: ClusterNode;

before(async () => {
  fleet = await startFleet();
  [apis, worker] = await Promise.all([
    Promise.all([fleet.start('api'), fleet.start('api')]),
    fleet.start('worker'),
  ] as const);
});
after(() => fleet.close());

test('a request is taken by one API, run by the worker, read on the other API in both forms', async () => {
  const [here, there] = apis;
  const prompt = 'Walk the whole house [[sim tokens=60 rate=10]]';
  const said = saidBy(fleet.vendor, prompt);
  const receipt = await submit(here, { prompt, model: MODEL });
  const id = receipt.request_id;
  const [sse, ws] = await Promise.all([openSse(there, id), openWs(there, id)]);
  // While it runs, not only at its end.
  await Promise.all([sse, ws].map((stream) => stream.until((frame) => frame.type === 'text')));
  assert.equal((await view(there, id)).status, 'running');
  const [overSse, overWs] = await Promise.all([readAll(Promise.resolve(sse)), readAll(Promise.resolve(ws))]);
  const end = checkFrames(overSse);
  assert.equal(end.status, 'succeeded');
  const expected = (await said).text;
  assert.equal(textOf(overSse), expected);
  assert.equal(ws.code(), 1000);

  // Same frames, same numbers, whoever reads them and when.
  assert.deepEqual(overWs, overSse);
  assert.deepEqual(await readAll(openSse(here, id)), overSse);
  for (const api of apis) {
    const done = await result(api, id);
    assert.equal(done.text, expected);
    assert.equal(done.usage.source, 'reported');
  }
  const trail = (await events(there, id)).map((event) => event.type);
  assert.deepEqual(trail, ['request.queued', 'request.running', 'request.succeeded']);
  const ran = await fleet.sql<{ owner: string; id: string; kind: string }>(
    `select r.owner, p.id, p.kind from mcp_request r left join mcp_process p on p.id = r.owner where r.id = '${id}'`,
  );
  assert.equal(ran[0]?.kind, 'worker');
  assert.equal((await callsOver(fleet.vendor, 'Walk the whole house')).filter((entry) => entry.stream).length, 1);
});

test('a waiting reader of another node gets frames as they come, within a fraction of a second', async () => {
  const [here, there] = apis;
  const { request_id: id } = await submit(here, { prompt: 'Slowly [[sim tokens=60 rate=10]]', model: MODEL });
  const stream = await openSse(there, id);
  const at: number[] = [];
  let seen = 0;
  const timer = setInterval(() => {
    if (stream.frames.length > seen) at.push(performance.now());
    seen = stream.frames.length;
  }, 5);
  await stream.ended;
  clearInterval(timer);
  checkFrames(stream.frames);
  const gaps = at.slice(1).map((time, index) => time - (at[index] as number));
  assert.ok(at.length >= 12, `frames came in ${at.length} pieces`);
  // One token takes 100 ms. A reader that only looks by itself would see gaps of 500 ms.
  const middle = gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)] as number;
  assert.ok(middle < 250, `half of the frames came more than ${middle} ms apart`);
});

test('the door of an API calls the vendor itself, and another API has the record', async () => {
  const [here, there] = apis;
  const body = { model: MODEL, messages: [{ role: 'user', content: 'Through the door' }] };
  const answer = await post<{ choices: { message: { content: string } }[] }>(here, '/v1/chat/completions', body);
  assert.equal(answer.status, 200, answer.text);
  const id = answer.headers.get('x-mcp-request-id') ?? '';
  const done = await result(there, id);
  assert.equal(done.text, answer.body.choices[0]?.message.content);
  assert.equal(callsWith(fleet.vendor, 'Through the door').length, 1);
  const [row] = await fleet.sql<{ kind: string }>(
    `select p.kind from mcp_request r join mcp_process p on p.id = r.owner where r.id = '${id}'`,
  );
  assert.equal(row?.kind, 'api');
});

test('a worker answers /healthz and /readyz and nothing else', async () => {
  const health = await call(worker, '/healthz');
  assert.deepEqual([health.status, health.body], [200, { status: 'ok' }]);
  const ready = await call(worker, '/readyz');
  assert.deepEqual([ready.status, ready.body], [200, { status: 'ready', missing: [] }]);
  assert.equal((await call(worker, '/healthz', { method: 'HEAD' })).status, 200);
  for (const path of [
    '/',
    '/v1/models',
    '/mcp/v1/request',
    '/metrics',
    '/openapi.json',
    '/healthz/../mcp/v1/request',
  ]) {
    assert.equal((await call(worker, path)).status, 404, path);
  }
  assert.equal((await call(worker, '/readyz', { method: 'POST', raw: 'x' })).status, 405);
  assert.equal((await post(worker, '/v1/chat/completions', { model: MODEL, messages: [] })).status, 405);
});

test('every API names all processes, the queue and Redis', async () => {
  const [, there] = apis;
  type Metrics = {
    status: string;
    queue: Json;
    database: { driver: string };
    redis: { state: string };
    workers: { kind: string; pid: number; beat_age_ms: number; capacity: number }[];
  };
  // A process that stood still beats again as soon as it goes on.
  const metrics = await eventually(async () => {
    const seen = await call<Metrics>(there, '/mcp/v1/admin/metrics');
    const { workers } = seen.body;
    return workers.length === 3 && workers.every(({ beat_age_ms: age }) => age < 1500) ? seen : null;
  }, 'all three, none of them long ago');
  assert.equal(metrics.body.status, 'ok');
  assert.equal(metrics.body.database.driver, 'postgres');
  assert.equal(metrics.body.redis.state, 'up');
  const pids = metrics.body.workers.map((one) => one.pid).sort();
  assert.deepEqual(pids, [...apis, worker].map((node) => node.pid).sort());
  const of = (pid: number) => metrics.body.workers.find((one) => one.pid === pid);
  assert.equal(of(worker.pid)?.kind, 'worker');
  assert.equal(of(worker.pid)?.capacity, 64);
  assert.equal(of(there.pid)?.capacity, 0);
});

test('two APIs share one port, both serve, and one that leaves takes no call along', async () => {
  const port = String(await freePort());
  const share = { flags: ['--share-port'], env: { PORT: port } };
  const [one, other] = await Promise.all([fleet.start('api', share), fleet.start('api', share)]);
  assert.equal(one.address, other.address);
  assert.notEqual(one.pid, other.pid);
  const wrong = await fleet.start('api', { env: { PORT: port } }).then(
    () => 'started',
    (error: Error) => error.message,
  );
  assert.match(wrong, /Port \d+ is taken/);

  // Each call on a connection of its own: the system deals them out.
  const body = { model: MODEL, messages: [{ role: 'user', content: 'Shared' }] };
  const answers = await Promise.all(Array.from({ length: 40 }, () => alone(one.address, '/v1/chat/completions', body)));
  assert.deepEqual([...new Set(answers)], [200]);
  // Rows are written behind the answers.
  const served = await eventually(async () => {
    const rows = await fleet.sql<{ pid: number; calls: number }>(
      `select p.pid, count(*)::int as calls from mcp_request r join mcp_process p on p.id = r.owner
       where p.pid in (${one.pid}, ${other.pid}) and r.state = 'succeeded' group by 1`,
    );
    return rows.reduce((sum, { calls }) => sum + calls, 0) === 40 ? rows : null;
  }, 'the end of all calls');
  assert.equal(served.length, 2, JSON.stringify(served));

  assert.equal(await other.stop(), 0);
  for (let n = 0; n < 20; n++) assert.equal(await alone(one.address, '/v1/chat/completions', body), 200);
  assert.equal(await one.stop(), 0);
});

/** One call on a connection that nobody else uses; answers the status. */
function alone(address: string, path: string, json: unknown): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = http.request(address + path, {
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/json' },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    request.end(JSON.stringify(json));
  });
}
