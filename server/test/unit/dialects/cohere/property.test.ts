import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createCohereDecoder } from '../../../../src/dialects/cohere/decoder.ts';
import { cohere } from '../../../../src/dialects/cohere/index.ts';
import { door } from '../claude.ts';
import { read } from '../read.ts';
import * as fixture from './fixtures.ts';

const STREAMS = [
  fixture.HELLO,
  fixture.CUT_BY_LENGTH,
  fixture.THINKING,
  fixture.DOCS_TOOLS,
  fixture.NO_ARGUMENTS,
  fixture.CITATIONS,
];

test('any slicing of bytes gives the same parts, wherever the stream is cut', () => {
  const variants = fc.record({
    stream: fc.constantFrom(...STREAMS),
    end: fc.constantFrom('\n', '\r\n'),
    cut: fc.option(fc.nat({ max: 4000 })),
    cuts: fc.array(fc.nat({ max: 4000 }), { maxLength: 40 }),
  });
  fc.assert(
    fc.property(variants, ({ stream, end, cut, cuts }) => {
      const bytes = Buffer.from(stream.replaceAll('\n', end)).subarray(0, cut ?? undefined);
      const at = [...new Set(cuts.map((place) => Math.min(place, bytes.length)))].sort((a, b) => a - b);
      const chunks = [...at, bytes.length].map((to, i) => bytes.subarray(at[i - 1] ?? 0, to));
      assert.deepEqual(read(cohere, chunks), read(cohere, [bytes]));
    }),
    { numRuns: 1000 },
  );
});

const piece = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom('"', '\\', '\ud83d', '\ude00', '\0', '"text":', '{"text":"a"}', '', 'x'.repeat(60)),
);
const common = fc
  .tuple(fc.nat({ max: 1 }), fc.constantFrom<'text' | 'thinking'>('text', 'thinking'), piece)
  .map(([index, type, value]) => fixture.delta(index, type, value));
const rare = fc.constantFrom(
  fixture.start(),
  fixture.contentStart(1, 'text'),
  fixture.contentEnd(0),
  fixture.plan('so'),
  fixture.callStart(0, 'a', 'f', ''),
  fixture.callDelta(0, '{}'),
  fixture.callEnd(0),
  fixture.end('COMPLETE'),
  fixture.FAILED_END,
  '{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"a","text":"b"}}},"text":"c"}',
  '{"message":"boo"}',
  'nope',
);
const style = fc.constantFrom<(data: string) => string>(
  (data) => data,
  (data) => data.replaceAll('":', '": '),
);

test('fast and slow decoding give the same parts', () => {
  const weighted = fc.oneof({ weight: 9, arbitrary: common }, { weight: 1, arbitrary: rare });
  fc.assert(
    fc.property(fc.array(weighted, { maxLength: 30 }), style, fc.boolean(), (lines, write, named) => {
      const fast = createCohereDecoder();
      const slow = createCohereDecoder({ fast: false });
      for (const line of lines) {
        const event = { name: named ? 'content-delta' : '', data: write(line) };
        assert.deepEqual([...fast.push(event)], [...slow.push(event)]);
      }
      assert.deepEqual([...fast.end()], [...slow.end()]);
    }),
    { numRuns: 2000 },
  );
});

test('nothing that comes makes it throw, and no success comes without message-end', () => {
  const shaped = fc
    .record(
      { type: fc.anything(), index: fc.anything(), delta: fc.anything(), message: fc.anything(), id: fc.anything() },
      { requiredKeys: [] },
    )
    .map((value) => {
      try {
        return JSON.stringify(value) ?? '';
      } catch {
        return '';
      }
    });
  const typed = fc
    .tuple(
      fc.constantFrom('message-start', 'content-start', 'content-delta', 'tool-call-start', 'tool-call-delta', 'x'),
      fc.json(),
      fc.json(),
    )
    .map(([type, delta, index]) => `{"type":"${type}","index":${index},"delta":${delta}}`);
  const data = fc.oneof(fc.json(), fc.string(), shaped, typed);
  fc.assert(
    fc.property(fc.array(data), (list) => {
      const decoder = createCohereDecoder();
      const parts = list.flatMap((line) => [...decoder.push({ name: '', data: line })]);
      parts.push(...decoder.end());
      const ended = list.some((line) => line.includes('message-end'));
      if (!ended) assert.equal(parts.filter((part) => part.type === 'finish').length, 0);
      assert.equal(parts.filter((part) => part.type === 'failure' || part.type === 'finish').length, 1);
      for (const line of list) {
        cohere.vendor.whole(line, {});
        cohere.vendor.failure(500, {}, line, 0);
        cohere.vendor.embed?.decode(line, 1);
      }
    }),
    { numRuns: 500 },
  );
});

test('a conversation keeps its words, its calls and their order', () => {
  const words = fc.string({ minLength: 1, maxLength: 12 });
  const args = fc
    .dictionary(fc.string({ minLength: 1, maxLength: 4 }), fc.oneof(fc.integer(), words))
    .map((value) => JSON.stringify(value));
  const turn = fc.oneof(
    words.map((content) => [{ role: 'user', content }]),
    words.map((content) => [{ role: 'assistant', content }]),
    words.map((content) => [{ role: 'system', content }]),
    fc.tuple(fc.uuid(), args, words).map(([id, text, content]) => [
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id, type: 'function', function: { name: 'f', arguments: text } }],
      },
      { role: 'tool', tool_call_id: id, content },
    ]),
  );
  fc.assert(
    fc.property(fc.array(turn, { minLength: 1, maxLength: 8 }), (turns) => {
      const messages = turns.flat();
      const { call } = door.decode({ messages });
      const wire = cohere.vendor.encode(call, { provider: 'p', model: 'command-a-03-2025', quirks: {} }, false);
      const strip = (message: Record<string, unknown>) => {
        const { content, ...rest } = message;
        return content === null || content === undefined ? rest : { ...rest, content };
      };
      assert.deepEqual(JSON.parse(wire.body).messages.map(strip), messages.map(strip));
    }),
    { numRuns: 300 },
  );
});
