import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Part } from '../../../src/contract/part.ts';
import type { Quirks } from '../../../src/contract/quirks.ts';
import { openai } from '../../../src/dialects/openai/index.ts';
import * as fixture from './fixtures/openai.ts';
import { DONE, delta } from './fixtures/openai.ts';
import { assemble, read } from './read.ts';

const parts = (stream: string, quirks: Quirks = {}) => read(openai, stream, openai.vendor.decoder(quirks));
const outcome = (stream: string, quirks: Quirks = {}) => assemble(parts(stream, quirks));
const event = (value: unknown) => `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`;
const codes = (list: readonly Part[]) => list.map((part) => (part.type === 'failure' ? part.failure.code : part.type));
const finish = delta({}, 'stop');
const hi = delta({ content: 'Hi' });

test('the documented stream: text, usage with cached and reasoning tokens, finish before usage', () => {
  const list = parts(fixture.HELLO);
  assert.equal(assemble(list).text, fixture.HELLO_TEXT);
  assert.deepEqual(codes(list).slice(-2), ['finish', 'usage']);
  assert.deepEqual(assemble(list).usage, {
    inputTokens: 19,
    outputTokens: 10,
    cachedInputTokens: 8,
    cacheWriteTokens: 0,
    reasoningTokens: 3,
    source: 'reported',
  });
});

test('parallel tool calls in fragments', () => {
  assert.deepEqual(outcome(fixture.TOOLS), {
    text: '',
    reasoning: '',
    marks: [],
    usage: null,
    end: 'tool_calls',
    tools: [
      { id: 'call_a', name: 'weather', arguments: '{"city":"Paris"}' },
      { id: 'call_b', name: 'time', arguments: '{}' },
    ],
  });
});

test('reasoning of DeepSeek and Mistral, chunks of Azure, usage of Groq', () => {
  assert.deepEqual([outcome(fixture.REASONING).reasoning, outcome(fixture.REASONING).text], ['Let me think.', 'Done.']);
  assert.deepEqual([outcome(fixture.MISTRAL).reasoning, outcome(fixture.MISTRAL).text], ['Hmm', 'Four.']);
  assert.deepEqual([outcome(fixture.AZURE).text, outcome(fixture.AZURE).end], ['Hi', 'stop']);
  const groq = outcome(fixture.GROQ);
  assert.deepEqual([groq.text, groq.usage?.inputTokens, groq.usage?.outputTokens], ['Fast', 18, 4]);
});

test("OpenRouter's signed and encrypted details are kept with the text that they cover", () => {
  const detail = (fields: object) =>
    delta({ reasoning_details: [{ format: 'anthropic-claude-v1', index: 0, ...fields }] });
  const got = outcome(
    detail({ type: 'reasoning.text', text: 'A' }) +
      detail({ type: 'reasoning.text', text: 'B' }) +
      detail({ type: 'reasoning.text', signature: 'sig' }) +
      detail({ type: 'reasoning.encrypted', data: 'xyz' }) +
      finish,
  );
  assert.equal(got.reasoning, 'AB');
  const base = { format: 'anthropic-claude-v1', index: 0 };
  assert.deepEqual(got.marks, [
    {
      dialect: 'openai',
      fields: { reasoning_detail: { ...base, type: 'reasoning.text', text: 'AB', signature: 'sig' } },
    },
    { dialect: 'openai', fields: { reasoning_detail: { ...base, type: 'reasoning.encrypted', data: 'xyz' } } },
  ]);
});

test('faults: every broken ending is a failure of its class', () => {
  const table: [string, string, string, string][] = [
    // what, stream, text shown, how it ends
    ['no terminal signal', hi, 'Hi', 'upstream_truncated'],
    ['cut inside JSON', hi + hi.slice(0, 60), 'Hi', 'upstream_truncated'],
    ['[DONE] only', DONE, '', 'upstream_truncated'],
    ['[DONE] after text without a finish', hi + DONE, 'Hi', 'upstream_truncated'],
    ['an empty 200', '', '', 'upstream_truncated'],
    ['only comments', ': wait\n\n: wait\n\n', '', 'upstream_truncated'],
    ['terminal signal but no [DONE]', hi + finish, 'Hi', 'stop'],
    ['last event without its blank line', hi + finish.trimEnd(), 'Hi', 'stop'],
    ['an event that is not JSON', hi + event('nope'), 'Hi', 'upstream_protocol'],
    ['a complete event that is half JSON', hi + event('{"id":"x'), 'Hi', 'upstream_protocol'],
    ['an event that is JSON but no object', hi + event('[1]'), 'Hi', 'upstream_protocol'],
    ['a null event', hi + event('null'), 'Hi', 'upstream_protocol'],
    ['finish_reason error', hi + delta({}, 'error') + DONE, 'Hi', 'upstream_unavailable'],
    ['an error object', hi + event({ error: { type: 'server_error', message: 'x' } }), 'Hi', 'upstream_unavailable'],
    ['an error text', hi + event({ error: 'model crashed' }), 'Hi', 'upstream_unavailable'],
    ['an error event', `${hi}event: error\n${event({ message: 'overloaded' })}`, 'Hi', 'upstream_overloaded'],
    ['an error event without JSON', `${hi}event: error\n${event('bad luck')}`, 'Hi', 'upstream_unavailable'],
    [
      'an error with a status as code',
      hi + event({ error: { code: 429, message: 'slow' } }),
      'Hi',
      'upstream_rate_limited',
    ],
    ['no credit', hi + event({ error: { code: 'insufficient_quota', message: '' } }), 'Hi', 'upstream_quota'],
    [
      'vLLM',
      event({ object: 'error', message: 'maximum context length is 4096', code: 400 }),
      '',
      'upstream_context_too_long',
    ],
    ['Groq', hi + event({ choices: [], x_groq: { error: 'over' } }), 'Hi', 'upstream_unavailable'],
    ['OpenRouter', fixture.OPENROUTER_ERROR, 'Half', 'upstream_unavailable'],
    ['an unknown event', hi + event({ type: 'progress', message: '50 %' }) + finish, 'Hi', 'stop'],
    ['an empty event to stay alive', hi + event('') + finish, 'Hi', 'stop'],
    ['a ping that is not JSON', `${hi}event: ping\n${event('now')}${finish}`, 'Hi', 'stop'],
    ['a whole completion as one event', event(fixture.WHOLE), 'Hello!', 'stop'],
    ['an empty finish_reason', delta({ content: 'Hi' }, '') + finish, 'Hi', 'stop'],
  ];
  for (const [what, stream, text, end] of table) {
    const got = outcome(stream);
    assert.deepEqual([got.text, got.end], [text, end], what);
  }
});

test('nothing comes after a failure', () => {
  const list = parts(
    hi + event('nope') + hi + finish + event({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } }),
  );
  assert.deepEqual(codes(list), ['text', 'upstream_protocol']);
});

test('after the terminal signal only usage is read', () => {
  const late = { choices: [], usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 } };
  const list = parts(
    hi + finish + hi + finish + event('garbage') + event({ error: { message: 'x' } }) + event(late) + DONE,
  );
  assert.deepEqual(codes(list), ['text', 'finish', 'usage']);
});

test('tool calls in the other shapes that vendors send', () => {
  const call = (fields: object) => delta({ tool_calls: [fields] });
  const fn = (name: string | undefined, text: unknown) => ({ function: { name, arguments: text } });
  const tools = (...chunks: string[]) => outcome(chunks.join('') + delta({}, 'tool_calls')).tools;
  const ab = [
    { id: 'a', name: 'f', arguments: '{"x":1}' },
    { id: 'b', name: 'g', arguments: '{}' },
  ];
  // no index, the id in every fragment
  assert.deepEqual(
    tools(
      call({ id: 'a', ...fn('f', '{"x"') }),
      call({ id: 'a', ...fn('f', ':1}') }),
      call({ id: 'b', ...fn('g', '{}') }),
    ),
    ab,
  );
  // no index, the id only at the start
  assert.deepEqual(
    tools(call({ id: 'a', ...fn('f', '{"x"') }), call(fn(undefined, ':1}')), call({ id: 'b', ...fn('g', '{}') })),
    ab,
  );
  // everything says index 0 with an id of its own (Gemini)
  assert.deepEqual(
    tools(call({ index: 0, id: 'a', ...fn('f', '{"x":1}') }), call({ index: 0, id: 'b', ...fn('g', '{}') })),
    ab,
  );
  // arguments parsed already
  assert.deepEqual(
    tools(call({ index: 0, id: 'a', ...fn('f', { x: 1 }) }), call({ index: 1, id: 'b', ...fn('g', {}) })),
    ab,
  );
  // the name after the id
  assert.deepEqual(
    tools(call({ index: 0, id: 'a', ...fn(undefined, '{"x"') }), call({ index: 0, ...fn('f', ':1}') })),
    [ab[0]],
  );
  // no ids at all
  assert.deepEqual(tools(call(fn('f', '{"x":1}')), call(fn('g', '{}'))), [
    { ...ab[0], id: 'call_chatcmpl123_0' },
    { ...ab[1], id: 'call_chatcmpl123_1' },
  ]);
  // the id after the name
  assert.deepEqual(
    tools(call({ index: 0, ...fn('f', '{"x"') }), call({ index: 0, id: 'late', ...fn(undefined, ':1}') })),
    [{ ...ab[0], id: 'call_chatcmpl123_0' }],
  );
  // the older function_call
  assert.deepEqual(
    tools(delta({ function_call: { name: 'f', arguments: '{"x"' } }), delta({ function_call: { arguments: ':1}' } })),
    [{ ...ab[0], id: 'call_chatcmpl123_0' }],
  );
});

test("Gemini's thought signature stays with its tool call", () => {
  const extra_content = { google: { thought_signature: 'c2ln' } };
  const list = parts(
    delta({
      tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '{}' }, extra_content }],
    }) + delta({}, 'tool_calls'),
  );
  assert.deepEqual(list[0], {
    type: 'tool_call',
    index: 0,
    id: 'a',
    name: 'f',
    arguments: '{}',
    vendor: { dialect: 'openai', fields: { extra_content } },
  });
});

test('finish reasons', () => {
  const table = {
    stop: 'stop',
    length: 'length',
    max_tokens: 'length',
    model_length: 'length',
    tool_calls: 'tool_calls',
    function_call: 'tool_calls',
    content_filter: 'content_filter',
    SAFETY: 'content_filter',
    refusal: 'content_filter',
    eos: 'stop',
    constructor: 'stop',
  };
  for (const [word, reason] of Object.entries(table)) assert.equal(outcome(delta({}, word)).end, reason, word);
});

test('refusals are shown, other choices are not, and torn characters meet', () => {
  assert.equal(outcome(delta({ refusal: "I can't." }) + finish).text, "I can't.");
  const other = event({ choices: [{ index: 1, delta: { content: 'no' }, finish_reason: 'stop' }] });
  assert.deepEqual([outcome(other + hi).text, outcome(other + hi).end], ['Hi', 'upstream_truncated']);
  assert.equal(outcome(delta({ content: 'a\ud83d' }) + delta({ content: '\ude00\0' }) + finish).text, 'a😀\ufffd');
  assert.equal(outcome(delta({ content: 'a\ud83d' }) + finish).text, 'a\ufffd');
  const torn = (text: string) =>
    delta({ tool_calls: [{ index: 0, id: 'a', function: { name: 'f', arguments: text } }] });
  assert.equal(outcome(torn('"\ud83d') + torn('\ude00"') + finish).tools[0]?.arguments, '"😀"');
});

test('details of failures are short, clean, and without keys or answers', () => {
  const detail = (stream: string) => {
    const last = parts(stream).at(-1);
    return last?.type === 'failure' ? last.failure.detail : '';
  };
  const message = `Incorrect API key provided: sk-proj-abcdef123456\n\u0007${'x'.repeat(900)}`;
  const got = detail(event({ error: { message, code: 'invalid_api_key' } }));
  assert.ok(got.length <= 500 && !got.includes('sk-proj') && !/\p{Cc}/u.test(got), got);
  assert.ok(!detail(event('the secret answer')).includes('secret'));
  assert.equal(detail(event({ error: { message: '<html><body>boo</body></html>' } })), 'an HTML page');
});
