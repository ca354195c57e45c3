/** Conversations that change vendors: what comes back through the door reaches each vendor in the form that it takes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AnswerCall, DialectName, VendorField } from '../../../src/contract/call.ts';
import { GoblinError } from '../../../src/contract/errors.ts';
import type { VisiblePart } from '../../../src/contract/part.ts';
import { shownId, vendorId } from '../../../src/dialects/anthropic/door-ids.ts';
import { isSealed, seal, UNSIGNED, unseal } from '../../../src/dialects/anthropic/door-seal.ts';
import { openaiMessage, partsOfMessage } from '../../../src/dialects/index.ts';
import { EVERYTHING, STOCKS, SUN } from './fixtures/anthropic-requests.ts';
import { CLAUDE, decode, door, refusal, send } from './sent.ts';

const user = (content: unknown) => ({ role: 'user', content });
const said = (...content: object[]) => ({ role: 'assistant', content });
const thinking = (thought: string, signature: string) => ({ type: 'thinking', thinking: thought, signature });

test('seals: whatever a vendor gave comes back, and nothing else is believed', () => {
  const names: DialectName[] = ['openai', 'responses', 'gemini', 'bedrock', 'cohere', 'ollama'];
  const json = fc.json({ maxDepth: 3 }).map((text) => JSON.parse(text) as unknown);
  const fields = fc.dictionary(
    fc.string().filter((key) => !['__proto__', 'constructor', 'prototype'].includes(key)),
    json.filter((value) => !/"(__proto__|constructor|prototype)"/.test(JSON.stringify(value))),
  );
  fc.assert(
    fc.property(fc.constantFrom(...names), fields, fc.option(fc.string()), (dialect, plain, callId) => {
      const vendor: VendorField = structuredClone({ dialect, fields: { ...plain } });
      const text = seal(vendor, callId ?? undefined);
      assert.ok(isSealed(text));
      assert.match(text, /^mcp1\.[\w-]+$/);
      assert.deepEqual(unseal(text), { vendor, callId });
    }),
  );
  assert.deepEqual(unseal(UNSIGNED), { vendor: null, callId: null });
  const made = (value: string) => `mcp1.${Buffer.from(value).toString('base64url')}`;
  let deep: unknown = {};
  for (let i = 0; i < 60; i++) deep = { deep };
  for (const bad of [
    'mcp1.!',
    'mcp1.e30=',
    made('{'),
    made('{}'),
    made('[]'),
    made('["openai"]'),
    made('["nobody",{}]'),
    made('["toString",{}]'),
    made('["openai",[]]'),
    made('["openai",{},7]'),
    made('["openai",{"__proto__":{"a":1}}]'),
    made('["openai",{"a":[{"constructor":1}]}]'),
    made(JSON.stringify(['openai', deep])),
    seal({ dialect: 'gemini', fields: { a: 'b' } }).slice(0, -3),
  ]) {
    assert.equal(unseal(bad), null, bad);
    assert.throws(
      () => door.decode({ messages: [user('x'), said(thinking('t', bad))] }),
      (error) => error instanceof GoblinError && error.errors?.[0]?.path === 'messages.1.content.0.signature',
    );
  }
  assert.equal(isSealed('EqRkAAA='), false);
});

test('ids: every one is taken by clients, and comes back as it was', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom('mcpid_', 'mcpid_QQ', 'call_1', 'a:b/c')),
      (id) => {
        assert.match(shownId(id), /^[a-zA-Z0-9_-]+$/);
        assert.equal(vendorId(shownId(id)), id);
      },
    ),
  );
  assert.equal(shownId('toolu_01T1x1fJ34qAmk2tNTrN7Up6'), 'toolu_01T1x1fJ34qAmk2tNTrN7Up6');
  assert.equal(vendorId('mcpid_no base64'), 'mcpid_no base64');
});

test('through the door to an OpenAI vendor: messages, tools, images, limits', () => {
  const { json, notices } = send(decode(EVERYTHING), 'openai', 'gpt-x');
  assert.ok(
    notices.includes('dropped top_k, context_management, field_of_the_future: this provider has no such setting'),
    notices.join('; '),
  );
  assert.deepEqual(
    json.messages.map(({ role }) => role),
    ['system', 'user', 'assistant', 'tool', 'tool', 'user', 'user', 'system'],
  );
  assert.deepEqual(json.messages[3]?.content, 'A picture:');
  const [, , , , , pictures] = json.messages;
  assert.match(JSON.stringify(pictures), /^\{"role":"user","content":\[\{"type":"image_url"/);
  assert.deepEqual(
    [json.max_tokens, json.temperature, json.top_p, json.stop, json.tool_choice, json.parallel_tool_calls],
    [20_000, 1, 0.95, ['END'], 'auto', false],
  );
  const wire = JSON.stringify(json);
  for (const own of ['cache_control', 'signature', 'redacted', 'metadata', '13803d75', 'field_of_the_future']) {
    assert.ok(!wire.includes(own), own);
  }
  const stocks = send(decode(STOCKS), 'openai', 'gpt-x').json;
  assert.deepEqual(stocks.messages[1], {
    role: 'assistant',
    content: null,
    tool_calls: [
      {
        id: 'toolu_01D7FLrfh4GYq7yT1ULFeyMV',
        type: 'function',
        function: { name: 'get_stock_price', arguments: '{"ticker":"^GSPC"}' },
      },
    ],
  });
});

test('a foreign vendor is asked for no more than its model can do', () => {
  const call = decode({ ...EVERYTHING, max_tokens: 64_000 });
  const { json, notices } = send(call, 'openai', 'gpt-x', { maxOutput: 16_384, reasons: false });
  assert.equal(json.max_tokens, 16_384);
  assert.equal(json.reasoning_effort, undefined);
  assert.ok(notices.includes('changed max_tokens: lowered to 16384, the most that this model writes'));
  assert.ok(notices.includes('dropped reasoning_effort: this model does not reason'));
  const off = send(decode({ ...SUN, thinking: { type: 'disabled' } }), 'openai', 'gpt-x', { reasons: false });
  assert.deepEqual([off.json.reasoning_effort, off.notices], [undefined, []]);
  const own = send(call, 'anthropic', CLAUDE, { maxOutput: 16_384, reasons: false });
  assert.deepEqual([own.json.max_tokens, own.notices], [64_000, []]);
});

test('what only Anthropic can do is refused by name elsewhere, and sent at home', () => {
  const tools = [{ type: 'web_search_20250305', name: 'web_search', max_uses: 5 }];
  const call = decode({ ...SUN, tools });
  assert.equal(refusal(call, 'openai', 'gpt-x'), 'tools of type "web_search_20250305" cannot be sent to this provider');
  assert.deepEqual(send(call, 'anthropic', CLAUDE).json.tools, tools);
  const pdf = { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' } };
  assert.match(refusal(decode({ messages: [user([pdf])] }), 'openai', 'gpt-x'), /"document"/);
  const warm = decode({ ...SUN, max_tokens: 0 });
  assert.match(refusal(warm, 'openai', 'gpt-x'), /max_tokens 0/);
  assert.equal(send(warm, 'anthropic', CLAUDE).json.max_tokens, 0);
});

test('reasoning of an OpenAI vendor: shown, sent back, restored for it, and taken out for Claude', () => {
  const detail = { type: 'reasoning.encrypted', data: 'gAAAA', id: 'rs_1', format: 'openai-responses-v1' };
  const fields = { reasoning_detail: detail };
  const sealed = seal({ dialect: 'openai', fields });
  const body = {
    model: CLAUDE,
    max_tokens: 9000,
    thinking: { type: 'enabled', budget_tokens: 4000 },
    tools: STOCKS.tools,
    messages: [
      user('a'),
      said(thinking('I think', sealed), { type: 'text', text: 'b' }),
      user('c'),
      said(thinking('plain', UNSIGNED), thinking('empty', '')),
      user('d'),
      said(thinking('own', 'EqRk'), { type: 'text', text: 'e' }),
      user('f'),
      said(thinking('g', UNSIGNED), { type: 'tool_use', id: 't', name: 'get_stock_price', input: {} }),
      user([{ type: 'tool_result', tool_use_id: 't', content: 'h' }]),
    ],
  };
  const call = decode(body);
  assert.deepEqual(call.messages[1]?.content[0], {
    type: 'reasoning',
    text: 'I think',
    vendor: { dialect: 'openai', fields },
  });
  assert.deepEqual(call.messages[3]?.content, [
    { type: 'reasoning', text: 'plain' },
    { type: 'reasoning', text: 'empty' },
  ]);
  const openai = send(call, 'openai', 'gpt-x', { quirks: { replay: { as: 'reasoning_content', details: true } } }).json;
  const [, first] = openai.messages as unknown as Record<string, unknown>[];
  assert.deepEqual(first?.reasoning_details, [detail]);
  const { json, notices } = send(call, 'anthropic', CLAUDE);
  assert.deepEqual(json.messages[1]?.content, [{ type: 'text', text: 'b' }]);
  assert.deepEqual(json.messages[3]?.content, [{ type: 'text', text: '…' }]);
  assert.deepEqual(json.messages[5], body.messages[5]);
  assert.deepEqual(json.messages[7]?.content, [{ type: 'tool_use', id: 't', name: 'get_stock_price', input: {} }]);
  assert.equal('thinking' in json, false);
  assert.deepEqual(notices, [
    'dropped reasoning that this model did not sign is not sent back to it',
    'dropped thinking: the tool call that is being answered was made without it',
  ]);
  const adaptive = send(decode({ ...body, thinking: { type: 'adaptive' } }), 'anthropic', 'claude-opus-5-5').json;
  assert.deepEqual(adaptive.thinking, { type: 'adaptive' });
});

test('fields of a tool call travel beside it', () => {
  const vendor: VendorField = { dialect: 'gemini', fields: { thoughtSignature: 'CiQB' } };
  const use = { type: 'tool_use', id: shownId('call:1'), name: 'f', input: { a: 1 } };
  for (const content of [
    [thinking('', seal(vendor, 'call:1')), use],
    [use, thinking('', seal(vendor, 'call:1'))],
  ]) {
    const [, message] = decode({ messages: [user('x'), said(...content)] }).messages;
    assert.deepEqual(message?.content, [{ type: 'tool_call', id: 'call:1', name: 'f', arguments: '{"a":1}', vendor }]);
  }
  const [, lost] = decode({ messages: [user('x'), said(thinking('', seal(vendor, 'gone')), use)] }).messages;
  assert.equal(lost?.content.length, 1);
});

test('a changed conversation is built anew, with its marks and documents', () => {
  const call = decode(EVERYTHING);
  const { messages: _, ...body } = call.native?.body ?? {};
  const changed: AnswerCall = { ...call, native: { dialect: 'anthropic', body } };
  const { json } = send(changed, 'anthropic', CLAUDE);
  const [first] = EVERYTHING.messages;
  assert.deepEqual(json.messages[0], first);
  const results = json.messages[2]?.content as Record<string, unknown>[];
  assert.deepEqual(
    results.map(({ type, tool_use_id }) => tool_use_id ?? type),
    ['toolu_01', 'toolu_02', 'text'],
  );
  assert.deepEqual(results[1], {
    type: 'tool_result',
    tool_use_id: 'toolu_02',
    content: [{ type: 'text', text: 'no clock', cache_control: { type: 'ephemeral' } }],
    is_error: true,
  });
  assert.deepEqual(json.system, [...EVERYTHING.system, { type: 'text', text: 'The user went home.' }]);
  assert.deepEqual(json.tools, EVERYTHING.tools);
});

test('reasoning that is recorded comes out of the record with its signatures, or whole', () => {
  const signed = (text: string, signature: string) => ({
    type: 'reasoning' as const,
    text,
    vendor: { dialect: 'anthropic' as const, fields: { type: 'thinking', signature } },
  });
  const parts: VisiblePart[] = [
    signed('a', 'S1'),
    signed('', 'S2'),
    { type: 'text', text: 'b' },
    { type: 'tool_call', index: 0, id: 'c', name: 'f', arguments: '{}' },
  ];
  assert.deepEqual(partsOfMessage(openaiMessage(parts)), parts);
  const half: VisiblePart[] = [signed('a', 'S1'), { type: 'reasoning', text: 'b' }];
  assert.deepEqual(partsOfMessage(openaiMessage(half)), [{ type: 'reasoning', text: 'ab' }]);
});
