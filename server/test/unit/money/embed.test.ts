import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerCall, EmbedWish } from '../../../src/contract/call.ts';
import { estimateInputTokens, estimateUsage, inputBounds } from '../../../src/money/estimate.ts';
import { fitsWindow } from '../../../src/money/tokens.ts';

const call = (texts: string[], embed: EmbedWish = {}): AnswerCall => ({
  kind: 'embed',
  messages: texts.map((text) => ({ role: 'user', content: [{ type: 'text', text }] })),
  embed,
});
const water = (words: number): string => 'Water '.repeat(words);

test('all texts count, without frames around them; token numbers count as themselves', () => {
  assert.equal(estimateInputTokens(call(['abcd', 'abcdefgh'])), 3);
  assert.equal(estimateInputTokens(call([], { tokens: [[1, 2, 3], [4]] })), 4);
  const usage = estimateUsage(call(['abcd', 'abcd']), 0);
  assert.deepEqual([usage.inputTokens, usage.outputTokens, usage.source], [2, 0, 'estimated']);
});

test('the window is for the longest of them', () => {
  assert.deepEqual(inputBounds(call(['a'.repeat(24), 'a'.repeat(48)])), { least: 2, likely: 12, most: 48 });
  assert.deepEqual(inputBounds(call([], { tokens: [[1, 2], [3]] })), { least: 2, likely: 2, most: 2 });
  assert.deepEqual(inputBounds(call([])), { least: 0, likely: 0, most: 0 });
});

test('near the edge each is counted for itself', async () => {
  assert.equal(await fitsWindow(call([water(90), water(90), water(90)]), 100), true);
  assert.equal(await fitsWindow(call([water(90), water(110), water(90)]), 100), false);
  assert.equal(await fitsWindow(call([water(90), water(90), water(110)]), 100), false);
  assert.equal(await fitsWindow(call([], { tokens: [new Array<number>(101).fill(7)] }), 100), false);
  assert.equal(await fitsWindow(call([], { tokens: [new Array<number>(100).fill(7)] }), 100), true);
});
