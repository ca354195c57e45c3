import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createOllamaDecoder } from '../../../../src/dialects/ollama/decoder.ts';
import { parseExact } from '../../../../src/dialects/ollama/exact.ts';
import { ollama } from '../../../../src/dialects/ollama/index.ts';
import { door } from '../claude.ts';
import { assemble } from '../read.ts';
import * as fixture from './fixtures.ts';
import { done, lines, read, says } from './fixtures.ts';

const STREAMS = [
  fixture.DOCS_CHAT,
  fixture.RECORDED,
  fixture.DOCS_TOOLS,
  fixture.THINKING,
  fixture.DOCS_WHOLE,
  fixture.DOCS_LOAD,
  lines(says({ content: 'Grüße 🎉' }), fixture.TOO_LONG),
];

test('any slicing of bytes gives the same parts, wherever the stream is cut', () => {
  const variants = fc.record({
    stream: fc.constantFrom(...STREAMS),
    end: fc.constantFrom('\n', '\r\n', '\n\n'),
    bom: fc.boolean(),
    cut: fc.option(fc.nat({ max: 1000 })),
    cuts: fc.array(fc.nat({ max: 1000 }), { maxLength: 40 }),
  });
  fc.assert(
    fc.property(variants, ({ stream, end, bom, cut, cuts }) => {
      const bytes = Buffer.from((bom ? '\ufeff' : '') + stream.replaceAll('\n', end)).subarray(0, cut ?? undefined);
      const at = [...new Set(cuts.map((place) => Math.min(place, bytes.length)))].sort((a, b) => a - b);
      const chunks = [...at, bytes.length].map((to, i) => bytes.subarray(at[i - 1] ?? 0, to));
      assert.deepEqual(read(chunks), read([bytes]));
    }),
    { numRuns: 1500 },
  );
});

test('text and thinking come out as they went in, but well-formed', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.constantFrom('\ud83d', '\ude00', '\0', '\n', '"tool_calls"', ''),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(piece, piece)), (pieces) => {
      const stream = lines(...pieces.map(([content, thinking]) => says({ content, thinking })), done());
      const got = assemble(read(stream));
      const clean = (index: 0 | 1) =>
        pieces
          .map((pair) => pair[index])
          .join('')
          .toWellFormed()
          .replaceAll('\0', '\ufffd');
      assert.deepEqual([got.text, got.reasoning, got.end], [clean(0), clean(1), 'stop']);
    }),
  );
});

test('arguments of a tool keep every digit there and back', () => {
  const number = fc.oneof(
    fc.bigInt().map(String),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => JSON.stringify(n)),
    fc.constantFrom('1.0', '-0', '1e400', '0.10'),
  );
  const value = fc.oneof(
    number,
    fc.string().map((text) => JSON.stringify(text)),
    fc.constantFrom('null', 'true', '[]', '{}'),
  );
  const args = fc
    .array(fc.tuple(fc.stringMatching(/^[a-z]{1,6}$/), value), { maxLength: 5 })
    .map((fields) => `{${[...new Map(fields)].map(([key, text]) => `"${key}":${text}`).join(',')}}`);
  fc.assert(
    fc.property(args, (text) => {
      const line = `{"message":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":${text}}}]},"done":false}`;
      const [call] = assemble(read(lines(line, done()))).tools;
      assert.deepEqual(parseExact(call?.arguments ?? ''), parseExact(text));
      assert.equal(call?.arguments.toWellFormed(), call?.arguments);
      const messages = [
        { role: 'user', content: 'x' },
        {
          role: 'assistant',
          tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: call?.arguments } }],
        },
      ];
      const wire = ollama.vendor.encode(
        door.decode({ messages }).call,
        { provider: 'p', model: 'm', quirks: {} },
        false,
      );
      assert.ok(wire.body.includes(`"arguments":${call?.arguments}`), wire.body);
    }),
    { numRuns: 500 },
  );
});

test('nothing that comes makes it throw, and no success comes without a line that is done', () => {
  const shaped = fc
    .record(
      { message: fc.anything(), done: fc.anything(), error: fc.anything(), prompt_eval_count: fc.anything() },
      { requiredKeys: [] },
    )
    .map((value) => {
      try {
        return JSON.stringify(value) ?? '';
      } catch {
        return '';
      }
    });
  const calls = fc.json().map((json) => `{"message":{"tool_calls":${json}},"done":false}`);
  const data = fc.oneof(fc.json(), fc.string(), shaped, calls, fc.constantFrom('{', '[', '}', ']'));
  fc.assert(
    fc.property(fc.array(data), (list) => {
      const decoder = createOllamaDecoder();
      const parts = list.flatMap((line) => [...decoder.push({ name: '', data: line })]);
      parts.push(...decoder.end());
      if (!list.some((line) => line.includes('"done":true'))) {
        assert.equal(parts.filter((part) => part.type === 'finish').length, 0);
      }
      assert.equal(parts.filter((part) => part.type === 'failure' || part.type === 'finish').length, 1);
      for (const line of list) {
        ollama.vendor.whole(line, {});
        ollama.vendor.failure(500, {}, line, 0);
        ollama.vendor.embed?.decode(line, 1);
      }
    }),
    { numRuns: 500 },
  );
});

test('a conversation keeps its words, its calls and their order', () => {
  const words = fc.string({ maxLength: 12 });
  const args = fc.dictionary(fc.string({ minLength: 1, maxLength: 4 }), fc.oneof(fc.integer(), words));
  const turn = fc.oneof(
    words.map((content) => [{ role: 'user', content }]),
    words.map((content) => [{ role: 'assistant', content }]),
    words.map((content) => [{ role: 'system', content }]),
    fc.tuple(fc.uuid(), args, words).map(([id, value, content]) => [
      {
        role: 'assistant',
        content: '',
        tool_calls: [{ id, type: 'function', function: { name: 'f', arguments: JSON.stringify(value) } }],
      },
      { role: 'tool', tool_call_id: id, content },
    ]),
  );
  fc.assert(
    fc.property(fc.array(turn, { minLength: 1, maxLength: 8 }), (turns) => {
      const messages = turns.flat();
      const { call } = door.decode({ messages });
      const wire = ollama.vendor.encode(call, { provider: 'p', model: 'llama3.2', quirks: {} }, false);
      const back = JSON.parse(wire.body).messages.map((message: Record<string, unknown>) => {
        const { tool_name: _, ...rest } = message;
        if (!Array.isArray(rest.tool_calls)) return rest;
        const tool_calls = rest.tool_calls.map(({ id, type, function: { name, arguments: value } }) => ({
          id,
          type,
          function: { name, arguments: JSON.stringify(value) },
        }));
        return { ...rest, tool_calls };
      });
      assert.deepEqual(back, messages);
    }),
    { numRuns: 300 },
  );
});
