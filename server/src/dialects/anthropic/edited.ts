/** A call that came through the door of this dialect: the caller's own body, with only our edits. */
import type { AnswerCall } from '../../contract/call.ts';
import type { EncodeTarget, Notice } from '../../contract/dialect.ts';
import { isObject, type Json } from '../json.ts';
import { note } from '../notices.ts';
import { isSealed } from './door-seal.ts';
import { encodeConversation } from './messages.ts';
import { type Traits, traitsOf } from './models.ts';
import { refuseForced, textBefore } from './prefix.ts';

/**
 * Ours are the model, the bound on the output, and what other vendors have left in the conversation. Whoever changes
 * `call.messages` after the door must take `messages` out of `call.native.body`; they are then built anew.
 */
export function edited(call: AnswerCall, target: EncodeTarget, defaultTokens: number, notices: Notice[]): Json {
  const traits = traitsOf(target.model);
  const body: Json = { ...call.native?.body, model: target.model };
  body.max_tokens = call.maxTokens ?? body.max_tokens ?? target.maxOutput ?? defaultTokens;
  const prefix = target.prefix ?? '';
  if (Array.isArray(body.messages)) {
    const messages = withoutForeign(body.messages, notices);
    body.messages = prefix === '' ? messages : withPrefix(messages, prefix, traits);
  } else {
    const { system, turns } = encodeConversation(call.messages, traits, notices, prefix);
    body.messages = turns;
    if (system.length > 0) body.system = system;
  }
  setThinking(body, prefix, traits, notices);
  if (prefix !== '') refuseForced(body);
  return body;
}

/** Reasoning of other vendors, as our door showed it, and reasoning that nobody signed: the API refuses both. */
function withoutForeign(messages: readonly unknown[], notices: Notice[]): readonly unknown[] {
  let changed = false;
  const out = messages.map((message) => {
    if (!isObject(message) || message.role !== 'assistant' || !Array.isArray(message.content)) return message;
    const content = message.content.filter((block) => !isForeignThinking(block));
    if (content.length === message.content.length) return message;
    changed = true;
    // A turn that was nothing else stays a turn: around it the roles must go on alternating.
    return { ...message, content: content.length > 0 ? content : [{ type: 'text', text: '…' }] };
  });
  if (!changed) return messages;
  note(notices, 'dropped', 'reasoning that this model did not sign is not sent back to it');
  return out;
}

function isForeignThinking(block: unknown): boolean {
  if (!isObject(block) || block.type !== 'thinking') return false;
  const { signature } = block;
  return typeof signature !== 'string' || signature === '' || isSealed(signature);
}

function withPrefix(messages: readonly unknown[], prefix: string, traits: Traits): unknown[] {
  const last = messages.at(-1);
  const goesOn = isObject(last) && last.role === 'assistant';
  const before: unknown[] = !goesOn
    ? []
    : typeof last.content === 'string'
      ? [{ type: 'text', text: last.content }]
      : Array.isArray(last.content)
        ? last.content
        : [];
  const content = textBefore(before, prefix, traits);
  const rest = goesOn ? messages.slice(0, -1) : [...messages];
  return content.length === 0 ? rest : [...rest, { role: 'assistant', content }];
}

/** Where the API excludes thinking with a budget, the answer without it is worth more than the error. */
function setThinking(body: Json, prefix: string, traits: Traits, notices: Notice[]): void {
  const { thinking } = body;
  if (!isObject(thinking) || thinking.type === 'disabled' || traits.thinking === 'adaptive') return;
  const why =
    prefix !== ''
      ? 'the answer goes on from a given text'
      : endsInUnthoughtCall(body.messages)
        ? 'the tool call that is being answered was made without it'
        : null;
  if (why === null) return;
  delete body.thinking;
  note(notices, 'dropped', `thinking: ${why}`);
}

/** Tool results at the end, for calls of a turn that does not begin with thinking: another vendor made them. */
function endsInUnthoughtCall(messages: unknown): boolean {
  if (!Array.isArray(messages)) return false;
  const [turn, results] = messages.slice(-2);
  if (!isObject(turn) || turn.role !== 'assistant' || !Array.isArray(turn.content)) return false;
  if (!isObject(results) || !Array.isArray(results.content)) return false;
  if (!results.content.some((block) => isObject(block) && block.type === 'tool_result')) return false;
  const [first] = turn.content;
  return !isObject(first) || (first.type !== 'thinking' && first.type !== 'redacted_thinking');
}
