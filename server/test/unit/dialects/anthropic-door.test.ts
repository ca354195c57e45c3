import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Dialect } from '../../../src/contract/dialect.ts';
import { anthropic } from '../../../src/dialects/anthropic/index.ts';
import { EVERYTHING, PIXEL, STOCKS, SUN } from './fixtures/anthropic-requests.ts';

const door = anthropic.door as NonNullable<Dialect['door']>;
const hello = { model: 'm', max_tokens: 10, messages: [{ role: 'user', content: 'hi' }] };
const decode = (body: Record<string, unknown>) => door.decode(structuredClone(body));
const call = (more: Record<string, unknown>) => decode({ ...hello, ...more }).call;
const turn = (content: unknown, role = 'user') => call({ messages: [{ role, content }] }).messages;

test('the documented conversations', () => {
  assert.deepEqual(decode(SUN).call.messages, [
    { role: 'user', content: [{ type: 'text', text: SUN.messages[0]?.content }] },
    { role: 'assistant', content: [{ type: 'text', text: 'The best answer is (' }] },
  ]);
  const { call: stocks, stream, includeUsage } = decode(STOCKS);
  assert.deepEqual([stream, includeUsage, stocks.model, stocks.maxTokens], [false, true, 'claude-opus-5-5', 1024]);
  assert.deepEqual(stocks.messages.slice(1), [
    {
      role: 'assistant',
      content: [
        {
          type: 'tool_call',
          id: 'toolu_01D7FLrfh4GYq7yT1ULFeyMV',
          name: 'get_stock_price',
          arguments: '{"ticker":"^GSPC"}',
        },
      ],
    },
    { role: 'tool', toolCallId: 'toolu_01D7FLrfh4GYq7yT1ULFeyMV', content: [{ type: 'text', text: '259.75 USD' }] },
  ]);
  const [tool] = STOCKS.tools;
  assert.deepEqual(stocks.tools, [
    { name: 'get_stock_price', description: tool?.description, parameters: tool?.input_schema },
  ]);
});

test('every kind of block and field', () => {
  const { call: all, stream, user } = decode(EVERYTHING);
  const marks = (fields: object) => ({ dialect: 'anthropic', fields });
  const cache_control = { type: 'ephemeral' };
  const [, , , documentBlock, result] = (EVERYTHING.messages[0]?.content ?? []) as unknown as object[];
  assert.equal(stream, true);
  assert.equal(user, '13803d75-b4b5-4c3e-b2a2-6f21399b021b');
  assert.deepEqual(all.messages, [
    {
      role: 'system',
      content: [
        { type: 'text', text: 'You are Claude Code.' },
        { type: 'text', text: 'Be brief.', vendor: marks({ cache_control }) },
      ],
    },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Look:', vendor: marks({ cache_control }) },
        { type: 'image', data: PIXEL, mediaType: 'image/png', vendor: marks({ cache_control }) },
        { type: 'image', url: 'https://example.com/ant.jpg' },
        {
          type: 'text',
          text: 'My Document\n\nThis is a trustworthy document.\n\nThe grass is green. The sky is blue.',
          vendor: marks({ block: documentBlock }),
        },
        { type: 'text', text: 'Guide\n\nhttps://docs.example.com\n\nStep one.', vendor: marks({ block: result }) },
      ],
    },
    {
      role: 'assistant',
      content: [
        {
          type: 'reasoning',
          text: 'Let me see.',
          vendor: marks({ type: 'thinking', signature: 'EqRkc2lnbmVk' }),
        },
        {
          type: 'reasoning',
          text: '',
          vendor: marks({ type: 'redacted_thinking', data: 'EmwKAhgBEgy3va3pzix/LafPsn4a' }),
        },
        {
          type: 'text',
          text: 'I look it up.',
          vendor: marks({ citations: [{ type: 'char_location', cited_text: 'The sky is blue.' }] }),
        },
        {
          type: 'tool_call',
          id: 'toolu_01',
          name: 'read',
          arguments: '{"path":"a.png"}',
          vendor: marks({ caller: { type: 'direct' } }),
        },
        { type: 'tool_call', id: 'toolu_02', name: 'now', arguments: '{}' },
      ],
    },
    {
      role: 'tool',
      toolCallId: 'toolu_01',
      content: [
        { type: 'text', text: 'A picture:' },
        { type: 'image', data: PIXEL, mediaType: 'image/png' },
      ],
    },
    {
      role: 'tool',
      toolCallId: 'toolu_02',
      content: [{ type: 'text', text: 'no clock', vendor: marks({ cache_control }) }],
      isError: true,
    },
    { role: 'user', content: [{ type: 'text', text: 'Go on.' }] },
    { role: 'system', content: [{ type: 'text', text: 'The user went home.' }] },
  ]);
  const { messages: _, native, tools, ...rest } = all;
  assert.deepEqual(rest, {
    kind: 'answer',
    model: 'claude-sonnet-4-5',
    maxTokens: 20_000,
    temperature: 1,
    topP: 0.95,
    stop: ['END'],
    toolChoice: 'auto',
    parallelToolCalls: false,
    reasoningEffort: 'medium',
  });
  assert.deepEqual(
    tools?.map((tool) => tool.name),
    ['read', 'now'],
  );
  assert.deepEqual(native, { dialect: 'anthropic', body: EVERYTHING, only: [] });
});

test('a vendor of this dialect gets the body as it came, but for the model and the stream', () => {
  const wire = anthropic.vendor.encode(
    decode(EVERYTHING).call,
    { provider: 'p', model: 'claude-sonnet-4-5-20250929', quirks: {}, maxOutput: 64_000 },
    true,
  );
  assert.deepEqual(JSON.parse(wire.body), { ...EVERYTHING, model: 'claude-sonnet-4-5-20250929' });
  assert.deepEqual(wire.notices, []);
});

test('fields left out, or null, are left out', () => {
  const bare = decode({ messages: hello.messages, max_tokens: null, system: null, tools: null, thinking: null });
  const { native: _, ...rest } = bare.call;
  assert.deepEqual(rest, { kind: 'answer', messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }] });
  assert.equal(bare.stream, false);
  assert.equal('user' in bare, false);
  const encoded = (maxOutput?: number) =>
    JSON.parse(
      anthropic.vendor.encode(
        bare.call,
        { provider: 'p', model: 'c', quirks: {}, ...(maxOutput ? { maxOutput } : {}) },
        false,
      ).body,
    ).max_tokens;
  assert.deepEqual([encoded(), encoded(8192)], [4096, 8192]);
});

test('the choice of a tool', () => {
  const choice = (tool_choice: object) => {
    const { toolChoice, parallelToolCalls } = call({ tools: STOCKS.tools, tool_choice });
    return [toolChoice, parallelToolCalls];
  };
  assert.deepEqual(choice({ type: 'auto' }), ['auto', undefined]);
  assert.deepEqual(choice({ type: 'any', disable_parallel_tool_use: false }), ['required', true]);
  assert.deepEqual(choice({ type: 'tool', name: 'get_stock_price', disable_parallel_tool_use: true }), [
    { name: 'get_stock_price' },
    false,
  ]);
  assert.deepEqual(choice({ type: 'none' }), ['none', undefined]);
});

test('thinking and effort in our words', () => {
  const effort = (more: Record<string, unknown>) => call(more).reasoningEffort;
  const budget = (budget_tokens: number, max_tokens?: number) =>
    effort({ ...(max_tokens ? { max_tokens } : {}), thinking: { type: 'enabled', budget_tokens } });
  assert.equal(effort({}), undefined);
  assert.equal(effort({ thinking: { type: 'adaptive' } }), undefined);
  assert.equal(effort({ thinking: { type: 'disabled' }, output_config: { effort: 'high' } }), 'none');
  assert.equal(effort({ thinking: { type: 'between_tools' } }), 'none');
  assert.equal(effort({ thinking: { type: 'adaptive', display: 'omitted' }, output_config: { effort: 'max' } }), 'max');
  assert.equal(effort({ output_config: { effort: 'low' } }), 'low');
  assert.equal(effort({ output_config: { effort: 'low' }, thinking: { type: 'enabled', budget_tokens: 9999 } }), 'low');
  assert.deepEqual([budget(1024, 8000), budget(4000, 8000), budget(7999, 8000)], ['low', 'medium', 'high']);
  assert.equal(effort({ thinking: { type: 'thought_of_the_future' } }), undefined);
});

test('the schema of the answer; strict only where every property is required', () => {
  const closed = {
    type: 'object',
    properties: { a: { type: 'array', items: { type: 'object', properties: {}, additionalProperties: false } } },
    required: ['a'],
    additionalProperties: false,
  };
  const format = (schema: object) =>
    call({ output_config: { format: { type: 'json_schema', schema } } }).responseFormat;
  assert.deepEqual(format(closed), { type: 'json_schema', name: 'answer', schema: closed, strict: true });
  for (const open of [
    { ...closed, required: [] },
    { ...closed, additionalProperties: true },
    { ...closed, properties: { a: { type: 'object' } } },
    { ...closed, properties: { a: { anyOf: [{ type: 'object', properties: { b: {} } }] } } },
  ]) {
    assert.deepEqual(format(open), { type: 'json_schema', name: 'answer', schema: open });
  }
  const beta = call({ output_format: { type: 'json_schema', schema: closed } });
  assert.deepEqual(beta.responseFormat, { type: 'json_schema', name: 'answer', schema: closed, strict: true });
  const strict = (input_schema: object) =>
    call({ tools: [{ name: 'f', input_schema, strict: true }] }).tools?.[0]?.strict;
  assert.deepEqual([strict(closed), strict({ type: 'object' })], [true, undefined]);
});

test('what only this dialect can do is named for the others', () => {
  const only = (more: Record<string, unknown>) => call(more).native?.only;
  assert.deepEqual(
    only({
      tools: [
        { type: 'web_search_20260318', name: 'web_search' },
        { type: 'bash_20250124', name: 'bash' },
        { type: 'computer_toolset_20260801' },
        ...STOCKS.tools,
      ],
    }),
    [
      'tools of type "web_search_20260318"',
      'tools of type "bash_20250124"',
      'tools of type "computer_toolset_20260801"',
    ],
  );
  assert.deepEqual(only({ max_tokens: 0 }), ['a call with max_tokens 0']);
  assert.equal(call({ max_tokens: 0 }).maxTokens, undefined);
  assert.deepEqual(
    only({ mcp_servers: [{ type: 'url', url: 'https://x' }], container: 'c', inference_geo: 'us', thread: {} }),
    ['calls with mcp_servers', 'calls with a container', 'calls with an inference_geo', 'calls with a thread'],
  );
  assert.deepEqual(only({ mcp_servers: [], container: null, context_management: {}, top_k: 1, speed: 'fast' }), []);
});

test('content that only this dialect can express is refused by name, or read as text', () => {
  const foreign = (content: object, role?: string) => {
    const [message] = turn([content], role);
    const [part] = message?.content ?? [];
    return part?.type === 'foreign' ? [part.name, part.dialect, part.raw] : part?.type;
  };
  const pdf = { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' } };
  assert.deepEqual(foreign(pdf), ['document', 'anthropic', pdf]);
  const file = { type: 'image', source: { type: 'file', file_id: 'file_1' } };
  assert.deepEqual(foreign(file), ['image (a file of the Files API)', 'anthropic', file]);
  const use = { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'x' } };
  assert.deepEqual(foreign(use, 'assistant'), ['server_tool_use', 'anthropic', use]);
  const found = { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] };
  assert.deepEqual(foreign(found, 'assistant'), ['web_search_tool_result', 'anthropic', found]);
  assert.equal(foreign({ type: 'document', source: { type: 'content', content: 'plain' } }), 'text');
  assert.deepEqual(
    foreign({ type: 'document', source: { type: 'content', content: [{ type: 'image' }] } })?.[0],
    'document',
  );
});

test('tool results first, whatever the order; without content, with an id only', () => {
  const roles = turn([
    { type: 'text', text: 'And:' },
    { type: 'tool_result', tool_use_id: 'a' },
    { type: 'tool_result', tool_use_id: 'b', content: [], is_error: false },
  ]);
  assert.deepEqual(roles, [
    { role: 'tool', toolCallId: 'a', content: [] },
    { role: 'tool', toolCallId: 'b', content: [] },
    { role: 'user', content: [{ type: 'text', text: 'And:' }] },
  ]);
  assert.deepEqual(turn([]), [{ role: 'user', content: [] }]);
});
