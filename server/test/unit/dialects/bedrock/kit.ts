/** Calls encoded for Bedrock, and what was said about them. */
import assert from 'node:assert/strict';
import type { AnswerCall, AssistantContent, Message, UserContent } from '../../../../src/contract/call.ts';
import type { EncodeTarget } from '../../../../src/contract/dialect.ts';
import { GoblinError } from '../../../../src/contract/errors.ts';
import { bedrock } from '../../../../src/dialects/bedrock/index.ts';

export const CLAUDE = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0';
export const NEWER = 'global.anthropic.claude-opus-4-7';
export const NOVA = 'amazon.nova-pro-v1:0';
export const LLAMA = 'us.meta.llama3-3-70b-instruct-v1:0';
export const GPT_OSS = 'openai.gpt-oss-120b-1:0';

export const text = (value: string) => ({ type: 'text' as const, text: value });
export const user = (...content: (string | UserContent)[]): Message => ({
  role: 'user',
  content: content.map((part) => (typeof part === 'string' ? text(part) : part)),
});
export const said = (...content: (string | AssistantContent)[]): Message => ({
  role: 'assistant',
  content: content.map((part) => (typeof part === 'string' ? text(part) : part)),
});
export const called = (id: string, name = 'look', args = '{"a":1}'): AssistantContent => ({
  type: 'tool_call',
  id,
  name,
  arguments: args,
});
export const result = (id: string, value = 'found', isError = false): Message => ({
  role: 'tool',
  toolCallId: id,
  content: value === '' ? [] : [text(value)],
  ...(isError ? { isError } : {}),
});
export const hi = user('hi');
export const LOOK = { name: 'look', description: 'Looks', parameters: { type: 'object', properties: { a: {} } } };

export function encode(
  messages: Message[],
  more: Partial<AnswerCall> = {},
  model = CLAUDE,
  target: Partial<EncodeTarget> = {},
) {
  const call: AnswerCall = { kind: 'answer', messages, ...more };
  const wire = bedrock.vendor.encode(call, { provider: 'aws-bedrock', model, quirks: {}, ...target }, true);
  return {
    wire,
    json: JSON.parse(wire.body),
    notices: wire.notices.map((notice) => `${notice.code} ${notice.detail.split(':')[0]}`),
  };
}

export function refused(
  messages: Message[],
  more: Partial<AnswerCall> = {},
  model = CLAUDE,
  target: Partial<EncodeTarget> = {},
): string {
  try {
    encode(messages, more, model, target);
  } catch (error) {
    assert.ok(error instanceof GoblinError && error.code === 'unsupported_by_target', String(error));
    return error.detail;
  }
  return assert.fail('it was accepted');
}
