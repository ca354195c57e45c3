/** Bodies of the messages door, decoded and encoded again for a vendor of any dialect. */
import assert from 'node:assert/strict';
import type { AnswerCall, DialectName } from '../../../src/contract/call.ts';
import type { Dialect, EncodeTarget } from '../../../src/contract/dialect.ts';
import { GoblinError } from '../../../src/contract/errors.ts';
import { anthropic } from '../../../src/dialects/anthropic/index.ts';
import { DIALECTS } from '../../../src/dialects/index.ts';

export const door = anthropic.door as NonNullable<Dialect['door']>;
export const decode = (body: Record<string, unknown>) => door.decode(structuredClone(body)).call;

interface Sent {
  json: Record<string, unknown> & { messages: { role: string; content: unknown }[] };
  notices: string[];
}

export function send(call: AnswerCall, name: DialectName, model: string, more: Partial<EncodeTarget> = {}): Sent {
  const wire = DIALECTS[name].vendor.encode(call, { provider: 'p', model, quirks: {}, ...more }, false);
  return { json: JSON.parse(wire.body), notices: wire.notices.map(({ code, detail }) => `${code} ${detail}`) };
}

export function refusal(call: AnswerCall, name: DialectName, model: string, more: Partial<EncodeTarget> = {}): string {
  try {
    send(call, name, model, more);
  } catch (error) {
    assert.ok(error instanceof GoblinError && error.code === 'unsupported_by_target', String(error));
    return error.detail;
  }
  return assert.fail('it was accepted');
}

export const CLAUDE = 'claude-sonnet-4-5';
