import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AssistantContent, Message } from '../../../../src/contract/call.ts';
import { hi, said, text, user } from '../claude.ts';
import { COMMAND_A, encode, R7B, REASONING, refused, VISION } from './ask.ts';

const call = (id: string, args: string): AssistantContent => ({ type: 'tool_call', id, name: 'f', arguments: args });
const result = (toolCallId: string, value: string): Message => ({ role: 'tool', toolCallId, content: [text(value)] });

test('images: as URL or data, in the kinds that are taken, to models that see', () => {
  const image = { type: 'image', data: 'AAAA', mediaType: 'image/png', detail: 'low' } as const;
  const link = { type: 'image', url: 'https://x.test/a.png' } as const;
  const message: Message = { role: 'user', content: [text('look'), image, link] };
  assert.deepEqual(encode([message], {}, VISION).json.messages[0].content, [
    { type: 'text', text: 'look' },
    { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'low' } },
    { type: 'image_url', image_url: { url: 'https://x.test/a.png' } },
  ]);
  for (const model of [COMMAND_A, REASONING, R7B, 'command-r-plus-08-2024', 'c4ai-aya-expanse-32b']) {
    assert.match(
      refused(() => encode([message], {}, model)),
      /no images/,
    );
  }
  assert.equal(encode([message], {}, 'command-a-plus-05-2026').json.messages.length, 1);
  const svg: Message = { role: 'user', content: [{ ...image, mediaType: 'image/svg+xml' }] };
  assert.match(
    refused(() => encode([svg], {}, VISION)),
    /svg/,
  );
  const results: Message = { role: 'tool', toolCallId: 'a', content: [text('seen'), image], isError: true };
  const { json, notices } = encode([said(call('a', '{}')), results, hi], {}, VISION);
  assert.deepEqual(json.messages.slice(1), [
    { role: 'tool', tool_call_id: 'a', content: 'seen' },
    { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'low' } }] },
    { role: 'user', content: 'hi' },
  ]);
  assert.deepEqual(notices, [
    'changed images in tool results follow as a user message',
    'dropped tool results cannot be marked as errors here',
  ]);
  const audio: Message = {
    role: 'user',
    content: [{ type: 'foreign', name: 'input_audio', dialect: 'openai', raw: {} }],
  };
  assert.match(
    refused(() => encode([audio])),
    /input_audio/,
  );
});

test('a turn of tools: the plan goes back as a plan, thinking as a block', () => {
  const turn: Message[] = [
    hi,
    said({ type: 'reasoning', text: 'I will look.' }, text('Wait.'), call('a', '{"x":1}'), call('b', '')),
    result('a', '1'),
    { role: 'tool', toolCallId: 'b', content: [] },
  ];
  const calls = [
    { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
    { id: 'b', type: 'function', function: { name: 'f', arguments: '{}' } },
  ];
  assert.deepEqual(encode(turn).json.messages.slice(1), [
    { role: 'assistant', tool_plan: 'I will look.\nWait.', tool_calls: calls },
    { role: 'tool', tool_call_id: 'a', content: '1' },
    { role: 'tool', tool_call_id: 'b', content: '{}' },
  ]);
  assert.deepEqual(encode(turn, {}, REASONING).json.messages[1], {
    role: 'assistant',
    content: [{ type: 'thinking', thinking: 'I will look.' }],
    tool_plan: 'Wait.',
    tool_calls: calls,
  });
});

test('reasoning of finished turns, and what another provider signed', () => {
  const own = said({ type: 'reasoning', text: 'hm' }, text('Yes'));
  assert.deepEqual(encode([hi, own, hi], {}, REASONING).json.messages[1].content, [
    { type: 'thinking', thinking: 'hm' },
    { type: 'text', text: 'Yes' },
  ]);
  const plain = encode([hi, own, hi]);
  assert.deepEqual(plain.json.messages[1], { role: 'assistant', content: 'Yes' });
  assert.equal(plain.notices.length, 1);
  const vendor = { dialect: 'anthropic', fields: { type: 'thinking', signature: 'x' } } as const;
  const signed = encode([hi, said({ type: 'reasoning', text: 'hm', vendor }, text('Yes')), hi], {}, REASONING);
  assert.deepEqual(signed.json.messages[1], { role: 'assistant', content: 'Yes' });
  assert.deepEqual(signed.notices, ['dropped reasoning of another provider is not sent on']);
});

test('arguments that are no object, empty messages, a last word of the assistant', () => {
  for (const broken of ['{"x":', '[1]', '7']) {
    const { json, notices } = encode([hi, said(call('a', broken)), result('a', 'x')]);
    assert.deepEqual(JSON.parse(json.messages[1].tool_calls[0].function.arguments), { invalid_arguments: broken });
    assert.equal(notices.length, 1);
  }
  const empty = [user(''), said(text('')), said(), hi];
  assert.deepEqual(encode(empty).json.messages, [{ role: 'user', content: 'hi' }]);
  assert.match(
    refused(() => encode([user('')])),
    /at least one message/,
  );
  assert.deepEqual(encode([hi, said(text('The'))]).notices, [
    'changed the last assistant message is not gone on from here',
  ]);
});
