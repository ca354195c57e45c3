/** Calls encoded for Claude, and what was said about them. */
import assert from 'node:assert/strict';
import type { AnswerCall, AssistantContent, Message } from '../../../src/contract/call.ts';
import type { Dialect } from '../../../src/contract/dialect.ts';
import { GoblinError } from '../../../src/contract/errors.ts';
import { anthropic } from '../../../src/dialects/anthropic/index.ts';
import { openai } from '../../../src/dialects/openai/index.ts';

export const door = openai.door as NonNullable<Dialect['door']>;
export const text = (value: string) => ({ type: 'text' as const, text: value });
export const user = (value: string): Message => ({ role: 'user', content: [text(value)] });
export const said = (...content: AssistantContent[]): Message => ({ role: 'assistant', content });
export const hi = user('hi');

export function encode(messages: Message[], more: Partial<AnswerCall> = {}, model = 'claude-sonnet-4-5') {
  const wire = anthropic.vendor.encode(
    { kind: 'answer', messages, ...more },
    { provider: 'p', model, quirks: {} },
    true,
  );
  return {
    json: JSON.parse(wire.body),
    wire,
    notices: wire.notices.map((notice) => `${notice.code} ${notice.detail.split(':')[0]}`),
  };
}

export function refused(messages: Message[], more: Partial<AnswerCall> = {}, model?: string): string {
  try {
    encode(messages, more, model);
  } catch (error) {
    assert.ok(error instanceof GoblinError && error.code === 'unsupported_by_target', String(error));
    return error.detail;
  }
  return assert.fail('it was accepted');
}
