import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerCall, Message } from '../../../../src/contract/call.ts';
import { cohere } from '../../../../src/dialects/cohere/index.ts';
import { structured } from '../../../../src/dialects/cohere/schema.ts';
import { door, hi, text } from '../claude.ts';
import { COMMAND_A, encode, R7B, REASONING, refused } from './ask.ts';

test('the plain call', () => {
  const { wire, json, notices } = encode([{ role: 'system', content: [text('be brief')] }, hi]);
  assert.deepEqual([wire.path, wire.headers], ['/v2/chat', { 'content-type': 'application/json' }]);
  assert.deepEqual(json, {
    model: COMMAND_A,
    messages: [
      { role: 'system', content: 'be brief' },
      { role: 'user', content: 'hi' },
    ],
    stream: true,
  });
  assert.deepEqual(notices, []);
});

test('sampling in this vendor’s names and bounds', () => {
  const { json, notices } = encode([hi], { maxTokens: 9, temperature: 0.5, topP: 0.9, seed: 7, stop: ['a', 'b'] });
  assert.deepEqual(
    [json.max_tokens, json.temperature, json.p, json.seed, json.stop_sequences, 'top_p' in json],
    [9, 0.5, 0.9, 7, ['a', 'b'], false],
  );
  assert.deepEqual(notices, []);
  const far = encode([hi], { temperature: 1.5, topP: 1, seed: -1, stop: [...'abcdef'] });
  assert.deepEqual(
    [far.json.temperature, far.json.p, far.json.seed, far.json.stop_sequences],
    [1, 0.99, undefined, [...'abcde']],
  );
  assert.deepEqual(far.notices, ['changed temperature', 'changed top_p', 'dropped seed', 'dropped stop']);
  assert.equal('stop_sequences' in encode([hi], { stop: [] }).json, false);
});

test('fields of the caller’s own body: some have a place, the others are named', () => {
  const { call: asked } = door.decode({
    messages: [{ role: 'user', content: 'x' }],
    frequency_penalty: -0.5,
    presence_penalty: 0.25,
    top_k: 40,
    logit_bias: { 1: 2 },
    user: 'me',
    seed: null,
  });
  const { json, wire } = encode(asked.messages, asked);
  assert.deepEqual([json.frequency_penalty, json.presence_penalty, json.k], [0, 0.25, 40]);
  assert.deepEqual(
    wire.notices.map((notice) => notice.detail),
    [
      'frequency_penalty: 0 to 1 is what this provider takes; 0 is sent',
      'logit_bias: this provider has no such setting',
    ],
  );
  const both = encode([hi], { native: { dialect: 'openai', body: { frequency_penalty: 0.5, presence_penalty: 0.5 } } });
  assert.deepEqual([both.json.frequency_penalty, both.json.presence_penalty], [0.5, undefined]);
  assert.deepEqual(both.notices, ['dropped presence_penalty']);
  const refuses = encode([hi], { seed: 1, temperature: 0 }, COMMAND_A, { quirks: { refuses: ['seed', 'messages'] } });
  assert.deepEqual(
    [refuses.json.seed, refuses.json.messages.length, refuses.notices],
    [undefined, 1, ['dropped seed']],
  );
});

test('tools: all of them, none, one that is forced', () => {
  const tools = [{ name: 'f', description: 'd', parameters: { properties: { a: { type: 'string' } } } }, { name: 'g' }];
  const choice = (toolChoice?: AnswerCall['toolChoice']) => {
    const { json } = encode([hi], { tools, ...(toolChoice ? { toolChoice } : {}) });
    return [json.tools.map((tool: { function: { name: string } }) => tool.function.name), json.tool_choice];
  };
  assert.deepEqual(encode([hi], { tools }).json.tools, [
    {
      type: 'function',
      function: {
        name: 'f',
        description: 'd',
        parameters: { type: 'object', properties: { a: { type: 'string' } } },
      },
    },
    { type: 'function', function: { name: 'g', parameters: { type: 'object', properties: {} } } },
  ]);
  assert.deepEqual(choice(), [['f', 'g'], undefined]);
  assert.deepEqual(choice('auto'), [['f', 'g'], undefined]);
  assert.deepEqual(choice('none'), [['f', 'g'], 'NONE']);
  assert.deepEqual(choice('required'), [['f', 'g'], 'REQUIRED']);
  assert.deepEqual(choice({ name: 'g' }), [['g'], 'REQUIRED']);
  assert.match(
    refused(() => encode([hi], { tools, toolChoice: { name: 'h' } })),
    /"h" is not among/,
  );
  assert.equal('tool_choice' in encode([hi], { toolChoice: 'required' }).json, false);
  assert.deepEqual(encode([hi], { tools, parallelToolCalls: false }).notices, ['dropped parallel_tool_calls']);
  const foreign = door.decode({ messages: [{ role: 'user', content: 'x' }], tools: [{ type: 'custom', custom: {} }] });
  assert.match(
    refused(() => encode(foreign.call.messages, foreign.call)),
    /custom/,
  );
});

test('strict tools: where they are documented, all or none', () => {
  const strict = {
    name: 'f',
    strict: true,
    parameters: { properties: { n: { type: 'integer', minimum: 1 } }, required: ['n'] },
  };
  const ask = (tools: AnswerCall['tools'], model = R7B) => {
    const { json, notices } = encode([hi], { tools: tools ?? [] }, model);
    return [json.strict_tools, notices.map((notice) => notice.split(' ').slice(0, 2).join(' '))];
  };
  assert.deepEqual(ask([strict]), [true, ['changed tool']]);
  assert.deepEqual(ask([strict, { name: 'g' }]), [undefined, ['dropped strict']]);
  assert.deepEqual(ask([{ ...strict, parameters: { properties: { n: { type: 'integer' } } } }]), [
    undefined,
    ['dropped strict'],
  ]);
  assert.deepEqual(ask([strict], COMMAND_A), [undefined, ['dropped strict']]);
  assert.deepEqual(ask([{ name: 'g' }]), [undefined, []]);
  const { json } = encode([hi], { tools: [strict] }, R7B);
  assert.deepEqual(json.tools[0].function.parameters, {
    type: 'object',
    properties: { n: { type: 'integer', description: '(minimum: 1)' } },
    required: ['n'],
  });
});

test('the format of the answer', () => {
  const schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] };
  const format = { type: 'json_schema', name: 'x', schema } as const;
  assert.deepEqual(encode([hi], { responseFormat: { type: 'json' } }).json.response_format, { type: 'json_object' });
  assert.deepEqual(encode([hi], { responseFormat: format }).json.response_format, {
    type: 'json_object',
    json_schema: schema,
  });
  assert.equal('response_format' in encode([hi], { responseFormat: { type: 'text' } }).json, false);
  // Not beside tools, and not for what is no object: then in words, after the other system messages.
  const system: Message = { role: 'system', content: [text('be brief')] };
  for (const more of [
    { tools: [{ name: 'f' }], responseFormat: format },
    { responseFormat: { ...format, schema: { type: 'array', items: schema } } },
  ]) {
    const { json, notices } = encode([system, hi], more);
    assert.equal('response_format' in json, false);
    assert.deepEqual(
      json.messages.map((message: { role: string }) => message.role),
      ['system', 'system', 'user'],
    );
    assert.match(json.messages[1].content, /JSON Schema: \{/);
    assert.deepEqual(notices, ['changed response_format']);
  }
});

test('schemas: what is not taken becomes a description, and every object requires something', () => {
  const fit = (schema: Record<string, unknown>) => structured(schema);
  assert.deepEqual(
    fit({
      $schema: 'x',
      type: 'object',
      title: 'T',
      additionalProperties: false,
      properties: {
        sku: { type: 'string', pattern: '^[A-Z]{3}$', maxLength: 3 },
        when: { type: 'string', format: 'date' },
        mail: { type: 'string', format: 'email', description: 'whose' },
        odd: { type: 'string', pattern: '^(?!x)y' },
        one: { oneOf: [{ type: 'integer' }, { type: 'null' }] },
        ref: { allOf: [{ $ref: '#/$defs/A' }] },
        none: { type: ['string', 'null'], description: 'or none' },
        list: { type: 'array', items: { type: 'object', properties: { b: { type: 'boolean' } } }, minItems: 2 },
      },
      required: ['sku'],
      $defs: { A: { enum: ['a', 1], const: 1 } },
    }),
    {
      changed: true,
      schema: {
        type: 'object',
        title: 'T',
        additionalProperties: false,
        properties: {
          sku: { type: 'string', pattern: '[A-Z]{3}', description: '(maxLength: 3)' },
          when: { type: 'string', format: 'date' },
          mail: { type: 'string', description: 'whose\n(format: "email")' },
          odd: { type: 'string', description: '(pattern: "^(?!x)y")' },
          one: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
          ref: { $ref: '#/$defs/A' },
          none: { anyOf: [{ type: 'string' }, { type: 'null' }], description: 'or none' },
          list: {
            type: 'array',
            items: { type: 'object', properties: { b: { type: 'boolean' } }, required: ['b'] },
            description: '(minItems: 2)',
          },
        },
        required: ['sku'],
        $defs: { A: { enum: ['a', 1], const: 1 } },
      },
    },
  );
  assert.equal(fit({ type: 'object', properties: { a: {} }, required: ['a'] })?.changed, false);
  assert.equal(fit({ type: 'array' }), null);
  assert.equal(fit({ type: 'object' }), null);
  let deep: Record<string, unknown> = {};
  for (let i = 0; i < 20_000; i++) deep = { items: deep };
  assert.ok(fit({ type: 'object', properties: { deep } }));
});

test('thinking: on, off, a share of the answer, and not where there is none', () => {
  const ask = (reasoningEffort: string, model = REASONING, more: Partial<AnswerCall> = {}) => {
    const { json, notices } = encode([hi], { reasoningEffort, ...more }, model);
    return [json.thinking, notices];
  };
  assert.equal('thinking' in encode([hi], {}, REASONING).json, false);
  assert.deepEqual(ask('none'), [{ type: 'disabled' }, []]);
  assert.deepEqual(ask('low', REASONING, { maxTokens: 1000 }), [{ type: 'enabled', token_budget: 200 }, []]);
  assert.deepEqual(ask('medium'), [{ type: 'enabled', token_budget: 16_000 }, []]);
  assert.deepEqual(ask('minimal', REASONING, { maxTokens: 1 }), [{ type: 'enabled', token_budget: 1 }, []]);
  for (const effort of ['high', 'xhigh', 'max']) assert.deepEqual(ask(effort), [{ type: 'enabled' }, []]);
  assert.deepEqual(ask('very'), [undefined, ['dropped reasoning_effort']]);
  assert.deepEqual(ask('constructor'), [undefined, ['dropped reasoning_effort']]);
  assert.deepEqual(ask('high', COMMAND_A), [undefined, ['dropped reasoning_effort']]);
  assert.deepEqual(ask('none', COMMAND_A), [undefined, []]);
});

test('it goes on from no beginning, and says so', () => {
  assert.equal(cohere.vendor.goesOn, undefined);
  assert.match(
    refused(() => encode([hi], {}, COMMAND_A, { prefix: 'The' })),
    /go on/,
  );
});
