import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerCall } from '../../../../src/contract/call.ts';
import { GoblinError } from '../../../../src/contract/errors.ts';
import { seal } from '../../../../src/dialects/anthropic/door-seal.ts';
import { DIALECTS } from '../../../../src/dialects/index.ts';
import { decodeResponses } from '../../../../src/dialects/responses/index.ts';
import { door } from './door.ts';

const decode = (body: object) => door.decode({ model: 'm', input: 'hi', ...body });
const call = (body: object) => decode(body).call;
const messages = (...input: unknown[]) => call({ input }).messages;
const hi = { role: 'user', content: [{ type: 'text', text: 'hi' }] };

function errors(body: object, run: (body: Record<string, unknown>) => unknown = door.decode): Record<string, string> {
  try {
    run({ model: 'm', input: 'hi', ...body });
  } catch (error) {
    assert.ok(error instanceof GoblinError && error.code === 'invalid_request');
    return Object.fromEntries((error.errors ?? []).map((entry) => [entry.path, entry.message]));
  }
  return {};
}
const paths = (body: object) => Object.keys(errors(body));

test('a small body, and all fields that a call has', () => {
  const body = { model: 'gpt-5', input: 'hi', stream: true };
  assert.deepEqual(decodeResponses(body), {
    call: { kind: 'answer', model: 'gpt-5', messages: [hi], native: { dialect: 'responses', body } },
    stream: true,
    includeUsage: true,
    previousResponseId: null,
    background: false,
    store: true,
    metadata: null,
  });
  const {
    native: _,
    messages: list,
    ...rest
  } = call({
    instructions: 'Be brief.',
    max_output_tokens: 7,
    temperature: 0,
    top_p: 1,
    parallel_tool_calls: false,
    reasoning: { effort: 'low', summary: 'auto' },
    tools: [
      { type: 'function', name: 'f', description: 'd', parameters: { type: 'object' }, strict: true },
      { type: 'function', name: 'g', parameters: null, strict: null },
    ],
    tool_choice: { type: 'function', name: 'f' },
    text: { format: { type: 'json_schema', name: 'n', schema: {}, strict: false }, verbosity: 'low' },
  });
  assert.deepEqual(list, [{ role: 'system', content: [{ type: 'text', text: 'Be brief.' }] }, hi]);
  assert.deepEqual(rest, {
    kind: 'answer',
    model: 'm',
    maxTokens: 7,
    temperature: 0,
    topP: 1,
    parallelToolCalls: false,
    reasoningEffort: 'low',
    tools: [{ name: 'f', description: 'd', parameters: { type: 'object' }, strict: true }, { name: 'g' }],
    toolChoice: { name: 'f' },
    responseFormat: { type: 'json_schema', name: 'n', schema: {}, strict: false },
  });
});

test('null means left out; what asks for nothing is taken', () => {
  const fields =
    `instructions max_output_tokens temperature top_p tools tool_choice text reasoning stream stream_options
    metadata previous_response_id background store include truncation max_tool_calls prompt conversation top_logprobs
    service_tier user safety_identifier prompt_cache_key moderation parallel_tool_calls`.split(/\s+/);
  const nulls = Object.fromEntries(fields.map((field) => [field, null]));
  assert.deepEqual(Object.keys(call(nulls)).sort(), ['kind', 'messages', 'model', 'native']);
  const plain = {
    include: ['reasoning.encrypted_content', 'web_search_call.action.sources'],
    top_logprobs: 0,
    truncation: 'auto',
    max_tool_calls: 3,
    stream_options: { include_obfuscation: false },
    service_tier: 'auto',
    prompt_cache_key: 'k',
    safety_identifier: 's',
    user: 'u',
    store: false,
    instructions: '',
    metadata: { a: 'b' },
  };
  const got = decode(plain) as ReturnType<typeof decodeResponses>;
  assert.deepEqual([got.store, got.metadata, got.call.messages.length], [false, { a: 'b' }, 1]);
});

test('items of all kinds', () => {
  const png = 'data:image/png;base64,iVBORw0KGgo=';
  const file = { type: 'input_file', filename: 'a.pdf', file_data: 'x' };
  const stored = { type: 'input_image', file_id: 'file_1' };
  assert.deepEqual(
    messages(
      { role: 'developer', content: 'd' },
      {
        type: 'message',
        role: 'user',
        content: [
          { type: 'input_text', text: 'look', prompt_cache_breakpoint: { mode: 'explicit' } },
          { type: 'input_image', image_url: png, detail: 'low' },
          { type: 'input_image', image_url: 'https://example.com/a.png' },
          file,
          stored,
        ],
      },
      {
        id: 'rs_1',
        type: 'reasoning',
        summary: [{ type: 'summary_text', text: 'Hm' }],
        encrypted_content: 'gAAA',
        status: null,
      },
      {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        status: 'completed',
        phase: 'commentary',
        content: [
          { type: 'output_text', text: 'one', annotations: [], logprobs: [] },
          { type: 'refusal', refusal: 'no' },
        ],
      },
      { id: 'fc_1', type: 'function_call', call_id: 'a', name: 'f', arguments: '{}', status: 'completed' },
      { type: 'function_call', call_id: 'b', name: 'g', arguments: '', namespace: 'crm' },
      { type: 'function_call_output', call_id: 'a', output: 'ok', status: 'completed' },
      { type: 'function_call_output', call_id: 'b', output: [{ type: 'input_text', text: 'x' }] },
      { role: 'assistant', content: 'done' },
    ),
    [
      { role: 'system', content: [{ type: 'text', text: 'd' }] },
      {
        role: 'user',
        content: [
          {
            type: 'text',
            text: 'look',
            vendor: { dialect: 'responses', fields: { prompt_cache_breakpoint: { mode: 'explicit' } } },
          },
          { type: 'image', data: 'iVBORw0KGgo=', mediaType: 'image/png', detail: 'low' },
          { type: 'image', url: 'https://example.com/a.png' },
          { type: 'foreign', name: 'input_file', dialect: 'responses', raw: file },
          { type: 'foreign', name: 'input_image', dialect: 'responses', raw: stored },
        ],
      },
      {
        role: 'assistant',
        content: [
          {
            type: 'reasoning',
            text: 'Hm',
            vendor: {
              dialect: 'responses',
              fields: {
                id: 'rs_1',
                type: 'reasoning',
                summary: [{ type: 'summary_text', text: 'Hm' }],
                encrypted_content: 'gAAA',
              },
            },
          },
          { type: 'text', text: 'one', vendor: { dialect: 'responses', fields: { phase: 'commentary' } } },
          { type: 'text', text: 'no', vendor: { dialect: 'responses', fields: { phase: 'commentary' } } },
          { type: 'tool_call', id: 'a', name: 'f', arguments: '{}' },
          {
            type: 'tool_call',
            id: 'b',
            name: 'g',
            arguments: '',
            vendor: { dialect: 'responses', fields: { namespace: 'crm' } },
          },
        ],
      },
      { role: 'tool', toolCallId: 'a', content: [{ type: 'text', text: 'ok' }] },
      { role: 'tool', toolCallId: 'b', content: [{ type: 'text', text: 'x' }] },
      { role: 'assistant', content: [{ type: 'text', text: 'done' }] },
    ],
  );
});

test('tools and items of the vendor reach vendors of this dialect, and nobody else', () => {
  const tools = [{ type: 'web_search' }, { type: 'function', name: 'f' }, { type: 'mcp', server_label: 'x' }];
  const search = { type: 'web_search_call', id: 'ws', status: 'completed' };
  const screen = { type: 'computer_call_output', call_id: 'c', output: {} };
  const withTools = call({ tools, tool_choice: { type: 'web_search' } });
  assert.deepEqual(withTools.tools, [{ name: 'f' }]);
  assert.deepEqual(withTools.native?.only, ['tools of type "web_search"', 'tools of type "mcp"']);
  assert.equal(withTools.toolChoice, undefined);
  const withItems = call({ input: [{ role: 'user', content: 'a' }, search, screen] });
  assert.deepEqual(
    withItems.messages.map((message) => message.role),
    ['user', 'assistant', 'user'],
  );
  const target = { provider: 'p', model: 'claude-sonnet-4-5', quirks: {}, maxOutput: 100 };
  const refuses = (to: keyof typeof DIALECTS, what: AnswerCall, why: RegExp) =>
    assert.throws(
      () => DIALECTS[to].vendor.encode(what, target, false),
      (error) => error instanceof GoblinError && error.code === 'unsupported_by_target' && why.test(error.detail),
    );
  for (const to of ['openai', 'anthropic'] as const) {
    refuses(to, withTools, /web_search/);
    refuses(to, withItems, /web_search_call/);
  }
  const own = JSON.parse(DIALECTS.responses.vendor.encode(withTools, target, false).body);
  assert.deepEqual([own.tools, own.tool_choice], [tools, { type: 'web_search' }]);
});

test('a choice among the tools leaves the others out of the call', () => {
  const tools = ['f', 'g', 'h'].map((name) => ({ type: 'function', name }));
  const allowed = (mode?: string) => ({
    type: 'allowed_tools',
    ...(mode ? { mode } : {}),
    tools: [
      { type: 'function', name: 'g' },
      { type: 'image_generation', name: 'f' },
    ],
  });
  const got = call({ tools, tool_choice: allowed('required') });
  assert.deepEqual([got.tools, got.toolChoice], [[{ name: 'g' }], 'required']);
  assert.equal(call({ tools, tool_choice: allowed() }).toolChoice, 'auto');
});

test('what only a record can give is refused without one', () => {
  const asked = { previous_response_id: 'resp_1', background: true };
  assert.deepEqual(paths(asked), ['background', 'previous_response_id']);
  const got = decodeResponses({ model: 'm', input: 'hi', ...asked }, { record: true });
  assert.deepEqual([got.previousResponseId, got.background, got.store], ['resp_1', true, true]);
  const kept = (body: Record<string, unknown>) => decodeResponses(body, { record: true });
  assert.deepEqual(Object.keys(errors({ background: true, store: false }, kept)), ['background']);
});

test('what cannot be accepted is named by its path', () => {
  const item = (...input: unknown[]) => ({ input });
  const user = { role: 'user', content: 'x' };
  const table: [object, string[]][] = [
    [{ input: undefined }, ['input']],
    [{ input: [] }, ['input']],
    [{ input: 5 }, ['input']],
    [item(null), ['input.0']],
    [item(user, { role: 'robot', content: 'x' }), ['input.1.role']],
    [item({ role: 'user' }), ['input.0.content']],
    [item({ role: 'user', content: [5] }), ['input.0.content.0']],
    [item({ role: 'user', content: [{}] }), ['input.0.content.0.type']],
    [item({ role: 'user', content: [{ type: 'input_text' }] }), ['input.0.content.0.text']],
    [item({ role: 'user', content: [{ type: 'input_image', image_url: 'ftp://x' }] }), ['input.0.content.0.image_url']],
    [item({ role: 'user', content: [{ type: 'input_image' }] }), ['input.0.content.0.image_url']],
    [
      item({ role: 'assistant', content: [{ type: 'input_image', image_url: 'https://x.y/z' }] }),
      ['input.0.content.0.type'],
    ],
    [item({ role: 'system', content: [{ type: 'input_image', image_url: 'https://x.y/z' }] }), ['input.0.content']],
    [item({ type: 'function_call', name: 'f', arguments: '' }), ['input.0.call_id']],
    [item({ type: 'function_call', call_id: 'a', arguments: '' }), ['input.0.name']],
    [item({ type: 'function_call', call_id: 'a', name: 'f', arguments: {} }), ['input.0.arguments']],
    [item({ type: 'function_call_output', output: 'x' }), ['input.0.call_id']],
    [item({ type: 'function_call_output', call_id: 'a', output: 5 }), ['input.0.output']],
    [item(user, { type: 'item_reference', id: 'msg_1' }), ['input.1']],
    [item(user, { id: 'msg_1' }), ['input.1']],
    [{ conversation: 'conv_1' }, ['conversation']],
    [{ prompt: { id: 'pmpt_1' } }, ['prompt']],
    [{ moderation: { model: 'omni' } }, ['moderation']],
    [{ instructions: [] }, ['instructions']],
    [{ model: 5 }, ['model']],
    [{ model: 'a b' }, ['model']],
    [{ temperature: 2.1, top_p: -1, max_output_tokens: 0 }, ['max_output_tokens', 'temperature', 'top_p']],
    [{ max_tool_calls: 0 }, ['max_tool_calls']],
    [{ reasoning: 'low' }, ['reasoning']],
    [{ reasoning: { effort: 5, summary: 5 } }, ['reasoning.effort', 'reasoning.summary']],
    [{ top_logprobs: 3 }, ['top_logprobs']],
    [{ include: 'x' }, ['include']],
    [{ include: ['reasoning.encrypted_content', 'message.output_text.logprobs', 'Bad'] }, ['include.1', 'include.2']],
    [{ truncation: 'always' }, ['truncation']],
    [{ stream: 'yes' }, ['stream']],
    [{ stream_options: 5 }, ['stream_options']],
    [{ stream_options: { include_obfuscation: 'no' } }, ['stream_options.include_obfuscation']],
    [{ metadata: 'x' }, ['metadata']],
    [{ metadata: { a: 5, ['k'.repeat(65)]: 'x' } }, ['metadata.a', `metadata.${'k'.repeat(64)}`]],
    [{ metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, 'v'])) }, ['metadata']],
    [{ tools: {} }, ['tools']],
    [{ tools: [5, {}, { type: '' }] }, ['tools.0', 'tools.1.type', 'tools.2.type']],
    [{ tools: [{ type: 'function', name: 'no spaces' }] }, ['tools.0.name']],
    [
      { tools: [{ type: 'function', name: 'f', parameters: 'x', strict: 1 }] },
      ['tools.0.parameters', 'tools.0.strict'],
    ],
    [{ tool_choice: 'maybe' }, ['tool_choice']],
    [{ tool_choice: { type: 'function' } }, ['tool_choice.name']],
    [{ tool_choice: { type: 'web_search' } }, ['tool_choice']],
    [{ tool_choice: { type: 'allowed_tools', mode: 'x' } }, ['tool_choice.mode', 'tool_choice.tools']],
    [{ text: 'x' }, ['text']],
    [{ text: { verbosity: 5 } }, ['text.verbosity']],
    [{ text: { format: { type: 'xml' } } }, ['text.format.type']],
    [{ text: { format: { type: 'json_schema' } } }, ['text.format.name', 'text.format.schema']],
    [{ prompt_cache_key: 5, user: '' }, ['prompt_cache_key', 'user']],
    [{ constructor: {} }, ['constructor']],
    [item(...Array(500).fill(5)), Array.from({ length: 20 }, (_, i) => `input.${i}`)],
  ];
  for (const [body, want] of table) assert.deepEqual(paths(body), want, JSON.stringify(body).slice(0, 200));
  for (const message of Object.values(
    errors({ conversation: 'c', prompt: {}, input: [{ type: 'item_reference', id: 'x' }] }),
  )) {
    // Each says what to do instead.
    assert.match(message, /send/);
  }
});

test('what stands in encrypted_content is not believed', () => {
  const item = (encrypted_content: string) => ({ input: [{ type: 'reasoning', summary: [], encrypted_content }] });
  const good = seal({ dialect: 'anthropic', fields: { type: 'thinking', signature: 's' } });
  assert.deepEqual(paths(item(good)), []);
  const raw = (value: unknown) => `mcp1.${Buffer.from(JSON.stringify(value)).toString('base64url')}`;
  let deep: unknown = 1;
  for (let i = 0; i < 100; i++) deep = [deep];
  const bad = [
    good.slice(0, -1),
    `${good}=`,
    `${good}!`,
    raw('text'),
    raw(['anthropic']),
    raw(['nobody', {}]),
    raw(['constructor', {}]),
    raw(['anthropic', []]),
    raw(['anthropic', {}, 5]),
    raw(['anthropic', { a: deep }]),
    `mcp1.${Buffer.from('["anthropic",{"__proto__":{"x":1}}]').toString('base64url')}`,
    // Marks of a call may not put another call in its place.
    raw(['openai', { function: { name: 'rm' } }, 'call_a']),
    raw(['anthropic', { input: {} }, 'call_a']),
  ];
  for (const text of bad) assert.deepEqual(paths(item(text)), ['input.0.encrypted_content'], text);
});
