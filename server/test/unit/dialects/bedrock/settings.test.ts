import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerCall } from '../../../../src/contract/call.ts';
import { bedrock } from '../../../../src/dialects/bedrock/index.ts';
import { CLAUDE, called, encode, GPT_OSS, hi, LLAMA, LOOK, NEWER, NOVA, refused, result, said } from './kit.ts';

const OLD = 'anthropic.claude-3-haiku-20240307-v1:0';
const GPT = 'us.openai.gpt-5.6';
const NOVA2 = 'us.amazon.nova-2-lite-v1:0';
const KIMI = 'moonshot.kimi-k2-thinking';

test('limits, sampling, stops', () => {
  const asked = { maxTokens: 100, temperature: 1.5, topP: 0.9, stop: ['END', ' ', ''], seed: 7 };
  const { json, notices } = encode([hi], asked, LLAMA);
  assert.deepEqual(json.inferenceConfig, { maxTokens: 100, temperature: 1, topP: 0.9, stopSequences: ['END'] });
  assert.deepEqual(notices, ['changed temperature', 'dropped stop', 'dropped seed']);
  assert.equal(encode([hi]).json.inferenceConfig, undefined);
});

test('what some models refuse is not sent', () => {
  const asked = { temperature: 0.5, topP: 0.9, stop: ['END'] };
  assert.deepEqual(encode([hi], asked, CLAUDE).json.inferenceConfig, { temperature: 0.5, stopSequences: ['END'] });
  assert.deepEqual(encode([hi], asked, OLD).json.inferenceConfig, {
    temperature: 0.5,
    topP: 0.9,
    stopSequences: ['END'],
  });
  assert.deepEqual(encode([hi], asked, NEWER).json.inferenceConfig, { stopSequences: ['END'] });
  assert.deepEqual(encode([hi], asked, GPT_OSS).json.inferenceConfig, { temperature: 0.5, topP: 0.9 });
  assert.equal(encode([hi], asked, GPT).json.inferenceConfig, undefined);
  assert.deepEqual(encode([hi], asked, GPT).notices, ['dropped temperature', 'dropped top_p', 'dropped stop']);
});

test('effort in the words of each family', () => {
  const more = (reasoningEffort: string, model: string, asked: Partial<AnswerCall> = {}) =>
    encode([hi], { reasoningEffort, ...asked }, model).json.additionalModelRequestFields;
  assert.deepEqual(more('high', NEWER), {
    thinking: { type: 'adaptive', display: 'summarized' },
    output_config: { effort: 'high' },
  });
  assert.deepEqual(more('medium', CLAUDE, { maxTokens: 4000 }), { thinking: { type: 'enabled', budget_tokens: 2000 } });
  assert.equal(more('high', OLD), undefined);
  assert.deepEqual(more('minimal', GPT_OSS), { reasoning_effort: 'low' });
  assert.deepEqual(more('xhigh', KIMI), { reasoning_effort: 'high' });
  assert.deepEqual(more('high', GPT), { reasoning: { effort: 'high' } });
  assert.deepEqual(more('none', GPT), { reasoning: { effort: 'none' } });
  assert.deepEqual(more('low', NOVA2), { reasoningConfig: { type: 'enabled', maxReasoningEffort: 'low' } });
  assert.deepEqual(more('high', NOVA2), { reasoningConfig: { type: 'enabled', maxReasoningEffort: 'high' } });
  assert.deepEqual(more('high', NOVA2, { maxTokens: 50 }), {
    reasoningConfig: { type: 'enabled', maxReasoningEffort: 'medium' },
  });
  assert.equal(more('none', NOVA2), undefined);
  for (const model of [NOVA, LLAMA]) {
    assert.equal(more('high', model), undefined);
    assert.deepEqual(encode([hi], { reasoningEffort: 'high' }, model).notices, ['dropped reasoning_effort']);
  }
});

test('Claude’s budget brings a limit, and takes sampling away', () => {
  const { json } = encode([hi], { reasoningEffort: 'high', temperature: 0.3, topP: 0.5 }, CLAUDE, {
    maxOutput: 10_000,
  });
  assert.deepEqual(json.inferenceConfig, { maxTokens: 10_000 });
  assert.deepEqual(json.additionalModelRequestFields, { thinking: { type: 'enabled', budget_tokens: 8000 } });
  const high = encode([hi], { reasoningEffort: 'high', temperature: 0.3 }, NOVA2).json;
  assert.equal(high.inferenceConfig, undefined);
});

test('what excludes thinking', () => {
  const thinks = (messages: Parameters<typeof encode>[0], asked: Partial<AnswerCall>, prefix?: string) =>
    'thinking' in
    (encode(
      messages,
      { reasoningEffort: 'high', maxTokens: 8000, ...asked },
      CLAUDE,
      prefix === undefined ? {} : { prefix },
    ).json.additionalModelRequestFields ?? {});
  assert.equal(thinks([hi], {}), true);
  assert.equal(thinks([hi], { tools: [LOOK], toolChoice: 'auto' }), true);
  assert.equal(thinks([hi], { tools: [LOOK], toolChoice: 'required' }), false);
  assert.equal(thinks([hi], { tools: [LOOK], toolChoice: 'required', parallelToolCalls: false }), false);
  assert.equal(thinks([hi], {}, 'Once'), false);
  assert.equal(thinks([hi, said(called('a')), result('a')], { tools: [LOOK] }), false);
  const signed = {
    type: 'reasoning' as const,
    text: 'x',
    vendor: { dialect: 'bedrock' as const, fields: { signature: 's' } },
  };
  assert.equal(thinks([hi, said(signed, called('a')), result('a')], { tools: [LOOK] }), true);
});

test('tools and their choice', () => {
  const config = (asked: Partial<AnswerCall>, model = CLAUDE) =>
    encode([hi], { tools: [LOOK, { name: 'now' }], ...asked }, model).json;
  assert.deepEqual(config({}).toolConfig, {
    tools: [
      { toolSpec: { name: 'look', description: 'Looks', inputSchema: { json: LOOK.parameters } } },
      { toolSpec: { name: 'now', inputSchema: { json: { type: 'object' } } } },
    ],
  });
  assert.deepEqual(config({ toolChoice: 'auto' }).toolConfig.toolChoice, { auto: {} });
  assert.deepEqual(config({ toolChoice: 'required' }).toolConfig.toolChoice, { any: {} });
  assert.deepEqual(config({ toolChoice: { name: 'now' } }).toolConfig.toolChoice, { tool: { name: 'now' } });
  assert.equal(config({ toolChoice: 'none' }).toolConfig, undefined);
  const mistral = config({ toolChoice: { name: 'now' } }, 'mistral.mistral-large-2407-v1:0').toolConfig;
  assert.deepEqual([mistral.toolChoice, mistral.tools.length, mistral.tools[0].toolSpec.name], [{ any: {} }, 1, 'now']);
  for (const toolChoice of ['required', { name: 'now' }] as const) {
    assert.match(refused([hi], { tools: [{ name: 'now' }], toolChoice }, LLAMA), /cannot be forced/);
    assert.match(
      refused([hi], { tools: [{ name: 'now' }], toolChoice }, 'us.anthropic.claude-opus-5-5'),
      /cannot be forced/,
    );
  }
  assert.match(refused([hi], { tools: [LOOK], toolChoice: { name: 'other' } }), /"other"/);
  assert.match(refused([hi], { tools: [{ name: 'a.b' }] }), /tool names/);
});

test('one call at a time is Claude’s own field, and never beside toolChoice', () => {
  const asked = { tools: [LOOK], parallelToolCalls: false };
  const any = encode([hi], { ...asked, toolChoice: 'required' }).json;
  assert.deepEqual(any.additionalModelRequestFields, { tool_choice: { type: 'any', disable_parallel_tool_use: true } });
  assert.equal(any.toolConfig.toolChoice, undefined);
  assert.deepEqual(encode([hi], asked).json.additionalModelRequestFields.tool_choice.type, 'auto');
  assert.deepEqual(encode([hi], asked, LLAMA).notices, ['dropped parallel_tool_calls']);
});

test('tools that a conversation has used are declared even when none may be called', () => {
  const talk = [hi, said(called('a')), result('a')];
  const bare = encode(talk);
  assert.deepEqual(bare.json.toolConfig, {
    tools: [{ toolSpec: { name: 'look', inputSchema: { json: { type: 'object' } } } }],
  });
  const none = encode(talk, { tools: [LOOK], toolChoice: 'none' }, NOVA);
  assert.deepEqual(none.json.toolConfig.tools[0].toolSpec.description, 'Looks');
  assert.match(none.json.system[0].text, /not call/);
  assert.deepEqual(none.notices, ['changed tool_choice']);
});

test('schemas are enforced where the guide says so, else asked for in words', () => {
  const responseFormat = {
    type: 'json_schema' as const,
    name: 'song',
    schema: { type: 'object', properties: { n: { type: 'integer', minimum: 1 } } },
  };
  for (const model of [CLAUDE, KIMI, GPT_OSS, 'deepseek.v3-v1:0']) {
    const { json, notices } = encode([hi], { responseFormat }, model);
    const { textFormat } = json.outputConfig;
    assert.equal(textFormat.type, 'json_schema');
    assert.equal(textFormat.structure.jsonSchema.name, 'song');
    assert.deepEqual(JSON.parse(textFormat.structure.jsonSchema.schema), {
      type: 'object',
      properties: { n: { type: 'integer', description: '(minimum: 1)' } },
      additionalProperties: false,
    });
    assert.deepEqual(notices, ['changed response_format']);
    assert.equal(json.system, undefined);
  }
  for (const [model, target] of [
    [NEWER, {}],
    [LLAMA, {}],
    [CLAUDE, { prefix: '{"n":' }],
  ] as const) {
    const { json } = encode([hi], { responseFormat }, model, target);
    assert.equal(json.outputConfig, undefined);
    assert.match(json.system[0].text, /"minimum":1/);
  }
  assert.match(encode([hi], { responseFormat: { type: 'json' } }).json.system[0].text, /JSON object/);
  assert.equal(encode([hi], { responseFormat: { type: 'text' } }).json.system, undefined);
  const strict = { ...LOOK, strict: true };
  assert.deepEqual(encode([hi], { tools: [strict] }).json.toolConfig.tools[0].toolSpec, {
    name: 'look',
    description: 'Looks',
    inputSchema: { json: { type: 'object', properties: { a: {} }, additionalProperties: false } },
    strict: true,
  });
  const loose = encode([hi], { tools: [strict] }, NEWER);
  assert.equal(loose.json.toolConfig.tools[0].toolSpec.strict, undefined);
  assert.deepEqual(loose.notices, ['dropped strict tools']);
});

test('fields of other dialects are named, fields of our own survive', () => {
  const openai = { dialect: 'openai' as const, body: { messages: [], logit_bias: { 1: 2 }, user: 'u' } };
  assert.deepEqual(encode([hi], { native: openai }).notices, ['dropped logit_bias']);
  const body = { messages: [{ role: 'user', content: [{ text: 'hi' }] }], guardrailConfig: { trace: 'enabled' } };
  const own = { kind: 'answer' as const, messages: [hi], maxTokens: 9, native: { dialect: 'bedrock' as const, body } };
  const target = { provider: 'p', model: LLAMA, quirks: { refuses: ['system', 'guardrailConfig'] } };
  const wire = bedrock.vendor.encode(own, { ...target, quirks: {} }, false);
  assert.deepEqual(JSON.parse(wire.body), { ...body, inferenceConfig: { maxTokens: 9 } });
  assert.match(wire.path, /\/converse$/);
  const cut = bedrock.vendor.encode(own, target, false);
  assert.equal(JSON.parse(cut.body).guardrailConfig, undefined);
  assert.equal(cut.notices.length, 1);
});

test('only old Claudes go on from a beginning', () => {
  const goesOn = (model: string) => bedrock.vendor.goesOn?.({ provider: 'p', model, quirks: {} });
  for (const model of [
    CLAUDE,
    OLD,
    'arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-5-sonnet-20241022-v2:0',
  ]) {
    assert.equal(goesOn(model), true, model);
  }
  for (const model of [NEWER, 'us.anthropic.claude-opus-4-6-v1', NOVA, NOVA2, GPT, GPT_OSS, KIMI, LLAMA, 'x']) {
    assert.equal(goesOn(model), false, model);
  }
});
