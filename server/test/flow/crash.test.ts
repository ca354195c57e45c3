/** kill -9 with work in hand: what got a 202 ends, and every stream is equal to its result. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import { cancel, events, outcome, result, submit, view } from '../support/api.ts';
import { type Server, startServer } from '../support/server.ts';
import { checkFrames, type Frame, openSse, openWs, readAll, type StreamReader, textOf } from '../support/streams.ts';
import { callsWith, MODEL, OPENAI_KEY, openaiEnv, saidBy } from '../support/vendors.ts';

let vendor: Simulator;
let server: Server;
before(async () => {
  vendor = await startSimulator({ journal: true, key: OPENAI_KEY });
  server = await startServer({ env: openaiEnv(vendor) });
});
after(async () => {
  await server.stop();
  await vendor.close();
});

/** A client that lost its connection knows what it received, and asks for what comes after. */
interface Interrupted {
  id: string;
  seen: Frame[];
}

async function interrupt(id: string, stream: StreamReader): Promise<Interrupted> {
  assert.equal(await stream.ended, false, 'the connection broke with the process');
  stream.frames.forEach((frame, i) => {
    assert.equal(frame.seq, i + 1);
  });
  return { id, seen: stream.frames };
}

test('50 running requests survive kill -9: 50 succeeded, every stream equal to its result', {
  timeout: 120_000,
}, async () => {
  const prompts = Array.from({ length: 50 }, (_, i) => `Crash number ${i}. [[sim tokens=60 rate=8]]`);
  const receipts = await Promise.all(prompts.map((prompt) => submit(server, { prompt, model: MODEL })));
  const ids = receipts.map((receipt) => receipt.request_id);
  const readers = await Promise.all(ids.slice(0, 20).map((id, i) => (i % 2 ? openWs : openSse)(server, id)));
  await Promise.all(readers.map((stream) => stream.until((frame) => frame.seq >= 5)));
  const rows = await Promise.all(ids.map((id) => view(server, id)));
  assert.deepEqual([...new Set(rows.map((row) => row.status))], ['running']);
  await server.kill();
  const left = await Promise.all(readers.map((stream, i) => interrupt(ids[i] as string, stream)));
  assert.ok(left.every(({ seen }) => seen.at(-1)?.type !== 'end'));

  server = await server.again();
  // Some come back at once, others when it is over.
  const back = left.slice(0, 10).map(async ({ id, seen }, i) => {
    const rest = await readAll((i % 2 ? openSse : openWs)(server, id, { after: seen.length }));
    return { id, frames: [...seen, ...rest] };
  });
  const done = await Promise.all(ids.map((id) => result(server, id)));
  // Asked directly and without its pace, the vendor says at once what it would say.
  const said = await Promise.all(prompts.map((prompt) => saidBy(vendor, prompt.replace(' rate=8', ''))));
  for (const [i, one] of done.entries()) {
    assert.equal(one.status, 'succeeded');
    assert.equal(one.text, said[i]?.text, 'nothing lost, nothing doubled');
  }
  const late = left.slice(10).map(async ({ id, seen }, i) => {
    const rest = await readAll((i % 2 ? openSse : openWs)(server, id, { lastEventId: seen.length }));
    return { id, frames: [...seen, ...rest] };
  });
  const assembled = new Map((await Promise.all([...back, ...late])).map(({ id, frames }) => [id, frames]));
  for (const [i, id] of ids.entries()) {
    const scratch = await readAll(openSse(server, id));
    assert.equal(checkFrames(scratch).status, 'succeeded');
    assert.equal(textOf(scratch), done[i]?.text, 'read from scratch');
    const restarts = scratch.filter((frame) => frame.type === 'restart');
    assert.equal(restarts.length, 1, 'the new attempt announces itself');
    const resumed = assembled.get(id);
    if (resumed) assert.deepEqual(resumed, scratch, 'resumed in the middle');
  }
});

test('the record of the crash is honest: attempts, trail, money', { timeout: 60_000 }, async () => {
  const { request_id: id } = await submit(server, { prompt: 'Honest crash. [[sim tokens=60 rate=10]]', model: MODEL });
  const stream = await openSse(server, id);
  await stream.until((frame) => frame.type === 'text');
  await server.kill();
  server = await server.again();
  await result(server, id);
  const row = await view(server, id);
  assert.deepEqual(
    row.attempts.map((attempt) => [attempt.attempt, attempt.status, attempt.error?.code ?? null]),
    [
      [1, 'failed', 'interrupted'],
      [2, 'succeeded', null],
    ],
  );
  const [lost, good] = row.attempts;
  assert.ok((lost?.cost_usd ?? 0) > 0, 'the lost attempt is charged by estimate, never zero');
  assert.ok((good?.cost_usd ?? 0) > 0);
  assert.ok(Math.abs((row.cost_usd ?? 0) - ((lost?.cost_usd ?? 0) + (good?.cost_usd ?? 0))) < 1e-11, 'the sum of both');
  assert.deepEqual(
    (await events(server, id)).map((event) => event.type),
    ['request.queued', 'request.running', 'request.queued', 'request.running', 'request.succeeded'],
  );
  assert.equal(callsWith(vendor, 'Honest crash.').length, 2);
});

test('twice killed is still not lost; what waits, waits on; what ended, stays', { timeout: 90_000 }, async () => {
  const { request_id: ended } = await submit(server, { prompt: 'Ended before. [[sim tokens=4]]', model: MODEL });
  const before = await result(server, ended);
  const frames = await readAll(openSse(server, ended));
  const { request_id: gone } = await submit(server, {
    prompt: 'Cancelled before. [[sim tokens=90 rate=10]]',
    model: MODEL,
  });
  await (await openSse(server, gone)).until((frame) => frame.type === 'text');
  await cancel(server, gone);
  const waits = await submit(server, {
    prompt: 'Waits.',
    model: MODEL,
    not_before: new Date(Date.now() + 3_600_000).toISOString(),
  });
  const { request_id: id } = await submit(server, { prompt: 'Poor one. [[sim tokens=60 rate=10]]', model: MODEL });
  for (let round = 1; round <= 2; round++) {
    const stream = await openSse(server, id);
    await stream.until((frame) => frame.type === 'attempt' && frame.attempt === round);
    await stream.until(
      (frame) => frame.type === 'text' && frame.seq > stream.frames.findLastIndex((f) => f.type === 'attempt') + 2,
    );
    await server.kill();
    server = await server.again();
  }
  const done = await result(server, id);
  const scratch = await readAll(openSse(server, id));
  checkFrames(scratch);
  assert.equal(textOf(scratch), done.text);
  assert.equal(scratch.filter((frame) => frame.type === 'restart').length, 2);
  assert.deepEqual(await result(server, ended), before);
  assert.deepEqual(await readAll(openSse(server, ended)), frames);
  assert.equal((await outcome(server, gone)).body.status, 'cancelled');
  assert.equal(callsWith(vendor, 'Cancelled before.').length, 1, 'a cancelled request does not come back');
  assert.equal((await view(server, waits.request_id)).status, 'queued');
  assert.equal((await cancel(server, waits.request_id)).body.status, 'cancelled');
});

test('an attached request in flight ends failed, code interrupted, and never runs again', {
  timeout: 60_000,
}, async () => {
  const door = await fetch(server.url('/v1/chat/completions'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: MODEL,
      stream: true,
      messages: [{ role: 'user', content: 'Attached crash. [[sim tokens=200 rate=20]]' }],
    }),
  });
  assert.equal(door.status, 200);
  const id = door.headers.get('x-mcp-request-id') ?? '';
  const body = door.text().then(
    (text) => text,
    () => 'broken',
  );
  assert.equal((await view(server, id)).status, 'running');
  await server.kill();
  const said = await body;
  assert.ok(!said.includes('[DONE]'));
  server = await server.again();
  const answer = await outcome(server, id);
  assert.equal(answer.status, 409);
  assert.equal(answer.body.status, 'failed');
  assert.equal(answer.body.code, 'interrupted');
  const row = await view(server, id);
  assert.equal(row.error?.code, 'interrupted');
  assert.deepEqual(
    row.attempts.map((attempt) => [attempt.status, attempt.error?.code]),
    [['failed', 'interrupted']],
  );
  assert.ok((row.attempts[0]?.cost_usd ?? 0) > 0, 'charged by estimate');
  assert.ok((row.cost_usd ?? 0) > 0, 'and so is the request');
  const end = checkFrames(await readAll(openSse(server, id)));
  assert.equal(end.status, 'failed');
  await sleep(1500);
  assert.equal(callsWith(vendor, 'Attached crash.').length, 1);
});
