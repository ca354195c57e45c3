/** Calls encoded for Gemini, and what was said about them. */
import assert from 'node:assert/strict';
import type { AnswerCall, AssistantContent, Message, VendorField } from '../../../../src/contract/call.ts';
import type { Dialect, EncodeTarget } from '../../../../src/contract/dialect.ts';
import { GoblinError } from '../../../../src/contract/errors.ts';
import { gemini } from '../../../../src/dialects/gemini/index.ts';
import { openai } from '../../../../src/dialects/openai/index.ts';

export const door = openai.door as NonNullable<Dialect['door']>;
export const text = (value: string) => ({ type: 'text' as const, text: value });
export const user = (value: string): Message => ({ role: 'user', content: [text(value)] });
export const said = (...content: AssistantContent[]): Message => ({ role: 'assistant', content });
export const called = (id: string, name = 'f', args = '{"x":1}', vendor?: VendorField): AssistantContent => ({
  type: 'tool_call',
  id,
  name,
  arguments: args,
  ...(vendor ? { vendor } : {}),
});
export const result = (toolCallId: string, value: string): Message => ({
  role: 'tool',
  toolCallId,
  content: [text(value)],
});
export const hi = user('hi');

export const THIRD = 'gemini-3.1-pro-preview';
export const SECOND = 'gemini-2.5-flash';

export function encode(
  messages: Message[],
  more: Partial<AnswerCall> = {},
  model: string = SECOND,
  target: Partial<EncodeTarget> = {},
) {
  const wire = gemini.vendor.encode(
    { kind: 'answer', messages, ...more },
    { provider: 'p', model, quirks: {}, ...target },
    true,
  );
  return {
    json: JSON.parse(wire.body),
    wire,
    notices: wire.notices.map((notice) => `${notice.code} ${notice.detail.split(':')[0]}`),
  };
}

export function refused(
  messages: Message[],
  more: Partial<AnswerCall> = {},
  model?: string,
  target?: Partial<EncodeTarget>,
): string {
  try {
    encode(messages, more, model, target);
  } catch (error) {
    assert.ok(error instanceof GoblinError && error.code === 'unsupported_by_target', String(error));
    return error.detail;
  }
  return assert.fail('it was accepted');
}
