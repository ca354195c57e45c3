/**
 * JSON whose numbers keep their digits. Ollama sends tool arguments as objects, not as text, and `JSON.parse` rounds what
 * is above 2^53: ids of 64 bits, which tools are called with all the time.
 */
import { type Parsed, parseJson } from '../json.ts';

const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** Deeper than any real arguments: what is deeper could be read, but never be written again. */
const DEEPEST = 500;
const QUOTE = 34;
const BACKSLASH = 92;

/** Such numbers are opaque objects in the result; `JSON.stringify` writes them as they came. */
export function parseExact(text: string): Parsed {
  if (depthOf(text) > DEEPEST) return { ok: false, cut: false };
  try {
    return { ok: true, value: JSON.parse(text, keepDigits) };
  } catch {
    return parseJson(text);
  }
}

function keepDigits(_key: string, value: unknown, ...rest: unknown[]): unknown {
  if (typeof value !== 'number') return value;
  const [context] = rest as [{ source: string }];
  return String(value) === context.source ? value : rawJSON(context.source);
}

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (inString) {
      if (char === BACKSLASH) i++;
      else if (char === QUOTE) inString = false;
    } else if (char === QUOTE) inString = true;
    // `[` and `{`, `]` and `}`.
    else if (char === 0x5b || char === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (char === 0x5d || char === 0x7d) depth--;
  }
  return deepest;
}
