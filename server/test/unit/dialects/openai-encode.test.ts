import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerCall, Message } from '../../../src/contract/call.ts';
import type { Dialect } from '../../../src/contract/dialect.ts';
import { GoblinError } from '../../../src/contract/errors.ts';
import type { Quirks } from '../../../src/contract/quirks.ts';
import { openai } from '../../../src/dialects/openai/index.ts';

const door = openai.door as NonNullable<Dialect['door']>;
const target = (quirks: Quirks = {}) => ({ provider: 'p', model: 'vendor-model', quirks });
const encode = (call: AnswerCall, quirks: Quirks = {}, stream = false) => {
  const wire = openai.vendor.encode(call, target(quirks), stream);
  return { ...wire, json: JSON.parse(wire.body) };
};
const ask = (messages: Message[], more: Partial<AnswerCall> = {}): AnswerCall => ({
  kind: 'answer',
  messages,
  ...more,
});
const hi: Message = { role: 'user', content: [{ type: 'text', text: 'hi' }] };

test("a caller's own body keeps the fields that we have never heard of", () => {
  const body = {
    model: 'auto',
    messages: [{ role: 'user', content: 'hi', name: 'bob' }],
    logit_bias: { '50256': -100 },
    brand_new: { a: [1] },
    max_completion_tokens: 50,
    stream_options: { include_obfuscation: false },
    n: 1,
  };
  const { call } = door.decode(body);
  const copy = structuredClone(body);
  const { json, path, headers, notices } = encode(call, {}, true);
  assert.deepEqual(json, {
    model: 'vendor-model',
    messages: body.messages,
    logit_bias: body.logit_bias,
    brand_new: body.brand_new,
    max_tokens: 50,
    stream: true,
    stream_options: { include_obfuscation: false, include_usage: true },
    n: 1,
  });
  assert.deepEqual([path, headers, notices], ['/chat/completions', { 'content-type': 'application/json' }, []]);
  assert.deepEqual(body, copy);
});

test('the limit, the stream options and refused fields follow the quirks', () => {
  const { call } = door.decode({
    model: 'm',
    messages: [{ role: 'user', content: 'hi', name: 'bob' }],
    max_tokens: 9,
    seed: 1,
    stream_options: {},
  });
  const quirks: Quirks = {
    maxTokensField: 'max_completion_tokens',
    noStreamOptions: true,
    refuses: ['seed', 'name', 'logprobs', 'model'],
  };
  const { json, notices } = encode(call, quirks, true);
  assert.deepEqual(json, {
    model: 'vendor-model',
    messages: [{ role: 'user', content: 'hi' }],
    stream: true,
    max_completion_tokens: 9,
  });
  assert.deepEqual(
    notices.map((notice) => [notice.code, notice.detail.split(':')[0]]),
    [
      ['dropped', 'seed'],
      ['dropped', 'name'],
    ],
  );
  assert.equal(call.native?.body.seed, 1);
  assert.deepEqual(encode(call, {}, false).json.stream_options, undefined);
  assert.equal(encode({ ...call, maxTokens: 3 }).json.max_tokens, 3);
});

test('a body without messages gets those of the call', () => {
  const { call } = door.decode({ model: 'm', messages: [{ role: 'user', content: 'old' }], extra: 1 });
  const { messages: _, ...body } = call.native?.body ?? {};
  const { json } = encode({ ...call, messages: [hi], native: { dialect: 'openai', body } });
  assert.deepEqual([json.messages, json.extra], [[{ role: 'user', content: 'hi' }], 1]);
});

test('a call from elsewhere, with everything that it can carry', () => {
  const call = ask(
    [
      { role: 'system', content: [{ type: 'text', text: 's' }] },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'look' },
          { type: 'image', data: 'AAAA', mediaType: 'image/png', detail: 'low' },
          { type: 'image', url: 'https://x.y/z' },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'reasoning', text: 'why' },
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
          {
            type: 'tool_call',
            id: 'a',
            name: 'f',
            arguments: '{}',
            vendor: { dialect: 'openai', fields: { extra_content: 1 } },
          },
        ],
      },
      {
        role: 'tool',
        toolCallId: 'a',
        content: [
          { type: 'text', text: 'r' },
          { type: 'image', url: 'https://x.y/r' },
        ],
        isError: true,
      },
      hi,
    ],
    {
      maxTokens: 9,
      temperature: 0.5,
      topP: 0.9,
      stop: ['x'],
      seed: 4,
      reasoningEffort: 'low',
      tools: [{ name: 'f', parameters: { type: 'object' } }],
      toolChoice: { name: 'f' },
      parallelToolCalls: false,
      responseFormat: { type: 'json_schema', name: 'n', schema: {}, strict: true },
    },
  );
  const { json, notices } = encode(call);
  assert.deepEqual(json, {
    model: 'vendor-model',
    stream: false,
    messages: [
      { role: 'system', content: 's' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'look' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'low' } },
          { type: 'image_url', image_url: { url: 'https://x.y/z' } },
        ],
      },
      {
        role: 'assistant',
        content: 'ab',
        reasoning_content: 'why',
        tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' }, extra_content: 1 }],
      },
      { role: 'tool', tool_call_id: 'a', content: 'r' },
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://x.y/r' } }] },
      { role: 'user', content: 'hi' },
    ],
    max_tokens: 9,
    temperature: 0.5,
    top_p: 0.9,
    stop: ['x'],
    seed: 4,
    reasoning_effort: 'low',
    tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
    tool_choice: { type: 'function', function: { name: 'f' } },
    parallel_tool_calls: false,
    response_format: { type: 'json_schema', json_schema: { name: 'n', schema: {}, strict: true } },
  });
  assert.deepEqual(
    notices.map((notice) => notice.code),
    ['changed', 'dropped'],
  );
});

test('what another dialect signed is dropped with a notice; what only it can express is refused', () => {
  const signed: Message = {
    role: 'assistant',
    content: [
      { type: 'reasoning', text: 'x', vendor: { dialect: 'anthropic', fields: {} } },
      { type: 'text', text: 'a' },
    ],
  };
  const { json, notices } = encode(ask([hi, signed, signed]));
  assert.deepEqual(json.messages[1], { role: 'assistant', content: 'a' });
  assert.equal(notices.length, 1);
  const foreign: Message = {
    role: 'user',
    content: [{ type: 'foreign', name: 'document', dialect: 'anthropic', raw: {} }],
  };
  assert.throws(
    () => encode(ask([foreign])),
    (error) =>
      error instanceof GoblinError && error.code === 'unsupported_by_target' && error.detail.includes('document'),
  );
});

test('what we added to our answers does not go to a vendor when a client sends them back', () => {
  const message = {
    role: 'assistant',
    content: null,
    reasoning_content: 'why',
    reasoning_details: [
      { type: 'reasoning.text', text: 'why', signature: 's', format: 'anthropic-claude-v1', index: 0 },
      { type: 'reasoning.encrypted', data: 'x', format: 'anthropic-claude-v1', index: 1 },
    ],
    tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{' }, invalid_arguments: true }],
  };
  const { call } = door.decode({ messages: [{ role: 'user', content: 'x' }, message] });
  const built = { ...call };
  delete built.native;
  const { reasoning_details, reasoning_content, ...rest } = message;
  const clean = { ...rest, tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{' } }] };
  for (const each of [call, built]) {
    assert.deepEqual(encode(each).json.messages[1], clean);
    assert.equal(encode(each).notices.length, 1);
    const wire = openai.vendor.encode(each, target({ replay: { as: 'reasoning_content', details: true } }), false);
    assert.deepEqual(JSON.parse(wire.body).messages[1], { ...clean, reasoning_content, reasoning_details });
    assert.deepEqual(wire.notices, []);
  }
  // The caller's own body is left as it was.
  assert.deepEqual(call.native?.body.messages, [{ role: 'user', content: 'x' }, message]);
});
