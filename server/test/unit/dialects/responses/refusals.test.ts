import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GoblinError } from '../../../../src/contract/errors.ts';
import { seal } from '../../../../src/dialects/anthropic/door-seal.ts';
import { decodeResponses } from '../../../../src/dialects/responses/index.ts';
import { door } from './door.ts';

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
