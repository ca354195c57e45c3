/** Processes that die, and processes that come back from the dead. The lease is one second here. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Json, outcome, post, result, submit, view } from '../support/api.ts';
import { type ClusterNode, type Fleet, startFleet } from '../support/cluster.ts';
import { eventually } from '../support/server.ts';
import { checkFrames, openSse, openWs, readAll, textOf } from '../support/streams.ts';
import { callsWith, MODEL, saidBy } from '../support/vendors.ts';

const LEASE_MS = 1000;
/** Of the issue: within lease + 2 s. */
const AGAIN_MS = LEASE_MS + 2000;

let fleet: Fleet;
let api: ClusterNode;

before(async () => {
  fleet = await startFleet();
  api = await fleet.start('api');
});
after(() => fleet.close());

const streamed = (text: string) => callsWith(fleet.vendor, text).filter((entry) => entry.stream);
const begun = (text: string, calls: number) =>
  eventually(() => (streamed(text).length >= calls ? true : null), `call ${calls} with ${text}`);

test('a worker is killed: its requests run again within lease + 2 s', async (t) => {
  const victim = await fleet.start('worker');
  const prompts = Array.from({ length: 10 }, (_, n) => `Killed ${n}. [[sim tokens=80 rate=10]]`);
  const ids = await Promise.all(
    prompts.map(async (prompt) => (await submit(api, { prompt, model: MODEL })).request_id),
  );
  const expected = Promise.all(prompts.map(async (prompt) => (await saidBy(fleet.vendor, prompt)).text));
  const reader = await openWs(api, ids[0] as string);
  await reader.until((frame) => frame.type === 'text');
  await begun('Killed', 10);
  const heir = await fleet.start('worker');
  const killed = Date.now();
  await victim.kill();
  await begun('Killed', 20);
  const again = prompts.map((_, n) => (streamed(`Killed ${n}.`)[1]?.at ?? Number.POSITIVE_INFINITY) - killed);
  t.diagnostic(`run again after ${Math.min(...again)} to ${Math.max(...again)} ms, lease ${LEASE_MS} ms`);
  assert.ok(Math.max(...again) <= AGAIN_MS, `run again after ${again.join(', ')} ms`);

  for (const [n, id] of ids.entries()) {
    const done = await result(api, id);
    assert.equal(done.text, (await expected)[n]);
    const { attempts, cost_usd } = await view(api, id);
    assert.deepEqual(
      attempts.map(({ status, error }) => [status, error?.code ?? null]),
      [
        ['failed', 'interrupted'],
        ['succeeded', null],
      ],
    );
    assert.ok((attempts[0]?.cost_usd ?? 0) > 0, 'what the dead one had begun is charged by estimate');
    const sum = attempts.reduce((total, attempt) => total + (attempt.cost_usd ?? Number.NaN), 0);
    assert.ok(Math.abs(sum - (cost_usd ?? 0)) < 1e-12);
  }
  const frames = await readAll(Promise.resolve(reader));
  checkFrames(frames);
  assert.equal(textOf(frames), (await expected)[0]);
  assert.deepEqual(await readAll(openSse(api, ids[0] as string)), frames);
  assert.equal(await heir.stop(), 0);
});

test('a worker freezes beyond its lease and comes back: fenced off, its call closed, one result', async (t) => {
  const zombie = await fleet.start('worker');
  const prompt = 'Frozen [[sim tokens=120 rate=10]]';
  const expected = saidBy(fleet.vendor, prompt);
  const { request_id: id } = await submit(api, { prompt, model: MODEL });
  const reader = await openSse(api, id);
  await reader.until((frame) => frame.type === 'text');
  const heir = await fleet.start('worker');
  zombie.signal('SIGSTOP');
  await begun('Frozen', 2);
  await reader.until((frame) => frame.type === 'restart');
  await sleep(500);
  assert.equal(streamed('Frozen')[0]?.endedAt, null, 'nobody has closed it yet');
  const woken = Date.now();
  zombie.signal('SIGCONT');
  const closed = await eventually(() => streamed('Frozen')[0]?.endedAt, 'the old call is closed', 5000);
  t.diagnostic(`the zombie closed its call ${closed - woken} ms after SIGCONT`);
  assert.ok(closed - woken < 2000, `closed after ${closed - woken} ms`);
  assert.equal(streamed('Frozen')[0]?.outcome, 'aborted');

  const done = await result(api, id);
  assert.equal(done.text, (await expected).text);
  const frames = await readAll(Promise.resolve(reader));
  checkFrames(frames);
  assert.equal(textOf(frames), done.text);
  // No frame of the first epoch lies behind one of the second, and no third call was made.
  const stray = await fleet.sql(
    `select f.seq from mcp_frame f where request_id = '${id}' and epoch = 1
     and seq > (select min(seq) from mcp_frame where request_id = f.request_id and epoch = 2)`,
  );
  assert.deepEqual(stray, []);
  const [count] = await fleet.sql<{ n: number }>(
    `select count(*)::int as n from mcp_result where request_id = '${id}'`,
  );
  assert.equal(count?.n, 1);
  assert.equal(streamed('Frozen').length, 2);

  // It lives on and takes work again.
  await heir.stop();
  const next = await submit(api, { prompt: 'After the frost', model: MODEL });
  assert.equal((await result(api, next.request_id)).status, 'succeeded');
  assert.equal(await zombie.stop(), 0);
});

test('a call whose API is killed ends failed, interrupted, and is charged', async () => {
  const worker = await fleet.start('worker');
  const victim = await fleet.start('api');
  const answer = post(victim, '/v1/chat/completions', {
    model: MODEL,
    stream: true,
    messages: [{ role: 'user', content: 'Door killed [[sim tokens=100 rate=10]]' }],
  });
  answer.catch(() => {});
  await begun('Door killed', 1);
  await sleep(500);
  const [row] = await fleet.sql<{ id: string; state: string; epoch: number }>(
    `select id::text, state, epoch from mcp_request where mode = 'attached' and state = 'running'`,
  );
  assert.equal(row?.epoch, 1);
  const id = row?.id as string;
  const killed = performance.now();
  await victim.kill();
  await assert.rejects(answer);
  const ended = await outcome(api, id, {}, 10_000);
  assert.ok(performance.now() - killed < AGAIN_MS, `it took ${performance.now() - killed} ms`);
  assert.deepEqual([ended.status, ended.body.status, ended.body.code], [409, 'failed', 'interrupted']);
  const shown = await view(api, id);
  assert.ok((shown.cost_usd ?? 0) > 0);
  assert.ok((shown.cost_usd ?? 0) >= (shown.estimated_cost_usd ?? Number.NaN), 'by estimate');
  assert.deepEqual(
    shown.attempts.map(({ status, error }) => [status, error?.code]),
    [['failed', 'interrupted']],
  );
  assert.equal(streamed('Door killed').length, 1, 'nobody asks again for a caller who is gone');
  assert.equal(streamed('Door killed')[0]?.outcome, 'aborted');
  assert.equal(checkFrames(await readAll(openSse(api, id))).status, 'failed');
  await worker.kill();
});

test('an API freezes beyond its lease: its call is ended by others, and it tells its caller so', async (t) => {
  const worker = await fleet.start('worker');
  const zombie = await fleet.start('api');
  const answer = post<Json>(zombie, '/v1/chat/completions', {
    model: MODEL,
    stream: true,
    messages: [{ role: 'user', content: 'Door frozen [[sim tokens=90 rate=10]]' }],
  });
  await begun('Door frozen', 1);
  await sleep(500);
  const [row] = await fleet.sql<{ id: string }>(
    `select id::text from mcp_request where mode = 'attached' and state = 'running'`,
  );
  const id = row?.id as string;
  zombie.signal('SIGSTOP');
  const ended = await outcome(api, id, {}, 6000);
  assert.equal(ended.body.code, 'interrupted');
  const woken = Date.now();
  zombie.signal('SIGCONT');
  const closed = await eventually(() => streamed('Door frozen')[0]?.endedAt, 'the call is closed', 8000);
  t.diagnostic(`the zombie closed its call ${closed - woken} ms after SIGCONT`);
  assert.ok(closed - woken < 2000, `closed after ${closed - woken} ms`);
  const told = await answer;
  assert.equal(told.headers.get('x-mcp-request-id'), id);
  assert.match(told.text, /data: \{"error":/);
  assert.doesNotMatch(told.text, /\[DONE\]/);
  assert.equal((await view(api, id)).status, 'failed');
  assert.equal(await zombie.stop(), 0);
  assert.equal(await worker.stop(), 0);
});
