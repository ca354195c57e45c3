import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { AnswerCall } from '../../../src/contract/call.ts';
import { DIALECTS } from '../../../src/dialects/index.ts';
import { createResponseCache, type FeedEnd, type Said } from '../../../src/execution/cache.ts';
import { type CallScope, callKey } from '../../../src/execution/call-key.ts';

const USAGE = {
  inputTokens: 1,
  outputTokens: 1,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
  source: 'reported',
} as const;
const END: FeedEnd = { ok: true, finishReason: 'stop', usage: USAGE, body: null };
const BY = { id: 'r', provider: 'p', model: 'm' };
const said = (text: string): Said[] => [{ parts: [{ type: 'text', text }], data: '', dialect: DIALECTS.openai }];

function heard(cache: ReturnType<typeof createResponseCache>, key: string): string | null {
  const feed = cache.find(key, true);
  if (feed === null) return null;
  let text = '';
  feed.follow({
    hear: (one) => {
      if ('parts' in one) for (const part of one.parts) if (part.type === 'text') text += part.text;
    },
    news() {},
  });
  return text;
}

function make(maxBytes = 1_000_000, ttlMs = 1000) {
  const clock = { now: 50_000 };
  return { clock, cache: createResponseCache({ ttlMs, maxBytes }, { now: () => clock.now }) };
}

test('kept for its time, and not longer, also when the clock is put back', () => {
  const { cache, clock } = make();
  cache.keep('k', BY, said('x'), END);
  clock.now += 999;
  assert.equal(heard(cache, 'k'), 'x');
  clock.now += 1;
  assert.equal(heard(cache, 'k'), null);
  assert.deepEqual([cache.numbers().entries, cache.numbers().bytes], [0, 0]);
  cache.keep('k', BY, said('x'), END);
  clock.now -= 10_000;
  assert.equal(heard(cache, 'k'), null);
});

test('what nobody asks for again goes with its time', () => {
  const { cache, clock } = make();
  for (let n = 0; n < 20; n++) cache.keep(`k${n}`, BY, said('x'), END);
  clock.now += 2000;
  assert.equal(heard(cache, 'other'), null);
  assert.equal(cache.numbers().entries, 0);
});

test('bounded by bytes: the least used go first, one that is too large is not kept', () => {
  const { cache } = make(20_000);
  const text = 'x'.repeat(500);
  for (let n = 0; n < 50; n++) {
    cache.keep(`k${n}`, BY, said(text), END);
    assert.equal(heard(cache, 'k0'), text, 'used all the time');
    assert.ok(cache.numbers().bytes <= 20_000);
  }
  assert.ok(cache.numbers().entries >= 5);
  assert.equal(heard(cache, 'k1'), null);
  assert.equal(heard(cache, 'k49'), text);
  cache.keep('huge', BY, said('x'.repeat(20_000)), END);
  assert.equal(heard(cache, 'huge'), null);
  cache.keep('body', BY, said('x'), { ...END, body: Buffer.alloc(20_000) } as FeedEnd);
  assert.equal(heard(cache, 'body'), null);
});

test('what is kept anew takes the place of what was there; what was given to a request can be dropped', () => {
  const { cache } = make();
  cache.keep('k', BY, said('old'), END);
  const { bytes } = cache.numbers();
  cache.keep('k', { ...BY, id: 's' }, said('new'), END);
  assert.equal(heard(cache, 'k'), 'new');
  assert.deepEqual([cache.numbers().entries, cache.numbers().bytes], [1, bytes]);
  cache.forget('r');
  assert.equal(heard(cache, 'k'), 'new');
  cache.forget('s');
  assert.equal(heard(cache, 'k'), null);
  assert.equal(cache.numbers().bytes, 0);
});

test('one leads at a time; a stream serves also who waits for the whole, not the other way round', () => {
  const { cache } = make();
  const feed = { ...BY, at: 0, end: null, follow: () => () => {} };
  const stream = cache.lead('k', true, feed);
  assert.ok(stream);
  assert.equal(cache.lead('k', true, { ...feed }), null);
  assert.equal(cache.find('k', true), feed);
  assert.equal(cache.find('k', false), feed);
  stream.leave();
  const whole = cache.lead('k', false, feed);
  assert.equal(cache.find('k', true), null);
  assert.equal(cache.find('k', false), feed);
  whole?.leave();
  assert.equal(cache.find('k', false), null);
});

/* ---- keys ---- */

const SCOPE: CallScope = { tenant: 't', passed: '', provider: 'p', model: 'm', stream: true, headers: {} };
const CALL: AnswerCall = {
  kind: 'answer',
  messages: [
    { role: 'system', content: [{ type: 'text', text: 'Be kind.' }] },
    { role: 'user', content: [{ type: 'text', text: 'Hello' }] },
  ],
  maxTokens: 10,
  temperature: 0.5,
  tools: [{ name: 'look', parameters: { type: 'object', properties: { a: {}, b: {} } } }],
};
const key = (call: AnswerCall = CALL, scope: Partial<CallScope> = {}) => callKey(call, { ...SCOPE, ...scope });
const door = (body: Record<string, unknown>, dialect: 'openai' | 'anthropic' = 'openai'): AnswerCall => ({
  ...CALL,
  native: { dialect, body },
});

test('the same call has the same key, whatever the order of its fields', () => {
  const { temperature, ...rest } = CALL;
  assert.equal(key({ ...(temperature === undefined ? {} : { temperature }), ...rest }), key());
  assert.equal(key(door({ a: 1, b: { c: 2, d: 3 } })), key(door({ b: { d: 3, c: 2 }, a: 1 })));
  assert.equal(key({ ...CALL, model: 'another-name' }), key(), 'the model is as planned');
});

test('everything that may change the answer is in the key', () => {
  const others: (string | null)[] = [
    key(CALL, { tenant: 'u' }),
    key(CALL, { passed: ['tenant 2'] }),
    key(CALL, { provider: 'q' }),
    key(CALL, { model: 'n' }),
    key(CALL, { headers: { 'anthropic-beta': 'x' } }),
    key({ ...CALL, maxTokens: 11 }),
    key({ ...CALL, temperature: 0 }),
    key({ ...CALL, topP: 1 }),
    key({ ...CALL, seed: 1 }),
    key({ ...CALL, stop: ['x'] }),
    key({ ...CALL, tools: [] }),
    key({ ...CALL, toolChoice: 'none' }),
    key({ ...CALL, parallelToolCalls: false }),
    key({ ...CALL, responseFormat: { type: 'json' } }),
    key({ ...CALL, reasoningEffort: 'low' }),
    key({ ...CALL, messages: [...CALL.messages].reverse() }),
    key({ ...CALL, messages: CALL.messages.slice(1) }),
    key(door({ top_k: 1 })),
    key(door({ top_k: 2 })),
    key(door({ top_k: 2 }, 'anthropic')),
  ];
  assert.equal(new Set([key(), ...others]).size, others.length + 1);
});

test('who asks, and in which way, is not', () => {
  const body = { messages: [], temperature: 1 };
  const plain = key(door(body));
  for (const more of [
    { user: 'anna' },
    { metadata: { a: 1 } },
    { stream: true, stream_options: { include_usage: true } },
    { model: 'x' },
    { safety_identifier: 'y', prompt_cache_key: 'z' },
  ]) {
    assert.equal(key(door({ ...body, ...more })), plain, JSON.stringify(more));
  }
  assert.equal(key(door(body), { stream: false }), plain);
  // Of fields that nobody knows nobody knows what they add to an answer: only in the same way.
  const odd = door({ ...body, logprobs: true });
  assert.notEqual(key(odd, { stream: false }), key(odd));
  const cited: AnswerCall = {
    ...door(body),
    messages: [{ role: 'user', content: [{ type: 'foreign', name: 'document', dialect: 'anthropic', raw: {} }] }],
  };
  assert.notEqual(key(cited, { stream: false }), key(cited));
});

test('what does more than answer has none', () => {
  assert.equal(key(door({ store: true })), null);
  assert.ok(key(door({ store: false })));
  assert.equal(key(door({ container: 'c' }, 'anthropic')), null);
  assert.equal(callKey({ ...CALL, kind: 'embed' } as AnswerCall, SCOPE), null);
});

test('parts of a key cannot be pushed into each other', () => {
  const text = fc.string({ maxLength: 6 });
  fc.assert(
    fc.property(fc.tuple(text, text, text), fc.tuple(text, text, text), (a, b) => {
      const of = ([tenant, provider, model]: [string, string, string]) => key(CALL, { tenant, provider, model });
      assert.equal(of(a) === of(b), a.join('\0') === b.join('\0') && a.every((one, n) => one === b[n]));
    }),
  );
  assert.notEqual(key(CALL, { provider: 'a', model: 'b/c' }), key(CALL, { provider: 'a/b', model: 'c' }));
});
