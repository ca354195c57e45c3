import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Decoder } from '../../../src/contract/dialect.ts';
import type { Part } from '../../../src/contract/part.ts';
import { createAnthropicDecoder } from '../../../src/dialects/anthropic/decoder.ts';
import { anthropic } from '../../../src/dialects/anthropic/index.ts';
import { createOpenaiDecoder } from '../../../src/dialects/openai/decoder.ts';
import { openai } from '../../../src/dialects/openai/index.ts';
import * as claude from './fixtures/anthropic.ts';
import * as gpt from './fixtures/openai.ts';
import { read } from './read.ts';

const streams = [
  ...[gpt.HELLO, gpt.TOOLS, gpt.REASONING, gpt.AZURE, gpt.GROQ, gpt.MISTRAL, gpt.OPENROUTER_ERROR].map(
    (stream) => [openai, stream] as const,
  ),
  ...[claude.HELLO, claude.TOOL, claude.THINKING].map((stream) => [anthropic, stream] as const),
];

test('any slicing of bytes gives the same parts, in both dialects, with any line ends', () => {
  const variants = fc.record({
    which: fc.constantFrom(...streams),
    end: fc.constantFrom('\n', '\r\n', '\r'),
    bom: fc.boolean(),
    // Cut anywhere, also where no event is whole: what was lost is lost in the same way.
    cut: fc.option(fc.nat({ max: 3000 })),
    cuts: fc.array(fc.nat({ max: 3000 }), { maxLength: 40 }),
  });
  fc.assert(
    fc.property(variants, ({ which: [dialect, stream], end, bom, cut, cuts }) => {
      const text = (bom ? '\ufeff' : '') + stream.replaceAll('\n', end);
      const bytes = Buffer.from(text).subarray(0, cut ?? undefined);
      const at = [...new Set(cuts.map((place) => Math.min(place, bytes.length)))].sort((a, b) => a - b);
      const chunks = [...at, bytes.length].map((to, i) => bytes.subarray(at[i - 1] ?? 0, to));
      assert.deepEqual(read(dialect, chunks), read(dialect, [bytes]));
    }),
    { numRuns: 2000 },
  );
});

const piece = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.string({
    unit: fc.constantFrom('a', '"', '\\', '\n', '\ud83d', '\ude00', '\0', 'é', '中', 'content', '":'),
    maxLength: 6,
  }),
  fc.constantFrom('x'.repeat(60), '"'.repeat(3), '', '\\"', '{"content":"a"}'),
);

/** Vendors write JSON in their own ways: with spaces, with everything escaped. */
const style = fc.constantFrom<(value: unknown) => string>(
  (value) => JSON.stringify(value),
  (value) => JSON.stringify(value).replaceAll('":', '": '),
  (value) => JSON.stringify(value).replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
);

function parts(decoder: Decoder, events: readonly { name: string; data: string }[]): Part[] {
  return [...events.flatMap((event) => [...decoder.push(event)]), ...decoder.end()];
}

test('fast and slow decoding of OpenAI events give the same parts', () => {
  const key = fc.constantFrom('content', 'reasoning_content', 'reasoning');
  const rare = fc.constantFrom<object>(
    { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
    { choices: [], usage: { prompt_tokens: 3, completion_tokens: 4 } },
    {
      choices: [
        {
          index: 0,
          delta: { content: null, tool_calls: [{ index: 0, id: 'a', function: { name: 'f', arguments: '{' } }] },
        },
      ],
    },
    { choices: [{ index: 1, delta: { content: 'other' } }] },
    { choices: [{ index: 0, delta: { content: 'a', reasoning_content: 'b' } }], content: 'c' },
    { content: 'decoy' },
    { error: { message: 'boo' } },
  );
  const common = fc
    .record({
      key,
      text: piece,
      more: fc.constantFrom({}, { usage: null }, { obfuscation: 'aB3' }, { obfuscation: '' }),
    })
    .map(({ key: name, text, more }) => ({
      id: 'x',
      choices: [{ index: 0, delta: { [name]: text }, finish_reason: null }],
      ...more,
    }));
  const weighted = fc.oneof({ weight: 9, arbitrary: common }, { weight: 1, arbitrary: rare });
  fc.assert(
    fc.property(fc.array(weighted, { maxLength: 30 }), style, (chunks, write) => {
      const events = chunks.map((chunk) => ({ name: '', data: write(chunk) }));
      assert.deepEqual(parts(createOpenaiDecoder({}), events), parts(createOpenaiDecoder({}, { fast: false }), events));
    }),
    { numRuns: 3000 },
  );
});

test('fast and slow decoding of Anthropic events give the same parts', () => {
  const delta = fc
    .record({ index: fc.nat({ max: 1 }), kind: fc.constantFrom('text', 'thinking'), text: piece })
    .map(({ index, kind, text }) => ({
      type: 'content_block_delta',
      index,
      delta: { type: `${kind}_delta`, [kind]: text },
    }));
  const rare = fc.constantFrom<{ type: string }>(
    { type: 'content_block_stop', index: 0 } as { type: string },
    { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 4 } } as { type: string },
    { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'x' } } as { type: string },
    { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } } as { type: string },
  );
  const weighted = fc.oneof({ weight: 9, arbitrary: delta }, { weight: 1, arbitrary: rare });
  fc.assert(
    fc.property(fc.array<{ type: string }>(weighted, { maxLength: 30 }), style, (list, write) => {
      const events = list.map((event) => ({ name: event.type, data: write(event) }));
      assert.deepEqual(parts(createAnthropicDecoder(), events), parts(createAnthropicDecoder({ fast: false }), events));
    }),
    { numRuns: 3000 },
  );
});

test('text is well-formed and free of U+0000, whatever the vendor sends', () => {
  fc.assert(
    fc.property(fc.array(piece), (texts) => {
      const events = texts.map((text) => ({
        name: '',
        data: JSON.stringify({ choices: [{ index: 0, delta: { content: text } }] }),
      }));
      const finish = { name: '', data: '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}' };
      const list = parts(createOpenaiDecoder({}), [...events, finish]);
      const text = list.map((part) => (part.type === 'text' ? part.text : '')).join('');
      for (const part of list) if (part.type === 'text') assert.ok(part.text.isWellFormed());
      assert.equal(text, texts.join('').toWellFormed().replaceAll('\0', '\ufffd'));
    }),
  );
});

test('decoders never throw, whatever the events', () => {
  const any = fc.record({ name: fc.constantFrom('', 'error', 'ping', 'x'), data: fc.oneof(fc.json(), fc.string()) });
  const shaped = fc
    .record(
      {
        choices: fc.array(fc.record({ index: fc.anything(), delta: fc.anything(), finish_reason: fc.anything() })),
        usage: fc.anything(),
        error: fc.anything(),
        type: fc.anything(),
      },
      { requiredKeys: [] },
    )
    .map((value) => {
      try {
        return { name: '', data: JSON.stringify(value) ?? '' };
      } catch {
        return { name: '', data: '' };
      }
    });
  fc.assert(
    fc.property(fc.array(fc.oneof(any, shaped)), (events) => {
      parts(createOpenaiDecoder({}), events);
      parts(createAnthropicDecoder(), events);
      for (const { data } of events) {
        openai.vendor.whole(data, {});
        anthropic.vendor.whole(data, {});
        openai.vendor.failure(500, {}, data, 0);
      }
    }),
    { numRuns: 1000 },
  );
});
