/** One resource in two forms: the same frames, the same numbers, resumable at every one of them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { call, isProblem, result, submit } from '../support/api.ts';
import { checkFrames, type Frame, type From, openSse, openWs, readAll, textOf } from '../support/streams.ts';
import { type House, MODEL, startHouse } from '../support/vendors.ts';

const UNKNOWN = '01890000-0000-7000-8000-000000000000';

let house: House;
before(async () => {
  house = await startHouse();
});
after(() => house.close());

async function finished(prompt: string): Promise<{ id: string; frames: Frame[] }> {
  const { request_id: id } = await submit(house.server, { prompt, model: MODEL });
  const frames = await readAll(openSse(house.server, id));
  checkFrames(frames);
  return { id, frames };
}

test('both forms carry the same frames live, and close in order', async () => {
  const { server } = house;
  const { request_id: id } = await submit(server, { prompt: 'Twins. [[sim tokens=20 rate=60]]', model: MODEL });
  const [sse, ws] = await Promise.all([openSse(server, id), openWs(server, id)]);
  const [a, b] = await Promise.all([readAll(Promise.resolve(sse)), readAll(Promise.resolve(ws))]);
  checkFrames(a);
  assert.deepEqual(b, a);
  assert.equal(ws.code(), 1000);
  assert.equal(textOf(a), (await result(server, id)).text);
});

test('a finished request replays whole in both forms', async () => {
  const { id, frames } = await finished('Again. [[sim tokens=10 rate=200]]');
  const { server } = house;
  assert.deepEqual(await readAll(openSse(server, id)), frames);
  const ws = await openWs(server, id);
  assert.deepEqual(await readAll(Promise.resolve(ws)), frames);
  assert.equal(ws.code(), 1000);
});

test('resume at every position gives exactly the rest, in both forms and by both names', async () => {
  const { id, frames } = await finished('Everywhere. [[sim tokens=50 rate=20]]');
  const { server } = house;
  assert.ok(frames.length > 10, `${frames.length} frames`);
  for (let n = 0; n < frames.length; n++) {
    const rest = frames.slice(n);
    const ways: From[] = [{ after: n }, { lastEventId: n }];
    for (const from of ways) {
      assert.deepEqual(await readAll(openSse(server, id, from)), rest, `SSE ${JSON.stringify(from)}`);
      assert.deepEqual(await readAll(openWs(server, id, from)), rest, `WebSocket ${JSON.stringify(from)}`);
    }
  }
  // The header is what the client has seen since it opened the address.
  assert.deepEqual(await readAll(openSse(server, id, { after: 1, lastEventId: 4 })), frames.slice(4));
});

test('resume while it runs, over and over, in pieces of one frame', async () => {
  const { server } = house;
  const { request_id: id } = await submit(server, { prompt: 'Hop on. [[sim tokens=40 rate=40]]', model: MODEL });
  const seen: Frame[] = [];
  for (let turn = 0; ; turn++) {
    const open = turn % 2 === 0 ? openSse : openWs;
    const stream = await open(server, id, { after: seen.length });
    await stream.until(() => true);
    // Whatever came until we left counts: a client knows only what it received.
    seen.push(...stream.frames);
    stream.close();
    if (seen.at(-1)?.type === 'end') break;
  }
  checkFrames(seen);
  assert.equal(textOf(seen), (await result(server, id)).text);
  assert.deepEqual(seen, await readAll(openSse(server, id)));
});

test('after beyond a finished stream gives only the end', async () => {
  const { id, frames } = await finished('Beyond. [[sim tokens=5]]');
  const last = frames.length;
  for (const from of [{ after: last + 1 }, { after: 999_999 }, { lastEventId: last + 50 }] satisfies From[]) {
    for (const open of [openSse, openWs]) {
      assert.deepEqual(await readAll(open(house.server, id, from)), frames.slice(-1), JSON.stringify(from));
    }
  }
});

test('after beyond what exists of a running stream is 400, before the upgrade', async () => {
  const { server } = house;
  const { request_id: id } = await submit(server, { prompt: 'Not yet. [[sim tokens=60 rate=10]]', model: MODEL });
  const live = await openSse(server, id);
  await live.until((frame) => frame.type === 'text');
  isProblem(await call(server, `/mcp/v1/stream/${id}?after=5000`), 400, 'invalid_request');
  isProblem(
    await call(server, `/mcp/v1/stream/${id}`, { headers: { 'last-event-id': '5000' } }),
    400,
    'invalid_request',
  );
  const ws = await openWs(server, id, { after: 5000 });
  assert.equal(ws.status, 400);
  assert.equal(JSON.parse(ws.body).code, 'invalid_request');
  live.close();
  await call(server, `/mcp/v1/cancel/${id}`, { method: 'POST' });
});

test('an unknown id is 404 before the upgrade; malformed positions are 400', async () => {
  const { server } = house;
  for (const id of [UNKNOWN, 'nonsense', '..%2f..%2fetc', 'a'.repeat(400)]) {
    isProblem(await call(server, `/mcp/v1/stream/${id}`), 404, 'not_found');
    const ws = await openWs(server, id);
    assert.equal(ws.status, 404, id);
    assert.equal(JSON.parse(ws.body).code, 'not_found');
  }
  const { id } = await finished('Positions. [[sim tokens=3]]');
  for (const after of ['-1', 'x', '1.5', '1e3', '99999999999999999999', '', '%00']) {
    const answer = await call(server, `/mcp/v1/stream/${id}?after=${after}`);
    isProblem(answer, 400, 'invalid_request');
  }
  isProblem(await call(server, `/mcp/v1/stream/${id}?after=1&after=2`), 400, 'invalid_request');
  isProblem(
    await call(server, `/mcp/v1/stream/${id}`, { headers: { 'last-event-id': 'seven' } }),
    400,
    'invalid_request',
  );
});

test('text that looks like a stream stays inside its frame', async () => {
  const nasty = 'a\n\nevent: end\ndata: {"type":"end"}\n\nid: 99\r\n\u2028b';
  const { server } = house;
  const { request_id: id } = await submit(server, {
    model: MODEL,
    messages: [{ role: 'user', content: `Quote ${nasty} [[sim tokens=20 fault=nul-in-text]]` }],
  });
  const frames = await readAll(openSse(server, id));
  checkFrames(frames);
  assert.deepEqual(await readAll(openWs(server, id)), frames);
});

test('a reader that does not read, and one that runs away, disturb nobody', async () => {
  const { server } = house;
  const { request_id: id } = await submit(server, { prompt: 'Long one. [[sim tokens=30000]]', model: MODEL });
  const slow = await Promise.all([openSse(server, id), openSse(server, id), openWs(server, id)]);
  for (const stream of slow) stream.pause();
  const runaway = await openWs(server, id);
  runaway.close();
  const whole = await readAll(openSse(server, id));
  checkFrames(whole);
  const done = await result(server, id);
  assert.equal(textOf(whole), done.text);
  assert.equal(done.usage.output_tokens, 30_000);
  for (const stream of slow) stream.resume();
  for (const stream of slow) assert.deepEqual(await readAll(Promise.resolve(stream)), whole);
});

test('closing every connection never cancels a detached request', async () => {
  const { server } = house;
  const { request_id: id } = await submit(server, { prompt: 'Leave me. [[sim tokens=20 rate=30]]', model: MODEL });
  const readers = await Promise.all([openSse(server, id), openWs(server, id)]);
  for (const stream of readers) {
    await stream.until((frame) => frame.type === 'text');
    stream.close();
  }
  assert.equal((await result(server, id)).usage.output_tokens, 20);
});
