/**
 * Takes the text of a plain delta by position, without parsing its event: `JSON.parse` on every event of a stream
 * costs more than everything else that we do with it. Works on the data of events that a parse has already shown to
 * be plain; whatever is not exactly like the last one goes back to the parser, so the parts are the same either way.
 */

export interface FastText {
  /** The text, or null when this event must be parsed. */
  take(data: string): string | null;
  /** Whether what `take` answers is all in which an event differs from the one that was armed. */
  exact(): boolean;
  /** Remembers the shape of an event whose only effect was `text`, the value of its one field `key`. */
  arm(data: string, key: string, text: string): void;
  disarm(): void;
  /** The key that was armed last. */
  key(): string;
}

const QUOTE = 34;
const BACKSLASH = 92;
/** Up to here a loop over the characters is cheaper than a second `JSON.parse`. */
const SHORT = 48;
/** OpenAI and Bedrock pad every chunk with a field of these names, last in the object; only its length carries meaning. */
const PADDINGS: readonly string[] = [',"obfuscation":"', ',"p":"'];

export function createFastText(): FastText {
  let key = '';
  let prefix = '';
  /** From the closing quote of the text to the end, or to the padding. Empty means not armed. */
  let suffix = '';
  let padded = false;

  return {
    take(data) {
      // `slice` and `===` compare whole words; `startsWith` goes by characters and takes three times as long.
      if (suffix === '' || data.slice(0, prefix.length) !== prefix) return null;
      // From the end: a quote inside the text is then seen by `stringBody`, which takes it only if it is escaped.
      const to = padded ? data.lastIndexOf(suffix) : data.length - suffix.length;
      const from = prefix.length;
      if (to < from || (padded ? !isPadding(data, to + suffix.length) : data.slice(to) !== suffix)) return null;
      return stringBody(data, from, to);
    },
    arm(data, name, text) {
      suffix = '';
      const marker = `"${name}":`;
      const at = data.indexOf(marker);
      // Inside a JSON string every quote is escaped, so a single unescaped marker is the key itself.
      if (at === -1 || data.indexOf(marker, at + 1) !== -1 || data.charCodeAt(at - 1) === BACKSLASH) return;
      let from = at + marker.length;
      if (data.charCodeAt(from) === 32) from++;
      if (data.charCodeAt(from) !== QUOTE) return;
      const to = closingQuote(data, from + 1);
      if (to === -1 || stringBody(data, from + 1, to) !== text) return;
      key = name;
      prefix = data.slice(0, from + 1);
      suffix = data.slice(to);
      const padding = PADDINGS.find((field) => suffix.includes(field)) ?? '';
      const pad = suffix.lastIndexOf(padding) + padding.length;
      padded = padding !== '' && isPadding(suffix, pad);
      if (padded) suffix = suffix.slice(0, pad);
    },
    exact: () => !padded,
    disarm() {
      suffix = '';
    },
    key: () => key,
  };
}

/** The decoded text between two quotes; null when it is not the body of one JSON string. */
function stringBody(data: string, from: number, to: number): string | null {
  if (to - from <= SHORT) {
    let at = from;
    for (; at < to; at++) {
      const char = data.charCodeAt(at);
      if (char < 32) return null;
      if (char === BACKSLASH || char === QUOTE) break;
    }
    if (at === to) return data.slice(from, to);
  }
  try {
    return JSON.parse(data.slice(from - 1, to + 1));
  } catch {
    return null;
  }
}

/** `…"}` to the end, and nothing inside that could end the string or escape anything. */
function isPadding(text: string, from: number): boolean {
  const end = text.length - 2;
  if (end < from || text.charCodeAt(end) !== QUOTE || text.charCodeAt(end + 1) !== 125) return false;
  for (let at = from; at < end; at++) {
    const char = text.charCodeAt(at);
    const letter = (char >= 48 && char <= 57) || (char >= 65 && char <= 90) || (char >= 97 && char <= 122);
    if (!letter) return false;
  }
  return true;
}

function closingQuote(data: string, from: number): number {
  for (let at = from; ; at++) {
    at = data.indexOf('"', at);
    if (at === -1) return -1;
    let slashes = 0;
    while (data.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return at;
  }
}
