import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AnswerCall, Message, Tool } from '../../../src/contract/call.ts';
import type { Dialect } from '../../../src/contract/dialect.ts';
import { openai } from '../../../src/dialects/openai/index.ts';

const door = openai.door as NonNullable<Dialect['door']>;
const encode = (call: AnswerCall) => {
  const wire = openai.vendor.encode(call, { provider: 'p', model: 'vendor-model', quirks: {} }, false);
  return { json: JSON.parse(wire.body) };
};

const text = fc.string({ minLength: 1, maxLength: 10 });
const textPart = text.map((value) => ({ type: 'text' as const, text: value }));
const imagePart = fc.constantFrom(
  { type: 'image' as const, data: 'AAAA', mediaType: 'image/png' },
  { type: 'image' as const, url: 'https://example.com/i.png', detail: 'high' },
);
const toolCall = fc.record({
  type: fc.constant('tool_call' as const),
  id: fc.uuid(),
  name: fc.constantFrom('f', 'g'),
  arguments: fc.json(),
});
const reasoningPart = text.map((value) => ({ type: 'reasoning' as const, text: value }));
const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ role: fc.constant('system' as const), content: fc.array(textPart, { minLength: 1, maxLength: 2 }) }),
  fc.record({
    role: fc.constant('user' as const),
    content: fc.array(fc.oneof(textPart, imagePart), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    role: fc.constant('tool' as const),
    toolCallId: fc.uuid(),
    content: fc.array(textPart, { minLength: 1, maxLength: 2 }),
  }),
  fc
    .tuple(fc.option(reasoningPart), fc.option(textPart), fc.array(toolCall, { maxLength: 2 }))
    .map(([reasoning, only, calls]) => ({
      role: 'assistant' as const,
      content: [reasoning, only, ...calls].filter((part) => part !== null),
    }))
    .filter((entry) => entry.content.some((part) => part.type !== 'reasoning')),
);
const anyCall: fc.Arbitrary<AnswerCall> = fc.record(
  {
    kind: fc.constant('answer' as const),
    messages: fc.array(message, { minLength: 1, maxLength: 5 }),
    maxTokens: fc.integer({ min: 1, max: 1000 }),
    temperature: fc.constantFrom(0, 0.5, 2),
    topP: fc.constantFrom(0, 1),
    stop: fc.array(text, { minLength: 1, maxLength: 3 }),
    seed: fc.integer(),
    tools: fc.constant([{ name: 'f', description: 'd', parameters: { type: 'object' }, strict: true }]) as fc.Arbitrary<
      Tool[]
    >,
    responseFormat: fc.constantFrom(
      { type: 'json' as const },
      { type: 'json_schema' as const, name: 'n', schema: { type: 'object' } },
    ),
    reasoningEffort: fc.constantFrom('low', 'high'),
  },
  { requiredKeys: ['kind', 'messages'] },
);

test('what we encode for a vendor, our own door decodes to the same call', () => {
  fc.assert(
    fc.property(anyCall, (generated) => {
      // Objects as JSON makes them, not without a prototype as the generator does.
      const call = structuredClone(generated);
      const { native: _, model: __, ...back } = door.decode(encode(call).json).call;
      assert.deepEqual(back, call);
    }),
    { numRuns: 500 },
  );
});

test('what our door decodes reaches a vendor of the same dialect as it came', () => {
  fc.assert(
    fc.property(anyCall, fc.dictionary(text, fc.jsonValue()), (call, extra) => {
      const { model, stream, ...body } = encode(call).json;
      const known = new Set([...Object.keys(body), 'model', 'stream', '__proto__', 'constructor', 'prototype']);
      const unknown = Object.fromEntries(
        Object.entries(extra)
          .filter(([key]) => !known.has(`${key}`))
          .map(([key, value]) => [`x_${key}`, value]),
      );
      const decoded = door.decode(JSON.parse(JSON.stringify({ model, stream, ...body, ...unknown })));
      assert.deepEqual(encode(decoded.call).json, JSON.parse(JSON.stringify({ model, stream, ...body, ...unknown })));
    }),
    { numRuns: 300 },
  );
});
