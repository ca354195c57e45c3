import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerCall, AssistantContent } from '../../../../src/contract/call.ts';
import type { EncodeTarget } from '../../../../src/contract/dialect.ts';
import { GoblinError } from '../../../../src/contract/errors.ts';
import { responses } from '../../../../src/dialects/responses/index.ts';

const TARGET: EncodeTarget = { provider: 'local', model: 'vendor-model', quirks: {} };
const hi = { role: 'user' as const, content: [{ type: 'text' as const, text: 'hi' }] };

function encode(call: Partial<AnswerCall>, target: Partial<EncodeTarget> = {}, stream = false) {
  const wire = responses.vendor.encode({ kind: 'answer', messages: [hi], ...call }, { ...TARGET, ...target }, stream);
  return { ...wire, json: JSON.parse(wire.body) };
}
const refused = (run: () => unknown, why: RegExp) =>
  assert.throws(
    run,
    (error) => error instanceof GoblinError && error.code === 'unsupported_by_target' && why.test(error.detail),
  );

test('a small call, and all fields that a call has', () => {
  const wire = encode({}, {}, true);
  assert.deepEqual([wire.path, wire.headers, wire.notices], ['/responses', { 'content-type': 'application/json' }, []]);
  assert.deepEqual(wire.json, {
    model: 'vendor-model',
    stream: true,
    store: false,
    input: [{ role: 'user', content: 'hi' }],
  });
  const { json } = encode({
    maxTokens: 7,
    temperature: 0,
    topP: 1,
    parallelToolCalls: false,
    reasoningEffort: 'low',
    tools: [
      { name: 'f', description: 'd', parameters: { type: 'object' }, strict: true },
      { name: 'g', parameters: { type: 'object' } },
      { name: 'h' },
    ],
    toolChoice: { name: 'f' },
    responseFormat: { type: 'json_schema', name: 'n', schema: {}, strict: false },
  });
  assert.deepEqual(json, {
    model: 'vendor-model',
    stream: false,
    store: false,
    input: [{ role: 'user', content: 'hi' }],
    max_output_tokens: 7,
    temperature: 0,
    top_p: 1,
    reasoning: { effort: 'low' },
    include: ['reasoning.encrypted_content'],
    text: { format: { type: 'json_schema', name: 'n', schema: {}, strict: false } },
    // Tools are strict here unless they say that they are not.
    tools: [
      { type: 'function', name: 'f', description: 'd', parameters: { type: 'object' }, strict: true },
      { type: 'function', name: 'g', parameters: { type: 'object' }, strict: false },
      { type: 'function', name: 'h', parameters: { type: 'object', properties: {} }, strict: false },
    ],
    tool_choice: { type: 'function', name: 'f' },
    parallel_tool_calls: false,
  });
  assert.equal(encode({ toolChoice: 'required', parallelToolCalls: true }).json.tool_choice, undefined);
  assert.deepEqual(encode({ responseFormat: { type: 'json' } }).json.text, { format: { type: 'json_object' } });
});

test('messages as items', () => {
  const assistant: AssistantContent[] = [
    { type: 'reasoning', text: 'not signed' },
    { type: 'text', text: 'calling' },
    { type: 'tool_call', id: 'a', name: 'f', arguments: '{"x":1}' },
    { type: 'tool_call', id: 'b', name: 'g', arguments: '' },
  ];
  const { json, notices } = encode({
    messages: [
      { role: 'system', content: [{ type: 'text', text: 'Be brief.' }] },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'look' },
          { type: 'image', data: 'AAAA', mediaType: 'image/png', detail: 'low' },
          { type: 'image', url: 'https://example.com/i.png' },
        ],
      },
      { role: 'assistant', content: assistant },
      { role: 'tool', toolCallId: 'a', content: [{ type: 'text', text: '4' }] },
      {
        role: 'tool',
        toolCallId: 'b',
        content: [
          { type: 'text', text: 'a picture' },
          { type: 'image', data: 'AAAA', mediaType: 'image/png' },
        ],
        isError: true,
      },
    ],
  });
  assert.deepEqual(json.input, [
    { role: 'system', content: 'Be brief.' },
    {
      role: 'user',
      content: [
        { type: 'input_text', text: 'look' },
        { type: 'input_image', image_url: 'data:image/png;base64,AAAA', detail: 'low' },
        { type: 'input_image', image_url: 'https://example.com/i.png' },
      ],
    },
    { role: 'assistant', content: 'calling' },
    { type: 'function_call', call_id: 'a', name: 'f', arguments: '{"x":1}' },
    { type: 'function_call', call_id: 'b', name: 'g', arguments: '' },
    { type: 'function_call_output', call_id: 'a', output: '4' },
    {
      type: 'function_call_output',
      call_id: 'b',
      output: [
        { type: 'input_text', text: 'a picture' },
        { type: 'input_image', image_url: 'data:image/png;base64,AAAA' },
      ],
    },
  ]);
  assert.deepEqual(
    notices.map((notice) => notice.detail),
    ['reasoning of another provider is not sent on', 'tool results cannot be marked as errors here'],
  );
});

test('ids of calls that are too long are cut alike on both sides', () => {
  const id = `toolu_${'x'.repeat(90)}1`;
  const { json } = encode({
    messages: [
      hi,
      { role: 'assistant', content: [{ type: 'tool_call', id, name: 'f', arguments: '{}' }] },
      { role: 'tool', toolCallId: id, content: [] },
    ],
  });
  assert.equal(json.input[1].call_id.length, 64);
  assert.equal(json.input[1].call_id, json.input[2].call_id);
});

test('reasoning of this dialect goes back as it came, also through the other door of OpenAI', () => {
  const item = {
    type: 'reasoning',
    id: 'rs_1',
    encrypted_content: 'gAAA',
    summary: [{ type: 'summary_text', text: 'Hm' }],
  };
  const input = (content: AssistantContent[]) => {
    const { json, notices } = encode({ messages: [hi, { role: 'assistant', content }] });
    return [json.input.slice(1), notices.length];
  };
  const vendor = { dialect: 'responses' as const, fields: item };
  assert.deepEqual(input([{ type: 'reasoning', text: 'Hm', vendor }]), [[item], 0]);
  const entry = (detail: object) => ({ dialect: 'openai' as const, fields: { reasoning_detail: detail } });
  const encrypted = { type: 'reasoning.encrypted', format: 'openai-responses-v1', id: 'rs_1', data: 'gAAA', index: 0 };
  assert.deepEqual(
    input([
      { type: 'reasoning', text: 'Hm' },
      { type: 'reasoning', text: '', vendor: entry(encrypted) },
    ]),
    [[item], 0],
  );
  const search = { type: 'web_search_call', id: 'ws_1', status: 'completed' };
  const stored = { ...encrypted, data: JSON.stringify(search), whole: true };
  assert.deepEqual(input([{ type: 'reasoning', text: '', vendor: entry(stored) }]), [[search], 0]);
  // Others' signatures mean nothing here.
  const signed = { dialect: 'anthropic' as const, fields: { type: 'thinking', signature: 's' } };
  assert.deepEqual(input([{ type: 'reasoning', text: 'Hm', vendor: signed }]), [[], 1]);
  assert.deepEqual(
    input([{ type: 'reasoning', text: '', vendor: entry({ ...encrypted, format: 'google-gemini-v1' }) }]),
    [[], 1],
  );
});

test('phases, custom calls and foreign parts of this dialect', () => {
  const phase = (text: string, name: string): AssistantContent => ({
    type: 'text',
    text,
    vendor: { dialect: 'responses', fields: { phase: name } },
  });
  const output = { type: 'computer_call_output', call_id: 'c', output: {} };
  const { json } = encode({
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'foreign', name: 'input_file', dialect: 'responses', raw: { type: 'input_file', file_id: 'f' } },
          { type: 'foreign', name: 'computer_call_output', dialect: 'responses', raw: output },
        ],
      },
      {
        role: 'assistant',
        content: [
          phase('one', 'commentary'),
          phase('two', 'final_answer'),
          {
            type: 'tool_call',
            id: 'c',
            name: 'code',
            arguments: 'x',
            vendor: { dialect: 'responses', fields: { type: 'custom_tool_call' } },
          },
        ],
      },
    ],
  });
  assert.deepEqual(json.input, [
    {
      role: 'user',
      content: [
        { type: 'input_text', text: 'a' },
        { type: 'input_file', file_id: 'f' },
      ],
    },
    output,
    { role: 'assistant', content: 'one', type: 'message', phase: 'commentary' },
    { role: 'assistant', content: 'two', type: 'message', phase: 'final_answer' },
    { type: 'custom_tool_call', call_id: 'c', name: 'code', input: 'x' },
  ]);
  const file = { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA' } };
  const other = (name: string, raw: unknown): Partial<AnswerCall> => ({
    messages: [{ role: 'user', content: [{ type: 'foreign', name, dialect: 'openai', raw }] }],
  });
  assert.deepEqual(encode(other('file', file)).json.input[0].content, [
    { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA' },
  ]);
  refused(() => encode(other('input_audio', {})), /input_audio/);
});
