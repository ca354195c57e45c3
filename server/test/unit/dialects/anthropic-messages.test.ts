import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerCall, Message } from '../../../src/contract/call.ts';
import { anthropic } from '../../../src/dialects/anthropic/index.ts';
import { openaiMessage } from '../../../src/dialects/openai/message.ts';
import { door, encode, hi, refused, said, text, user } from './claude.ts';
import * as fixture from './fixtures/anthropic.ts';
import { read } from './read.ts';

test('the smallest call', () => {
  const { json, wire } = encode([hi]);
  assert.deepEqual(json, {
    model: 'claude-sonnet-4-5',
    max_tokens: 4096,
    messages: [{ role: 'user', content: 'hi' }],
    stream: true,
  });
  assert.deepEqual([wire.path, wire.headers['anthropic-version'], wire.notices], ['/messages', '2023-06-01', []]);
});

test('max_tokens is required: the call, then the model, then 4,096', () => {
  const wire = (call: Partial<AnswerCall>, maxOutput?: number) => {
    const target = { provider: 'p', model: 'm', quirks: {}, ...(maxOutput ? { maxOutput } : {}) };
    return JSON.parse(anthropic.vendor.encode({ kind: 'answer', messages: [hi], ...call }, target, false).body)
      .max_tokens;
  };
  assert.deepEqual([wire({ maxTokens: 7 }, 100), wire({}, 100), wire({})], [7, 100, 4096]);
});

test('system messages move to the front, turns merge, tool results come first, empty texts go', () => {
  const { json, notices } = encode([
    { role: 'system', content: [text('one')] },
    user('a'),
    user('b'),
    said(text('  '), text('calling'), { type: 'tool_call', id: 'call:1', name: 'f', arguments: '{"x":1}' }),
    said({ type: 'tool_call', id: 'b', name: 'f', arguments: '' }),
    { role: 'tool', toolCallId: 'call:1', content: [text('r1')] },
    user('and?'),
    {
      role: 'tool',
      toolCallId: 'b',
      content: [text('r2'), { type: 'image', data: 'AA', mediaType: 'image/png' }],
      isError: true,
    },
    { role: 'system', content: [text('two')] },
    said(text('')),
    user(''),
  ]);
  assert.deepEqual(json.system, [text('one'), text('two')]);
  assert.deepEqual(json.messages, [
    { role: 'user', content: [text('a'), text('b')] },
    {
      role: 'assistant',
      content: [
        text('calling'),
        { type: 'tool_use', id: 'call_1', name: 'f', input: { x: 1 } },
        { type: 'tool_use', id: 'b', name: 'f', input: {} },
      ],
    },
    {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'call_1', content: 'r1' },
        {
          type: 'tool_result',
          tool_use_id: 'b',
          content: [text('r2'), { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA' } }],
          is_error: true,
        },
        text('and?'),
      ],
    },
  ]);
  // Tools were used but not sent: they are declared so that the API takes the conversation, and cannot be called.
  assert.deepEqual(
    [json.tools, json.tool_choice],
    [[{ name: 'f', input_schema: { type: 'object' } }], { type: 'none' }],
  );
  assert.deepEqual(notices, ['changed system messages inside the conversation moved to its front']);
});

test('arguments that are not an object are kept under a name of their own', () => {
  for (const broken of ['{"x":', '[1]', '"x"', 'null']) {
    const { json, notices } = encode([
      hi,
      said({ type: 'tool_call', id: 'a', name: 'f', arguments: broken }),
      { role: 'tool', toolCallId: 'a', content: [] },
    ]);
    assert.deepEqual(json.messages[1].content[0].input, { invalid_arguments: broken });
    assert.deepEqual(json.messages[2].content[0], { type: 'tool_result', tool_use_id: 'a' });
    assert.equal(notices.length, 1);
  }
});

test('a prefill loses its trailing white space; newer models take none', () => {
  assert.deepEqual(encode([hi, said(text('So: \n'))]).json.messages[1], { role: 'assistant', content: 'So:' });
  assert.equal(encode([hi, said(text(' \n'))]).json.messages.length, 1);
  assert.match(refused([hi, said(text('So'))], {}, 'claude-opus-4-6'), /go on/);
  assert.match(refused([said(text(''))]), /user message/);
  assert.match(refused([{ role: 'system', content: [text('x')] }]), /user message/);
});

test('images, cache marks, and content of other dialects', () => {
  const mark = { dialect: 'anthropic' as const, fields: { cache_control: { type: 'ephemeral' } } };
  const { json } = encode([
    { role: 'system', content: [{ ...text('s'), vendor: mark }] },
    {
      role: 'user',
      content: [
        { ...text('t'), vendor: mark },
        { type: 'image', url: 'https://x.y/z', detail: 'low' },
      ],
    },
  ]);
  assert.deepEqual(json.system, [{ ...text('s'), cache_control: { type: 'ephemeral' } }]);
  assert.deepEqual(json.messages[0].content, [
    { ...text('t'), cache_control: { type: 'ephemeral' } },
    { type: 'image', source: { type: 'url', url: 'https://x.y/z' } },
  ]);
  assert.match(
    refused([{ role: 'user', content: [{ type: 'image', data: 'x', mediaType: 'image/tiff' }] }]),
    /image\/tiff/,
  );
  assert.match(
    refused([{ role: 'user', content: [{ type: 'foreign', name: 'input_audio', dialect: 'openai', raw: {} }] }]),
    /input_audio/,
  );
});

test('signed thinking goes back byte for byte, through our OpenAI door and back', () => {
  const answer = read(anthropic, fixture.THINKING).filter((part) => part.type === 'text' || part.type === 'reasoning');
  const message = JSON.parse(JSON.stringify(openaiMessage(answer)));
  const { call } = door.decode({
    model: 'm',
    messages: [{ role: 'user', content: 'gcd?' }, message, { role: 'user', content: 'sure?' }],
  });
  const { json, notices } = encode(call.messages);
  assert.deepEqual(json.messages[1].content, [
    {
      type: 'thinking',
      thinking: 'I need the GCD of 1071 and 462.',
      signature: 'EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pk=',
    },
    { type: 'redacted_thinking', data: 'EmwKAhgBEgy3va3pzix/LafPsn4a' },
    { type: 'text', text: '21' },
  ]);
  assert.deepEqual(notices, []);
});

test('the same through a stream that a client put together', () => {
  const encoder = door.encoder({ requestId: 'r', model: 'm', created: 1, includeUsage: false });
  let content = '';
  let reasoning = '';
  const details: unknown[] = [];
  for (const part of read(anthropic, fixture.THINKING)) {
    if (part.type !== 'text' && part.type !== 'reasoning') continue;
    for (const block of encoder.part(part).split('\n\n')) {
      if (block === '') continue;
      const { delta } = JSON.parse(block.slice(6)).choices[0];
      content += delta.content ?? '';
      reasoning += delta.reasoning_content ?? '';
      details.push(...(delta.reasoning_details ?? []));
    }
  }
  const message = { role: 'assistant', content, reasoning_content: reasoning, reasoning_details: details };
  const { call } = door.decode({
    messages: [{ role: 'user', content: 'gcd?' }, message, { role: 'user', content: 'ok' }],
  });
  const [thinking, redacted] = encode(call.messages).json.messages[1].content;
  assert.deepEqual([thinking.thinking, thinking.signature.length > 20], ['I need the GCD of 1071 and 462.', true]);
  assert.equal(redacted.data, 'EmwKAhgBEgy3va3pzix/LafPsn4a');
});

test('reasoning without a signature, or of another dialect, is dropped with a notice', () => {
  const plain: Message = said({ type: 'reasoning', text: 'x' }, text('a'));
  const other: Message = said({ type: 'reasoning', text: 'x', vendor: { dialect: 'openai', fields: {} } }, text('a'));
  for (const message of [plain, other]) {
    const { json, notices } = encode([hi, message, hi]);
    assert.deepEqual(json.messages[1], { role: 'assistant', content: 'a' });
    assert.deepEqual(notices, ['dropped reasoning that this model did not sign is not sent back to it']);
  }
});
