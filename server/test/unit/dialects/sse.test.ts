import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GoblinError } from '../../../src/contract/errors.ts';
import { createSseParser, type SseEvent } from '../../../src/dialects/sse.ts';

function parse(chunks: readonly Buffer[], maxEventChars?: number): SseEvent[] {
  const events: SseEvent[] = [];
  const parser = createSseParser({
    onEvent: (event) => events.push(event),
    ...(maxEventChars ? { maxEventChars } : {}),
  });
  for (const chunk of chunks) parser.push(chunk);
  parser.end();
  return events;
}

const data = (text: string) => parse([Buffer.from(text)]).map((event) => event.data);

/** Cuts bytes at the given places. */
function slices(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  const out: Buffer[] = [];
  let from = 0;
  for (const to of [...at, bytes.length]) {
    out.push(bytes.subarray(from, to));
    from = to;
  }
  return out;
}

test('events, names, several data lines, and fields of other names', () => {
  const events = parse([
    Buffer.from('event: a\ndata: 1\ndata:2\nid: 7\nretry: 9\nfoo: bar\n\ndata:  x\n\ndata\n\n: no\n\nevent: b\n\n'),
  ]);
  assert.deepEqual(
    events.map(({ name, data: text }) => [name, text]),
    [
      ['a', '1\n2'],
      ['', ' x'],
      ['', ''],
    ],
  );
});

test('line ends of all three kinds, mixed, and a byte order mark', () => {
  assert.deepEqual(data('\ufeffdata: 1\r\n\r\ndata: 2\r\rdata: 3\n\ndata: 4\r\n\ndata: 5\n\r\n'), [
    '1',
    '2',
    '3',
    '4',
    '5',
  ]);
});

test('a last event without its blank line comes at the end, marked as tail', () => {
  const [line, half] = [parse([Buffer.from('data: {"a":1}\n')]), parse([Buffer.from('data: {"a":1')])];
  assert.deepEqual(line, [{ name: '', data: '{"a":1}', raw: 'data: {"a":1}\n\n', tail: true }]);
  assert.deepEqual(half, [{ name: '', data: '{"a":1', raw: 'data: {"a":1\n\n', tail: true }]);
});

test('comments never count as data, and hold nothing', () => {
  const parser = createSseParser({ onEvent: () => assert.fail('no event'), maxEventChars: 100 });
  for (let i = 0; i < 100; i++) assert.equal(parser.push(Buffer.from(`: OPENROUTER PROCESSING ${i}\n`)), false);
  assert.equal(parser.push(Buffer.from(': half')), false);
  assert.equal(parser.push(Buffer.from(' a comment\n\n\r\n')), false);
  assert.equal(parser.push(Buffer.from('da')), true);
  assert.equal(parser.push(Buffer.from('ta: 1')), true);
});

test('a comment inside an event does not count either', () => {
  const parser = createSseParser({ onEvent: () => {} });
  assert.equal(parser.push(Buffer.from('data: 1\n')), true);
  assert.equal(parser.push(Buffer.from(': wait\n')), false);
  assert.equal(parser.push(Buffer.from('\n')), false);
  assert.equal(parser.push(Buffer.from(': wait\n\ndata: 1\n\n')), true);
});

test('lines and events over the cap are refused', () => {
  const over = (text: string, size: number) => {
    const bytes = Buffer.from(text);
    const cuts = Array.from({ length: Math.floor(bytes.length / size) }, (_, i) => i * size);
    assert.throws(
      () => parse(slices(bytes, cuts), 1000),
      (error) => error instanceof GoblinError && error.code === 'upstream_protocol',
    );
  };
  for (const size of [7, 5000]) {
    over(`data: ${'x'.repeat(2000)}\n\n`, size);
    over(`data: ${'x'.repeat(2000)}`, size);
    over(`data: ${'x\ndata: '.repeat(300)}\n\n`, size);
    over(`: ${'x'.repeat(2000)}\n\n`, size);
  }
});

test('a line of megabytes in small chunks comes whole', () => {
  const bytes = Buffer.from(`data: ${'x'.repeat(3_000_000)}\n\n`);
  const events = parse(
    slices(
      bytes,
      Array.from({ length: 3000 }, (_, i) => i * 1000),
    ),
  );
  assert.deepEqual([events.length, events[0]?.data.length], [1, 3_000_000]);
});

const line = fc.oneof(
  fc.constantFrom(': comment', 'event: message', 'event:x', 'data', 'id: 1', 'data: [DONE]', 'datax: 1', ':'),
  fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => `data: ${text.replace(/[\r\n]/g, '')}`),
);
const stream = fc
  .array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r'), fc.boolean()), { maxLength: 20 })
  .map((lines) => lines.map(([text, end, blank]) => text + end + (blank ? end : '')).join(''));

test('any slicing of bytes gives the same events', () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat({ max: 400 }), { maxLength: 30 }), (text, cuts) => {
      const bytes = Buffer.from(text);
      assert.deepEqual(parse(slices(bytes, cuts)), parse([bytes]));
    }),
    { numRuns: 2000 },
  );
});

test('one byte at a time gives the same events', () => {
  fc.assert(
    fc.property(stream, (text) => {
      const bytes = Buffer.from(text);
      assert.deepEqual(parse([...bytes].map((byte) => Buffer.from([byte]))), parse([bytes]));
    }),
  );
});

test('raw is the text of the block: what is sent on is what came, but for comments', () => {
  const text = ': a\n\ndata: 1\n\nevent: x\r\ndata: 2\r\n\r\n\ndata: ü\ndata: 3\n\n';
  const events = parse([Buffer.from(text)]);
  assert.equal(events.map((event) => event.raw).join(''), 'data: 1\n\nevent: x\r\ndata: 2\r\n\r\ndata: ü\ndata: 3\n\n');
});
