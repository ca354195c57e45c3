/** A call to the body of `POST /v2/chat`. */
import type { AnswerCall } from '../../contract/call.ts';
import type { EncodeTarget, Notice, WireRequest } from '../../contract/dialect.ts';
import { askedNumber, noteUnplaced, unsupported } from '../asked.ts';
import type { Json } from '../json.ts';
import { note } from '../notices.ts';
import { encodeMessages } from './messages.ts';
import { MOST_OUTPUT, type Traits, traitsOf } from './models.ts';
import { setFormat, setTools } from './tools.ts';

const MOST_STOPS = 5;
/** Share of the answer that thinking may take; from `high` on the vendor advises to set no budget. */
const SHARES: Readonly<Record<string, number | null>> = {
  minimal: 0.1,
  low: 0.2,
  medium: 0.5,
  high: null,
  xhigh: null,
  max: null,
};
/** Fields of other doors that have their place here. */
const PLACED: ReadonlySet<string> = new Set(['top_k', 'frequency_penalty', 'presence_penalty']);

export function encodeCohere(call: AnswerCall, target: EncodeTarget, stream: boolean): WireRequest {
  // The API takes a last assistant message, and answers it: it does not go on from it.
  if (target.prefix !== undefined) throw unsupported('this provider cannot go on from the beginning of an answer');
  const notices: Notice[] = [];
  const traits = traitsOf(target.model);
  const body: Json = {
    model: target.model,
    messages: encodeMessages(call.messages, traits, notices),
    stream,
    max_tokens: call.maxTokens,
  };
  setTools(body, call, traits, notices);
  setFormat(body, call, notices);
  setThinking(body, call, target, traits, notices);
  setSampling(body, call, notices);
  noteUnplaced(call, PLACED, notices);
  for (const field of target.quirks.refuses ?? []) {
    if (field === 'model' || field === 'messages' || field === 'stream' || body[field] === undefined) continue;
    delete body[field];
    note(notices, 'dropped', `${field}: the provider does not take this field`);
  }
  return {
    path: '/v2/chat',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    notices,
  };
}

function setThinking(body: Json, call: AnswerCall, target: EncodeTarget, traits: Traits, notices: Notice[]): void {
  const effort = call.reasoningEffort;
  if (effort === undefined) return;
  if (effort === 'none') {
    // Models that do not think need not be told.
    if (traits.reasons) body.thinking = { type: 'disabled' };
  } else if (!Object.hasOwn(SHARES, effort)) {
    note(notices, 'dropped', 'reasoning_effort: this provider knows none, minimal, low, medium, high, xhigh and max');
  } else if (!traits.reasons) note(notices, 'dropped', 'reasoning_effort: this model does not reason');
  else {
    const share = SHARES[effort] ?? null;
    const most = call.maxTokens ?? target.maxOutput ?? MOST_OUTPUT;
    body.thinking =
      share === null ? { type: 'enabled' } : { type: 'enabled', token_budget: Math.max(1, Math.floor(most * share)) };
  }
}

function setSampling(body: Json, call: AnswerCall, notices: Notice[]): void {
  body.temperature = within(call.temperature, 0, 1, 'temperature', notices);
  body.p = within(call.topP, 0.01, 0.99, 'top_p', notices);
  body.k = within(askedNumber(call, 'top_k'), 0, 500, 'top_k', notices);
  body.frequency_penalty = within(askedNumber(call, 'frequency_penalty'), 0, 1, 'frequency_penalty', notices);
  const presence = within(askedNumber(call, 'presence_penalty'), 0, 1, 'presence_penalty', notices);
  if (!body.frequency_penalty) body.presence_penalty = presence;
  else if (presence) note(notices, 'dropped', 'presence_penalty: this provider takes either penalty, not both');
  if (call.seed !== undefined && call.seed < 0) note(notices, 'dropped', 'seed: negative ones are refused here');
  else body.seed = call.seed;
  if (call.stop === undefined || call.stop.length === 0) return;
  body.stop_sequences = call.stop.slice(0, MOST_STOPS);
  if (call.stop.length > MOST_STOPS) note(notices, 'dropped', `stop: this provider takes ${MOST_STOPS} of them`);
}

function within(
  value: number | undefined,
  min: number,
  max: number,
  name: string,
  notices: Notice[],
): number | undefined {
  if (value === undefined) return undefined;
  const fit = Math.min(Math.max(value, min), max);
  if (fit !== value) note(notices, 'changed', `${name}: ${min} to ${max} is what this provider takes; ${fit} is sent`);
  return fit;
}
