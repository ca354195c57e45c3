import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerCall, AssistantContent, Message } from '../../../../src/contract/call.ts';
import type { EncodeTarget } from '../../../../src/contract/dialect.ts';
import { GoblinError } from '../../../../src/contract/errors.ts';
import { ollama } from '../../../../src/dialects/ollama/index.ts';
import { door, hi, said, text, user } from '../claude.ts';

const TARGET: EncodeTarget = { provider: 'ollama', model: 'llama3.2', quirks: {} };

function encode(messages: Message[], more: Partial<AnswerCall> = {}, target: Partial<EncodeTarget> = {}) {
  const call: AnswerCall = { kind: 'answer', messages, ...more };
  const wire = ollama.vendor.encode(call, { ...TARGET, ...target }, true);
  const notices = wire.notices.map((notice) => `${notice.code} ${notice.detail.split(':')[0]}`);
  return { json: JSON.parse(wire.body), wire, notices };
}

function refused(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof GoblinError && error.code === 'unsupported_by_target', String(error));
    return error.detail;
  }
  return assert.fail('it was accepted');
}

const call = (id: string, args: string, name = 'f'): AssistantContent => ({
  type: 'tool_call',
  id,
  name,
  arguments: args,
});

test('the plain call', () => {
  const { wire, json, notices } = encode([{ role: 'system', content: [text('be brief')] }, hi]);
  assert.deepEqual([wire.path, wire.headers], ['/api/chat', { 'content-type': 'application/json' }]);
  assert.deepEqual(json, {
    model: 'llama3.2',
    messages: [
      { role: 'system', content: 'be brief' },
      { role: 'user', content: 'hi' },
    ],
    stream: true,
    truncate: false,
  });
  assert.deepEqual(notices, []);
  assert.match(
    refused(() => encode([])),
    /at least one message/,
  );
});

test('sampling becomes options, and what the caller’s own body has beyond it', () => {
  const { json } = encode([hi], { maxTokens: 9, temperature: 1.5, topP: 1, seed: 7, stop: ['a'] });
  assert.deepEqual(json.options, { num_predict: 9, temperature: 1.5, top_p: 1, seed: 7, stop: ['a'] });
  assert.equal('options' in encode([hi], { stop: [] }).json, false);
  const { call: asked } = door.decode({
    messages: [{ role: 'user', content: 'x' }],
    presence_penalty: 0.5,
    frequency_penalty: '1',
    top_k: 40,
    keep_alive: '10m',
    logit_bias: {},
  });
  const own = encode(asked.messages, asked);
  assert.deepEqual([own.json.options, own.json.keep_alive], [{ presence_penalty: 0.5, top_k: 40 }, '10m']);
  assert.deepEqual(own.notices, ['dropped logit_bias']);
  const refuses = encode([hi], {}, { quirks: { refuses: ['truncate', 'model'] } });
  assert.deepEqual(
    [refuses.json.truncate, refuses.json.model, refuses.notices],
    [undefined, 'llama3.2', ['dropped truncate']],
  );
});

test('the size of the context, only where a quirk says so', () => {
  const size = (messages: Message[], more: Partial<AnswerCall> = {}, contextUpTo = 32_768, maxOutput?: number) =>
    encode(messages, more, { quirks: { contextUpTo }, ...(maxOutput ? { maxOutput } : {}) }).json.options.num_ctx;
  assert.equal('options' in encode([user('x'.repeat(99_999))]).json, false);
  assert.equal(size([hi]), 4096);
  assert.equal(size([hi], { maxTokens: 4096 }), 8192);
  assert.equal(size([hi], {}, 32_768, 5000), 8192);
  assert.equal(size([user('x'.repeat(30_000))]), 16_384);
  assert.equal(size([user('中'.repeat(10_000))]), 16_384);
  assert.equal(size([user('x'.repeat(300_000))]), 32_768);
  assert.equal(size([hi], {}, 3000), 3000);
  assert.equal(size([user('x'.repeat(300_000))], {}, 20_000), 20_000);
  const tools = [{ name: 'f', parameters: { description: 'x'.repeat(9000) } }];
  assert.equal(size([hi], { tools }), 8192);
  // The bytes of an image are no tokens.
  assert.equal(
    size([{ role: 'user', content: [{ type: 'image', data: 'A'.repeat(300_000), mediaType: 'image/png' }] }]),
    4096,
  );
  assert.equal(size([said(text('x'), call('a', 'y'.repeat(9000)))]), 8192);
});

test('tools, their results and their ids', () => {
  const tools = [{ name: 'f', description: 'd', strict: true, parameters: { properties: { a: {} } } }, { name: 'g' }];
  const { json, notices } = encode([hi], { tools, parallelToolCalls: false });
  assert.deepEqual(json.tools, [
    {
      type: 'function',
      function: { name: 'f', description: 'd', parameters: { type: 'object', properties: { a: {} } } },
    },
    { type: 'function', function: { name: 'g', parameters: { type: 'object', properties: {} } } },
  ]);
  assert.deepEqual(notices, ['dropped strict tools', 'dropped parallel_tool_calls']);
  assert.equal('tools' in encode([hi], { tools, toolChoice: 'none' }).json, false);
  assert.equal(encode([hi], { tools, toolChoice: 'auto' }).json.tools.length, 2);
  for (const toolChoice of ['required', { name: 'f' }] as const) {
    assert.match(
      refused(() => encode([hi], { tools, toolChoice })),
      /forced/,
    );
  }
  const { messages } = encode([
    hi,
    said({ type: 'reasoning', text: 'hm' }, text('Wait.'), call('a', '{"x":1}'), call('b', '', 'g')),
    { role: 'tool', toolCallId: 'b', content: [text('1'), text('2')] },
    { role: 'tool', toolCallId: 'lost', content: [], isError: true },
  ]).json;
  assert.deepEqual(messages.slice(1), [
    {
      role: 'assistant',
      content: 'Wait.',
      thinking: 'hm',
      tool_calls: [
        { id: 'a', type: 'function', function: { index: 0, name: 'f', arguments: { x: 1 } } },
        { id: 'b', type: 'function', function: { index: 1, name: 'g', arguments: {} } },
      ],
    },
    { role: 'tool', tool_name: 'g', tool_call_id: 'b', content: '1\n2' },
    { role: 'tool', tool_call_id: 'lost', content: '' },
  ]);
});

test('arguments keep their digits; those that are no object are kept as they were', () => {
  const sent = (args: string) => encode([hi, said(call('a', args))]).wire.body;
  assert.match(sent('{"id": 12345678901234567890, "x": 1.0}'), /"arguments":\{"id":12345678901234567890,"x":1.0\}/);
  for (const broken of [
    '{"x":',
    '[1]',
    '7',
    '12345678901234567890',
    '-1',
    ' null',
    '"a"',
    `{"a":${'['.repeat(9999)}${']'.repeat(9999)}}`,
  ]) {
    assert.deepEqual(JSON.parse(sent(broken)).messages[1].tool_calls[0].function.arguments, {
      invalid_arguments: broken,
    });
  }
  assert.equal(encode([hi, said(call('a', '{')), hi]).notices.length, 1);
});

test('the format of the answer, and not beside tools', () => {
  const schema = { type: 'object', properties: {} };
  const responseFormat = { type: 'json_schema', name: 'x', schema } as const;
  assert.equal(encode([hi], { responseFormat: { type: 'json' } }).json.format, 'json');
  assert.deepEqual(encode([hi], { responseFormat }).json.format, schema);
  assert.equal('format' in encode([hi], { responseFormat: { type: 'text' } }).json, false);
  const system: Message = { role: 'system', content: [text('be brief')] };
  const { json, notices } = encode([system, hi], { responseFormat, tools: [{ name: 'f' }] });
  assert.deepEqual(
    [json.messages.map((message: { role: string }) => message.role), 'format' in json, notices],
    [['system', 'system', 'user'], false, ['changed response_format']],
  );
  assert.match(json.messages[1].content, /JSON Schema: \{/);
});

test('thinking', () => {
  const ask = (reasoningEffort: string) => {
    const { json, notices } = encode([hi], { reasoningEffort });
    return [json.think, notices.length];
  };
  assert.equal('think' in encode([hi]).json, false);
  const table: [string, unknown, number][] = [
    ['none', false, 0],
    ['minimal', 'low', 1],
    ['low', 'low', 0],
    ['medium', 'medium', 0],
    ['high', 'high', 0],
    ['xhigh', 'high', 1],
    ['max', 'high', 1],
    ['very', undefined, 1],
    ['constructor', undefined, 1],
  ];
  for (const [effort, think, count] of table) assert.deepEqual(ask(effort), [think, count], effort);
  const vendor = { dialect: 'anthropic', fields: { type: 'thinking', signature: 'x' } } as const;
  const signed = encode([hi, said({ type: 'reasoning', text: 'hm', vendor }, text('Yes')), hi]);
  assert.deepEqual(signed.json.messages[1], { role: 'assistant', content: 'Yes' });
  assert.deepEqual(signed.notices, ['dropped reasoning of another provider is not sent on']);
});

test('images: the bare data, never an address', () => {
  const image = { type: 'image', data: 'AAAA', mediaType: 'image/png' } as const;
  assert.deepEqual(encode([{ role: 'user', content: [text('look'), image, text('here')] }]).json.messages[0], {
    role: 'user',
    content: 'look\nhere',
    images: ['AAAA'],
  });
  const link: Message = { role: 'user', content: [{ type: 'image', url: 'https://x.test/a.png' }] };
  assert.match(
    refused(() => encode([link])),
    /by URL/,
  );
  const results: Message = { role: 'tool', toolCallId: 'a', content: [text('seen'), image], isError: true };
  const { json, notices } = encode([said(call('a', '{}')), results, hi]);
  assert.deepEqual(json.messages.slice(1), [
    { role: 'tool', tool_name: 'f', tool_call_id: 'a', content: 'seen' },
    { role: 'user', content: '', images: ['AAAA'] },
    { role: 'user', content: 'hi' },
  ]);
  assert.equal(notices.length, 2);
  const audio: Message = {
    role: 'user',
    content: [{ type: 'foreign', name: 'input_audio', dialect: 'openai', raw: {} }],
  };
  assert.match(
    refused(() => encode([audio])),
    /input_audio/,
  );
  const foreign = door.decode({ messages: [{ role: 'user', content: 'x' }], tools: [{ type: 'custom', custom: {} }] });
  assert.match(
    refused(() => encode(foreign.call.messages, foreign.call)),
    /custom/,
  );
});

test('which models go on from a beginning', () => {
  const goes = (model: string, quirks: EncodeTarget['quirks'] = {}) =>
    ollama.vendor.goesOn?.({ ...TARGET, model, quirks });
  for (const model of [
    'llama3.1',
    'llama3.2:1b',
    'llama3.3:70b-instruct-q4_K_M',
    'library/llama3.2',
    'qwen2.5:7b',
    'qwen2.5-coder',
    'qwen3-coder:30b',
    'qwen3-vl',
  ]) {
    assert.equal(goes(model), true, model);
  }
  for (const model of [
    'llama3',
    'llama3.2-vision',
    'me/llama3.2',
    'hf.co/x/llama3.1',
    'qwen2.5vl',
    'qwen3',
    'qwen3.5',
    'gemma3',
    'gpt-oss:20b',
    'my-llama3.1',
  ]) {
    assert.equal(goes(model), false, model);
  }
  assert.equal(goes('mine', { prefix: {} }), true);
  assert.equal(goes('llama3.1', { prefix: null }), false);
});

test('the beginning of an answer is the last message, to the letter', () => {
  const prefix = 'The sky is ';
  assert.deepEqual(encode([hi], {}, { prefix }).json.messages[1], { role: 'assistant', content: prefix });
  assert.deepEqual(encode([hi, said(text('Well: '))], {}, { prefix }).json.messages.slice(1), [
    { role: 'assistant', content: 'Well: The sky is ' },
  ]);
  assert.match(
    refused(() => encode([hi], {}, { prefix, model: 'gemma3' })),
    /not known to go on/,
  );
  assert.match(
    refused(() => encode([hi], { responseFormat: { type: 'json' } }, { prefix })),
    /JSON/,
  );
  assert.match(
    refused(() => encode([hi, said(call('a', '{}'))], {}, { prefix })),
    /tool calls/,
  );
  assert.deepEqual(encode([hi, said(text('The'))]).notices, []);
  assert.equal(encode([hi, said(text('The'))], {}, { model: 'gemma3' }).notices.length, 1);
});
