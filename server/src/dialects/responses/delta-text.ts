/**
 * The text of a delta by its place, without parsing the event: fast-text.ts for events whose `sequence_number` differs
 * from one to the next, and which are padded anywhere (`obfuscation`: random letters, of which only the length has a
 * meaning). Whatever is not exactly like the event that was learnt goes to the parser, so the parts are the same.
 */

export interface DeltaText {
  /** The text, or null when this event must be parsed. */
  take(data: string): string | null;
  /** Learns the shape of an event whose only effect was `text`, the value of its `delta`. */
  learn(data: string, text: string): void;
}

type Varying = 'number' | 'text' | 'padding';
/** `before`: what stands in front of it, exactly. */
interface Gap {
  before: string;
  varies: Varying;
}

/** Every quote inside a JSON string is escaped, so these can only be keys. */
const MARKS: readonly (readonly [string, Varying])[] = [
  ['"sequence_number":', 'number'],
  ['"delta":"', 'text'],
  ['"obfuscation":"', 'padding'],
];
const QUOTE = 34;
const BACKSLASH = 92;

export function createDeltaText(): DeltaText {
  let gaps: readonly Gap[] = [];
  let rest = '';

  return {
    take(data) {
      if (gaps.length === 0) return null;
      let at = 0;
      let text: string | null = null;
      for (const { before, varies } of gaps) {
        const from = at + before.length;
        // `slice` and `===` compare whole words; `startsWith` goes by characters.
        if (data.slice(at, from) !== before) return null;
        at = endOf(data, from, varies);
        if (at === -1) return null;
        if (varies === 'text') {
          text = stringBody(data, from, at);
          if (text === null) return null;
        }
      }
      return data.slice(at) === rest ? text : null;
    },
    learn(data, text) {
      gaps = [];
      const found = MARKS.map(([mark, varies]) => ({ from: data.indexOf(mark) + mark.length, mark, varies }))
        .filter(({ from, mark }) => from >= mark.length)
        .sort((a, b) => a.from - b.from);
      // Told twice, a key means what it says last.
      if (found.some(({ from, mark }) => data.indexOf(mark, from) !== -1)) return;
      const learnt: Gap[] = [];
      let at = 0;
      let same = false;
      for (const { from, varies } of found) {
        learnt.push({ before: data.slice(at, from), varies });
        at = endOf(data, from, varies);
        if (at === -1) return;
        if (varies === 'text') same = stringBody(data, from, at) === text;
      }
      if (!same) return;
      gaps = learnt;
      rest = data.slice(at);
    },
  };
}

/** Where the value that begins at `from` ends; -1 when it is not of its kind. */
function endOf(data: string, from: number, varies: Varying): number {
  let at = from;
  if (varies === 'text') {
    for (; at < data.length; at++) {
      const char = data.charCodeAt(at);
      if (char === QUOTE) return at;
      if (char === BACKSLASH) at++;
    }
    return -1;
  }
  const fits = varies === 'number' ? isDigit : isLetterOrDigit;
  while (fits(data.charCodeAt(at))) at++;
  return varies === 'number' && (at === from || (data.charCodeAt(from) === 48 && at > from + 1)) ? -1 : at;
}

/** The decoded text between two quotes; null when it is not the body of one JSON string. */
function stringBody(data: string, from: number, to: number): string | null {
  for (let at = from; at < to; at++) {
    const char = data.charCodeAt(at);
    if (char >= 32 && char !== BACKSLASH) continue;
    try {
      return JSON.parse(data.slice(from - 1, to + 1));
    } catch {
      return null;
    }
  }
  return data.slice(from, to);
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57;
const isLetterOrDigit = (code: number): boolean =>
  isDigit(code) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
