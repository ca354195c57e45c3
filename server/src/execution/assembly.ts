/** What an answer has come to so far: the parts in order, neighbours of one kind joined. */
import type { VisiblePart } from '../contract/part.ts';

export interface Assembly {
  add(part: VisiblePart): void;
  parts(): VisiblePart[];
  /** All text parts joined: what `result.text` holds. */
  text(): string;
  /** Characters that a caller has seen, of any kind: the ground of an estimate. */
  shown(): number;
  clear(): void;
}

export function createAssembly(): Assembly {
  let parts: VisiblePart[] = [];
  let text = '';
  let shown = 0;
  return {
    add(part) {
      const last = parts.at(-1);
      if (part.type === 'text') {
        text += part.text;
        shown += part.text.length;
        if (last?.type === 'text') last.text += part.text;
        else parts.push({ ...part });
      } else if (part.type === 'reasoning') {
        shown += part.text.length;
        // A signature closes its reasoning: what follows is another one.
        if (last?.type === 'reasoning' && !last.vendor) {
          last.text += part.text;
          if (part.vendor) last.vendor = part.vendor;
        } else parts.push({ ...part });
      } else {
        shown += part.arguments.length + (part.name?.length ?? 0);
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
    shown: () => shown,
    clear() {
      parts = [];
      text = '';
      shown = 0;
    },
  };
}
