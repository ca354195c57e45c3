/** Messages as somebody outside has changed them: the same ones, in the same order, with other words. */
import type { Message } from '../contract/call.ts';

/** Null when they are not that: messages are neither added nor left out, and what is no text stays as it is. */
export function rewritten(messages: readonly Message[], said: unknown): Message[] | null {
  if (!Array.isArray(said) || said.length !== messages.length) return null;
  const made = messages.map((message, n) => one(message, said[n]));
  return made.every((message): message is Message => message !== null) ? made : null;
}

function one(message: Message, said: unknown): Message | null {
  const { role, content } = (said ?? {}) as { role?: unknown; content?: unknown };
  if (role !== message.role) return null;
  const items: readonly Message['content'][number][] = message.content;
  const given: unknown =
    typeof content === 'string' && items.length === 1 ? [{ type: 'text', text: content }] : content;
  if (!Array.isArray(given) || given.length !== items.length) return null;
  const changed = items.map((item, n) => withWords(item, given[n]));
  return changed.includes(null) ? null : ({ ...message, content: changed } as Message);
}

function withWords<T extends { type: string }>(item: T, said: unknown): T | null {
  const { type, text, arguments: args } = (said ?? {}) as Record<string, unknown>;
  if (type !== item.type) return null;
  if (type === 'text') return typeof text === 'string' ? { ...item, text } : null;
  // A vendor's signature belongs to the thoughts as they were.
  if (type === 'tool_call') return typeof args === 'string' ? { ...item, arguments: args } : null;
  return item;
}
