import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerCall, AssistantContent, Message } from '../../../src/contract/call.ts';
import { anthropic } from '../../../src/dialects/anthropic/index.ts';
import { traitsOf } from '../../../src/dialects/anthropic/models.ts';
import { door, encode, hi, refused, said, text } from './claude.ts';

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
