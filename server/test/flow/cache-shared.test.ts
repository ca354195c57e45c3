/** The response cache, for calls that ask the same at the same time: one call to the vendor, heard live by all. */
import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';
import type { Simulator } from '../../src/providers/simulator/index.ts';
import { type Answer, call, type RequestView, result, submit } from '../support/api.ts';
import { type Cached, type Completion, cacheOf, content, startCached, streamed } from '../support/cached.ts';
import { eventually, type Server } from '../support/server.ts';
import { callsWith, MODEL } from '../support/vendors.ts';

let house: Cached;
let vendor: Simulator;
let server: Server;
let chat: Cached['chat'];
let bearer: Cached['bearer'];
let recorded: Cached['recorded'];

before(async () => {
  house = await startCached();
  ({ vendor, server, chat, bearer, recorded } = house);
});
after(() => house.close());

/** How many calls have joined one that ran, so far. */
async function joined(): Promise<number> {
  const headers = bearer('acme');
  const { body } = await call<{ cache: { shared: number } }>(server, '/mcp/v1/admin/metrics', { headers });
  return body.cache.shared;
}

test('identical calls that run at the same time share one call, and hear it live', async () => {
  const prompt = '[[sim rate=15 tokens=90]] Together now.';
  const stamps: number[][] = [];
  const client = new OpenAI({ apiKey: house.key('acme'), baseURL: `${server.address}/v1`, maxRetries: 0 });
  const one = async (delay: number): Promise<string> => {
    await sleep(delay);
    const times: number[] = [];
    stamps.push(times);
    let text = '';
    const stream = await client.chat.completions.create({
      model: MODEL,
      stream: true,
      messages: [{ role: 'user', content: prompt }],
    });
    for await (const chunk of stream) {
      times.push(performance.now());
      text += chunk.choices[0]?.delta.content ?? '';
    }
    return text;
  };
  const texts = await Promise.all([one(0), one(150), one(300), one(500), one(500)]);
  assert.equal(new Set(texts).size, 1);
  assert.equal(callsWith(vendor, 'Together now.').length, 1);
  for (const times of stamps) {
    const spread = (times.at(-1) as number) - (times[0] as number);
    assert.ok(spread > 200, `heard live, over ${spread} ms`);
  }
  const list = await call<{ items: RequestView[] }>(server, '/mcp/v1/request?limit=5', { headers: bearer('acme') });
  const rows = await Promise.all(
    list.body.items.map(({ request_id: id }) => recorded({ headers: new Headers({ 'x-mcp-request-id': id }) })),
  );
  const shared = rows.filter(({ attempts }) => attempts[0]?.provider === 'cache');
  assert.equal(shared.length, 4);
  for (const row of shared) {
    assert.equal(row.cost_usd, 0);
    assert.match(row.attempts[0]?.reason ?? '', /which asks openai\/gpt-4o-mini since/);
  }
});

test('the one who asked leaves: those who follow are answered all the same', async () => {
  const prompt = '[[sim rate=12 tokens=60]] Leaving.';
  const leaving = new AbortController();
  const body = JSON.stringify({ model: MODEL, stream: true, messages: [{ role: 'user', content: prompt }] });
  const headers = { 'content-type': 'application/json', ...bearer('acme') };
  const first = fetch(`${server.address}/v1/chat/completions`, {
    method: 'POST',
    body,
    headers,
    signal: leaving.signal,
  });
  await eventually(() => callsWith(vendor, 'Leaving.').length === 1, 'the call');
  const before = await joined();
  const followers = [chat(prompt), chat(prompt), submit(server, { prompt, model: MODEL }, bearer('acme'))] as const;
  await eventually(async () => (await joined()) === before + 2, 'both to follow');
  leaving.abort();
  await first.catch(() => {});
  const [one, two, receipt] = await Promise.all(followers);
  assert.equal(content(one), content(two));
  assert.ok(content(one).length > 100);
  const told = await result(server, receipt.request_id, bearer('acme'));
  assert.ok(told.text.length > 100);
  for (const answer of [one, two]) {
    const row = await recorded(answer);
    assert.deepEqual(
      row.attempts.map(({ provider, status }) => [provider, status]),
      [['cache', 'succeeded']],
    );
  }
  // The detached one is another call: it did not come through a door.
  assert.equal(callsWith(vendor, 'Leaving.').length, 2);
  assert.ok(callsWith(vendor, 'Leaving.').every(({ outcome }) => outcome === 'completed'));
});

test('when all who hear it have left, the call is closed', async () => {
  const prompt = '[[sim rate=20 tokens=200]] All leave.';
  const body = JSON.stringify({ model: MODEL, stream: true, messages: [{ role: 'user', content: prompt }] });
  const headers = { 'content-type': 'application/json', ...bearer('acme') };
  const leave = [new AbortController(), new AbortController()];
  const before = await joined();
  for (const [at, { signal }] of leave.entries()) {
    fetch(`${server.address}/v1/chat/completions`, { method: 'POST', body, headers, signal })
      .then((answer) => answer.text())
      .catch(() => {});
    await eventually(() => callsWith(vendor, 'All leave.').length === 1, 'the call');
    await eventually(async () => (await joined()) === before + at, 'whoever follows');
  }
  leave[0]?.abort();
  await sleep(400);
  assert.equal(callsWith(vendor, 'All leave.')[0]?.endedAt, null, 'it goes on for the other');
  leave[1]?.abort();
  await eventually(() => callsWith(vendor, 'All leave.')[0]?.endedAt ?? null, 'the end of the call', 8000);
  assert.equal(callsWith(vendor, 'All leave.').length, 1);
});

test('who reads slowly slows down nobody else', { timeout: 60_000 }, async () => {
  const followers: Promise<Answer<Completion>>[] = [];
  // Some 4 MB: more than sockets hold.
  const prompt = '[[sim tokens=15000 first=400]] Slow reader.';
  const body = JSON.stringify({ model: MODEL, stream: true, messages: [{ role: 'user', content: prompt }] });
  const slow = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpRequest(`${server.address}/v1/chat/completions`, {
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/json', ...bearer('acme') },
    });
    request.on('response', resolve).on('error', reject).end(body);
    setTimeout(() => followers.push(chat(prompt, { stream: true }), chat(prompt)), 100);
  });
  slow.pause();
  const [stream, whole] = await Promise.all(followers);
  assert.deepEqual([cacheOf(stream as Answer<Completion>), cacheOf(whole as Answer<Completion>)], ['hit', 'hit']);
  assert.match(stream?.text ?? '', /data: \[DONE\]/);
  assert.equal(callsWith(vendor, 'Slow reader.').length, 1);
  let text = '';
  for await (const chunk of slow) text += String(chunk);
  assert.equal(streamed(text), streamed(stream?.text ?? ''));
  assert.equal(content(whole as Answer<Completion>), streamed(text));
});

test('the one who asked fails: those who follow make attempts of their own', async () => {
  // Two calls of this prompt fail, the third is good.
  const prompt = '[[sim first=3000 times=1 fault=status-500]] Failing.';
  const leader = chat(prompt);
  await eventually(() => callsWith(vendor, 'Failing.').length === 1, 'the call');
  const follower = await chat(prompt);
  const led = await leader;
  assert.equal(content(follower), content(led));
  const row = await recorded(follower);
  assert.equal(row.attempts[0]?.provider, 'cache');
  assert.equal(row.attempts[0]?.status, 'failed');
  assert.equal(row.attempts[0]?.error?.code, 'upstream_unavailable');
  assert.equal(row.attempts[0]?.cost_usd, 0);
  assert.ok(row.attempts.length >= 2);
  assert.equal(follower.headers.get('x-mcp-cache'), 'miss');
});

test('it breaks off in the middle: the failover mode of each decides', async () => {
  const prompt = '[[sim rate=8 tokens=60 times=1 fault=cut-after-20]] Broken for all.';
  const headers = { ...bearer('acme'), 'x-mcp-failover': 'fail' };
  const leader = chat(prompt, { stream: true }, headers);
  await eventually(() => callsWith(vendor, 'Broken for all.').length === 1, 'the call');
  const failing = chat(prompt, { stream: true }, headers);
  const going = chat(prompt, { stream: true });
  const anew = submit(server, { prompt, model: MODEL }, bearer('acme'));
  const [one, two, three, receipt] = await Promise.all([leader, failing, going, anew]);
  for (const broken of [one, two]) {
    assert.match(broken.text, /"error"/);
    assert.ok(!broken.text.includes('[DONE]'));
  }
  // The detached one is another call (it did not come through a door): it stands for itself.
  assert.equal((await result(server, receipt.request_id, bearer('acme'))).status, 'succeeded');
  // No target goes on from a prefix here, or one does: never a false success.
  const whole = three.text.includes('[DONE]');
  assert.equal(whole, !three.text.includes('"error"'));
});

test('admin/metrics counts them', async () => {
  await chat('Counted.');
  assert.equal(cacheOf(await chat('Counted.')), 'hit');
  const metrics = await call<{ cache: Record<string, number> }>(server, '/mcp/v1/admin/metrics', {
    headers: bearer('acme'),
  });
  const { hits = 0, misses = 0, shared = 0, entries = 0, bytes = 0 } = metrics.body.cache;
  for (const n of [hits, misses, shared, entries, bytes]) assert.ok(n > 0, JSON.stringify(metrics.body.cache));
});
