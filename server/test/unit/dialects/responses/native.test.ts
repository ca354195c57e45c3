import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerCall } from '../../../../src/contract/call.ts';
import type { EncodeTarget } from '../../../../src/contract/dialect.ts';
import { GoblinError } from '../../../../src/contract/errors.ts';
import { responses } from '../../../../src/dialects/responses/index.ts';
import { door } from './door.ts';

const TARGET: EncodeTarget = { provider: 'local', model: 'vendor-model', quirks: {} };
const hi = { role: 'user' as const, content: [{ type: 'text' as const, text: 'hi' }] };

function encode(call: Partial<AnswerCall>, target: Partial<EncodeTarget> = {}, stream = false) {
  const wire = responses.vendor.encode({ kind: 'answer', messages: [hi], ...call }, { ...TARGET, ...target }, stream);
  return { ...wire, json: JSON.parse(wire.body) };
}
const details = (call: Partial<AnswerCall>, target?: Partial<EncodeTarget>) =>
  encode(call, target).notices.map((notice) => `${notice.code} ${notice.detail}`);
const native = (body: Record<string, unknown>, target: Partial<EncodeTarget> = {}, stream = false) =>
  encode(door.decode(body).call, target, stream);
const refused = (run: () => unknown, why: RegExp) =>
  assert.throws(
    run,
    (error) => error instanceof GoblinError && error.code === 'unsupported_by_target' && why.test(error.detail),
  );

test('encrypted reasoning is asked for only where it is taken', () => {
  const asked = (model: string, more: Partial<EncodeTarget> = {}, call: Partial<AnswerCall> = {}) =>
    encode(call, { model, ...more }).json.include !== undefined;
  for (const model of [
    'gpt-5',
    'gpt-5.4-mini',
    'gpt-6-sol',
    'o3',
    'o4-mini',
    'openai/gpt-5',
    'gpt-5.3-codex',
    'grok-4',
  ]) {
    assert.ok(asked(model), model);
  }
  for (const model of ['gpt-4.1', 'gpt-4o-mini', 'gpt-5-chat-latest', 'gpt-5.2-chat-latest', 'llama-3', 'phi-4-o1x']) {
    assert.ok(!asked(model), model);
  }
  assert.ok(!asked('gpt-5', { reasons: false }));
  assert.ok(asked('my-deployment', {}, { reasoningEffort: 'high' }));
  assert.ok(!asked('my-deployment', {}, { reasoningEffort: 'none' }));
});

test('what this API has no place for is told', () => {
  assert.deepEqual(details({ stop: ['x'], seed: 4 }), [
    'dropped stop: this provider has no such setting',
    'dropped seed: this provider has no such setting',
  ]);
  const body = {
    messages: [],
    logit_bias: { 1: 2 },
    service_tier: 'flex',
    metadata: { a: 'b' },
    verbosity: 'low',
    prompt_cache_key: 'k',
    store: true,
    user: null,
  };
  const wire = encode({ native: { dialect: 'openai', body } });
  assert.deepEqual(
    wire.notices.map((notice) => notice.detail),
    ['logit_bias: this provider has no such setting'],
  );
  const { input: _, ...rest } = wire.json;
  assert.deepEqual(rest, {
    model: 'vendor-model',
    stream: false,
    store: false,
    service_tier: 'flex',
    metadata: { a: 'b' },
    prompt_cache_key: 'k',
    text: { verbosity: 'low' },
  });
});

test('what cannot be expressed is refused', () => {
  refused(() => encode({}, { prefix: 'Once' }), /beginning/);
  assert.equal(responses.vendor.goesOn, undefined);
  refused(() => encode({ maxTokens: 15 }, { provider: 'openai' }), /16/);
  assert.equal(encode({ maxTokens: 15 }, { provider: 'vllm' }).json.max_output_tokens, 15);
  assert.equal(encode({ maxTokens: 16 }, { provider: 'openai' }).json.max_output_tokens, 16);
  const custom = { tools: [{ type: 'custom', custom: { name: 'c' } }] };
  refused(() => encode({ native: { dialect: 'openai', body: custom } }), /custom/);
});

test("a caller's own body stays as it is, but for our edits", () => {
  const body = {
    model: 'ours/alias',
    input: [{ role: 'user', content: 'hi' }],
    instructions: 'Be brief.',
    tools: [{ type: 'web_search' }, { type: 'function', name: 'f', parameters: {} }],
    include: ['web_search_call.action.sources'],
    reasoning: { effort: 'low', summary: 'auto' },
    something_new: { a: 1 },
    stream: true,
    stream_options: { include_obfuscation: false },
    max_output_tokens: 100,
    store: true,
  };
  const copy = structuredClone(body);
  const { json } = native(body, { model: 'gpt-5' }, true);
  assert.deepEqual(json, {
    ...body,
    model: 'gpt-5',
    include: ['web_search_call.action.sources', 'reasoning.encrypted_content'],
  });
  assert.deepEqual(body, copy);
  const whole = native(body, { model: 'gpt-5' }, false).json;
  assert.deepEqual([whole.stream, whole.stream_options], [false, undefined]);
  const call = door.decode(body).call;
  assert.equal(encode({ ...call, maxTokens: 20 }).json.max_output_tokens, 20);
  const refusing = native(
    { ...body, top_p: 1, service_tier: 'auto' },
    { quirks: { refuses: ['top_p', 'store', 'user'] } },
  );
  assert.deepEqual(
    [refusing.json.top_p, refusing.json.store, refusing.json.service_tier],
    [undefined, undefined, 'auto'],
  );
  assert.deepEqual(
    refusing.notices.map((notice) => notice.detail),
    ['top_p: the provider does not take this field', 'store: the provider does not take this field'],
  );
});

test('a list of models', () => {
  assert.equal(responses.vendor.modelsPath, '/models');
  assert.deepEqual(responses.vendor.models({ data: [{ id: 'gpt-5' }] }), ['gpt-5']);
});
