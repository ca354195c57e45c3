/** Calls encoded for Cohere, and what was said about them. */
import assert from 'node:assert/strict';
import type { AnswerCall, Message } from '../../../../src/contract/call.ts';
import type { EncodeTarget } from '../../../../src/contract/dialect.ts';
import { GoblinError } from '../../../../src/contract/errors.ts';
import { cohere } from '../../../../src/dialects/cohere/index.ts';

export const COMMAND_A = 'command-a-03-2025';
export const REASONING = 'command-a-reasoning-08-2025';
export const VISION = 'command-a-vision-07-2025';
export const R7B = 'command-r7b-12-2024';

export function encode(
  messages: Message[],
  more: Partial<AnswerCall> = {},
  model = COMMAND_A,
  target: Partial<EncodeTarget> = {},
) {
  const call: AnswerCall = { kind: 'answer', messages, ...more };
  const wire = cohere.vendor.encode(call, { provider: 'cohere', model, quirks: {}, ...target }, true);
  const notices = wire.notices.map((notice) => `${notice.code} ${notice.detail.split(':')[0]}`);
  return { json: JSON.parse(wire.body), wire, notices };
}

export function refused(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof GoblinError && error.code === 'unsupported_by_target', String(error));
    return error.detail;
  }
  return assert.fail('it was accepted');
}
