import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerCall } from '../../../../src/contract/call.ts';
import { GoblinError } from '../../../../src/contract/errors.ts';
import { DIALECTS } from '../../../../src/dialects/index.ts';
import { decodeResponses } from '../../../../src/dialects/responses/index.ts';
import { door } from './door.ts';

const decode = (body: object) => door.decode({ model: 'm', input: 'hi', ...body });
const call = (body: object) => decode(body).call;
const messages = (...input: unknown[]) => call({ input }).messages;
const hi = { role: 'user', content: [{ type: 'text', text: 'hi' }] };

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
