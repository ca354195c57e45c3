import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Part } from '../../../src/contract/part.ts';
import type { Quirks } from '../../../src/contract/quirks.ts';
import { openai } from '../../../src/dialects/openai/index.ts';
import { delta } from './fixtures/openai.ts';
import { assemble, read } from './read.ts';

const parts = (stream: string, quirks: Quirks = {}) => read(openai, stream, openai.vendor.decoder(quirks));
const outcome = (stream: string, quirks: Quirks = {}) => assemble(parts(stream, quirks));
const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const codes = (list: readonly Part[]) => list.map((part) => part.type);
const finish = delta({}, 'stop');
const hi = delta({ content: 'Hi' });

test('usage: the last sane value wins, never a sum, and nothing insane becomes a count', () => {
  const sane = { prompt_tokens: 10, completion_tokens: 4, total_tokens: 14 };
  const insane: unknown[] = [
    null,
    {},
    [],
    'many',
    { prompt_tokens: null, completion_tokens: 4 },
    { prompt_tokens: -1, completion_tokens: 4 },
    { prompt_tokens: '10', completion_tokens: '4' },
    { prompt_tokens: 1.5, completion_tokens: 4 },
    { prompt_tokens: 10, completion_tokens: 1e12 },
    { prompt_tokens: 999_999_999, completion_tokens: 1 },
    { prompt_tokens: 0, completion_tokens: 0 },
    { prompt_tokens: 10 },
  ];
  for (const usage of insane) {
    const bad = { choices: [], usage };
    assert.equal(outcome(hi + finish + event(bad)).usage, null, JSON.stringify(usage));
    const got = outcome(event({ choices: [], usage: sane }) + hi + event(bad) + finish + event(bad)).usage;
    assert.deepEqual([got?.inputTokens, got?.outputTokens], [10, 4], JSON.stringify(usage));
  }
  const growing = [1, 2, 3]
    .map((n) => event({ choices: [], usage: { prompt_tokens: 10, completion_tokens: n } }))
    .join('');
  assert.equal(outcome(growing + finish).usage?.outputTokens, 3);
  assert.equal(codes(parts(event({ choices: [], usage: sane }).repeat(50) + finish)).length, 2);
  // Moonshot puts it into the choice.
  assert.equal(
    outcome(hi + event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop', usage: sane }] })).usage?.inputTokens,
    10,
  );
});

test('usage: cached tokens of all vendors, and parts that exceed their whole', () => {
  const of = (fields: object, quirks: Quirks = {}) =>
    outcome(finish + event({ choices: [], usage: { prompt_tokens: 100, completion_tokens: 20, ...fields } }), quirks)
      .usage;
  assert.equal(of({ prompt_cache_hit_tokens: 60 })?.cachedInputTokens, 60);
  assert.equal(of({ cached_tokens: 70 })?.cachedInputTokens, 70);
  assert.equal(of({ prompt_tokens_details: { cached_tokens: 10, cache_write_tokens: 30 } })?.cacheWriteTokens, 30);
  assert.equal(of({ prompt_tokens_details: { cached_tokens: 101 } })?.cachedInputTokens, 0);
  assert.equal(of({ prompt_tokens_details: { cached_tokens: -1 } })?.cachedInputTokens, 0);
  assert.equal(of({ completion_tokens_details: { reasoning_tokens: 50 } })?.reasoningTokens, 20);
});

test('usage: reasoning beside the completion is told by the total, else by the catalogue', () => {
  const of = (total: number | undefined, quirks: Quirks) => {
    const usage = { prompt_tokens: 100, completion_tokens: 20, total_tokens: total };
    const details = { completion_tokens_details: { reasoning_tokens: 7 } };
    return outcome(finish + event({ choices: [], usage: { ...usage, ...details } }), quirks).usage?.outputTokens;
  };
  assert.equal(of(120, {}), 20);
  assert.equal(of(120, { reasoningBesideOutput: true }), 20);
  assert.equal(of(127, {}), 27);
  assert.equal(of(undefined, {}), 20);
  assert.equal(of(undefined, { reasoningBesideOutput: true }), 27);
});
