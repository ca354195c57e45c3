/** The response cache: the same call of the same tenant is answered once, whoever asks it, and nobody else ever sees the answer. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Simulator } from '../../src/providers/simulator/index.ts';
import { type Json, result, submit } from '../support/api.ts';
import { type Cached, cacheOf, content, startCached, streamed, TTL_S } from '../support/cached.ts';
import type { Server } from '../support/server.ts';
import { checkFrames, openSse, readAll, textOf } from '../support/streams.ts';
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

test('the second call is answered from the first, costs nothing, and says whose answer of when', async () => {
  const first = await chat('Twice the same.');
  const second = await chat('Twice the same.');
  assert.deepEqual([cacheOf(first), cacheOf(second)], ['miss', 'hit']);
  assert.equal(content(second), content(first));
  assert.deepEqual(second.body.usage.prompt_tokens, first.body.usage.prompt_tokens, 'usage is kept');
  assert.equal(callsWith(vendor, 'Twice the same.').length, 1);
  assert.equal(second.headers.get('x-mcp-cost-usd'), '0');
  assert.equal(second.headers.get('x-mcp-provider'), 'cache');
  assert.equal(second.headers.get('x-mcp-model'), 'gpt-4o-mini');
  const [one, two] = [await recorded(first), await recorded(second)];
  assert.ok((one.cost_usd ?? 0) > 0);
  assert.equal(two.status, 'succeeded');
  assert.equal(two.cost_usd, 0);
  assert.equal(two.attempts.length, 1);
  const [attempt] = two.attempts;
  assert.equal(attempt?.provider, 'cache');
  assert.equal(attempt?.status, 'succeeded');
  assert.deepEqual(attempt?.usage, one.attempts[0]?.usage);
  assert.match(attempt?.reason ?? '', new RegExp(`request ${one.request_id}, which openai/gpt-4o-mini answered at 20`));
});

test('every way of asking: streamed or whole, by the door or detached', async () => {
  const first = await chat('All ways.', { stream: true });
  const whole = await chat('All ways.');
  const again = await chat('All ways.', { stream: true, stream_options: { include_usage: true } });
  assert.deepEqual([cacheOf(first), cacheOf(whole), cacheOf(again)], ['miss', 'hit', 'hit']);
  const text = streamed(first.text);
  assert.ok(text.length > 20);
  assert.equal(content(whole), text);
  assert.equal(streamed(again.text), text);
  assert.match(again.text, /"usage":\{"prompt_tokens":\d+/);
  assert.equal(again.text.match(/data: \[DONE\]/g)?.length, 1);
  assert.equal(callsWith(vendor, 'All ways.').length, 1);

  const ask = { prompt: 'All detached.', model: MODEL };
  const detached = await submit(server, ask, bearer('acme'));
  const told = await result(server, detached.request_id, bearer('acme'));
  const next = await submit(server, ask, bearer('acme'));
  const same = await result(server, next.request_id, bearer('acme'));
  assert.equal(same.text, told.text);
  assert.deepEqual(same.usage, told.usage);
  assert.equal(same.provider, 'cache');
  assert.equal(same.cost_usd, 0);
  const frames = await readAll(openSse(server, next.request_id, { headers: bearer('acme') }));
  checkFrames(frames);
  assert.equal(textOf(frames), told.text);
  assert.equal(frames[0]?.provider, 'cache');
  assert.equal(callsWith(vendor, 'All detached.').length, 1);
});

test('what says who asks is not asked; everything else is', async () => {
  const base = { temperature: 0.3, seed: 7 };
  const first = await chat('Nearly the same.', { ...base, user: 'anna', metadata: { a: 1 } });
  assert.equal(cacheOf(first), 'miss');
  const same = [
    { ...base, user: 'bob' },
    { seed: 7, temperature: 0.3 },
    { ...base, metadata: { b: '2' } },
  ];
  for (const body of same) assert.equal(cacheOf(await chat('Nearly the same.', body)), 'hit', JSON.stringify(body));
  const tools = [{ type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } }];
  const different: Json[] = [
    { seed: 7 },
    { ...base, temperature: 0.4 },
    { ...base, max_tokens: 500 },
    { ...base, tools, tool_choice: 'none' },
    { ...base, response_format: { type: 'json_object' } },
    { ...base, logit_bias: { '50256': -100 } },
    { ...base, model: 'second/gpt-4o-mini' },
    {
      ...base,
      messages: [
        { role: 'system', content: 'Be kind.' },
        { role: 'user', content: 'Nearly the same.' },
      ],
    },
  ];
  for (const body of different)
    assert.equal(cacheOf(await chat('Nearly the same.', body)), 'miss', JSON.stringify(body));
});

test('fields that nobody knows are answered from the cache only in the way they were asked', async () => {
  const odd = { a_field_of_tomorrow: true };
  assert.equal(cacheOf(await chat('Odd.', { ...odd, stream: true })), 'miss');
  assert.equal(cacheOf(await chat('Odd.', odd)), 'miss');
  const again = await chat('Odd.', { ...odd, stream: true });
  assert.equal(cacheOf(again), 'hit');
  assert.match(again.text, /"system_fingerprint":"fp_goblinsim1"/, 'the vendor’s own words');
  const whole = await chat('Odd.', odd);
  assert.equal(cacheOf(whole), 'hit');
  assert.match(whole.text, /fp_goblinsim1/);
});

test('no other tenant ever gets the answer', async () => {
  const marker = 'PLANTED-9f2c';
  const ask = { messages: [{ role: 'user', content: `Say ${marker}.` }] };
  const first = await chat('', ask);
  assert.equal(cacheOf(first), 'miss');
  assert.equal(callsWith(vendor, marker).length, 1);
  const theirs = await chat('', ask, bearer('rival'));
  assert.equal(cacheOf(theirs), 'miss', 'asked anew');
  assert.equal(callsWith(vendor, marker).length, 2);
  const row = await recorded(theirs, 'rival');
  assert.equal(row.attempts[0]?.provider, 'openai');
  assert.ok(!JSON.stringify(row).includes(first.headers.get('x-mcp-request-id') as string));

  // Also while both run at the same time.
  const slow = `[[sim rate=100 tokens=60]] ${marker} at once`;
  const [ours, others] = await Promise.all([
    chat(slow, { stream: true }),
    chat(slow, { stream: true }, bearer('rival')),
  ]);
  assert.deepEqual([cacheOf(ours), cacheOf(others)], ['miss', 'miss']);
  assert.equal(callsWith(vendor, `${marker} at once`).length, 2);
});

test('who does not want it says so, and so may a route', async () => {
  const off = { ...bearer('acme'), 'x-mcp-cache': 'off' };
  assert.equal(cacheOf(await chat('Mine alone.', {}, off)), null);
  assert.equal(cacheOf(await chat('Mine alone.')), 'miss', 'and it is not kept');
  assert.equal(cacheOf(await chat('Mine alone.', {}, off)), null, 'nor taken');
  assert.equal(callsWith(vendor, 'Mine alone.').length, 3);
  const wrong = await chat('Mine alone.', {}, { ...bearer('acme'), 'x-mcp-cache': 'maybe' });
  assert.equal(wrong.status, 400);
  assert.match(wrong.text, /x-mcp-cache can only be off/);

  for (const model of ['private', 'outer']) {
    for (let n = 0; n < 2; n++) assert.equal(cacheOf(await chat(`Route ${model}.`, { model })), null);
    assert.equal(callsWith(vendor, `Route ${model}.`).length, 2);
  }

  const ask = { prompt: 'Detached alone.', model: MODEL };
  for (let n = 0; n < 2; n++) {
    const { request_id: id } = await submit(server, ask, off);
    assert.equal((await result(server, id, bearer('acme'))).provider, 'openai');
  }
  assert.equal(callsWith(vendor, 'Detached alone.').length, 2);
});

test('what is not a whole good answer is not kept', async () => {
  for (const fault of ['cut-after-5', 'content-filter-finish', 'tool-args-invalid', 'status-500']) {
    for (let n = 0; n < 2; n++) {
      await chat(`Bad ${fault}. [[sim fault=${fault}]]`, { model: MODEL });
      await recorded(await chat(`Bad ${fault}. [[sim fault=${fault}]]`));
    }
    const answers = callsWith(vendor, `Bad ${fault}.`).length;
    assert.ok(answers >= 4, `${fault}: ${answers} calls`);
  }
});

test('an answer of the second target is kept as its own', async () => {
  const prompt = 'Second best. [[sim times=1 fault=status-500]]';
  const first = await chat(prompt, { model: 'duo' });
  assert.equal(first.headers.get('x-mcp-provider'), 'second');
  assert.equal(cacheOf(first), 'miss');
  // The first target is preferred again, and asked.
  const next = await chat(prompt, { model: 'duo' });
  assert.equal(cacheOf(next), 'miss');
  assert.equal(next.headers.get('x-mcp-provider'), 'openai');
  // Who asks the second one by its name gets what it said.
  const exact = await chat(prompt, { model: 'second/gpt-4o-mini' });
  assert.equal(cacheOf(exact), 'hit');
  assert.equal(content(exact), content(first));
});

test('its time is over after ttl_s', async () => {
  await chat('Short-lived.');
  assert.equal(cacheOf(await chat('Short-lived.')), 'hit');
  await sleep(TTL_S * 1000 + 100);
  assert.equal(cacheOf(await chat('Short-lived.')), 'miss');
});
