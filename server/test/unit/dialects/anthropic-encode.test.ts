import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerCall, AssistantContent, Message } from '../../../src/contract/call.ts';
import { GoblinError } from '../../../src/contract/errors.ts';
import type { Dialect } from '../../../src/contract/ports.ts';
import { anthropic } from '../../../src/dialects/anthropic/index.ts';
import { traitsOf } from '../../../src/dialects/anthropic/models.ts';
import { openai } from '../../../src/dialects/openai/index.ts';
import { openaiMessage } from '../../../src/dialects/openai/message.ts';
import * as fixture from './fixtures/anthropic.ts';
import { read } from './read.ts';

const door = openai.door as NonNullable<Dialect['door']>;
const text = (value: string) => ({ type: 'text' as const, text: value });
const user = (value: string): Message => ({ role: 'user', content: [text(value)] });
const said = (...content: AssistantContent[]): Message => ({ role: 'assistant', content });
const hi = user('hi');

function encode(messages: Message[], more: Partial<AnswerCall> = {}, model = 'claude-sonnet-4-5') {
  const wire = anthropic.vendor.encode(
    { kind: 'answer', messages, ...more },
    { provider: 'p', model, quirks: {} },
    true,
  );
  return {
    json: JSON.parse(wire.body),
    wire,
    notices: wire.notices.map((notice) => `${notice.code} ${notice.detail.split(':')[0]}`),
  };
}

function refused(messages: Message[], more: Partial<AnswerCall> = {}, model?: string): string {
  try {
    encode(messages, more, model);
  } catch (error) {
    assert.ok(error instanceof GoblinError && error.code === 'unsupported_by_target', String(error));
    return error.detail;
  }
  return assert.fail('it was accepted');
}

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

test('tools and their choice', () => {
  const tools = [{ name: 'f', description: 'd', parameters: { properties: {} } }, { name: 'g' }];
  const choice = (toolChoice: AnswerCall['toolChoice'], parallelToolCalls?: boolean) =>
    encode([hi], {
      tools,
      ...(toolChoice ? { toolChoice } : {}),
      ...(parallelToolCalls === undefined ? {} : { parallelToolCalls }),
    }).json.tool_choice;
  assert.deepEqual(encode([hi], { tools }).json.tools, [
    { name: 'f', description: 'd', input_schema: { type: 'object', properties: {} } },
    { name: 'g', input_schema: { type: 'object' } },
  ]);
  assert.deepEqual(
    [
      choice(undefined),
      choice('auto'),
      choice('none'),
      choice('required'),
      choice({ name: 'f' }),
      choice(undefined, false),
      choice('required', false),
    ],
    [
      undefined,
      { type: 'auto' },
      { type: 'none' },
      { type: 'any' },
      { type: 'tool', name: 'f' },
      { type: 'auto', disable_parallel_tool_use: true },
      { type: 'any', disable_parallel_tool_use: true },
    ],
  );
  assert.match(refused([hi], { tools, toolChoice: 'required' }, 'claude-opus-5-5'), /forced/);
  assert.deepEqual(encode([hi], { toolChoice: 'required' }).json.tool_choice, undefined);
  const strict = [{ name: 'f', strict: true, parameters: { properties: { n: { type: 'integer', minimum: 1 } } } }];
  const enforced = encode([hi], { tools: strict });
  assert.deepEqual(enforced.json.tools[0], {
    name: 'f',
    strict: true,
    input_schema: {
      type: 'object',
      properties: { n: { type: 'integer', description: '(minimum: 1)' } },
      additionalProperties: false,
    },
  });
  assert.equal(enforced.notices.length, 1);
  assert.equal('strict' in encode([hi], { tools: strict }, 'claude-3-5-haiku-20241022').json.tools[0], false);
});

test('tools that only OpenAI has are refused; allowed tools become the only tools', () => {
  const { call } = door.decode({ messages: [{ role: 'user', content: 'x' }], tools: [{ type: 'custom', custom: {} }] });
  assert.match(refused(call.messages, call), /custom/);
  const allowed = door.decode({
    messages: [{ role: 'user', content: 'x' }],
    tools: ['f', 'g'].map((name) => ({ type: 'function', function: { name } })),
    tool_choice: {
      type: 'allowed_tools',
      allowed_tools: { mode: 'auto', tools: [{ type: 'function', function: { name: 'g' } }] },
    },
  }).call;
  assert.deepEqual(
    encode(allowed.messages, allowed).json.tools.map((tool: { name: string }) => tool.name),
    ['g'],
  );
});

test('sampling: clamped, one of two, and not at all on newer models', () => {
  const sampling = (temperature: number, topP: number | undefined, model: string) => {
    const { json, notices } = encode([hi], { temperature, ...(topP === undefined ? {} : { topP }) }, model);
    return [json.temperature, json.top_p, notices.length];
  };
  assert.deepEqual(sampling(1.5, undefined, 'claude-sonnet-4-5'), [1, undefined, 1]);
  assert.deepEqual(sampling(0.5, 0.9, 'claude-sonnet-4-5'), [0.5, undefined, 1]);
  assert.deepEqual(sampling(0.5, 0.9, 'claude-sonnet-4-20250514'), [0.5, 0.9, 0]);
  assert.deepEqual(sampling(0.5, 0.9, 'claude-opus-4-7'), [undefined, undefined, 2]);
  assert.deepEqual(sampling(1, 1, 'claude-opus-5-5'), [undefined, undefined, 0]);
});

test('JSON: schemas where the model enforces them, words where it does not', () => {
  const schema = {
    type: 'object',
    properties: { a: { oneOf: [{ type: 'string', minLength: 1 }, { type: 'null' }] } },
    additionalProperties: true,
  };
  const format = { type: 'json_schema' as const, name: 'n', schema };
  const enforced = encode([hi], { responseFormat: format, reasoningEffort: 'low' }, 'claude-opus-4-8');
  assert.deepEqual(enforced.json.output_config, {
    effort: 'low',
    format: {
      type: 'json_schema',
      schema: {
        type: 'object',
        properties: { a: { anyOf: [{ type: 'string', description: '(minLength: 1)' }, { type: 'null' }] } },
        additionalProperties: false,
        description: '(additionalProperties: true)',
      },
    },
  });
  assert.equal(enforced.notices.length, 1);
  const words = encode([hi], { responseFormat: format }, 'claude-3-5-haiku-20241022');
  assert.ok(words.json.system.includes('"minLength":1') && words.json.output_config === undefined);
  const mode = encode([{ role: 'system', content: [text('s')] }, hi], { responseFormat: { type: 'json' } });
  assert.deepEqual(
    mode.json.system.map((block: { text: string }) => block.text),
    ['s', 'Answer with one JSON object and nothing else'],
  );
  assert.equal(mode.notices.length, 1);
  assert.equal(encode([hi], { responseFormat: { type: 'text' } }).json.system, undefined);
});

test('reasoning effort, for each generation', () => {
  const of = (model: string, reasoningEffort: string, more: Partial<AnswerCall> = {}) => {
    const { json, notices } = encode([hi], { reasoningEffort, maxTokens: 10_000, ...more }, model);
    return [json.thinking, json.output_config?.effort, notices.length];
  };
  const adaptive = { type: 'adaptive', display: 'summarized' };
  assert.deepEqual(of('claude-sonnet-4-5', 'high'), [{ type: 'enabled', budget_tokens: 8000 }, undefined, 0]);
  assert.deepEqual(of('claude-sonnet-4-5', 'minimal'), [{ type: 'enabled', budget_tokens: 1024 }, undefined, 0]);
  assert.deepEqual(of('claude-sonnet-4-5', 'high', { maxTokens: 2047 }), [undefined, undefined, 1]);
  assert.deepEqual(of('claude-sonnet-4-5', 'high', { maxTokens: 2048 }), [
    { type: 'enabled', budget_tokens: 1638 },
    undefined,
    0,
  ]);
  assert.deepEqual(of('claude-sonnet-4-5', 'high', { temperature: 0.5, topP: 0.5 }), [
    { type: 'enabled', budget_tokens: 8000 },
    undefined,
    2,
  ]);
  assert.deepEqual(of('claude-3-5-sonnet-20241022', 'high'), [undefined, undefined, 1]);
  assert.deepEqual(of('claude-sonnet-4-5', 'none'), [undefined, undefined, 0]);
  assert.deepEqual(of('claude-sonnet-4-5', 'lots'), [undefined, undefined, 1]);
  assert.deepEqual(of('claude-opus-4-6', 'xhigh'), [adaptive, 'high', 1]);
  assert.deepEqual(of('claude-opus-4-8', 'xhigh'), [adaptive, 'xhigh', 0]);
  assert.deepEqual(of('claude-opus-4-8', 'minimal'), [adaptive, 'low', 0]);
  assert.deepEqual(of('claude-opus-4-8', 'none'), [undefined, undefined, 0]);
  assert.deepEqual(of('claude-opus-5', 'none'), [{ type: 'disabled' }, undefined, 0]);
  assert.deepEqual(of('claude-sonnet-5-5', 'none'), [{ type: 'between_tools' }, undefined, 0]);
  assert.deepEqual(of('claude-opus-5-5', 'none'), [undefined, 'low', 1]);
  const forced = { tools: [{ name: 'f' }], toolChoice: 'required' as const };
  assert.deepEqual(of('claude-sonnet-4-5', 'high', forced), [undefined, undefined, 1]);
  assert.deepEqual(of('claude-opus-4-8', 'high', forced), [undefined, 'high', 1]);
});

test('a budget is always at least 1,024 and below max_tokens', () => {
  for (const effort of ['minimal', 'low', 'medium', 'high', 'xhigh', 'max']) {
    for (let maxTokens = 1; maxTokens < 200_000; maxTokens = Math.ceil(maxTokens * 1.3)) {
      const { thinking } = encode([hi], { reasoningEffort: effort, maxTokens }).json;
      if (thinking) assert.ok(thinking.budget_tokens >= 1024 && thinking.budget_tokens < maxTokens);
    }
  }
});

test('thinking with a budget cannot begin in the middle of a tool call', () => {
  const calls: AssistantContent = { type: 'tool_call', id: 'a', name: 'f', arguments: '{}' };
  const result: Message = { role: 'tool', toolCallId: 'a', content: [text('r')] };
  const more = { reasoningEffort: 'high', maxTokens: 9000, tools: [{ name: 'f' }] };
  assert.equal(encode([hi, said(calls), result], more).json.thinking, undefined);
  const signed: AssistantContent = {
    type: 'reasoning',
    text: 't',
    vendor: { dialect: 'anthropic', fields: { type: 'thinking', signature: 's' } },
  };
  assert.ok(encode([hi, said(signed, calls), result], more).json.thinking);
  assert.ok(encode([hi, said(calls), result], more, 'claude-opus-4-8').json.thinking);
  assert.equal(encode([hi, said(text('So'))], more).json.thinking, undefined);
});

test('what has no place here is told', () => {
  const { call } = door.decode({
    messages: [{ role: 'user', content: 'x' }],
    seed: 1,
    stop: ['END', ' '],
    logit_bias: { a: 1 },
    user: 'u',
    logprobs: null,
  });
  const { json, notices } = encode(call.messages, call);
  assert.deepEqual(json.stop_sequences, ['END']);
  assert.deepEqual(notices, ['dropped stop', 'dropped seed', 'dropped logit_bias']);
  const wire = anthropic.vendor.encode(
    call,
    { provider: 'p', model: 'm', quirks: { refuses: ['stop_sequences', 'model'] } },
    false,
  );
  assert.deepEqual([JSON.parse(wire.body).stop_sequences, JSON.parse(wire.body).model], [undefined, 'm']);
});

test('the generations of Claude by their names', () => {
  const of = (model: string) => {
    const { thinking, off, sampling, forcedTool, prefill, schema } = traitsOf(model);
    return [thinking, off, sampling, forcedTool, prefill, schema];
  };
  const table: Record<string, unknown[]> = {
    'claude-3-haiku-20240307': ['none', 'omit', true, true, true, false],
    'claude-3-5-sonnet-latest': ['none', 'omit', true, true, true, false],
    'anthropic/claude-3.7-sonnet': ['budget', 'omit', true, true, true, false],
    'claude-opus-4-20250514': ['budget', 'omit', true, true, true, false],
    'claude-sonnet-4@20250514': ['budget', 'omit', true, true, true, false],
    'claude-opus-4-1-20250805': ['budget', 'omit', true, true, true, true],
    'claude-haiku-4-5-20251001': ['budget', 'omit', true, true, true, true],
    'us.anthropic.claude-opus-4-6-v1': ['adaptive', 'omit', true, true, false, true],
    'claude-opus-4.7': ['adaptive', 'omit', false, true, false, true],
    'claude-sonnet-5': ['adaptive', 'disabled', false, true, false, true],
    'claude-fable-5': ['adaptive', 'never', false, true, false, true],
    'claude-fable-5-1': ['adaptive', 'never', false, false, false, true],
    'claude-haiku-5-5': ['adaptive', 'disabled', false, true, false, true],
    'claude-sonnet-5-5': ['adaptive', 'between_tools', false, false, false, true],
    'claude-opus-5-5': ['adaptive', 'never', false, false, false, true],
    'claude-sonnet-latest': ['adaptive', 'never', false, true, false, true],
    'glm-4.6': ['budget', 'omit', true, true, true, false],
  };
  for (const [model, expected] of Object.entries(table)) assert.deepEqual(of(model), expected, model);
});
