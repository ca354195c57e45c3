/** Runs of base64 characters, and the text that may be inside one. */
import { isRun } from './chars.ts';

/** Shorter runs are words and names; what they could hold is no secret. */
export const RUN = 16;
/** Decoded bytes below which nothing is looked at. */
const LEAST = 12;
const SLASH = 47;
const DASH = 45;
const UNDERSCORE = 95;
const EQUALS = 61;
const NEWLINE = 10;
const RETURN = 13;

/**
 * Calls `visit` for every run of 16 and more characters that begins at `from` or later. A run of 16 covers every
 * sixteenth place, so most characters are never looked at. `cut` are those that go on to the left of `from`.
 */
export function eachRun(text: string, from: number, visit: (start: number, end: number, cut: boolean) => void): void {
  let floor = from;
  for (let at = from + RUN - 1; at < text.length; at += RUN) {
    if (!isRun(text.charCodeAt(at))) continue;
    let start = at;
    while (start > floor && isRun(text.charCodeAt(start - 1))) start--;
    let end = at + 1;
    while (end < text.length && isRun(text.charCodeAt(end))) end++;
    if (end - start >= RUN) visit(start, end, start === from && from > 0 && isRun(text.charCodeAt(from - 1)));
    floor = end;
    at = end;
  }
}

/** Text inside base64: its place, and what it says, one character a byte. */
export interface Inside {
  start: number;
  end: number;
  text: string;
}

interface Block {
  encoded: string;
  end: number;
  /** Its last line is as long as the others, so that another may follow. */
  full: boolean;
}

/** What stands from `start` to `end` with the lines that continue it, as `base64` and MIME wrap them. */
function wrapped(text: string, start: number, end: number): Block {
  const width = end - start;
  let encoded = text.slice(start, end);
  let full = width >= 60 && width % 4 === 0;
  let last = end;
  while (full) {
    let next = last;
    if (text.charCodeAt(next) === RETURN) next++;
    if (text.charCodeAt(next) !== NEWLINE) break;
    next++;
    let stop = next;
    while (stop < text.length && stop - next <= width && isRun(text.charCodeAt(stop))) stop++;
    if (stop === next) break;
    // Of a longer line only as much as the others have: the rest is something else.
    last = Math.min(stop, next + width);
    encoded += text.slice(next, last);
    full = stop - next === width;
  }
  return { encoded, end: last, full };
}

/**
 * The texts inside a run. One may begin where the run does, or after a "/", "-" or "_" that belongs to what stands
 * before it (a path, a prefix). It ends where the bytes stop being text.
 */
export function inside(text: string, start: number, end: number, cut: boolean): Inside[] {
  const found: Inside[] = [];
  const done = [0, 0, 0, 0];
  for (let at = start; at < end - 3; at++) {
    const begins = at > start ? isSeparator(text.charCodeAt(at - 1)) : !cut || isSeparator(text.charCodeAt(start - 1));
    // What another beginning has read in the same phase says the same again.
    if (!begins || at < (done[at % 4] ?? 0)) continue;
    let encoded = text.slice(at, end);
    let last = end;
    let length = textLength(encoded);
    done[at % 4] = at + length;
    if (length === encoded.length) {
      const block = wrapped(text, at, end);
      encoded = block.encoded;
      last = block.end;
      length = textLength(encoded);
    }
    if (length * 0.75 < LEAST) continue;
    const bytes = Buffer.from(encoded.slice(0, length), 'base64').toString('latin1');
    let stop = placeOf(text, at, length);
    if (length === encoded.length) while (stop < last + 2 && text.charCodeAt(stop) === EQUALS) stop++;
    found.push({ start: at, end: stop, text: bytes.includes('\0') ? bytes.replaceAll('\0', '') : bytes });
  }
  return found;
}

/** Where `length` characters of base64 end that begin at `start`, line breaks not counted. */
function placeOf(text: string, start: number, length: number): number {
  let place = start;
  for (let left = length; left > 0; place++) {
    const code = text.charCodeAt(place);
    if (code !== NEWLINE && code !== RETURN) left--;
  }
  return place;
}

/**
 * Where base64 begins that the end of the text cuts off, with its padding or the line break before its next line; the
 * text's length for none. What begins before `from`, or is longer than `longest`, is not looked at.
 */
export function liveFrom(text: string, from: number, longest: number): number {
  let end = text.length;
  while (end > from && text.length - end < 2 && text.charCodeAt(end - 1) === EQUALS) end--;
  const padded = end < text.length;
  if (!padded && end > from && text.charCodeAt(end - 1) === NEWLINE) end--;
  if (!padded && end > from && text.charCodeAt(end - 1) === RETURN) end--;
  const breaks = !padded && end < text.length;
  const floor = Math.max(from, text.length - longest);
  let lineEnd = end;
  let live = text.length;
  for (;;) {
    let start = lineEnd;
    while (start > floor && isRun(text.charCodeAt(start - 1))) start--;
    if (start === lineEnd || (lineEnd !== end && lineEnd - start < 60)) return live;
    const cut = start > 0 && isRun(text.charCodeAt(start - 1));
    for (let at = start; at < lineEnd; at++) {
      const begins = (at === start && !cut) || (at > 0 && isSeparator(text.charCodeAt(at - 1)));
      if (!begins || TEXT_STARTS[text.charCodeAt(at)] !== 1) continue;
      if (textLength(text.slice(at, lineEnd)) < lineEnd - at) continue;
      const block = wrapped(text, at, lineEnd);
      if (block.end !== end || (breaks && !block.full) || textLength(block.encoded) < block.encoded.length) continue;
      if (padded && block.encoded.length < RUN) continue;
      live = at;
      break;
    }
    // The line before it, if this one could continue it.
    if (start <= floor || text.charCodeAt(start - 1) !== NEWLINE) return live;
    lineEnd = start - 1;
    if (text.charCodeAt(lineEnd - 1) === RETURN) lineEnd--;
    if (lineEnd <= floor) return live;
  }
}

/** The same for a word of letters and digits that stands alone: whether base64 may begin with it. */
export const isLiveWord = (word: string): boolean =>
  TEXT_STARTS[word.charCodeAt(0)] === 1 && textLength(word) === word.length;

function isSeparator(code: number): boolean {
  return code === SLASH || code === DASH || code === UNDERSCORE;
}

const VALUES = new Int8Array(128).fill(-1);
for (const [value, char] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries()) {
  VALUES[char.charCodeAt(0)] = value;
}
VALUES[DASH] = 62;
VALUES[UNDERSCORE] = 63;

/** Characters that text in base64 can begin with: line breaks, letters and signs of ASCII, the first bytes of UTF-8. */
const TEXT_STARTS = VALUES.map((value) =>
  Number((value >= 2 && value <= 31 && !(value > 3 && value < 8)) || value >= 48),
);

/** How many characters, from the first on, decode to text: ASCII without control characters, UTF-8, or UTF-16 of ASCII. */
function textLength(encoded: string): number {
  let bits = 0;
  let have = 0;
  let bytes = 0;
  let continuation = 0;
  let wide = false;
  for (let at = 0; at < encoded.length; at++) {
    bits = ((bits << 6) | (VALUES[encoded.charCodeAt(at)] ?? 0)) & 0xffffff;
    have += 6;
    if (have < 8) continue;
    have -= 8;
    const byte = (bits >> have) & 255;
    bytes++;
    if (byte === 0 && bytes === 2) wide = true;
    const ok =
      wide && bytes % 2 === 0
        ? byte === 0
        : continuation > 0
          ? byte >> 6 === 2
          : byte < 128
            ? byte >= 32
              ? byte !== 127
              : byte === 9 || byte === 10 || byte === 13
            : byte >= 0xc2 && byte <= 0xf4;
    if (!ok) return at - (at % 4);
    if (continuation > 0) continuation--;
    else if (byte >= 0xc2) continuation = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
  }
  return encoded.length;
}
