/** Calls of the OpenAI dialect, encoded for the rows of the catalogue. */
import { VENDORS } from '../../../src/catalogue/vendors.ts';
import type { AnswerCall, Message } from '../../../src/contract/call.ts';
import type { Dialect } from '../../../src/contract/dialect.ts';
import { GoblinError } from '../../../src/contract/errors.ts';
import type { Quirks } from '../../../src/contract/quirks.ts';
import { openai } from '../../../src/dialects/openai/index.ts';

type Body = Record<string, unknown> & { messages: Record<string, unknown>[] };

const door = openai.door as NonNullable<Dialect['door']>;
export const quirksOf = (vendor: string): Quirks => VENDORS.find(({ name }) => name === vendor)?.quirks ?? {};
export const user = (text: string): Message => ({ role: 'user', content: [{ type: 'text', text }] });
export const assistant = (text: string, reasoning?: string): Message => ({
  role: 'assistant',
  content: [
    ...(reasoning === undefined ? [] : [{ type: 'reasoning' as const, text: reasoning }]),
    { type: 'text', text },
  ],
});
export const ask = (messages: Message[], more: Partial<AnswerCall> = {}): AnswerCall => ({
  kind: 'answer',
  messages,
  ...more,
});

export function encode(
  vendor: string,
  model: string,
  call: AnswerCall,
  prefix?: string,
  quirks: Quirks = quirksOf(vendor),
) {
  const target = { provider: vendor, model, quirks, ...(prefix === undefined ? {} : { prefix }) };
  const { body, ...wire } = openai.vendor.encode(call, target, true);
  return { ...wire, body: JSON.parse(body) as Body };
}

export const unsupported = (error: unknown): boolean =>
  error instanceof GoblinError && error.code === 'unsupported_by_target';
export const native = (body: Record<string, unknown>): AnswerCall => door.decode({ model: 'm', ...body }).call;
export const hi = { role: 'user', content: 'hi' };
