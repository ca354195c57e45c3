/** An event of an answer that waits until its words are decided, and what is said in place of findings in it. */
import type { Dialect } from '../contract/dialect.ts';
import { isVisible, type Part, type VisiblePart } from '../contract/part.ts';

export interface Waiting {
  parts: readonly Part[];
  data: string;
  dialect: Dialect;
  /** Where its text stands in the block, and the part with which that begins. */
  from: number;
  to: number;
  first: number;
  edits: Edit[] | null;
}

/** By places in the block. */
export interface Edit {
  start: number;
  end: number;
  text: string;
}

/** Puts the edits of an event into its parts: then it is no longer as it came. */
export function put(event: Waiting): void {
  const { edits, first } = event;
  if (!edits) return;
  let to = event.from;
  event.parts = event.parts.map((part, index) => {
    if (index < first || !isVisible(part)) return part;
    const text = textOf(part);
    const from = to;
    to += text.length;
    return withText(part, edited(text, from, to, edits));
  });
  event.data = '';
  event.edits = null;
}

/** What stands from `from` to `to`. `text` begins there. */
export function edited(text: string, from: number, to: number, edits: readonly Edit[]): string {
  let out = '';
  let at = from;
  for (const { start, end, text: instead } of edits) {
    if (end <= from || start >= to) continue;
    out += text.slice(at - from, Math.max(0, start - from)) + (start >= from ? instead : '');
    at = Math.min(end, to);
  }
  return out + text.slice(at - from, to - from);
}

export const textOf = (part: VisiblePart): string => (part.type === 'tool_call' ? part.arguments : part.text);

export const withText = (part: VisiblePart, text: string): VisiblePart =>
  part.type === 'tool_call' ? { ...part, arguments: text } : { ...part, text };

/** What is left of a part whose text went into a placeholder before it. */
export function saysSomething(part: Part): boolean {
  if (part.type === 'text') return part.text !== '';
  return part.type !== 'reasoning' || part.text !== '' || part.vendor !== undefined;
}

/** A mark closes what it belongs to, so it goes with the end. */
export function head(part: VisiblePart): VisiblePart {
  if (part.type !== 'reasoning') return part;
  const { vendor: _vendor, ...rest } = part;
  return rest;
}

export function tail(part: VisiblePart, text: string): VisiblePart {
  return part.type === 'tool_call' ? { type: 'tool_call', index: part.index, arguments: text } : { ...part, text };
}
