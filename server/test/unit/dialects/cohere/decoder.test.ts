import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Part } from '../../../../src/contract/part.ts';
import { cohere } from '../../../../src/dialects/cohere/index.ts';
import { assemble, read } from '../read.ts';
import * as fixture from './fixtures.ts';
import { callDelta, callEnd, callStart, contentStart, delta, end, plan, sse, start } from './fixtures.ts';

const parts = (stream: string) => read(cohere, stream);
const outcome = (stream: string) => assemble(parts(stream));
const whole = (body: unknown) =>
  assemble(cohere.vendor.whole(typeof body === 'string' ? body : JSON.stringify(body), {}));
const codes = (list: readonly Part[]) => list.map((part) => (part.type === 'failure' ? part.failure.code : part.type));
const hi = sse(start(), contentStart(0, 'text'), delta(0, 'text', 'Hi'));
const done = sse(end('COMPLETE'));

test('the documented and recorded streams', () => {
  const hello = outcome(fixture.HELLO);
  assert.deepEqual([hello.text, hello.end], ['Hello! How can I help you today? 🎉', 'stop']);
  assert.deepEqual(outcome(fixture.CUT_BY_LENGTH).end, 'length');
  const thought = outcome(fixture.THINKING);
  assert.deepEqual(
    [thought.reasoning, thought.text, thought.end],
    ['The user is asking for the sum of 2 and 2.', 'The answer to 2 + 2 is 4.', 'stop'],
  );
  const tools = outcome(fixture.DOCS_TOOLS);
  assert.deepEqual(
    [tools.reasoning, tools.text, tools.end],
    ['I will search for the weather in Madrid and Brasilia.', '', 'tool_calls'],
  );
  assert.deepEqual(tools.tools, [
    { id: 'get_weather_p1t92w7gfgq7', name: 'get_weather', arguments: '{\n    "location": "Madrid"\n}' },
    { id: 'get_weather_ay6nmvjgp9vn', name: 'get_weather', arguments: '{\n    "location": "Brasilia"\n}' },
  ]);
  const cited = outcome(fixture.CITATIONS);
  assert.deepEqual([cited.text, cited.end], ['The key benefits are automation of tasks.', 'stop']);
});

test('a call without arguments is written {}, however the vendor leaves them out', () => {
  assert.deepEqual(outcome(fixture.NO_ARGUMENTS).tools, [
    { id: 'currentTime_y46ar19t5gvw', name: 'currentTime', arguments: '{}' },
  ]);
  const pieces = (...list: string[]) =>
    outcome(
      sse(start(), callStart(0, 'a', 'f'), ...list.map((piece) => callDelta(0, piece)), callEnd(0), end('TOOL_CALL')),
    ).tools[0]?.arguments;
  assert.equal(pieces('nu', 'll'), '{}');
  assert.equal(pieces('null'), '{}');
  // Anything else passes as it came, also what is no JSON.
  for (const list of [['nu'], ['null', '!'], ['{"a":', 'nul'], ['n', '{}']])
    assert.equal(pieces(...list), list.join(''));
  const first = outcome(
    sse(start(), callStart(0, 'a', 'f', '{"a":'), callDelta(0, '1}'), callEnd(0), end('TOOL_CALL')),
  );
  assert.equal(first.tools[0]?.arguments, '{"a":1}');
  for (const [word, reason] of [
    ['TOOL_CALL', 'tool_calls'],
    ['COMPLETE', 'stop'],
    ['NOVELTY', 'tool_calls'],
    [undefined, 'tool_calls'],
  ] as const) {
    assert.equal(outcome(sse(start(), callStart(0, 'a', 'f'), callEnd(0), end(word))).end, reason);
  }
  // A call that was cut stays cut.
  const cut = outcome(sse(start(), callStart(0, 'a', 'f'), end('MAX_TOKENS')));
  assert.deepEqual([cut.tools[0]?.arguments, cut.end], ['', 'length']);
  assert.equal(
    outcome(sse(start(), callStart(0, 'a', 'f'), callDelta(0, 'nul'), end('MAX_TOKENS'))).tools[0]?.arguments,
    'nul',
  );
});

test('tool calls: numbers of the vendor, ids that are missing, deltas of nobody, torn characters', () => {
  const stream = sse(
    start('run-1'),
    callDelta(7, 'lost'),
    callStart(4, '', 'f', '"\ud83d'),
    callDelta(4, '\ude00"'),
    callEnd(4),
    callStart(4, 'b', 'g', '{}'),
    callEnd(4),
    end(undefined),
  );
  const got = outcome(stream);
  assert.deepEqual(got.tools, [
    { id: 'call_run1_0', name: 'f', arguments: '"😀"' },
    { id: 'b', name: 'g', arguments: '{}' },
  ]);
  assert.equal(got.end, 'tool_calls');
  const list = {
    type: 'tool-call-start',
    index: 0,
    delta: { message: { tool_calls: [{ id: 'a', function: { name: 'f' } }] } },
  };
  assert.deepEqual(outcome(sse(start(), list, callEnd(0), end('TOOL_CALL'))).tools[0], {
    id: 'a',
    name: 'f',
    arguments: '{}',
  });
});

test('faults: every broken ending is a failure of its class', () => {
  const table: [string, string, string, string][] = [
    ['an empty 200', '', '', 'upstream_truncated'],
    ['only comments', ': ping\n\n: ping\n\n', '', 'upstream_truncated'],
    ['no terminal signal', hi, 'Hi', 'upstream_truncated'],
    ['content-end is no end', hi + sse(fixture.contentEnd(0)), 'Hi', 'upstream_truncated'],
    ['cut inside JSON', hi + done.slice(0, -40), 'Hi', 'upstream_truncated'],
    ['[DONE] only', 'data: [DONE]\n\n', '', 'upstream_truncated'],
    ['an end', hi + done, 'Hi', 'stop'],
    ['an end without its blank line', (hi + done).trimEnd(), 'Hi', 'stop'],
    ['[DONE] after the end', `${hi + done}data: [DONE]\n\n`, 'Hi', 'stop'],
    ['an end without a delta', `${hi}event: message-end\ndata: {"type":"message-end"}\n\n`, 'Hi', 'stop'],
    ['events without names', (hi + done).replaceAll(/event: .*\n/g, ''), 'Hi', 'stop'],
    ['events without types', (hi + done).replaceAll(/"type":"[a-z]+-[a-z]+",?/g, ''), 'Hi', 'stop'],
    ['not JSON', `${hi}data: nope\n\n${done}`, 'Hi', 'upstream_protocol'],
    ['a page of HTML', '<html><body>Bad gateway</body></html>', '', 'upstream_truncated'],
    ['finish_reason ERROR', hi + sse(fixture.FAILED_END), 'Hi', 'upstream_unavailable'],
    ['ERROR without a word', hi + sse(end('ERROR')), 'Hi', 'upstream_unavailable'],
    ['an error beside COMPLETE', hi + sse(end('COMPLETE', {}, { error: 'overloaded' })), 'Hi', 'upstream_overloaded'],
    ['TIMEOUT', hi + sse(end('TIMEOUT')), 'Hi', 'upstream_timeout'],
    ['v1: ERROR_TOXIC', hi + sse(end('ERROR_TOXIC')), 'Hi', 'content_filter'],
    ['v1: ERROR_LIMIT', hi + sse(end('ERROR_LIMIT')), 'Hi', 'upstream_unavailable'],
    ['an error body', `${hi}data: {"id":"x","message":"internal server error"}\n\n`, 'Hi', 'upstream_unavailable'],
    ['an error event', `${hi}event: error\ndata: {"message":"overloaded"}\n\n`, 'Hi', 'upstream_overloaded'],
    ['an error object', `${hi}data: {"error":{"message":"boo"}}\n\n`, 'Hi', 'upstream_unavailable'],
    [
      'too long, in the stream',
      'data: {"message":"too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292."}\n\n',
      '',
      'upstream_context_too_long',
    ],
    [
      'events of other types',
      hi + sse({ type: 'vellum', message: 'new' }, { type: 'debug', prompt: 'x' }) + done,
      'Hi',
      'stop',
    ],
    [
      'an error nested without end',
      `${hi}data: {"error":{"message":${'['.repeat(100_000)}${']'.repeat(100_000)}}}\n\n`,
      'Hi',
      'upstream_unavailable',
    ],
    ['words to come', hi + sse(end('NOVELTY')), 'Hi', 'stop'],
    ['a word of the prototype', hi + sse(end('constructor')), 'Hi', 'stop'],
    ['STOP_SEQUENCE', hi + sse(end('STOP_SEQUENCE')), 'Hi', 'stop'],
  ];
  for (const [what, stream, text, finish] of table) {
    const got = outcome(stream);
    assert.deepEqual([got.text, got.end], [text, finish], what);
  }
});

test('after the terminal signal only usage is read; after a failure nothing', () => {
  const more = { billed_units: { input_tokens: 2, output_tokens: 9 } };
  assert.deepEqual(codes(parts(hi + done + hi + sse(end('MAX_TOKENS', more)))), ['text', 'usage', 'finish', 'usage']);
  assert.deepEqual(codes(parts(`${hi}data: nope\n\n${hi}${done}`)), ['text', 'upstream_protocol']);
  assert.deepEqual(codes(parts(hi + sse(fixture.FAILED_END) + done)), ['text', 'upstream_unavailable']);
});

test('usage: what is billed, else what was counted, and nothing insane', () => {
  const usage = (value: unknown) => outcome(hi + sse(end('COMPLETE', value as object))).usage;
  const pick = (value: unknown) => {
    const got = usage(value);
    return got && [got.inputTokens, got.outputTokens, got.cachedInputTokens];
  };
  assert.deepEqual(usage(fixture.BILLED), {
    inputTokens: 1,
    outputTokens: 9,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    source: 'reported',
  });
  const { tokens } = fixture.BILLED;
  assert.deepEqual(pick({ tokens, cached_tokens: 448 }), [496, 11, 448]);
  assert.deepEqual(pick({ tokens, cached_tokens: 497 }), [496, 11, 0]);
  assert.deepEqual(pick({ billed_units: { input_tokens: 37.0, output_tokens: 28 } }), [37, 28, 0]);
  assert.deepEqual(pick({ billed_units: { input_tokens: 0, output_tokens: 0 }, tokens }), [496, 11, 0]);
  assert.deepEqual(pick({ billed_units: { search_units: 1 }, tokens }), [496, 11, 0]);
  for (const insane of [null, -1, '9', 1.5, 1e12, undefined]) {
    assert.deepEqual(pick({ billed_units: { input_tokens: 5, output_tokens: insane }, tokens }), [496, 11, 0]);
    assert.equal(pick({ tokens: { input_tokens: insane, output_tokens: 4 } }), null);
  }
  for (const none of [null, {}, [], 'x', { billed_units: null, tokens: [] }]) assert.equal(usage(none), null);
});

test('text in other places, torn characters, zero bytes', () => {
  const torn = sse(start(), delta(0, 'text', 'a\ud83d'), delta(0, 'text', '\ude00\0'), delta(0, 'text', '\ud83d'));
  assert.equal(outcome(torn + done).text, 'a😀\ufffd\ufffd');
  const first = { type: 'content-start', index: 0, delta: { message: { content: { type: 'text', text: 'Hi' } } } };
  assert.equal(outcome(sse(start(), first) + done).text, 'Hi');
  const plain = { type: 'content-delta', delta: { message: { content: 'Hi' } } };
  assert.equal(outcome(sse(plain) + done).text, 'Hi');
  const both = { type: 'content-delta', delta: { message: { content: { thinking: 'hm', text: 'Hi' } } } };
  const got = outcome(sse(both, both) + done);
  assert.deepEqual([got.reasoning, got.text], ['hmhm', 'HiHi']);
  assert.equal(outcome(sse(plan('I'), plan(' see')) + done).reasoning, 'I see');
});

test('whole answers, and what is not one', () => {
  const tools = whole(fixture.WHOLE_TOOLS);
  assert.match(tools.reasoning, /^I will use the weather tool/);
  assert.deepEqual(tools.tools, [
    { id: 'weather_dqgshstja6p9', name: 'weather', arguments: '{"location":"San Francisco"}' },
    { id: 'cityAttractions_dcxfx4myvx68', name: 'cityAttractions', arguments: '{"city":"San Francisco"}' },
  ]);
  assert.deepEqual([tools.end, tools.usage?.inputTokens, tools.usage?.outputTokens], ['tool_calls', 119, 52]);
  const thought = whole(fixture.WHOLE_THINKING);
  assert.match(thought.reasoning, /^Okay, so I need/);
  assert.deepEqual([thought.text, thought.end], ['2 + 2 = 4', 'stop']);
  const message = { role: 'assistant', content: [{ type: 'text', text: 'Hi' }] };
  const table: [unknown, string][] = [
    ['', 'upstream_truncated'],
    ['<html>', 'upstream_protocol'],
    [fixture.WHOLE_TOOLS.slice(0, 99), 'upstream_truncated'],
    [{ id: 'x', message: 'internal server error' }, 'upstream_unavailable'],
    [{ message: 'invalid api token', id: 'x' }, 'upstream_unavailable'],
    [{ hello: 1 }, 'upstream_protocol'],
    [{ id: 'x', message }, 'upstream_truncated'],
    [{ id: 'x', message, finish_reason: 'COMPLETE' }, 'stop'],
    [{ message, finish_reason: 'COMPLETE' }, 'stop'],
    [{ id: 'x', message: { content: 'Hi' }, finish_reason: 'MAX_TOKENS' }, 'length'],
    [{ id: 'x', message, finish_reason: 'ERROR' }, 'upstream_unavailable'],
    [{ id: 'x', message, finish_reason: 'TIMEOUT' }, 'upstream_timeout'],
    [fixture.HELLO, 'stop'],
  ];
  for (const [body, finish] of table) assert.equal(whole(body).end, finish, JSON.stringify(body));
  const none = {
    id: 'run-1',
    message: { tool_calls: [{ function: { name: 'f', arguments: 'null' } }] },
    finish_reason: 'TOOL_CALL',
  };
  assert.deepEqual(whole(none).tools, [{ id: 'call_run1_0', name: 'f', arguments: '{}' }]);
});

test('errors with a status', () => {
  const table: [number, string, string][] = [
    [
      400,
      'invalid request: message must be at least 1 token long or tool results must be specified.',
      'upstream_rejected',
    ],
    [
      400,
      'too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292.',
      'upstream_context_too_long',
    ],
    [
      400,
      'too many tokens: size limit exceeded by 11326 tokens. Try using shorter or fewer inputs.',
      'upstream_context_too_long',
    ],
    [
      400,
      'too many tokens: max tokens must be less than or equal to 4096, the maximum output for this model - received 8192.',
      'upstream_rejected',
    ],
    [401, 'invalid api token', 'upstream_unauthorized'],
    [402, 'Please add or update your payment method', 'upstream_quota'],
    [404, "model 'command-x' not found, make sure the correct model ID was used", 'upstream_unknown_model'],
    [429, 'You are using a Trial key, which is limited to 40 API calls / minute.', 'upstream_rate_limited'],
    [429, 'You are using a Trial key, which is limited to 1000 API calls / month.', 'upstream_quota'],
    [429, 'trial token rate limit exceeded, limit is 100000 tokens per minute', 'upstream_rate_limited'],
    [498, 'deny-listed token', 'content_filter'],
    [499, 'request cancelled', 'upstream_rejected'],
    [500, 'internal server error, this has been reported to our developers', 'upstream_unavailable'],
    [501, 'not implemented', 'upstream_unavailable'],
    [503, 'service unavailable', 'upstream_unavailable'],
    [504, 'gateway timeout', 'upstream_timeout'],
  ];
  for (const [status, message, code] of table) {
    const failure = cohere.vendor.failure(status, {}, JSON.stringify({ id: 'x', message }), 0);
    assert.deepEqual([failure.code, failure.status], [code, status], message);
  }
  assert.equal(cohere.vendor.failure(429, { 'retry-after': '7' }, '{}', 0).retryAfterMs, 7000);
});

test('the list of models', () => {
  const body = {
    models: [
      { name: 'command-a-03-2025', endpoints: ['chat'], is_deprecated: false },
      { name: 'command-nightly', endpoints: ['chat'], is_deprecated: true },
      { name: 'command-r7b-12-2024' },
    ],
  };
  assert.deepEqual(cohere.vendor.models(body), ['command-a-03-2025', 'command-r7b-12-2024']);
  for (const odd of [null, [], {}, { models: {} }]) assert.deepEqual(cohere.vendor.models(odd), []);
});
