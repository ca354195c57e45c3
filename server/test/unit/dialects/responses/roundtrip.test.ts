import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AnswerCall, Message, Tool } from '../../../../src/contract/call.ts';
import { responses } from '../../../../src/dialects/responses/index.ts';
import { door } from './door.ts';

const words = fc.string({ minLength: 1, maxLength: 10 });
const textPart = words.map((value) => ({ type: 'text' as const, text: value }));
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
const reasoningPart = fc.tuple(words, words).map(([value, data]) => ({
  type: 'reasoning' as const,
  text: value,
  vendor: {
    dialect: 'responses' as const,
    fields: { summary: [{ type: 'summary_text', text: value }], type: 'reasoning', id: 'rs', encrypted_content: data },
  },
}));
const others: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ role: fc.constant('system' as const), content: fc.array(textPart, { minLength: 1, maxLength: 2 }) }),
  fc.record({
    role: fc.constant('user' as const),
    content: fc.array(fc.oneof(textPart, imagePart), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    role: fc.constant('tool' as const),
    toolCallId: fc.uuid(),
    content: fc.array(fc.oneof(textPart, imagePart), { minLength: 1, maxLength: 2 }),
  }),
);
const assistant: fc.Arbitrary<Message> = fc
  .array(fc.oneof(reasoningPart, textPart, toolCall), { minLength: 1, maxLength: 4 })
  .map((content) => ({ role: 'assistant' as const, content }));
const anyCall: fc.Arbitrary<AnswerCall> = fc.record(
  {
    kind: fc.constant('answer' as const),
    // Two messages of the model in a row are one, so something stands between them.
    messages: fc
      .array(fc.tuple(fc.option(assistant), others), { minLength: 1, maxLength: 4 })
      .map((pairs) => pairs.flatMap(([said, other]) => (said ? [said, other] : [other]))),
    maxTokens: fc.integer({ min: 16, max: 1000 }),
    temperature: fc.constantFrom(0, 0.5, 2),
    topP: fc.constantFrom(0, 1),
    tools: fc.constant([
      { name: 'f', description: 'd', parameters: { type: 'object' }, strict: true },
      { name: 'g', parameters: { type: 'object' }, strict: false },
    ]) as fc.Arbitrary<Tool[]>,
    responseFormat: fc.constantFrom(
      { type: 'json' as const },
      { type: 'json_schema' as const, name: 'n', schema: { type: 'object' } },
    ),
    reasoningEffort: fc.constantFrom('low', 'high'),
  },
  { requiredKeys: ['kind', 'messages'] },
);
const encode = (call: AnswerCall) =>
  JSON.parse(responses.vendor.encode(call, { provider: 'p', model: 'vendor-model', quirks: {} }, false).body);

test('what we encode for a vendor, our own door decodes to the same call', () => {
  fc.assert(
    fc.property(anyCall, (generated) => {
      // Objects as JSON makes them, not without a prototype as the generator does.
      const call: AnswerCall = structuredClone(generated);
      const { native: _, model: __, ...back } = door.decode(encode(call)).call;
      assert.deepEqual(back, call);
    }),
    { numRuns: 500 },
  );
});

test('what our door decodes reaches a vendor of the same dialect as it came', () => {
  fc.assert(
    fc.property(anyCall, fc.dictionary(words, fc.jsonValue()), (call, extra) => {
      const more = Object.fromEntries(Object.entries(extra).map(([key, value]) => [`x_${key}`, value]));
      const body = JSON.parse(JSON.stringify({ ...encode(call), ...more }));
      assert.deepEqual(encode(door.decode(structuredClone(body)).call), body);
    }),
    { numRuns: 300 },
  );
});
