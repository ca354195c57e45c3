import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import type { VendorField } from '../../../src/contract/call.ts';
import type { ToolCallPart, VisiblePart } from '../../../src/contract/part.ts';
import { CONTEXT, checkOrder, encoded, eventsOf, type Json, messageOf, newEncoder, USAGE } from './messages-stream.ts';

const text = (value: string): VisiblePart => ({ type: 'text', text: value });
const thought = (value: string, vendor?: VendorField): VisiblePart => ({
  type: 'reasoning',
  text: value,
  ...(vendor ? { vendor } : {}),
});
const signed = (signature: string): VendorField => ({ dialect: 'anthropic', fields: { type: 'thinking', signature } });
const tool = (index: number, args: string, more: Partial<ToolCallPart> = {}): VisiblePart => ({
  type: 'tool_call',
  index,
  arguments: args,
  ...more,
});

function blocksOf(stream: string): Json[] {
  const blocks: Json[] = [];
  for (const { name, data } of eventsOf(stream)) {
    const index = data.index as number;
    if (name === 'content_block_start') blocks[index] = { ...(data.content_block as Json) };
    if (name !== 'content_block_delta') continue;
    const delta = data.delta as Json;
    const block = blocks[index] as Json;
    for (const key of ['text', 'thinking', 'signature', 'partial_json']) {
      if (key in delta) block[key] = `${block[key] ?? ''}${String(delta[key])}`;
    }
  }
  return blocks;
}

test('the documented sequence, byte for byte', () => {
  const head = `{"type":"message_start","message":{"id":"msg_${CONTEXT.requestId}","type":"message","role":"assistant","model":"auto","content":[],"stop_reason":null,"stop_sequence":null,"stop_details":null,"container":null,"usage":{"input_tokens":12,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}}}`;
  assert.equal(
    encoded([text('Hello'), text(' "Wörld"\n')]),
    [
      `event: message_start\ndata: ${head}`,
      'event: ping\ndata: {"type":"ping"}',
      'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
      'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}',
      'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" \\"Wörld\\"\\n"}}',
      'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}',
      'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null,"stop_details":null,"container":null},"usage":{"input_tokens":7,"cache_creation_input_tokens":1,"cache_read_input_tokens":2,"output_tokens":5,"output_tokens_details":{"thinking_tokens":3},"server_tool_use":null},"x_mcp":{"request_id":"r"}}',
      'event: message_stop\ndata: {"type":"message_stop"}',
      '',
    ].join('\n\n'),
  );
});

test('thinking: signed, redacted, unsigned, and signed by others', () => {
  const redacted: VendorField = { dialect: 'anthropic', fields: { type: 'redacted_thinking', data: 'Emw' } };
  const stream = encoded([
    thought('a'),
    thought('b'),
    thought('', signed('S1')),
    thought('', redacted),
    thought('c'),
    thought('d', redacted),
    thought('e', { dialect: 'openai', fields: { reasoning_detail: { type: 'reasoning.encrypted', data: 'x' } } }),
    thought('', signed('S2')),
    thought('f'),
    text('g'),
  ]);
  checkOrder(stream);
  const blocks = blocksOf(stream);
  assert.deepEqual(
    blocks.map((block) => [block.type, block.thinking ?? block.data ?? block.text]),
    [
      ['thinking', 'ab'],
      ['redacted_thinking', 'Emw'],
      ['thinking', 'cd'],
      ['redacted_thinking', 'Emw'],
      ['thinking', 'e'],
      ['thinking', ''],
      ['thinking', 'f'],
      ['text', 'g'],
    ],
  );
  const signatures = blocks.map(({ signature }) => signature);
  assert.deepEqual([signatures[0], signatures[2], signatures[5], signatures[6]], ['S1', 'mcp1.', 'S2', 'mcp1.']);
  assert.match(String(signatures[4]), /^mcp1\.[\w-]+$/);
});

test('tool calls: fragments, no arguments, mixed fragments, fields of their vendor', () => {
  const vendor: VendorField = { dialect: 'gemini', fields: { thoughtSignature: 'sig' } };
  const stream = encoded(
    [
      text('Now:'),
      tool(0, '', { id: 'call_a', name: 'f' }),
      tool(0, '{"x":'),
      tool(1, '', { id: 'functions.g:1', name: 'g', vendor }),
      tool(1, '{}'),
      tool(2, '{"z":', { id: 'mcpid_own', name: 'h' }),
      tool(0, '1}'),
      tool(2, '3}', { vendor }),
      tool(3, '', { id: 'call_d', name: 'now' }),
      text('Done.'),
    ],
    'tool_calls',
  );
  checkOrder(stream);
  const blocks = blocksOf(stream);
  assert.deepEqual(
    blocks.map(({ type, name, partial_json: json, text: words }) => [type, name ?? words, json].filter(Boolean)),
    [
      ['text', 'Now:'],
      ['tool_use', 'f', '{"x":1}'],
      ['thinking'],
      ['tool_use', 'g', '{}'],
      ['tool_use', 'h', '{"z":3}'],
      ['thinking'],
      ['tool_use', 'now'],
      ['text', 'Done.'],
    ],
  );
  const ids = blocks.filter(({ type }) => type === 'tool_use').map(({ id }) => String(id));
  assert.equal(ids[0], 'call_a');
  for (const id of ids) assert.match(id, /^[a-zA-Z0-9_-]+$/);
});

test('arguments that go on after they were complete, and such that never are', () => {
  const late = encoded([tool(0, '{}', { id: 'a', name: 'f' }), tool(1, '{}', { id: 'b', name: 'g' }), tool(0, '!')]);
  assert.deepEqual(
    blocksOf(late).map((block) => block.partial_json),
    ['{}!', '{}'],
  );
  const cut = encoded([tool(0, '{"a":', { id: 'a', name: 'f' }), tool(1, '{}', { id: 'b', name: 'g' })]);
  checkOrder(cut);
  assert.deepEqual(
    blocksOf(cut).map((block) => block.partial_json),
    ['{"a":', '{}'],
  );
});

test('an id that no vendor gave', () => {
  const [block] = blocksOf(encoded([tool(0, '{}', { name: 'f' })]));
  assert.equal(block?.id, `toolu_${CONTEXT.requestId}_0`);
});

test('an answer without anything, and the reasons of an end', () => {
  const reasons = (['stop', 'length', 'tool_calls', 'content_filter'] as const).map((reason) => {
    const stream = newEncoder().finish(reason, USAGE, {});
    checkOrder(stream);
    const delta = eventsOf(stream).at(-2)?.data.delta as Json | undefined;
    return delta?.stop_reason;
  });
  assert.deepEqual(reasons, ['end_turn', 'max_tokens', 'tool_use', 'refusal']);
});

test('an error in mid-stream: named, in the shape of the door, and the last thing that is said', async () => {
  const encoder = newEncoder();
  const start = encoder.part(text('Half'));
  const end = encoder.failure({ code: 'upstream_truncated', message: 'The provider cut the answer short' });
  assert.equal(
    end,
    `event: error\ndata: {"type":"error","error":{"type":"api_error","message":"The provider cut the answer short","details":{"error_code":"upstream_truncated"}},"request_id":"${CONTEXT.requestId}"}\n\n`,
  );
  assert.equal(
    encoder.part(text('more')) + encoder.finish('stop', USAGE, {}) + encoder.failure({ code: 'internal', message: '' }),
    '',
  );
  await assert.rejects(messageOf(start + end), (error) => {
    assert.ok(error instanceof Anthropic.APIError);
    assert.deepEqual([error.type, error.errorCode], ['api_error', 'upstream_truncated']);
    return true;
  });
});

test('the SDK makes the same message of the stream as we make of the whole answer', async () => {
  const parts: VisiblePart[] = [
    thought('Hm.'),
    thought('', signed('EqRk')),
    thought('', { dialect: 'anthropic', fields: { type: 'redacted_thinking', data: 'Emw' } }),
    text('Hello'),
    text(' there'),
    tool(0, '{"a":[1,2]}', { id: 'call.1', name: 'f' }),
    tool(1, '', { id: 'b', name: 'g' }),
  ];
  const message = await messageOf(encoded(parts, 'tool_calls'));
  const whole = JSON.parse(
    newEncoder().whole({ parts, finishReason: 'tool_calls', usage: USAGE }, { request_id: 'r' }),
  ) as Json;
  const { x_mcp, usage, ...rest } = whole;
  assert.deepEqual(x_mcp, { request_id: 'r' });
  const { usage: counted, parsed_output: _, ...made } = JSON.parse(JSON.stringify(message)) as Json;
  assert.deepEqual(made, rest);
  assert.deepEqual({ ...(counted as Json), server_tool_use: null }, usage);
  assert.equal(message.stop_reason, 'tool_use');
  assert.equal(message.usage.input_tokens, 7);
});

test('arguments that are no object stay readable in a whole message', () => {
  const parts = [
    tool(0, '{"a":', { id: 'a', name: 'f' }),
    tool(1, '[1]', { id: 'b', name: 'g' }),
    tool(2, ' ', { id: 'c', name: 'h' }),
  ];
  const whole = JSON.parse(newEncoder().whole({ parts, finishReason: 'tool_calls', usage: USAGE }, {})) as {
    content: Json[];
  };
  assert.deepEqual(
    whole.content.map(({ input }) => input),
    [{ invalid_arguments: '{"a":' }, { invalid_arguments: '[1]' }, {}],
  );
});
