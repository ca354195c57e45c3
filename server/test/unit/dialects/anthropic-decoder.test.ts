import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Part } from '../../../src/contract/part.ts';
import { anthropic } from '../../../src/dialects/anthropic/index.ts';
import * as fixture from './fixtures/anthropic.ts';
import { blockDelta, blockStart, blockStop, event, messageDelta, PING, STOP, start } from './fixtures/anthropic.ts';
import { assemble, read } from './read.ts';

const parts = (stream: string) => read(anthropic, stream);
const outcome = (stream: string) => assemble(parts(stream));
const codes = (list: readonly Part[]) => list.map((part) => (part.type === 'failure' ? part.failure.code : part.type));
const hi = start() + blockStart(0, { type: 'text', text: '' }) + blockDelta(0, { type: 'text_delta', text: 'Hi' });

test('the documented streams', () => {
  const hello = outcome(fixture.HELLO);
  assert.deepEqual([hello.text, hello.end], ['Hello Wörld 🎉!', 'stop']);
  assert.deepEqual([hello.usage?.inputTokens, hello.usage?.outputTokens], [25, 15]);
  const tool = outcome(fixture.TOOL);
  assert.deepEqual([tool.text, tool.end], ['Okay', 'tool_calls']);
  assert.deepEqual(tool.tools, [
    { id: 'toolu_01T1x1fJ34qAmk2tNTrN7Up6', name: 'get_weather', arguments: '{"location": "San Francisco, CA"}' },
    { id: 'toolu_02', name: 'now', arguments: '{}' },
  ]);
});

test('thinking, its signature and redacted blocks', () => {
  const got = outcome(fixture.THINKING);
  assert.deepEqual(
    [got.text, got.reasoning, got.usage?.reasoningTokens],
    ['21', 'I need the GCD of 1071 and 462.', 30],
  );
  assert.deepEqual(got.marks, [
    {
      dialect: 'anthropic',
      fields: { type: 'thinking', signature: 'EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pk=' },
    },
    { dialect: 'anthropic', fields: { type: 'redacted_thinking', data: 'EmwKAhgBEgy3va3pzix/LafPsn4a' } },
  ]);
});

test('faults: every broken ending is a failure of its class', () => {
  const end = blockStop(0) + messageDelta('end_turn');
  const error = (type: string, message = 'x') => event({ type: 'error', error: { type, message } });
  const table: [string, string, string, string][] = [
    ['an empty 200', '', '', 'upstream_truncated'],
    ['only pings', start() + PING + PING, '', 'upstream_truncated'],
    ['no terminal signal', hi, 'Hi', 'upstream_truncated'],
    ['a message_delta without a stop_reason', hi + messageDelta(null), 'Hi', 'upstream_truncated'],
    ['cut inside JSON', hi + end.slice(0, -40), 'Hi', 'upstream_truncated'],
    ['[DONE] only', 'data: [DONE]\n\n', '', 'upstream_truncated'],
    ['a stop_reason and a clean end', hi + end, 'Hi', 'stop'],
    ['a stop_reason without its blank line', (hi + end).trimEnd(), 'Hi', 'stop'],
    ['message_stop without a stop_reason', hi + blockStop(0) + STOP, 'Hi', 'stop'],
    ['[DONE] after the end', `${hi + end + STOP}data: [DONE]\n\n`, 'Hi', 'stop'],
    ['not JSON', `${hi}data: nope\n\n`, 'Hi', 'upstream_protocol'],
    ['overloaded', hi + error('overloaded_error', 'Overloaded'), 'Hi', 'upstream_overloaded'],
    ['rate limit', error('rate_limit_error'), '', 'upstream_rate_limited'],
    ['server', hi + error('api_error'), 'Hi', 'upstream_unavailable'],
    ['timeout', hi + error('timeout_error'), 'Hi', 'upstream_timeout'],
    ['key', error('authentication_error'), '', 'upstream_unauthorized'],
    ['no permission', error('permission_error'), '', 'upstream_forbidden'],
    ['request', error('invalid_request_error', 'prompt is too long: 9 > 8'), '', 'upstream_context_too_long'],
    ['money', error('billing_error'), '', 'upstream_quota'],
    ['an error without its type', `${hi}event: error\ndata: {"message":"boo"}\n\n`, 'Hi', 'upstream_unavailable'],
    ['events of other types', hi + event({ type: 'vellum', message: 'new' }) + end, 'Hi', 'stop'],
    ['events without names', (hi + end).replaceAll(/event: .*\n/g, ''), 'Hi', 'stop'],
  ];
  for (const [what, stream, text, finish] of table) {
    const got = outcome(stream);
    assert.deepEqual([got.text, got.end], [text, finish], what);
  }
});

test('after the terminal signal only usage is read; after a failure nothing', () => {
  const end = messageDelta('end_turn', { output_tokens: 15 });
  assert.deepEqual(codes(parts(hi + end + hi + messageDelta('max_tokens', { output_tokens: 16 }) + STOP)), [
    'text',
    'usage',
    'finish',
    'usage',
  ]);
  assert.deepEqual(codes(parts(`${hi}data: nope\n\n${hi}${end}`)), ['text', 'upstream_protocol']);
});

test('usage: cached tokens are added, placeholders are not billed, insane counts are passed over', () => {
  const of = (first: object, ...later: object[]) =>
    outcome(start(first) + later.map((usage) => messageDelta(null, usage)).join('') + messageDelta('end_turn', {}))
      .usage;
  const base = { input_tokens: 25, output_tokens: 1 };
  assert.equal(of(base), null);
  assert.equal(outcome(hi).usage, null);
  assert.deepEqual(
    of({ ...base, cache_creation_input_tokens: 100, cache_read_input_tokens: 50 }, { output_tokens: 7 }),
    {
      inputTokens: 175,
      outputTokens: 7,
      cachedInputTokens: 50,
      cacheWriteTokens: 100,
      reasoningTokens: 0,
      source: 'reported',
    },
  );
  const pick = (usage: ReturnType<typeof of>) => [usage?.inputTokens, usage?.outputTokens];
  // Cumulative, never summed; compatible servers send the input with the last event.
  assert.deepEqual(pick(of(base, { output_tokens: 5 }, { output_tokens: 9 })), [25, 9]);
  assert.deepEqual(pick(of({ input_tokens: 0, output_tokens: 0 }, { input_tokens: 40, output_tokens: 9 })), [40, 9]);
  assert.deepEqual(pick(of(base, { input_tokens: 0, output_tokens: 9 })), [25, 9]);
  for (const insane of [null, -1, '9', 1.5, 1e12, undefined]) {
    assert.deepEqual(pick(of(base, { output_tokens: 5, input_tokens: insane }, { output_tokens: insane })), [25, 5]);
    assert.equal(of(base, { output_tokens: insane }), null);
  }
});

test('stop reasons', () => {
  const table = {
    end_turn: 'stop',
    stop_sequence: 'stop',
    pause_turn: 'stop',
    max_tokens: 'length',
    model_context_window_exceeded: 'length',
    tool_use: 'tool_calls',
    refusal: 'content_filter',
    novelty: 'stop',
    constructor: 'stop',
  };
  for (const [word, reason] of Object.entries(table)) assert.equal(outcome(hi + messageDelta(word)).end, reason, word);
});

test('other blocks: text at the start of a block, whole inputs, server tools, torn characters', () => {
  const end = messageDelta('end_turn');
  assert.equal(outcome(start() + blockStart(0, { type: 'text', text: 'Hi' }) + end).text, 'Hi');
  const whole = blockStart(0, { type: 'tool_use', id: 't', name: 'f', input: { a: 1 } }) + blockStop(0);
  assert.deepEqual(outcome(start() + whole + end).tools, [{ id: 't', name: 'f', arguments: '{"a":1}' }]);
  const server =
    blockStart(0, { type: 'server_tool_use', id: 's', name: 'web_search', input: {} }) +
    blockDelta(0, { type: 'input_json_delta', partial_json: '{"q":1}' }) +
    blockStop(0) +
    blockStart(1, { type: 'tool_use', id: 't', name: 'f', input: {} }) +
    blockDelta(1, { type: 'input_json_delta', partial_json: '"\ud83d' }) +
    blockDelta(1, { type: 'input_json_delta', partial_json: '\ude00\0"' }) +
    blockStop(1);
  assert.deepEqual(outcome(start() + server + end).tools, [{ id: 't', name: 'f', arguments: '"😀\ufffd"' }]);
  const torn = (text: string) => blockDelta(0, { type: 'text_delta', text });
  assert.equal(outcome(hi + torn('\ud83d') + torn('\ude00') + torn('\ud83d') + end).text, 'Hi😀\ufffd');
});

test('thinking whose text is left out keeps its signature', () => {
  const stream =
    start() +
    blockStart(0, { type: 'thinking', thinking: '', signature: '' }) +
    blockDelta(0, { type: 'signature_delta', signature: 'sig' }) +
    blockStop(0) +
    messageDelta('end_turn');
  assert.deepEqual(parts(stream)[0], {
    type: 'reasoning',
    text: '',
    vendor: { dialect: 'anthropic', fields: { type: 'thinking', signature: 'sig' } },
  });
});

test('whole messages, and what is not one', () => {
  const whole = (body: unknown) =>
    assemble(anthropic.vendor.whole(typeof body === 'string' ? body : JSON.stringify(body), {}));
  const got = whole(fixture.WHOLE);
  assert.deepEqual([got.text, got.reasoning, got.end], ['Hi! My name is Claude.', 'Easy.', 'tool_calls']);
  assert.deepEqual(got.tools, [{ id: 'toolu_1', name: 'get_weather', arguments: '{"city":"Paris"}' }]);
  assert.deepEqual([got.usage?.inputTokens, got.usage?.cachedInputTokens, got.usage?.cacheWriteTokens], [2200, 5, 100]);
  assert.equal(got.marks.length, 1);
  const table: [unknown, string][] = [
    ['', 'upstream_truncated'],
    ['<html>', 'upstream_protocol'],
    [fixture.WHOLE.slice(0, 99), 'upstream_truncated'],
    [{ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, 'upstream_overloaded'],
    [{ hello: 1 }, 'upstream_protocol'],
    [{ content: [], stop_reason: null }, 'upstream_truncated'],
    [{ content: [], stop_reason: 'end_turn' }, 'stop'],
    [fixture.HELLO, 'stop'],
  ];
  for (const [body, end] of table) assert.equal(whole(body).end, end, JSON.stringify(body));
});
