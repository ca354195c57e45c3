/**
 * Messages in OpenAI's shape, the caller's own or ours, as this vendor takes them: roles, and the reasoning of earlier
 * turns. What we added to our answers does not go out when a client sends them back.
 */
import type { Notice } from '../../contract/dialect.ts';
import type { Quirks, ReplayQuirk } from '../../contract/quirks.ts';
import { isObject, type Json, stringIn } from '../json.ts';
import { note } from '../notices.ts';
import { FOREIGN_REASONING } from './encode-messages.ts';
import { without } from './fields.ts';
import { isOurDetail } from './message.ts';

/**
 * The same list when there is nothing to change, which is the usual case. `takesExtras`: what tool calls carry beside
 * their function is of use to this vendor.
 */
export function fitMessages(messages: unknown[], quirks: Quirks, takesExtras: boolean, notices: Notice[]): unknown[] {
  const { replay } = quirks;
  const lastUser = replay?.sinceUser
    ? messages.findLastIndex((message) => isObject(message) && message.role === 'user')
    : -1;
  let changed = false;
  const out = messages.map((message, at) => {
    if (!isObject(message)) return message;
    let fit = message;
    if (message.role === 'developer' && !quirks.developerRole) fit = { ...message, role: 'system' };
    else if (message.role === 'assistant') {
      fit = withoutOurs(message, replay?.details === true, takesExtras, notices);
      if (replay) fit = withReasoning(fit, replay, at < lastUser, notices);
    }
    changed ||= fit !== message;
    return fit;
  });
  return changed ? out : messages;
}

/** The mark on broken arguments, and the reasoning of a Claude or a Gemini that answered an earlier turn. */
function withoutOurs(message: Json, takesDetails: boolean, takesExtras: boolean, notices: Notice[]): Json {
  const { tool_calls, reasoning_details } = message;
  let clean = message;
  if (Array.isArray(tool_calls) && tool_calls.some((call) => isObject(call) && 'invalid_arguments' in call)) {
    clean = { ...clean, tool_calls: tool_calls.map((call) => without(call, 'invalid_arguments')) };
  }
  if (!takesExtras && Array.isArray(clean.tool_calls) && clean.tool_calls.some(hasExtras)) {
    clean = { ...clean, tool_calls: clean.tool_calls.map((call) => without(call, 'extra_content')) };
  }
  if (!Array.isArray(reasoning_details)) return clean;
  if (reasoning_details.some(isOurDetail)) {
    const { reasoning_details: _, ...rest } = clean;
    const others = reasoning_details.filter((detail) => !isOurDetail(detail));
    clean = others.length === 0 ? rest : { ...rest, reasoning_details: others };
    note(notices, 'dropped', FOREIGN_REASONING);
  }
  if (!takesDetails && reasoning_details.some(isClaudes)) {
    const { reasoning_details: _, reasoning_content: __, ...rest } = clean;
    clean = rest;
    note(notices, 'dropped', FOREIGN_REASONING);
  }
  return clean;
}

function hasExtras(call: unknown): boolean {
  return isObject(call) && 'extra_content' in call;
}

function isClaudes(detail: unknown): boolean {
  return isObject(detail) && typeof detail.format === 'string' && detail.format.startsWith('anthropic');
}

const FIELDS = ['reasoning_content', 'reasoning', 'reasoning_details'] as const;

/** `past`: the turn is over, and the vendor wants to hear no more of it. */
function withReasoning(message: Json, replay: ReplayQuirk, past: boolean, notices: Notice[]): Json {
  const text = stringIn(message, 'reasoning_content') || stringIn(message, 'reasoning') || '';
  if (replay.details) return message;
  const { reasoning_content: _, reasoning: __, reasoning_details: ___, ...bare } = message;
  if (past || replay.as === 'none') {
    if (text !== '' && !past) note(notices, 'dropped', 'reasoning of earlier turns: the provider does not take it');
    return FIELDS.some((field) => field in message) ? bare : message;
  }
  if (text === '') {
    if (replay.required && message.reasoning_content === undefined) return { ...message, reasoning_content: '' };
    return message;
  }
  switch (replay.as) {
    case 'reasoning_content':
      return message.reasoning_content === text ? message : { ...bare, reasoning_content: text };
    case 'reasoning':
      return { ...bare, reasoning: text };
    case 'chunks':
      return {
        ...bare,
        content: [{ type: 'thinking', thinking: [{ type: 'text', text }], closed: true }, ...asParts(message.content)],
      };
    case 'tags':
      return { ...bare, content: inTags(text, message.content) };
  }
}

function asParts(content: unknown): unknown[] {
  if (Array.isArray(content)) return content;
  return typeof content === 'string' && content !== '' ? [{ type: 'text', text: content }] : [];
}

function inTags(text: string, content: unknown): unknown {
  const thought = `<think>${text}</think>\n\n`;
  return Array.isArray(content)
    ? [{ type: 'text', text: thought }, ...content]
    : thought + (typeof content === 'string' ? content : '');
}
