import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Usage } from '../../../src/contract/part.ts';
import { anthropic } from '../../../src/dialects/anthropic/index.ts';
import { createSseParser } from '../../../src/dialects/sse.ts';
import { anthropicRelay } from '../../../src/edge/relay-anthropic.ts';
import * as claude from '../dialects/fixtures/anthropic.ts';
import { checkOrder, eventsOf, type Json, messageOf, newEncoder, USAGE } from '../dialects/messages-stream.ts';
import { assemble, read } from '../dialects/read.ts';

const TRUTH = { request_id: 'r', attempts: 1 };

interface Vendor {
  stream: string;
  /** The vendor breaks after this many events. */
  events?: number;
  /** It speaks another dialect: only its parts are known. */
  foreign?: boolean;
}

/** What a caller gets of vendors who speak one after another, as door.ts puts it together. */
function relayed(vendors: readonly Vendor[], usage: Usage = USAGE): string {
  const encoder = newEncoder();
  const relay = anthropicRelay(() => encoder);
  let out = '';
  let byRelay = false;
  vendors.forEach(({ stream, events = Number.POSITIVE_INFINITY, foreign = false }, i) => {
    byRelay = false;
    relay.attempt(i > 0);
    const decoder = anthropic.vendor.decoder({});
    let left = events;
    const parser = createSseParser({
      onEvent(event) {
        if (left-- <= 0) return;
        const parts = decoder.push(event);
        if (foreign) {
          for (const part of parts) if (part.type === 'text' || part.type === 'reasoning') out += encoder.part(part);
        } else {
          byRelay = true;
          out += relay.event(parts, event.data);
        }
      },
    });
    parser.push(Buffer.from(stream));
    parser.end();
  });
  return out + (byRelay ? relay.finish('stop', usage, {}, TRUTH) : encoder.finish('stop', usage, TRUTH));
}

for (const [name, stream] of [
  ['text', claude.HELLO],
  ['tools', claude.TOOL],
  ['thinking', claude.THINKING],
] as const) {
  test(`${name}: every event as it came, and our facts in message_delta`, async () => {
    const out = relayed([{ stream }]);
    const [head, tail] = [
      out.slice(0, out.indexOf('event: message_delta')),
      out.slice(out.indexOf('event: message_delta')),
    ];
    assert.equal(head, stream.slice(0, stream.indexOf('event: message_delta')));
    const [delta, stop, ...more] = eventsOf(tail);
    assert.deepEqual(more, []);
    const [vendors] = eventsOf(stream).filter((event) => event.name === 'message_delta');
    assert.deepEqual(delta?.data, { ...vendors?.data, x_mcp: TRUTH });
    assert.deepEqual(stop?.data, { type: 'message_stop' });
    checkOrder(out);
    assert.deepEqual(assemble(read(anthropic, out)), assemble(read(anthropic, stream)));
    assert.equal((await messageOf(out)).stop_reason, (await messageOf(stream)).stop_reason);
  });
}

test('JSON with spaces, a type that is not first, data over several lines', () => {
  const spaced = claude.HELLO.replaceAll('{"type":"content_block_delta",', '{ "type" : "content_block_delta",');
  assert.ok(relayed([{ stream: spaced }]).includes('data: { "type" : "content_block_delta",'));
  const moved = claude.HELLO.replace(
    '{"type":"content_block_stop","index":0}',
    '{"index":0,"type":"content_block_stop"}',
  );
  assert.ok(
    relayed([{ stream: moved }]).includes(
      'event: content_block_stop\ndata: {"index":0,"type":"content_block_stop"}\n\n',
    ),
  );
  const split = claude.HELLO.replace(
    '"index":0,"delta":{"type":"text_delta","text":"!"',
    '"index":0,\ndata: "delta":{"type":"text_delta","text":"!"',
  );
  assert.notEqual(split, claude.HELLO);
  const out = relayed([{ stream: split }]);
  checkOrder(out);
  assert.equal(assemble(read(anthropic, out)).text, 'Hello Wörld 🎉!');
});

test('usage: later counts win, what cannot be true is replaced by our own', () => {
  const usageOf = (stream: string) => eventsOf(stream).find(({ name }) => name === 'message_delta')?.data.usage as Json;
  const twice = claude.HELLO.replace(claude.STOP, claude.messageDelta(null, { output_tokens: 16 }) + claude.STOP);
  assert.deepEqual(usageOf(relayed([{ stream: twice }])), { output_tokens: 16 });
  const estimated = { ...USAGE, source: 'estimated' as const };
  assert.equal(usageOf(relayed([{ stream: claude.HELLO }], estimated)).input_tokens, 7);
  const without = claude.HELLO.replace(',"usage":{"output_tokens":15}', '');
  assert.notEqual(without, claude.HELLO);
  assert.equal(usageOf(relayed([{ stream: without }])).output_tokens, 5);
  const early = claude.HELLO.replace(
    'event: message_delta',
    `${claude.messageDelta(null, { output_tokens: 3 })}event: message_delta`,
  );
  assert.equal(eventsOf(relayed([{ stream: early }])).filter(({ name }) => name === 'message_delta').length, 2);
});

test('nothing that comes after the end is sent on', () => {
  const late = claude.HELLO + claude.blockDelta(0, { type: 'text_delta', text: ' LATE' }) + claude.PING;
  const out = relayed([{ stream: late }]);
  assert.ok(!out.includes('LATE'));
  checkOrder(out);
});

test('servers that only look like the API get a regular stream', () => {
  const headless = claude.HELLO.replace(claude.start(), '');
  const unnamed = claude.HELLO.replaceAll(/\{"type":"(content_block_\w+|message_start)",/g, '{');
  const endless = claude.HELLO.replace(claude.messageDelta('end_turn'), '');
  for (const stream of [headless, unnamed, endless]) {
    const out = relayed([{ stream }]);
    checkOrder(out);
    const { text, end } = assemble(read(anthropic, out));
    assert.deepEqual([text, end], ['Hello Wörld 🎉!', 'stop']);
  }
});

test('another vendor goes on in mid-stream: one message, one order of blocks', async () => {
  const rest = claude.HELLO.replace('"Hello"', '" and more"');
  for (const vendors of [
    [{ stream: claude.HELLO, events: 5 }, { stream: rest }],
    [
      { stream: claude.HELLO, events: 5 },
      { stream: rest, foreign: true },
    ],
    [{ stream: claude.HELLO, events: 5, foreign: true }, { stream: rest }],
    // Broken between two blocks.
    [{ stream: claude.HELLO, events: 7 }, { stream: rest }],
  ]) {
    const out = relayed(vendors);
    checkOrder(out);
    const message = await messageOf(out);
    const text = message.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
    const first = vendors[0]?.events === 7 ? 'Hello Wörld 🎉!' : 'Hello Wörld 🎉';
    assert.equal(text, `${first} and more Wörld 🎉!`);
    assert.equal(eventsOf(out).filter(({ name }) => name === 'message_start').length, 1);
  }
  // Broken inside of thinking, before and after the signature.
  const at = eventsOf(claude.THINKING).findIndex(
    ({ data }) => (data.delta as Json | undefined)?.type === 'signature_delta',
  );
  assert.ok(at > 0);
  for (const [events, signatures] of [
    [at, 1],
    [at + 1, 1],
  ] as const) {
    const out = relayed([
      { stream: claude.THINKING, events },
      { stream: rest, foreign: true },
    ]);
    checkOrder(out);
    assert.equal(out.split('signature_delta').length - 1, signatures);
  }
});
