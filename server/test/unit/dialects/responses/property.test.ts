import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Decoder } from '../../../../src/contract/dialect.ts';
import type { Part } from '../../../../src/contract/part.ts';
import { createResponsesDecoder } from '../../../../src/dialects/responses/decoder.ts';
import { createDeltaText } from '../../../../src/dialects/responses/delta-text.ts';
import { responses } from '../../../../src/dialects/responses/index.ts';
import { read } from '../read.ts';
import { door } from './door.ts';
import { completed, event, FAILED, HELLO, REASONING, text } from './fixtures.ts';

const streams = [HELLO, REASONING, FAILED, text('Hällo 🎉') + text(' "q" \\ \n') + completed()];

test('any slicing of bytes gives the same parts, with any line ends', () => {
  const variants = fc.record({
    which: fc.constantFrom(...streams),
    end: fc.constantFrom('\n', '\r\n', '\r'),
    bom: fc.boolean(),
    cut: fc.option(fc.nat({ max: 4000 })),
    cuts: fc.array(fc.nat({ max: 4000 }), { maxLength: 40 }),
  });
  fc.assert(
    fc.property(variants, ({ which, end, bom, cut, cuts }) => {
      const whole = (bom ? '\ufeff' : '') + which.replaceAll('\n', end);
      const bytes = Buffer.from(whole).subarray(0, cut ?? undefined);
      const at = [...new Set(cuts.map((place) => Math.min(place, bytes.length)))].sort((a, b) => a - b);
      const chunks = [...at, bytes.length].map((to, i) => bytes.subarray(at[i - 1] ?? 0, to));
      assert.deepEqual(read(responses, chunks), read(responses, [bytes]));
    }),
    { numRuns: 1000 },
  );
});

const piece = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.string({
    unit: fc.constantFrom('a', '"', '\\', '\n', '\ud83d', '\ude00', '\0', 'é', '中', 'delta', '":', 'sequence_number'),
    maxLength: 6,
  }),
  fc.constantFrom('x'.repeat(60), '"'.repeat(3), '', '"delta":"a"', '"sequence_number":7', '"obfuscation":"a"'),
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

test('fast and slow decoding give the same parts', () => {
  const common = fc
    .record({
      text: piece,
      number: fc.nat(),
      index: fc.nat({ max: 1 }),
      place: fc.nat({ max: 1 }),
      last: fc.boolean(),
      pad: fc.option(fc.string({ unit: fc.constantFrom('a', '3'), maxLength: 9 })),
    })
    .map(({ text: delta, number, index, place, last, pad }) => {
      const type = 'response.output_text.delta';
      const padding = pad === null ? {} : { obfuscation: pad };
      const where = { output_index: index, content_index: place };
      // As OpenAI wrote it once, and as it writes it now.
      return last
        ? {
            type,
            content_index: place,
            delta,
            item_id: 'msg',
            ...padding,
            output_index: index,
            sequence_number: number,
          }
        : { type, sequence_number: number, item_id: 'msg', ...where, delta, logprobs: [], ...padding };
    });
  const rare = fc.constantFrom<{ type: string; [field: string]: unknown }>(
    { type: 'response.completed', response: { status: 'completed', usage: { input_tokens: 3, output_tokens: 4 } } },
    { type: 'response.reasoning_summary_text.delta', output_index: 0, summary_index: 0, delta: 'b' },
    { type: 'response.output_text.done', output_index: 0, content_index: 0, text: 'whole' },
    { type: 'response.output_text.delta', delta: 'bare' },
    { type: 'response.output_text.done', text: 'all of it' },
    { type: 'response.output_item.added', output_index: 1, item: { type: 'function_call', call_id: 'c', name: 'f' } },
    { type: 'response.function_call_arguments.delta', delta: '{' },
    { type: 'error', message: 'boo' },
    { type: 'x', delta: 'decoy' },
  );
  const weighted = fc.oneof({ weight: 9, arbitrary: common }, { weight: 1, arbitrary: rare });
  fc.assert(
    fc.property(fc.array<{ type: string }>(weighted, { maxLength: 30 }), style, fc.boolean(), (list, write, named) => {
      const events = list.map((event) => ({ name: named ? event.type : '', data: write(event) }));
      assert.deepEqual(
        parts(createResponsesDecoder({}), events),
        parts(createResponsesDecoder({}, { fast: false }), events),
      );
    }),
    { numRuns: 3000 },
  );
});

test('the fast way is taken, and only where it is safe', () => {
  const data = (stream: string) => stream.slice(stream.indexOf('{')).trim();
  for (const write of [(value: string) => value, (value: string) => value.replaceAll('":', '": ')]) {
    const one = write(data(text('a', { obfuscation: 'abc' })));
    const fast = createDeltaText();
    fast.learn(one, 'a');
    const takes = write('"delta":"a"') === '"delta":"a"';
    assert.equal(fast.take(write(data(text('b"\n😀', { obfuscation: 'Zz91' })))), takes ? 'b"\n😀' : null);
    if (!takes) continue;
    const odd = [
      one.replace(/"sequence_number":\d+/, '"sequence_number":'),
      one.replace(/"sequence_number":\d+/, '"sequence_number":007'),
      one.replace(/"sequence_number":\d+/, '"sequence_number":-1'),
      one.replace('"output_index":0', '"output_index":1'),
      one.replace('"a"', '"a\n"'),
      one.replace('"a"', '"a\\x"'),
      one.replace('abc', 'a"c'),
      `${one} `,
      one.slice(0, -1),
    ];
    for (const other of odd) assert.equal(fast.take(other), null, other);
  }
  const twice = createDeltaText();
  twice.learn('{"delta":"a","delta":"b"}', 'b');
  assert.equal(twice.take('{"delta":"a","delta":"b"}'), null);
});

test('an event that names no item belongs to the one before it, however that was read', () => {
  const added = event({
    type: 'response.output_item.added',
    output_index: 1,
    item: { type: 'function_call', call_id: 'c', name: 'f' },
  });
  const whole = event({ type: 'response.output_text.done', text: 'ab' });
  const stream = text('a') + added + text('b') + whole + completed();
  for (const fast of [true, false]) {
    const list = read(responses, stream, createResponsesDecoder({}, { fast }));
    assert.equal(list.map((part) => (part.type === 'text' ? part.text : '')).join(''), 'ab');
  }
});

test('decoders never throw, whatever the events', () => {
  const types = fc.constantFrom(
    'response.completed',
    'response.failed',
    'response.incomplete',
    'response.output_item.added',
    'response.output_item.done',
    'response.output_text.delta',
    'response.output_text.done',
    'response.function_call_arguments.delta',
    'response.reasoning_summary_text.delta',
    'error',
    'x',
  );
  const odd = fc.oneof(
    fc.constantFrom<unknown>('function_call', 'message', 'reasoning', 'custom_tool_call', 'completed', '', null),
    fc.anything(),
  );
  const item = fc.record(
    { type: odd, id: odd, call_id: odd, name: odd, arguments: odd, content: odd, summary: odd, phase: odd },
    { requiredKeys: [] },
  );
  const shaped = fc.record(
    {
      type: types,
      delta: odd,
      item: fc.oneof(item, odd),
      response: fc.oneof(
        fc.record({ status: odd, error: odd, usage: odd, output: fc.oneof(fc.array(item), odd) }, { requiredKeys: [] }),
        odd,
      ),
      output_index: odd,
      item_id: odd,
      content_index: odd,
      error: odd,
      text: odd,
    },
    { requiredKeys: ['type'] },
  );
  const data = fc.oneof(fc.json(), fc.string(), shaped).map((value) => {
    try {
      return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
    } catch {
      return '';
    }
  });
  fc.assert(
    fc.property(fc.array(fc.record({ name: fc.oneof(types, fc.constant('')), data })), (events) => {
      const list = parts(createResponsesDecoder({}), events);
      const ends = list.filter((part) => part.type === 'finish' || part.type === 'failure');
      assert.equal(ends.length, 1);
      for (const event of events) {
        const whole = responses.vendor.whole(event.data, {});
        assert.ok(whole.some((part) => part.type === 'finish' || part.type === 'failure'));
        responses.vendor.failure(500, {}, event.data, 0);
      }
    }),
    { numRuns: 1000 },
  );
});

test('the door never throws anything but refusals, whatever the body', () => {
  const odd = fc.anything({ maxDepth: 2 });
  const item = fc.record(
    { type: odd, role: odd, content: odd, call_id: odd, name: odd, output: odd, summary: odd, encrypted_content: odd },
    { requiredKeys: [] },
  );
  const body = fc.record(
    {
      input: fc.oneof(fc.array(item), odd),
      tools: fc.oneof(
        fc.array(fc.record({ type: fc.constantFrom('function', 'x'), name: odd }, { requiredKeys: [] })),
        odd,
      ),
      tool_choice: odd,
      text: odd,
      reasoning: odd,
      metadata: odd,
      include: odd,
      instructions: odd,
      previous_response_id: odd,
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(body, (value) => {
      try {
        const { call } = door.decode(value);
        for (const entry of call.messages) assert.ok(Array.isArray(entry.content));
      } catch (error) {
        assert.equal((error as { code?: unknown }).code, 'invalid_request');
      }
    }),
    { numRuns: 1000 },
  );
});
