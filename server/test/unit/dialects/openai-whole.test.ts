import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openai } from '../../../src/dialects/openai/index.ts';
import { openaiMessage } from '../../../src/dialects/openai/message.ts';
import * as fixture from './fixtures/openai.ts';
import { assemble } from './read.ts';

const outcome = (body: unknown) =>
  assemble(openai.vendor.whole(typeof body === 'string' ? body : JSON.stringify(body), {}));
const answer = (message: object, finish_reason: unknown = 'stop') => ({
  id: 'chatcmpl-1',
  choices: [{ index: 0, message, finish_reason }],
});

test('the documented completion', () => {
  const got = outcome(fixture.WHOLE);
  assert.deepEqual([got.text, got.end, got.usage?.inputTokens, got.usage?.outputTokens], ['Hello!', 'stop', 19, 10]);
  assert.equal(outcome(`\ufeff${fixture.WHOLE}`).end, 'stop');
});

test('tool calls, the older function call, reasoning, refusal, lists of content', () => {
  const tool_calls = [
    { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } },
    { id: 'b', index: 0, type: 'function', function: { name: 'g', arguments: { x: 1 } } },
  ];
  assert.deepEqual(outcome(answer({ content: null, tool_calls }, 'tool_calls')).tools, [
    { id: 'a', name: 'f', arguments: '{}' },
    { id: 'b', name: 'g', arguments: '{"x":1}' },
  ]);
  assert.deepEqual(outcome(answer({ content: null, function_call: { name: 'f', arguments: '{}' } })).tools, [
    { id: 'call_chatcmpl1_0', name: 'f', arguments: '{}' },
  ]);
  assert.equal(outcome(answer({ content: 'x', reasoning: 'why', reasoning_content: 'why' })).reasoning, 'why');
  assert.equal(outcome(answer({ content: null, refusal: 'No.' })).text, 'No.');
  assert.equal(
    outcome(
      answer({
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      }),
    ).text,
    'ab',
  );
});

test('what is not an answer is a failure, whatever its status was', () => {
  const table: [string, unknown, string][] = [
    ['empty', '', 'upstream_truncated'],
    ['blank', ' \n', 'upstream_truncated'],
    ['HTML', '<!DOCTYPE html><html><body>502</body></html>', 'upstream_protocol'],
    ['text', 'upstream connect error', 'upstream_protocol'],
    ['cut JSON', fixture.WHOLE.slice(0, 200), 'upstream_truncated'],
    ['cut by one', fixture.WHOLE.slice(0, -1), 'upstream_truncated'],
    ['an error', { error: { type: 'server_error', message: 'boo' } }, 'upstream_unavailable'],
    ['a rate limit', { error: { code: 429, message: 'slow down' } }, 'upstream_rate_limited'],
    ["Gemini's list", [{ error: { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'x' } }], 'upstream_rate_limited'],
    ['a bare message', { message: 'Unauthorized' }, 'upstream_unavailable'],
    ['another shape', { hello: 'world' }, 'upstream_protocol'],
    ['a list', [], 'upstream_protocol'],
    ['a number', '42', 'upstream_protocol'],
    ['no choices', { id: 'x', choices: [] }, 'upstream_protocol'],
    ['no message', { choices: [{ finish_reason: 'stop' }] }, 'upstream_protocol'],
    ['no finish_reason', answer({ content: 'Hi' }, null), 'upstream_truncated'],
    ['finish_reason error', answer({ content: 'Hi' }, 'error'), 'upstream_unavailable'],
  ];
  for (const [what, body, end] of table) assert.equal(outcome(body).end, end, what);
});

test('a stream where a whole answer was asked is read as one', () => {
  const got = outcome(fixture.HELLO);
  assert.deepEqual([got.text, got.end, got.usage?.inputTokens], [fixture.HELLO_TEXT, 'stop', 19]);
  assert.equal(outcome(': hi\n\n').end, 'upstream_truncated');
});

test('openaiMessage puts parts together, and marks arguments that are not JSON', () => {
  assert.deepEqual(
    openaiMessage([
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
    ]),
    {
      role: 'assistant',
      content: 'ab',
    },
  );
  assert.deepEqual(openaiMessage([]), { role: 'assistant', content: '' });
  assert.deepEqual(
    openaiMessage([
      { type: 'reasoning', text: 'th' },
      { type: 'reasoning', text: 'ink' },
      { type: 'reasoning', text: '', vendor: { dialect: 'anthropic', fields: { type: 'thinking', signature: 'sig' } } },
      {
        type: 'reasoning',
        text: '',
        vendor: { dialect: 'anthropic', fields: { type: 'redacted_thinking', data: 'x' } },
      },
      { type: 'tool_call', index: 0, id: 'a', name: 'f', arguments: '{"x"' },
      { type: 'tool_call', index: 1, id: 'b', name: 'g', arguments: '{"y":' },
      { type: 'tool_call', index: 0, arguments: ':1}' },
    ]),
    {
      role: 'assistant',
      content: null,
      reasoning_content: 'think',
      reasoning_details: [
        { type: 'reasoning.text', text: 'think', signature: 'sig', format: 'anthropic-claude-v1', index: 0 },
        { type: 'reasoning.encrypted', data: 'x', format: 'anthropic-claude-v1', index: 1 },
      ],
      tool_calls: [
        { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
        { id: 'b', type: 'function', function: { name: 'g', arguments: '{"y":' }, invalid_arguments: true },
      ],
    },
  );
});

test('lists of models in the shapes that vendors have', () => {
  assert.deepEqual(openai.vendor.models({ data: [{ id: 'a' }, { id: 'b' }, { id: 'a' }, {}, null] }), ['a', 'b']);
  assert.deepEqual(openai.vendor.models([{ id: 'a' }]), ['a']);
  assert.deepEqual(openai.vendor.models({ models: [{ name: 'a' }, 'b'] }), ['a', 'b']);
  for (const body of [null, 'x', {}, { data: {} }]) assert.deepEqual(openai.vendor.models(body), []);
});
