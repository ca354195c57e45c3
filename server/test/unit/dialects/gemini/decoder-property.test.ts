/** Gemini's decoder under any slicing, any events and any rubbish. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { gemini } from '../../../../src/dialects/gemini/index.ts';
import { assemble, read } from '../read.ts';
import { parts, whole } from './answers.ts';
import { candidate, STREAMS, stop } from './fixtures.ts';

test('any slicing of bytes gives the same parts, cut anywhere, with any line ends', () => {
  const variants = fc.record({
    stream: fc.constantFrom(...STREAMS),
    end: fc.constantFrom('\n', '\r\n', '\r'),
    bom: fc.boolean(),
    cut: fc.option(fc.nat({ max: 1500 })),
    cuts: fc.array(fc.nat({ max: 1500 }), { maxLength: 40 }),
  });
  fc.assert(
    fc.property(variants, ({ stream, end, bom, cut, cuts }) => {
      const bytes = Buffer.from((bom ? '\ufeff' : '') + stream.replaceAll('\n', end)).subarray(0, cut ?? undefined);
      const at = [...new Set(cuts.map((place) => Math.min(place, bytes.length)))].sort((a, b) => a - b);
      const chunks = [...at, bytes.length].map((to, i) => bytes.subarray(at[i - 1] ?? 0, to));
      assert.deepEqual(read(gemini, chunks), read(gemini, [bytes]));
    }),
    { numRuns: 800 },
  );
});

test('a stream and the same answer in one piece say the same', () => {
  const piece = fc.oneof(
    fc.record({ text: fc.string({ unit: 'binary' }), thought: fc.boolean() }),
    fc.record({
      functionCall: fc.record({
        id: fc.uuid(),
        name: fc.constantFrom('f', 'g'),
        args: fc.dictionary(fc.string(), fc.json()),
      }),
    }),
  );
  fc.assert(
    fc.property(fc.array(fc.array(piece, { maxLength: 3 }), { maxLength: 6 }), (events) => {
      const streamed = assemble(parts(events.map((pieces) => candidate(pieces)).join('') + stop()));
      const once = whole({ candidates: [{ content: { parts: events.flat() }, finishReason: 'STOP' }] });
      assert.deepEqual(streamed, once);
      assert.ok(streamed.text.isWellFormed() && !streamed.text.includes('\0'));
    }),
    { numRuns: 500 },
  );
});

test('decoders never throw, and never succeed without a reason to end, whatever the events', () => {
  const shaped = fc
    .record(
      {
        candidates: fc.array(
          fc.record(
            {
              index: fc.anything(),
              content: fc.oneof(fc.anything(), fc.record({ parts: fc.array(fc.anything()) })),
              finishReason: fc.constantFrom(undefined, null, '', 7, {}),
            },
            { requiredKeys: [] },
          ),
        ),
        usageMetadata: fc.anything(),
        promptFeedback: fc.anything(),
        error: fc.anything(),
      },
      { requiredKeys: [] },
    )
    .map((value) => {
      try {
        return JSON.stringify(value) ?? '';
      } catch {
        return '{}';
      }
    });
  fc.assert(
    fc.property(fc.array(fc.oneof(shaped, fc.json(), fc.string())), (bodies) => {
      const decoder = gemini.vendor.decoder({});
      const got = bodies.flatMap((data) => decoder.push({ name: '', data }));
      got.push(...decoder.end());
      assert.ok(got.every((part) => part.type !== 'finish'));
      assert.equal(got.filter((part) => part.type === 'failure').length, 1);
      for (const body of bodies) {
        gemini.vendor.whole(body, {});
        gemini.vendor.failure(500, {}, body, 0);
        gemini.vendor.embed?.decode(body, 2);
      }
    }),
    { numRuns: 1000 },
  );
});
