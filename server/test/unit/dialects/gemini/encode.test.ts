/** Calls in the words that Gemini takes, and what is said about those that lose something on the way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AnswerCall, Message } from '../../../../src/contract/call.ts';
import { gemini } from '../../../../src/dialects/gemini/index.ts';
import { takenSchema } from '../../../../src/dialects/gemini/schema.ts';
import { called, door, encode, hi, refused, result, SECOND, said, THIRD, text, user } from './calls.ts';

test('the smallest call, and its path', () => {
  const { json, wire } = encode([hi]);
  assert.deepEqual(json, { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] });
  assert.deepEqual(
    [wire.path, wire.headers, wire.notices],
    ['/models/gemini-2.5-flash:streamGenerateContent?alt=sse', { 'content-type': 'application/json' }, []],
  );
  const path = (model: string) =>
    gemini.vendor.encode({ kind: 'answer', messages: [hi] }, { provider: 'p', model, quirks: {} }, false).path;
  assert.equal(path('models/gemini-2.5-pro'), '/models/gemini-2.5-pro:generateContent');
  assert.equal(path('tunedModels/mine'), '/tunedModels/mine:generateContent');
  assert.equal(path('publishers/google/models/gemini-2.5-pro'), '/models/gemini-2.5-pro:generateContent');
  assert.equal(path('x/../../y?a=b#c'), '/models/y%3Fa%3Db%23c:generateContent');
});

test('tools and their choice', () => {
  const tools = [{ name: 'f', description: 'd', parameters: { properties: { a: { type: 'string' } } } }, { name: 'g' }];
  const config = (toolChoice: AnswerCall['toolChoice'], strict = false) =>
    encode([hi], {
      tools: strict ? [{ name: 'f', strict: true }] : tools,
      ...(toolChoice ? { toolChoice } : {}),
    }).json.toolConfig?.functionCallingConfig;
  assert.deepEqual(encode([hi], { tools }).json.tools, [
    {
      functionDeclarations: [
        {
          name: 'f',
          description: 'd',
          parametersJsonSchema: { type: 'object', properties: { a: { type: 'string' } } },
        },
        { name: 'g' },
      ],
    },
  ]);
  assert.deepEqual(
    [config(undefined), config('auto'), config('none'), config('required'), config({ name: 'f' })],
    [undefined, { mode: 'AUTO' }, { mode: 'NONE' }, { mode: 'ANY' }, { mode: 'ANY', allowedFunctionNames: ['f'] }],
  );
  assert.deepEqual([config(undefined, true), config('auto', true)], [{ mode: 'VALIDATED' }, { mode: 'VALIDATED' }]);
  assert.equal(encode([hi], { toolChoice: 'required' }).json.toolConfig, undefined);
  assert.deepEqual(encode([hi], { tools, parallelToolCalls: false }).notices, ['dropped parallel_tool_calls']);
  assert.match(refused([hi], { tools }, 'gemma-3-27b-it'), /no tools/);
  const foreign = door.decode({ messages: [{ role: 'user', content: 'x' }], tools: [{ type: 'custom', custom: {} }] });
  assert.match(refused(foreign.call.messages, foreign.call), /custom/);
});

test('schemas: JSON Schema as it is, but for what the API refuses or passes over', () => {
  const { schema, loose } = takenSchema({
    $schema: 'http://json-schema.org/draft-07/schema#',
    $ref: '#/definitions/Root',
    definitions: {
      Root: {
        type: 'object',
        properties: {
          kind: { const: 'a' },
          list: { type: 'array', items: { $ref: '#/definitions/Item', description: 'beside' }, minItems: 1 },
          either: { oneOf: [{ type: 'string', pattern: '^x', default: 'x' }, { type: 'null' }] },
          open: { type: 'object', additionalProperties: { type: 'string', maxLength: 3 } },
          // A property may have the name of a keyword.
          pattern: { type: 'string' },
        },
        required: ['kind'],
        additionalProperties: false,
      },
      Item: { type: 'integer', exclusiveMinimum: 0 },
    },
  });
  const root = {
    type: 'object',
    properties: {
      kind: { enum: ['a'] },
      list: { type: 'array', items: { $ref: '#/$defs/Item' }, minItems: 1 },
      either: { oneOf: [{ type: 'string', pattern: '^x', default: 'x' }, { type: 'null' }] },
      open: { type: 'object', additionalProperties: { type: 'string', maxLength: 3 } },
      pattern: { type: 'string' },
    },
    required: ['kind'],
    additionalProperties: false,
  };
  assert.deepEqual(schema, { ...root, $defs: { Root: root, Item: { type: 'integer', exclusiveMinimum: 0 } } });
  assert.deepEqual(loose, ['exclusiveMinimum', 'maxLength', 'pattern']);
  let deep: Record<string, unknown> = { type: 'string' };
  for (let n = 0; n < 20_000; n++) deep = { type: 'array', items: deep };
  assert.equal(takenSchema(deep).schema.type, 'array');
  const strict = encode([hi], { tools: [{ name: 'f', strict: true, parameters: { pattern: 'x' } }] });
  assert.deepEqual(strict.notices, ['changed tool schemas']);
});

test('JSON: held to a schema where the model can be, asked for in words where not', () => {
  const format = { type: 'json_schema' as const, name: 'n', schema: { type: 'object', minProperties: 1 } };
  const tools = [{ name: 'f' }];
  const config = (more: Partial<AnswerCall>, model = SECOND) => {
    const { json, notices } = encode([{ role: 'system', content: [text('s')] }, hi], more, model);
    return [json.generationConfig?.responseMimeType, json.systemInstruction?.parts.length, notices.join()];
  };
  assert.deepEqual(encode([hi], { responseFormat: format }).json.generationConfig, {
    responseMimeType: 'application/json',
    responseJsonSchema: { type: 'object', minProperties: 1 },
  });
  assert.deepEqual(config({ responseFormat: format }), ['application/json', 1, 'changed response_format']);
  assert.deepEqual(config({ responseFormat: { type: 'json' } }), ['application/json', 1, '']);
  assert.deepEqual(config({ responseFormat: { type: 'text' } }), [undefined, 1, '']);
  assert.deepEqual(config({ responseFormat: format, tools }), [undefined, 2, 'changed response_format']);
  assert.deepEqual(config({ responseFormat: { type: 'json' }, tools }, THIRD), ['application/json', 1, '']);
  const forced = { responseFormat: { type: 'json' as const }, tools, toolChoice: 'required' as const };
  assert.deepEqual(config(forced, THIRD), [undefined, 2, 'changed response_format']);
  const gemma = encode([hi], { responseFormat: format }, 'gemma-3-27b-it').json;
  assert.equal(gemma.systemInstruction, undefined);
  assert.match(gemma.contents[0].parts[0].text, /JSON Schema: .*minProperties/);
});

test('sampling, stops, seeds, limits', () => {
  const more = { temperature: 0.5, topP: 0.9, seed: 7, maxTokens: 100, stop: ['a', 'b'] };
  assert.deepEqual(encode([hi], more).json.generationConfig, {
    maxOutputTokens: 100,
    temperature: 0.5,
    topP: 0.9,
    seed: 7,
    stopSequences: ['a', 'b'],
  });
  for (const model of ['gemini-3.6-flash', 'gemini-3.5-flash-lite', 'gemini-3.8-flash', 'gemini-flash-latest']) {
    const { json, notices } = encode([hi], more, model);
    assert.deepEqual([json.generationConfig.temperature, json.generationConfig.topP], [undefined, undefined], model);
    assert.deepEqual(notices, ['dropped temperature', 'dropped top_p'], model);
    assert.deepEqual(encode([hi], { temperature: 1, topP: 1 }, model).notices, [], model);
  }
  assert.equal(encode([hi], more, 'gemini-3.5-flash').json.generationConfig.temperature, 0.5);
  const stops = encode([hi], { stop: ['1', '2', '3', '4', '5', '6'] });
  assert.deepEqual([stops.json.generationConfig.stopSequences.length, stops.notices], [5, ['dropped stop']]);
  assert.equal(encode([hi], { stop: [] }).json.generationConfig, undefined);
  for (const seed of [2 ** 31, -(2 ** 31) - 1, 1.5]) assert.deepEqual(encode([hi], { seed }).notices, ['dropped seed']);
  const penalties = door.decode({
    messages: [{ role: 'user', content: 'x' }],
    presence_penalty: 1,
    logit_bias: {},
  }).call;
  assert.deepEqual(encode(penalties.messages, penalties).notices, ['dropped presence_penalty, logit_bias']);
});

test('reasoning effort, for each generation', () => {
  const think = (model: string, reasoningEffort: string, maxTokens?: number) => {
    const { json, notices } = encode([hi], { reasoningEffort, ...(maxTokens ? { maxTokens } : {}) }, model);
    return [json.generationConfig?.thinkingConfig, notices.length];
  };
  const budget = (thinkingBudget: number) => ({ thinkingBudget, includeThoughts: true });
  const level = (thinkingLevel: string, includeThoughts = true) => ({ thinkingLevel, includeThoughts });
  const table: [string, string, number | undefined, unknown, number][] = [
    [SECOND, 'none', undefined, { thinkingBudget: 0 }, 0],
    [SECOND, 'minimal', undefined, budget(1024), 0],
    [SECOND, 'low', undefined, budget(1024), 0],
    [SECOND, 'medium', undefined, budget(8192), 0],
    [SECOND, 'high', undefined, budget(24_576), 0],
    [SECOND, 'max', undefined, budget(24_576), 0],
    [SECOND, 'high', 1000, budget(800), 0],
    [SECOND, 'low', 4, { thinkingBudget: 0 }, 1],
    ['gemini-2.5-flash-lite', 'low', 2000, { thinkingBudget: 0 }, 1],
    ['gemini-2.5-flash-lite', 'low', 4000, budget(800), 0],
    ['gemini-2.5-pro', 'none', undefined, { thinkingBudget: 128, includeThoughts: false }, 1],
    ['gemini-2.5-pro', 'low', 100, { thinkingBudget: 128, includeThoughts: true }, 1],
    ['gemini-robotics-er-1.5-preview', 'low', undefined, budget(1024), 0],
    ['gemini-3-pro-preview', 'low', undefined, level('LOW'), 0],
    ['gemini-3-pro-preview', 'medium', undefined, level('HIGH'), 1],
    ['gemini-3-pro-preview', 'none', undefined, level('LOW', false), 1],
    ['gemini-3-flash-preview', 'minimal', undefined, level('MINIMAL'), 0],
    ['gemini-3-flash-preview', 'none', undefined, level('MINIMAL', false), 1],
    [THIRD, 'medium', undefined, level('MEDIUM'), 0],
    [THIRD, 'minimal', undefined, level('LOW'), 1],
    ['gemini-3.1-flash-lite', 'minimal', undefined, level('MINIMAL'), 0],
    ['gemini-3.5-flash', 'minimal', undefined, level('MINIMAL'), 0],
    ['gemini-3.5-flash-lite', 'minimal', undefined, level('MINIMAL'), 0],
    ['gemini-3.8-flash', 'minimal', undefined, level('LOW'), 1],
    ['gemini-3.8-flash', 'xhigh', undefined, level('HIGH'), 1],
    ['gemini-flash-latest', 'high', undefined, level('HIGH'), 0],
    ['gemini-2.0-flash', 'high', undefined, undefined, 1],
    ['gemini-2.0-flash', 'none', undefined, undefined, 0],
    ['gemma-4-31b-it', 'high', undefined, undefined, 1],
    ['gemini-3-pro-image', 'high', undefined, undefined, 1],
    [SECOND, 'extreme', undefined, undefined, 1],
    [SECOND, 'constructor', undefined, undefined, 1],
  ];
  for (const [model, effort, maxTokens, config, notices] of table) {
    assert.deepEqual(think(model, effort, maxTokens), [config, notices], `${model} ${effort} ${maxTokens}`);
  }
});

test('Gemma: the system message becomes the first words of the user', () => {
  const { json, notices } = encode([{ role: 'system', content: [text('s')] }, hi], {}, 'gemma-4-31b-it');
  assert.deepEqual(json, { contents: [{ role: 'user', parts: [{ text: 's' }, { text: 'hi' }] }] });
  assert.equal(notices.length, 1);
  const first = encode([{ role: 'system', content: [text('s')] }, said(text('a')), hi], {}, 'gemma-4-31b-it').json;
  assert.deepEqual(first.contents[0], { role: 'user', parts: [{ text: 's' }] });
});

test('fields that the provider refuses are left out, wherever they stand', () => {
  const quirks = { refuses: ['seed', 'systemInstruction', 'contents', 'nothing'] };
  const { json, notices } = encode([{ role: 'system', content: [text('s')] }, hi], { seed: 1 }, SECOND, { quirks });
  assert.deepEqual([json.systemInstruction, json.generationConfig, json.contents.length], [undefined, {}, 1]);
  assert.deepEqual(notices, ['dropped seed', 'dropped systemInstruction']);
});

test('whatever the conversation: roles, ids and order are those the API takes', () => {
  const name = fc.constantFrom('f', 'g');
  const id = fc.constantFrom('1', '2', '3');
  const message: fc.Arbitrary<Message> = fc.oneof(
    fc.string().map(user),
    fc.string().map((value): Message => ({ role: 'system', content: [text(value)] })),
    fc
      .array(
        fc.oneof(
          fc.string().map(text),
          fc.tuple(id, name, fc.json()).map(([i, n, args]) => called(i, n, args)),
        ),
        {
          maxLength: 3,
        },
      )
      .map((content): Message => ({ role: 'assistant', content })),
    fc.tuple(id, fc.string()).map(([i, value]) => result(i, value)),
  );
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 8 }),
      fc.constantFrom(SECOND, THIRD, 'gemini-3.8-flash'),
      (list, model) => {
        let json: { contents: { role: string; parts: Record<string, unknown>[] }[] };
        try {
          ({ json } = encode([hi, ...list], {}, model));
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'unsupported_by_target');
          return;
        }
        json.contents.forEach((content, i) => {
          assert.ok(content.parts.length > 0 && ['user', 'model'].includes(content.role));
          const results = content.parts.filter((part) => 'functionResponse' in part);
          // Results stand alone, and behind a turn of the model.
          if (results.length > 0) {
            assert.equal(results.length, content.parts.length);
            assert.equal(json.contents[i - 1]?.role, 'model');
          }
          const first = content.parts.find((part) => 'functionCall' in part);
          if (first && model !== SECOND) assert.equal(typeof first.thoughtSignature, 'string');
          if (content.role === 'model') assert.notEqual(json.contents[i - 1]?.role, 'model');
        });
        const words = (value: unknown) => JSON.stringify(value);
        for (const part of list) {
          if (part.role !== 'user') continue;
          const [only] = part.content;
          if (only?.type === 'text' && only.text !== '') assert.ok(words(json).includes(words(only.text)));
        }
      },
    ),
    { numRuns: 1000 },
  );
});
