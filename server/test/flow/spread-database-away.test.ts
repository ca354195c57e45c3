/** PostgreSQL killed, frozen: nothing goes upstream that cannot be recorded, nothing that runs is lost. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, isProblem, type Json, post, result, submit, view } from '../support/api.ts';
import { type ClusterNode, type Fleet, startFleet } from '../support/cluster.ts';
import { eventually, runGoblin, tempFolder } from '../support/server.ts';
import { checkFrames, openSse, openWs, readAll, textOf } from '../support/streams.ts';
import { callsWith, MODEL, saidBy } from '../support/vendors.ts';

let fleet: Fleet;
let apis: [ClusterNode, ClusterNode];
let workers: ClusterNode[];

before(async () => {
  fleet = await startFleet();
  [apis, workers] = await Promise.all([
    Promise.all([fleet.start('api'), fleet.start('api')]),
    Promise.all([fleet.start('worker'), fleet.start('worker')]),
  ] as const);
});
after(() => fleet.close());

const all = () => [...apis, ...workers];
const readiness = async (node: ClusterNode) => {
  const { status, body } = await call<{ status: string; missing: string[] }>(node, '/readyz');
  return `${status} ${body.status} ${body.missing.join()}`;
};
const say = (node: ClusterNode, node_says: string) =>
  eventually(async () => ((await readiness(node)) === node_says ? true : null), `${node.name}: ${node_says}`, 8000);
const door = (node: ClusterNode, content: string) =>
  post<Json>(node, '/v1/chat/completions', { model: MODEL, messages: [{ role: 'user', content }] });
const streamed = (text: string) => callsWith(fleet.vendor, text).filter((entry) => entry.stream);

interface Outage {
  name: string;
  /** Milliseconds until a process must know, and has given up on what was on its way. */
  seenMs: number;
  begin(): Promise<void> | void;
  end(): Promise<void> | void;
}

/** A request runs and is read, the database goes, everybody is asked, it comes back. */
async function outage(t: TestContext, { name, seenMs, begin, end }: Outage): Promise<void> {
  const prompt = `Through ${name} [[sim tokens=100 rate=10]]`;
  const said = saidBy(fleet.vendor, prompt);
  const { request_id: id } = await submit(apis[0], { prompt, model: MODEL });
  const readers = await Promise.all([openSse(apis[0], id), openWs(apis[1], id)]);
  await Promise.all(readers.map((reader) => reader.until((frame) => frame.type === 'text')));

  await begin();
  const began = performance.now();
  // Whoever finds the loss may have to wait for it; then it is known.
  const finding = await Promise.all(
    apis.map((api) => post(api, '/mcp/v1/request', { prompt: `Finds ${name}`, model: MODEL })),
  );
  for (const answer of finding) isProblem(answer, 503, 'unavailable');
  t.diagnostic(`${name}: the loss was found after ${Math.round(performance.now() - began)} ms`);
  assert.ok(performance.now() - began < seenMs, `it took ${performance.now() - began} ms`);
  for (const node of all()) await say(node, '200 degraded database');

  const waiting = apis.map((api, n) => door(api, `Waits ${n} for ${name}`));
  for (let n = 0; n < 6; n++) {
    const api = apis[n % 2] as ClusterNode;
    const asked = performance.now();
    const refused = await post(api, '/mcp/v1/request', { prompt: `Refused by ${name}`, model: MODEL });
    isProblem(refused, 503, 'unavailable');
    assert.match(refused.headers.get('retry-after') ?? '', /^\d+$/);
    assert.ok(performance.now() - asked < 500, 'at once');
    const unread = await call(api, `/mcp/v1/request/${id}`);
    isProblem(unread, 503, 'unavailable');
    assert.equal((await call(api, '/healthz')).status, 200, 'alive all the same');
  }
  await sleep(1000);
  const upstream = fleet.vendor.journal().filter((entry) => JSON.stringify(entry.body).includes(`for ${name}`));
  assert.equal(upstream.length, 0, 'nothing goes upstream once the loss was seen');
  assert.equal(callsWith(fleet.vendor, `Refused by ${name}`).length, 0);

  await end();
  const back = performance.now();
  for (const answer of await Promise.all(waiting)) assert.equal(answer.status, 200, answer.text);
  t.diagnostic(`${name}: calls that waited were answered ${Math.round(performance.now() - back)} ms after the return`);
  for (const node of all()) await say(node, '200 ready ');
  const later = await submit(apis[1], { prompt: `After ${name}`, model: MODEL });
  assert.equal((await result(apis[0], later.request_id)).status, 'succeeded');

  const [frames, others] = await Promise.all(readers.map((reader) => readAll(Promise.resolve(reader))));
  assert.equal(checkFrames(frames ?? []).status, 'succeeded');
  assert.equal(textOf(frames ?? []), (await said).text);
  assert.deepEqual(others, frames);
  assert.equal((await result(apis[1], id)).text, (await said).text);
  assert.equal(streamed(`Through ${name}`).length, 1, 'it went on, it did not begin again');
  assert.equal((await view(apis[0], id)).attempts.length, 1);
  // What was refused runs at no time.
  assert.equal(
    callsWith(fleet.vendor, `Refused by ${name}`).length + callsWith(fleet.vendor, `Finds ${name}`).length,
    0,
  );
}

test('PostgreSQL is killed and started again three seconds later', (t) =>
  outage(t, {
    name: 'the kill',
    seenMs: 8000,
    begin: () => fleet.postgres.kill(),
    async end() {
      await sleep(1000);
      await fleet.postgres.start();
    },
  }));

test('PostgreSQL is frozen: it takes connections and says nothing', (t) =>
  outage(t, {
    name: 'the frost',
    seenMs: 8000,
    begin: () => fleet.postgres.freeze(),
    end: () => fleet.postgres.thaw(),
  }));

test('the doctor blames PostgreSQL alone, also from a shell and folder that are not the server’s', async () => {
  const elsewhere = { folder: tempFolder(), dataDir: apis[0].place.dataDir, config: '' };
  const doctor = () => runGoblin(['doctor'], elsewhere);
  for (const [begin, end] of [
    [() => fleet.postgres.kill(), () => fleet.postgres.start()],
    [() => fleet.postgres.freeze(), () => fleet.postgres.thaw()],
  ] as const) {
    await begin();
    const { code, stdout, stderr } = await doctor();
    await end();
    assert.equal(code, 1, stdout + stderr);
    assert.match(stdout, /^ok +configuration +of this shell and folder: no goblin\.yaml, 0 providers switched on/m);
    assert.match(stdout, /the running server \(process \d+, \S+\), which is asked, with a configuration of its own$/m);
    assert.match(stdout, /^ok +redis/m);
    assert.match(stdout, /^FAIL +database +PostgreSQL does not answer; see that it runs/m);
    assert.match(stdout, /^warn +providers +not asked/m);
    assert.match(stdout, /\n\n1 thing configured here is broken\.\n$/);
    for (const node of all()) await say(node, '200 ready ');
  }
  const well = await doctor();
  assert.equal(well.code, 0, well.stdout + well.stderr);
  assert.match(well.stdout, /^ok +database +PostgreSQL, answers in [\d.]+ ms$/m);
  assert.match(well.stdout, /^ok +openai /m);
});
