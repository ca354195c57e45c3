import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Part } from '../../../../src/contract/part.ts';
import { responses } from '../../../../src/dialects/responses/index.ts';
import { assemble, read } from '../read.ts';
import * as fixture from './fixtures.ts';
import { completed, event, response, text } from './fixtures.ts';

const parts = (stream: string) => read(responses, stream, responses.vendor.decoder({}));
const outcome = (stream: string) => assemble(parts(stream));
const codes = (list: readonly Part[]) => list.map((part) => (part.type === 'failure' ? part.failure.code : part.type));
const whole = (body: object | string) =>
  assemble(responses.vendor.whole(typeof body === 'string' ? body : JSON.stringify(body), {}));

test('the documented stream: text, usage, and the finish after it', () => {
  const list = parts(fixture.HELLO);
  assert.equal(assemble(list).text, 'Hi there! How can I assist you today?');
  assert.deepEqual(codes(list), ['text', 'text', 'text', 'usage', 'finish']);
  assert.deepEqual(assemble(list).usage, {
    inputTokens: 37,
    outputTokens: 11,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    source: 'reported',
  });
});

test('the documented whole answer: a function call', () => {
  assert.deepEqual(whole(fixture.WHOLE_CALL), {
    text: '',
    reasoning: '',
    marks: [],
    usage: {
      inputTokens: 291,
      outputTokens: 23,
      cachedInputTokens: 0,
      cacheWriteTokens: 0,
      reasoningTokens: 0,
      source: 'reported',
    },
    end: 'tool_calls',
    tools: [
      {
        id: 'call_unLAR8MvFNptuiZK6K6HCy5k',
        name: 'get_current_weather',
        arguments: '{"location":"Boston, MA","unit":"celsius"}',
      },
    ],
  });
});

test('reasoning keeps its item, calls come in fragments or at once', () => {
  assert.deepEqual(outcome(fixture.REASONING), {
    text: '',
    reasoning: '**Adding**\n\nI add.\n\n**Checking**',
    marks: [{ dialect: 'responses', fields: fixture.REASONING_ITEM }],
    tools: [
      { id: 'call_a', name: 'add', arguments: '{"a":12,"b":7}' },
      { id: 'call_b', name: 'now', arguments: '{}' },
    ],
    usage: {
      inputTokens: 75,
      outputTokens: 121,
      cachedInputTokens: 64,
      cacheWriteTokens: 0,
      reasoningTokens: 96,
      source: 'reported',
    },
    end: 'tool_calls',
  });
});

test('a stream and the same answer in one piece give the same', () => {
  const output = [
    fixture.REASONING_ITEM,
    { type: 'function_call', call_id: 'call_a', name: 'add', arguments: '{"a":12,"b":7}' },
    { type: 'function_call', call_id: 'call_b', name: 'now', arguments: '{}' },
  ];
  const { usage: _, ...streamed } = outcome(fixture.REASONING);
  const { usage: __, ...once } = whole(response({ output }));
  assert.deepEqual(once, streamed);
});

test('servers that leave deltas, items, indexes, ids or names out', () => {
  const item = { id: 'msg_1', type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Hi' }] };
  const call = { id: 'fc_1', type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' };
  const table: [string, string, Partial<ReturnType<typeof outcome>>][] = [
    ['only the done event', event({ type: 'response.output_text.done', text: 'Hi' }), { text: 'Hi' }],
    ['only the finished item', event({ type: 'response.output_item.done', item }), { text: 'Hi' }],
    [
      'all three, once',
      text('Hi') +
        event({ type: 'response.output_text.done', output_index: 0, content_index: 0, text: 'Hi' }) +
        event({ type: 'response.output_item.done', output_index: 0, item }),
      { text: 'Hi' },
    ],
    ['only the last event', completed({ output: [item, call] }).replace('"usage"', '"x"'), { text: 'Hi' }],
    [
      'another id with every event, the index steady',
      event({ type: 'response.output_item.added', output_index: 3, item: { ...call, id: 'x', arguments: '' } }) +
        event({ type: 'response.function_call_arguments.delta', output_index: 3, item_id: 'y', delta: '{}' }) +
        event({ type: 'response.output_item.done', output_index: 3, item: { ...call, id: 'z' } }),
      { tools: [{ id: 'c', name: 'f', arguments: '{}' }] },
    ],
    [
      'no index and no id',
      event({ type: 'response.output_item.added', item: { type: 'function_call', call_id: 'c', name: 'f' } }) +
        event({ type: 'response.function_call_arguments.delta', delta: '{}' }),
      { tools: [{ id: 'c', name: 'f', arguments: '{}' }] },
    ],
    [
      'the name after the arguments',
      event({ type: 'response.output_item.added', output_index: 0, item: { type: 'function_call', id: 'fc' } }) +
        event({ type: 'response.function_call_arguments.delta', output_index: 0, delta: '{"a"' }) +
        event({ type: 'response.function_call_arguments.delta', output_index: 0, delta: ':1}' }) +
        event({ type: 'response.output_item.done', output_index: 0, item: { ...call, arguments: '{"a":1}' } }),
      { tools: [{ id: 'c', name: 'f', arguments: '{"a":1}' }] },
    ],
    ['types in the event name alone', 'event: response.output_text.delta\ndata: {"delta":"Hi"}\n\n', { text: 'Hi' }],
  ];
  for (const [name, stream, want] of table) {
    const got = outcome(stream.includes('response.completed') ? stream : stream + completed());
    for (const [key, value] of Object.entries(want)) {
      assert.deepEqual(got[key as keyof typeof got], value, name);
    }
    assert.ok(got.end === 'stop' || got.end === 'tool_calls', name);
  }
});

test('raw reasoning, refusals, custom calls, items of the vendor, phases', () => {
  const raw = outcome(
    event({ type: 'response.reasoning_text.delta', output_index: 0, content_index: 0, delta: 'Hm' }) +
      event({ type: 'response.reasoning.delta', output_index: 0, content_index: 0, delta: 'm' }) +
      event({ type: 'response.reasoning_summary_text.delta', output_index: 0, summary_index: 0, delta: 'again' }) +
      completed(),
  );
  assert.equal(raw.reasoning, 'Hmm');
  const refusal = outcome(event({ type: 'response.refusal.delta', output_index: 0, delta: 'No.' }) + completed());
  assert.deepEqual([refusal.text, refusal.end], ['No.', 'stop']);
  const search = { id: 'ws_1', type: 'web_search_call', status: 'completed', action: { type: 'search', query: 'q' } };
  const message = { id: 'msg', type: 'message', role: 'assistant', phase: 'commentary', content: [] };
  const custom = { id: 'ctc', type: 'custom_tool_call', call_id: 'c', name: 'code', input: '' };
  const list = parts(
    event({ type: 'response.output_item.done', output_index: 0, item: search }) +
      event({ type: 'response.output_item.added', output_index: 1, item: message }) +
      text('On it.', { output_index: 1 }) +
      event({ type: 'response.output_item.added', output_index: 2, item: custom }) +
      event({ type: 'response.custom_tool_call_input.delta', output_index: 2, delta: 'x = 1' }) +
      event({ type: 'response.output_item.done', output_index: 2, item: { ...custom, input: 'x = 1' } }) +
      completed(),
  );
  const mark = (fields: object) => ({ type: 'reasoning', text: '', vendor: { dialect: 'responses', fields } });
  assert.deepEqual(list.slice(0, 5), [
    mark(search),
    mark({ type: 'message', phase: 'commentary' }),
    { type: 'text', text: 'On it.' },
    {
      type: 'tool_call',
      index: 0,
      id: 'c',
      name: 'code',
      arguments: '',
      vendor: { dialect: 'responses', fields: { type: 'custom_tool_call' } },
    },
    { type: 'tool_call', index: 0, arguments: 'x = 1' },
  ]);
});

test('how an answer ends', () => {
  const ended = (type: string, fields: object) => outcome(text('Hi') + event({ type, response: response(fields) })).end;
  const because = (reason: string) => ({ status: 'incomplete', incomplete_details: { reason } });
  assert.equal(ended('response.incomplete', because('max_output_tokens')), 'length');
  assert.equal(ended('response.incomplete', because('content_filter')), 'content_filter');
  assert.equal(ended('response.incomplete', because('steered')), 'length');
  assert.equal(ended('response.incomplete', { status: 'incomplete', incomplete_details: null }), 'length');
  assert.equal(ended('response.done', { status: 'completed' }), 'stop');
  // The status says more than the name, when it says an end.
  assert.equal(ended('response.completed', because('max_output_tokens')), 'length');
  assert.equal(ended('response.completed', { status: 'in_progress' }), 'stop');
  assert.equal(ended('response.completed', { status: 'failed', error: null }), 'upstream_unavailable');
  assert.equal(ended('response.cancelled', { status: 'cancelled' }), 'upstream_unavailable');
  assert.equal(outcome(`${text('Hi')}event: response.completed\ndata: {}\n\n`).end, 'stop');
});

test('characters that come in halves', () => {
  const got = outcome(text('a\ud83d') + text('\ude00\0b') + completed());
  assert.equal(got.text, 'a😀\ufffdb');
  const call = outcome(
    event({
      type: 'response.output_item.added',
      output_index: 0,
      item: { type: 'function_call', call_id: 'c', name: 'f' },
    }) +
      event({ type: 'response.function_call_arguments.delta', output_index: 0, delta: '"\ud83d' }) +
      event({ type: 'response.function_call_arguments.delta', output_index: 0, delta: '\ude00"' }) +
      completed(),
  );
  assert.equal(call.tools[0]?.arguments, '"😀"');
});
