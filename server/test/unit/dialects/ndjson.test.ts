import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GoblinError } from '../../../src/contract/errors.ts';
import { createFrameParser } from '../../../src/dialects/frames.ts';
import { createNdjsonParser, type NdjsonEvent } from '../../../src/dialects/ndjson.ts';

interface Reading {
  events: NdjsonEvent[];
  /** What each push answered, and the end. */
  real: boolean[];
}

function parse(chunks: readonly (string | Buffer)[], maxLineChars?: number): Reading {
  const events: NdjsonEvent[] = [];
  const parser = createNdjsonParser({
    onEvent: (event) => events.push(event),
    ...(maxLineChars === undefined ? {} : { maxLineChars }),
  });
  const real = chunks.map((chunk) => parser.push(Buffer.from(chunk)));
  real.push(parser.end());
  return { events, real };
}

const line = (data: string, tail = false) => ({ name: '', data, tail });
const tooLong = (error: unknown) => error instanceof GoblinError && error.code === 'upstream_protocol';

test('lines, whatever ends them; the last one without its end is a tail', () => {
  const table: [string, NdjsonEvent[]][] = [
    ['', []],
    ['{"a":1}\n{"b":2}\n', [line('{"a":1}'), line('{"b":2}')]],
    ['{"a":1}\r\n{"b":2}\r\n', [line('{"a":1}'), line('{"b":2}')]],
    ['\ufeff{"a":1}\n', [line('{"a":1}')]],
    ['\n\r\n  \n\t{"a":1}\n\n\n{"b":2}\n \n', [line('{"a":1}'), line('{"b":2}')]],
    ['{"a":1}\n{"b":', [line('{"a":1}'), line('{"b":', true)]],
    ['{"a":1}', [line('{"a":1}', true)]],
    ['{"a":1}\r', [line('{"a":1}', true)]],
    ['{"a": "\ufeff" } \n', [line('{"a": "\ufeff" } ')]],
    ['not json\n', [line('not json')]],
  ];
  for (const [text, events] of table) assert.deepEqual(parse([text]).events, events, JSON.stringify(text));
});

test('only bytes of a line are a sign of life', () => {
  const table: [string[], boolean[]][] = [
    [
      ['\n', ' \r\n\t', ''],
      [false, false, false, false],
    ],
    [
      ['{', '"a":', '1}', '\n'],
      [true, true, true, true, false],
    ],
    [
      ['\ufeff', '\n', '{}'],
      [false, false, true, false],
    ],
    [
      ['{}\n\n', '\n'],
      [true, false, false],
    ],
  ];
  for (const [chunks, real] of table) assert.deepEqual(parse(chunks).real, real, JSON.stringify(chunks));
  // Half a character is none yet.
  assert.deepEqual(parse([Buffer.from('é').subarray(0, 1)]).real, [false, true]);
});

test('a line may be as long as the cap, whole or in pieces, and no longer', () => {
  assert.equal(parse(['x'.repeat(10), '\n'], 10).events.length, 1);
  assert.throws(() => parse(['x'.repeat(11)], 10), tooLong);
  assert.throws(() => parse([`${'x'.repeat(11)}\n`], 10), tooLong);
  assert.throws(() => parse([...'x'.repeat(11)], 10), tooLong);
  assert.throws(() => parse(['x'.repeat(10), 'y\n'], 10), tooLong);
  assert.throws(() => parse(['x'.repeat(4 * 1024 * 1024 + 1)]), tooLong);
  // The cap is for one line: a long stream of short lines, and of white space between them, is none.
  assert.equal(
    parse(
      Array.from({ length: 50 }, () => `{"a":1}\n${' '.repeat(20)}`),
      10,
    ).events.length,
    50,
  );
});

test('the frame parser of this framing is this one', () => {
  const events: NdjsonEvent[] = [];
  const parser = createFrameParser('ndjson', (event) => events.push(event));
  parser.push(Buffer.from('{"a":1}\n{"b"'));
  parser.end();
  assert.deepEqual(events, [line('{"a":1}'), line('{"b"', true)]);
});

test('any slicing of bytes gives the same lines', () => {
  const piece = fc.constantFrom('{', '"', 'é', '😀', '中', '\n', '\r\n', ' ', '\t', '\r', '\ufeff', 'abc', '}');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.array(fc.nat({ max: 200 })), (pieces, cuts) => {
      const bytes = Buffer.from(pieces.join(''));
      const at = [...new Set(cuts.map((cut) => Math.min(cut, bytes.length)))].sort((a, b) => a - b);
      const chunks = [...at, bytes.length].map((to, i) => bytes.subarray(at[i - 1] ?? 0, to));
      assert.deepEqual(parse(chunks).events, parse([bytes]).events);
    }),
    { numRuns: 2000 },
  );
});

test('lines put together come apart again', () => {
  const value = fc.record({ text: fc.string({ unit: 'binary' }), n: fc.integer() });
  fc.assert(
    fc.property(fc.array(value), fc.constantFrom('\n', '\r\n', '\n\n'), fc.boolean(), (values, end, last) => {
      const lines = values.map((entry) => JSON.stringify(entry));
      const { events } = parse([lines.join(end) + (last ? end : '')]);
      assert.deepEqual(
        events.map((event) => event.data),
        lines,
      );
      assert.equal(events.filter((event) => event.tail).length, last || lines.length === 0 ? 0 : 1);
    }),
  );
});
