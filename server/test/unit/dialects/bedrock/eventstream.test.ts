import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { GoblinError } from '../../../../src/contract/errors.ts';
import { createAwsEventStreamParser } from '../../../../src/dialects/aws-eventstream.ts';
import { event, exception, header, message, parse } from './frames.ts';

/** The vectors that Amazon's own event-stream libraries are tested with. */
const EMPTY = '00000010 00000000 05c248eb 7d98c8ff';
const PAYLOAD = '0000001d 00000000 fd528c5a 7b27666f6f273a27626172277d c3653936';
const ONE_HEADER = [
  '0000003d 00000020 07fd8396',
  '0c 636f6e74656e742d74797065 07 0010 6170706c69636174696f6e2f6a736f6e',
  '7b27666f6f273a27626172277d 8d9c08b1',
].join('');
const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');

function refusal(chunks: readonly Buffer[], maxMessageBytes?: number): string {
  const options = maxMessageBytes === undefined ? {} : { maxMessageBytes };
  const parser = createAwsEventStreamParser({ onEvent: () => {}, ...options });
  try {
    for (const chunk of chunks) parser.push(chunk);
  } catch (error) {
    assert.ok(error instanceof GoblinError && error.code === 'upstream_protocol', String(error));
    return error.detail;
  }
  return assert.fail('it was accepted');
}

test('Amazon’s own test vectors are read', () => {
  assert.deepEqual(parse([bytes(EMPTY), bytes(PAYLOAD), bytes(ONE_HEADER)]), [
    { name: '', data: '', tail: false },
    { name: '', data: "{'foo':'bar'}", tail: false },
    { name: '', data: "{'foo':'bar'}", tail: false },
  ]);
  assert.deepEqual(message([header('content-type', 'application/json')], "{'foo':'bar'}"), bytes(ONE_HEADER));
});

test('events, exceptions and errors have names that the decoder knows', () => {
  const error = message(
    [header(':message-type', 'error'), header(':error-code', 'InternalError'), header(':error-message', 'oh "no"')],
    '',
  );
  assert.deepEqual(parse([event('messageStart', { a: 'ü' }), exception('throttlingException', {}), error]), [
    { name: 'messageStart', data: '{"a":"ü"}', tail: false },
    { name: 'exception:throttlingException', data: '{}', tail: false },
    { name: 'error', data: '{"code":"InternalError","message":"oh \\"no\\""}', tail: false },
  ]);
});

test('headers of every type are passed over', () => {
  const name = Buffer.from([1, 0x61]);
  const others = [
    [0],
    [1],
    [2, 9],
    [3, 0, 9],
    [4, 0, 0, 0, 9],
    [5, 0, 0, 0, 0, 0, 0, 0, 9],
    [6, 0, 2, 9, 9],
    [8, 0, 0, 0, 0, 0, 0, 0, 9],
    [9, ...Array(16).fill(9)],
  ].map((value) => Buffer.concat([name, Buffer.from(value)]));
  assert.deepEqual(parse([message([...others, header(':event-type', 'x')], '1')]), [
    { name: 'x', data: '1', tail: false },
  ]);
});

test('a message that the input cuts short is not given', () => {
  const whole = event('messageStop', { stopReason: 'end_turn' });
  for (let size = 0; size < whole.length; size++) assert.deepEqual(parse([whole.subarray(0, size)]), []);
});

test('broken messages are refused', () => {
  const whole = event('messageStop', { stopReason: 'end_turn' });
  const flip = (at: number) => {
    const copy = Buffer.from(whole);
    copy[at] = (copy[at] ?? 0) ^ 1;
    return copy;
  };
  for (let at = 0; at < whole.length; at++) assert.match(refusal([flip(at)]), /wrong checksum/);
  const headers = (...raw: number[]) => [message([Buffer.from(raw)], '')];
  assert.match(refusal(headers(5, 0x61)), /end too early/);
  assert.match(refusal(headers(1, 0x61, 7, 0, 9, 1)), /end too early/);
  assert.match(refusal(headers(1, 0x61, 7, 0)), /end too early/);
  assert.match(refusal(headers(1, 0x61, 3, 0)), /end too early/);
  assert.match(refusal(headers(1, 0x61, 10)), /unknown type/);
  assert.match(refusal([Buffer.from('data: {"choices":[]}\n\n')]), /wrong checksum/);
});

test('lengths that are absurd are refused as soon as they are known', () => {
  const prelude = (total: number, size: number) => {
    const out = Buffer.alloc(12);
    out.writeUInt32BE(total, 0);
    out.writeUInt32BE(size, 4);
    out.writeUInt32BE(crc32(out.subarray(0, 8)), 8);
    return out;
  };
  assert.match(refusal([prelude(0xffffffff, 0)]), /more than 16777216/);
  assert.match(refusal([prelude(15, 0)]), /do not fit/);
  assert.match(refusal([prelude(100, 90)]), /do not fit/);
  assert.match(refusal([prelude(1_000_000, 200_000)]), /do not fit/);
  assert.match(refusal([event('x', 'y'.repeat(2000))], 1000), /more than 1000/);
  const large = event('x', 'y'.repeat(16 * 1024 * 1024 - 200));
  assert.equal(parse([large])[0]?.data.length, 16 * 1024 * 1024 - 200);
});

test('any slicing gives the same events, cut or whole', () => {
  const payload = fc.string({ unit: 'binary', maxLength: 200 });
  const frame = fc.oneof(
    fc
      .tuple(fc.constantFrom('messageStart', 'contentBlockDelta', 'x'), payload)
      .map(([name, data]) => event(name, data)),
    fc.constant(exception('throttlingException', { message: 'slow down' })),
    fc.constant(message([], '')),
  );
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 8 }),
      fc.array(fc.nat({ max: 2000 }), { maxLength: 30 }),
      fc.option(fc.nat({ max: 2000 })),
      (frames, cuts, cut) => {
        const all = Buffer.concat(frames).subarray(0, cut ?? undefined);
        const at = [...new Set(cuts.map((place) => Math.min(place, all.length)))].sort((a, b) => a - b);
        const chunks = [...at, all.length].map((to, i) => all.subarray(at[i - 1] ?? 0, to));
        assert.deepEqual(parse(chunks), parse([all]));
      },
    ),
    { numRuns: 1000 },
  );
});

test('a large message in small pieces takes linear time', () => {
  const large = event('x', 'y'.repeat(1_000_000));
  const began = performance.now();
  const chunks = Array.from({ length: large.length }, (_, at) => large.subarray(at, at + 1));
  assert.equal(parse(chunks)[0]?.data.length, 1_000_000);
  assert.ok(performance.now() - began < 10_000);
});

test('bytes are a sign of life, nothing is none', () => {
  const parser = createAwsEventStreamParser({ onEvent: () => {} });
  assert.equal(parser.push(Buffer.from([0])), true);
  assert.equal(parser.push(Buffer.alloc(0)), false);
});
