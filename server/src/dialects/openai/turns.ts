/** For vendors that insist on turns: system messages first, then user and assistant one after the other, the user last. */

import type { Notice } from '../../contract/dialect.ts';
import { GoblinError } from '../../contract/errors.ts';
import { isObject, type Json } from '../json.ts';
import { note } from '../notices.ts';

export function inTurns(messages: readonly unknown[], notices: Notice[]): Json[] {
  const all = messages.filter(isObject);
  const first = all.findIndex((message) => message.role !== 'system');
  const system = all.filter((message) => message.role === 'system');
  if (first !== -1 && all.slice(first).some((message) => message.role === 'system')) {
    note(notices, 'changed', 'system messages go in front: the provider takes them nowhere else');
  }
  const turns: Json[] = [];
  for (const message of all) {
    if (message.role === 'system') continue;
    const before = turns.at(-1);
    if (before === undefined && message.role === 'assistant') {
      note(notices, 'dropped', 'an answer before the first question: the provider does not take it');
    } else if (before && before.role === message.role && isPlain(before) && isPlain(message)) {
      turns[turns.length - 1] = { ...before, content: joined(before.content, message.content) };
    } else turns.push(message);
  }
  if (turns.at(-1)?.role === 'assistant') {
    throw new GoblinError('unsupported_by_target', 'the last message must be the user’s for this provider');
  }
  return [...system, ...turns];
}

function isPlain(message: Json): boolean {
  return (message.role === 'user' || message.role === 'assistant') && message.tool_calls === undefined;
}

function joined(before: unknown, after: unknown): unknown {
  if (typeof before === 'string' && typeof after === 'string') return `${before}\n\n${after}`;
  return [...asParts(before), ...asParts(after)];
}

function asParts(content: unknown): unknown[] {
  if (Array.isArray(content)) return content;
  return typeof content === 'string' ? [{ type: 'text', text: content }] : [];
}
