import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerCall } from '../../../src/contract/call.ts';
import {
  estimateCost,
  estimateInputTokens,
  estimateUsage,
  inputBounds,
  inputSize,
} from '../../../src/money/estimate.ts';
import { cpuOf } from '../../support/cpu.ts';

const ask = (text: string): AnswerCall => ({
  kind: 'answer',
  messages: [{ role: 'user', content: [{ type: 'text', text }] }],
});

test('all text counts, by its bytes', () => {
  const call: AnswerCall = {
    kind: 'answer',
    messages: [
      { role: 'system', content: [{ type: 'text', text: 'abcd' }] },
      { role: 'user', content: [{ type: 'text', text: '你好' }] },
      {
        role: 'assistant',
        content: [
          { type: 'reasoning', text: 'hm' },
          { type: 'tool_call', id: 'call_1', name: 'find', arguments: '{"q":1}' },
        ],
      },
      { role: 'tool', toolCallId: 'call_1', content: [{ type: 'text', text: 'found' }] },
    ],
    tools: [{ name: 'find', description: 'Finds.', parameters: { type: 'object' } }],
    responseFormat: { type: 'json_schema', name: 'x', schema: { type: 'object' } },
  };
  const schema = JSON.stringify({ type: 'object' }).length;
  const bytes = 4 + 6 + 2 + 4 + 7 + 5 + (4 + 6 + schema) + schema;
  assert.deepEqual(inputSize(call), { bytes, pictures: 0 });
  assert.equal(estimateInputTokens(call), Math.ceil(bytes / 4) + 4 * 4);
  assert.deepEqual(inputBounds(call), {
    least: Math.floor(bytes / 24),
    likely: estimateInputTokens(call),
    most: bytes,
  });
});

test('an image is a thousand tokens, however large its data, and no bound of the text', () => {
  const call: AnswerCall = {
    kind: 'answer',
    messages: [
      {
        role: 'user',
        content: [
          { type: 'image', data: 'A'.repeat(1_000_000), mediaType: 'image/png' },
          { type: 'image', url: 'https://example.com/a.png' },
          { type: 'foreign', name: 'audio', dialect: 'openai', raw: { data: 'x'.repeat(9_999) } },
        ],
      },
    ],
  };
  assert.equal(estimateInputTokens(call), 3_004);
  assert.deepEqual(inputBounds(call), { least: 0, likely: 3_004, most: 0 });
});

test('a cost before the call takes the output at its bound', () => {
  const price = { input: { base: 150_000 }, output: { base: 600_000 }, version: 'v' };
  assert.equal(estimateCost(100, 1_000, price), 100 * 150_000 + 1_000 * 600_000);
});

test('an answer without usage is never free once something was shown', () => {
  const estimated = (shown: number, events?: number) => estimateUsage(ask('hello'), shown, events);
  assert.deepEqual(estimated(9), {
    inputTokens: 6,
    outputTokens: 3,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    source: 'estimated',
  });
  assert.equal(estimated(0).outputTokens, 0);
  assert.equal(estimated(1).outputTokens, 1);
  assert.equal(estimated(8, 7).outputTokens, 7);
});

test('estimating a small call takes 2 µs at most', () => {
  const call = ask('What is the capital of France? Answer in one word, please.');
  const time = (): number => {
    const cpu = cpuOf(() => {
      for (let i = 0; i < 20_000; i++) estimateInputTokens(call);
    });
    return (cpu / 20_000) * 1_000;
  };
  time();
  assert.ok(Math.min(time(), time(), time()) < 2);
});
