/** What an answer has come to so far: the parts in order, neighbours of one kind joined. */
import type { VisiblePart } from '../contract/part.ts';

export interface Assembly {
  add(part: VisiblePart): void;
  parts(): VisiblePart[];
  /** All text parts joined: what `result.text` holds. */
  text(): string;
  /** Whether a caller has seen anything. */
  any(): boolean;
  /** Whether nothing but text and thoughts was shown: only that can be gone on from. */
  isText(): boolean;
  /** UTF-8 bytes that a caller has seen of this attempt, of any kind: the ground of an estimate. */
  shown(): number;
  /** Visible parts of this attempt: most vendors send one for each token. */
  pieces(): number;
  /** Another attempt begins, which goes on from what is there. */
  mark(): void;
  clear(): void;
}

export function createAssembly(): Assembly {
  let parts: VisiblePart[] = [];
  let text = '';
  let pieces = 0;
  /** Bytes of the attempts before. */
  let before = 0;

  const bytes = (): number =>
    parts.reduce(
      (sum, part) =>
        sum + Buffer.byteLength(part.type === 'tool_call' ? part.arguments + (part.name ?? '') : part.text),
      0,
    );

  return {
    add(part) {
      const last = parts.at(-1);
      pieces++;
      if (part.type === 'text') {
        text += part.text;
        if (last?.type === 'text') last.text += part.text;
        else parts.push({ ...part });
      } else if (part.type === 'reasoning') {
        // A signature closes its reasoning: what follows is another one.
        if (last?.type === 'reasoning' && !last.vendor) {
          last.text += part.text;
          if (part.vendor) last.vendor = part.vendor;
        } else parts.push({ ...part });
      } else {
        const same = parts.find((other) => other.type === 'tool_call' && other.index === part.index);
        if (same?.type === 'tool_call') {
          same.arguments += part.arguments;
          if (part.id !== undefined) same.id ??= part.id;
          if (part.name !== undefined) same.name ??= part.name;
          if (part.vendor) same.vendor ??= part.vendor;
        } else parts.push({ ...part });
      }
    },
    parts: () => parts,
    text: () => text,
    any: () => parts.length > 0,
    isText: () => parts.every((part) => part.type !== 'tool_call'),
    shown: () => bytes() - before,
    pieces: () => pieces,
    mark() {
      before = parts.length === 0 ? 0 : bytes();
      pieces = 0;
    },
    clear() {
      before = 0;
      parts = [];
      text = '';
      pieces = 0;
    },
  };
}
