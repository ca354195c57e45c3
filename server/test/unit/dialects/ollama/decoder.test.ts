import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Part } from '../../../../src/contract/part.ts';
import { createOllamaDecoder } from '../../../../src/dialects/ollama/decoder.ts';
import { ollama } from '../../../../src/dialects/ollama/index.ts';
import { assemble } from '../read.ts';
import * as fixture from './fixtures.ts';
import { done, lines, read, says } from './fixtures.ts';

const outcome = (stream: string) => assemble(read(stream));
const whole = (body: unknown) =>
  assemble(ollama.vendor.whole(typeof body === 'string' ? body : JSON.stringify(body), {}));
const codes = (list: readonly Part[]) => list.map((part) => (part.type === 'failure' ? part.failure.code : part.type));
const hi = lines(says({ content: 'Hi' }));
const end = lines(done());
/** More than the stack holds when it is written again. */
const DEEP = '['.repeat(100_000) + ']'.repeat(100_000);

test('the documented and recorded streams', () => {
  const chat = outcome(fixture.DOCS_CHAT);
  assert.deepEqual([chat.text, chat.end], ['The', 'stop']);
  assert.deepEqual(chat.usage, {
    inputTokens: 26,
    outputTokens: 282,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    source: 'reported',
  });
  const recorded = outcome(fixture.RECORDED);
  assert.deepEqual([recorded.text, recorded.end, recorded.usage?.inputTokens], ['Hello.', 'stop', 29]);
  const tools = outcome(fixture.DOCS_TOOLS);
  assert.deepEqual(tools.tools, [
    { id: 'call_20250707202219184789_0', name: 'get_weather', arguments: '{"city":"Tokyo"}' },
  ]);
  assert.equal(tools.end, 'tool_calls');
  const thought = outcome(fixture.THINKING);
  assert.deepEqual([thought.reasoning, thought.text], ['Okay, 17 × 23 is 391.', '17 × 23 = 391']);
});

test('tool calls: ids of newer servers, many in a line and in many lines, arguments of all kinds', () => {
  const call = (args: unknown, id?: string) => ({
    ...(id ? { id } : {}),
    function: { index: 0, name: 'f', arguments: args },
  });
  const got = outcome(
    lines(says({ tool_calls: [call({ a: 1 }, 'call_x'), call({})] }), says({ tool_calls: [call(null)] }), done()),
  );
  assert.deepEqual(got.tools, [
    { id: 'call_x', name: 'f', arguments: '{"a":1}' },
    { id: 'call_202308040852193854064550_1', name: 'f', arguments: '{}' },
    { id: 'call_202308040852193854064550_2', name: 'f', arguments: '{}' },
  ]);
  // Numbers of 64 bits keep their digits, others their form.
  const raw =
    '{"message":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":{"id":12345678901234567890,"x":1.0,"n":-0,"s":"9007199254740993"}}}]},"done":false}';
  assert.equal(
    outcome(lines(raw, done())).tools[0]?.arguments,
    '{"id":12345678901234567890,"x":1.0,"n":-0,"s":"9007199254740993"}',
  );
  assert.equal(outcome(lines(says({ tool_calls: [call('{"a":')] }), done())).tools[0]?.arguments, '{"a":');
  assert.equal(outcome(lines(says({ tool_calls: [call({})] }), done({ done_reason: 'length' }))).end, 'length');
  const odd = outcome(lines(says({ tool_calls: [1, null, {}] }), done()));
  assert.deepEqual(
    odd.tools.map((tool) => [tool.name, tool.arguments]),
    [['', '{}']],
  );
});

test('faults: every broken ending is a failure of its class', () => {
  const error = (text: string, more: object = {}) => lines({ error: text, ...more });
  const table: [string, string, string, string][] = [
    ['an empty 200', '', '', 'upstream_truncated'],
    ['only blank lines', '\n \n\n', '', 'upstream_truncated'],
    ['no line that is done', hi, 'Hi', 'upstream_truncated'],
    ['done that is not true', hi + lines(says({}, { done: 'true' })), 'Hi', 'upstream_truncated'],
    ['cut inside JSON', hi + end.slice(0, -40), 'Hi', 'upstream_truncated'],
    ['cut inside the first line', hi.slice(0, -20), '', 'upstream_truncated'],
    ['done', hi + end, 'Hi', 'stop'],
    ['done without its line end', (hi + end).trimEnd(), 'Hi', 'stop'],
    ['done without a reason', fixture.DOCS_CHAT, 'The', 'stop'],
    ['length', hi + lines(done({ done_reason: 'length' })), 'Hi', 'length'],
    ['a reason to come', hi + lines(done({ done_reason: 'novelty' })), 'Hi', 'stop'],
    ['the model was only loaded', lines(done({ done_reason: 'load' })), '', 'upstream_unavailable'],
    ['the model was unloaded', hi + lines(done({ done_reason: 'unload' })), 'Hi', 'upstream_unavailable'],
    ['half a line, and it goes on', `${hi}{"message":{"content":\n${end}`, 'Hi', 'upstream_protocol'],
    ['not JSON', `${hi}nope\n${end}`, 'Hi', 'upstream_protocol'],
    ['JSON that is no object', `${hi}[1]\n${end}`, 'Hi', 'upstream_protocol'],
    ['a page of HTML', '<html>\n<body>\n</html>\n', '', 'upstream_protocol'],
    ['server-sent events', 'data: {"a":1}\n\n', '', 'upstream_protocol'],
    ['an error', hi + lines(fixture.DOCS_ERROR), 'Hi', 'upstream_unavailable'],
    ['an error and an end', hi + lines(fixture.DOCS_ERROR) + end, 'Hi', 'upstream_unavailable'],
    ['an error with its status', error('model is gone', { status: 404 }), '', 'upstream_unknown_model'],
    ['the runner’s error', lines(fixture.TOO_LONG), '', 'upstream_context_too_long'],
    ['an error in braces that is no JSON', error('{oops'), '', 'upstream_unavailable'],
    ['an error object', lines({ error: { message: 'overloaded' } }), '', 'upstream_overloaded'],
    ['busy', error('server busy, please try again.  maximum pending requests exceeded'), '', 'upstream_overloaded'],
    [
      'arguments nested without end',
      hi + lines(`{"message":{"tool_calls":[{"function":{"arguments":${DEEP}}}]}}`),
      'Hi',
      'upstream_protocol',
    ],
    ['an error nested without end', hi + lines(`{"error":{"message":${DEEP}}}`), 'Hi', 'upstream_unavailable'],
    ['a line of something else', lines({ status: 'pulling' }) + hi + end, 'Hi', 'stop'],
  ];
  for (const [what, stream, text, finish] of table) {
    const got = outcome(stream);
    assert.deepEqual([got.text, got.end], [text, finish], what);
  }
});

test('after the terminal signal only usage is read; after a failure nothing', () => {
  const more = lines(done({ eval_count: 283, message: { content: 'x', tool_calls: [{}] } }));
  assert.deepEqual(codes(read(`${hi}${end}${hi}nope\n${more}${lines(fixture.DOCS_ERROR)}`)), [
    'text',
    'usage',
    'finish',
    'usage',
  ]);
  assert.deepEqual(codes(read(`${hi}nope\n${hi}${end}`)), ['text', 'upstream_protocol']);
});

test('usage: both counts or none, and nothing insane', () => {
  const pick = (more: object) => {
    const { usage } = outcome(hi + lines(says({}, { done: true, ...more })));
    return usage && [usage.inputTokens, usage.outputTokens, usage.cachedInputTokens];
  };
  assert.deepEqual(pick({ prompt_eval_count: 40, eval_count: 5, prompt_eval_cached_count: 32 }), [40, 5, 32]);
  assert.deepEqual(pick({ prompt_eval_count: 40, eval_count: 5, prompt_eval_cached_count: 41 }), [40, 5, 0]);
  assert.equal(pick({}), null);
  assert.equal(pick({ eval_count: 5 }), null);
  assert.equal(pick({ prompt_eval_count: 0, eval_count: 0 }), null);
  for (const insane of [null, -1, '9', 1.5, 1e12]) {
    assert.equal(pick({ prompt_eval_count: insane, eval_count: 5 }), null);
    assert.deepEqual(pick({ prompt_eval_count: 4, eval_count: 5, prompt_eval_cached_count: insane }), [4, 5, 0]);
  }
});

test('torn characters, zero bytes, text on the last line', () => {
  const torn = lines(says({ content: 'a\ud83d' }), says({ content: '\ude00\0', thinking: '\ud83d' }));
  const got = outcome(torn + lines(done({ message: { content: '!' } })));
  assert.deepEqual([got.text, got.reasoning, got.end], ['a😀\ufffd!', '\ufffd', 'stop']);
});

test('one document where a stream was asked, in one line or many', () => {
  for (const body of [
    fixture.DOCS_WHOLE,
    JSON.stringify(JSON.parse(fixture.DOCS_WHOLE)),
    `[\n${fixture.DOCS_WHOLE}]`,
  ]) {
    const got = outcome(body);
    assert.deepEqual([got.text, got.end, got.usage?.outputTokens], ['Hello! How are you today?', 'stop', 298]);
  }
  const crlf = outcome(fixture.DOCS_WHOLE.replaceAll('\n', '\r\n'));
  assert.deepEqual([crlf.text, crlf.end], ['Hello! How are you today?', 'stop']);
  assert.equal(outcome(fixture.DOCS_LOAD).end, 'upstream_unavailable');
  assert.equal(outcome('{\n  "error": "model \\"x\\" not found"\n}\n').end, 'upstream_unknown_model');
  assert.equal(outcome(fixture.DOCS_WHOLE.slice(0, 150)).end, 'upstream_truncated');
  assert.equal(outcome(fixture.DOCS_WHOLE.replace('"done": true', '"done": false')).end, 'upstream_truncated');
  assert.equal(outcome('{\nnope\n}\n').end, 'upstream_protocol');
  assert.equal(outcome('[\n]\n').end, 'upstream_protocol');
  // It is held in memory, so it has a bound.
  const decoder = createOllamaDecoder({ maxDocumentChars: 10 });
  assert.deepEqual(
    codes([...decoder.push({ name: '', data: '{' }), ...decoder.push({ name: '', data: '"a": "bcdefg"' })]),
    ['upstream_protocol'],
  );
  assert.deepEqual(decoder.end(), []);
});

test('whole answers, and what is not one', () => {
  const table: [unknown, string][] = [
    ['', 'upstream_truncated'],
    [' \n', 'upstream_truncated'],
    ['<html>', 'upstream_protocol'],
    [fixture.DOCS_WHOLE, 'stop'],
    [fixture.DOCS_WHOLE.slice(0, 99), 'upstream_truncated'],
    [fixture.DOCS_LOAD, 'upstream_unavailable'],
    [fixture.DOCS_ERROR, 'upstream_unavailable'],
    [fixture.RECORDED, 'stop'],
    [fixture.DOCS_TOOLS, 'tool_calls'],
    [{ message: { content: 'Hi' }, done: true, done_reason: 'length' }, 'length'],
    [{ message: { content: 'Hi' } }, 'upstream_truncated'],
    [{ hello: 1 }, 'upstream_truncated'],
  ];
  for (const [body, finish] of table) assert.equal(whole(body).end, finish, JSON.stringify(body));
  const long = whole({ message: { content: 'x'.repeat(5_000_000) }, done: true });
  assert.deepEqual([long.text.length, long.end], [5_000_000, 'stop']);
});

test('errors with a status', () => {
  const table: [number, string | object, string][] = [
    [400, { error: 'model is required' }, 'upstream_rejected'],
    [400, { error: '"llama3.2" does not support thinking' }, 'unsupported_by_target'],
    [400, { error: 'registry.ollama.ai/library/gemma:2b does not support tools' }, 'unsupported_by_target'],
    [400, { error: '"all-minilm" does not support chat' }, 'unsupported_by_target'],
    [400, fixture.TOO_LONG, 'upstream_context_too_long'],
    [
      400,
      { error: 'the prompt is longer than the context length currently available to the model; shorten the prompt' },
      'upstream_context_too_long',
    ],
    [401, { error: 'unauthorized', signin_url: 'https://ollama.com/connect' }, 'upstream_unauthorized'],
    [403, { error: 'remote model is unavailable' }, 'upstream_forbidden'],
    [404, { error: 'model "x" not found, try pulling it first' }, 'upstream_unknown_model'],
    [429, { error: 'too many requests' }, 'upstream_rate_limited'],
    [500, { error: 'llama runner process has terminated: exit status 2' }, 'upstream_unavailable'],
    [502, '<html>Bad gateway</html>', 'upstream_unavailable'],
    [503, { error: 'server busy, please try again.  maximum pending requests exceeded' }, 'upstream_overloaded'],
  ];
  for (const [status, body, code] of table) {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const failure = ollama.vendor.failure(status, {}, text, 0);
    assert.deepEqual([failure.code, failure.status], [code, status], text);
  }
  assert.match(ollama.vendor.failure(400, {}, fixture.TOO_LONG, 0).detail, /^exceed_context_size_error/);
});

test('the list of models', () => {
  const body = { models: [{ name: 'llama3.2:latest', model: 'llama3.2:latest' }, { name: 'qwen3:8b' }] };
  assert.deepEqual(ollama.vendor.models(body), ['llama3.2:latest', 'qwen3:8b']);
});
