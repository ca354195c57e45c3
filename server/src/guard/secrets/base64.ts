/** Runs of base64 characters, and the text that may be inside one. */
import { isRun } from './probe.ts';

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
 * sixteenth place, so most characters are never looked at.
 */
export function eachRun(text: string, from: number, visit: (start: number, end: number) => void): void {
  let floor = from;
  for (let at = from + RUN - 1; at < text.length; at += RUN) {
    if (!isRun(text.charCodeAt(at))) continue;
    let start = at;
    while (start > floor && isRun(text.charCodeAt(start - 1))) start--;
    let end = at + 1;
    while (end < text.length && isRun(text.charCodeAt(end))) end++;
    // One that goes on to the left of `from` began there.
    if (end - start >= RUN && !(start === from && from > 0 && isRun(text.charCodeAt(from - 1)))) visit(start, end);
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

/** A run with the lines that continue it, as `base64` and MIME wrap them (60 and more characters, a multiple of four). */
export function wrapped(text: string, start: number, end: number): { end: number; encoded: string; broken: boolean } {
  let encoded = text.slice(start, end);
  let lineStart = start;
  let lineEnd = end;
  const width = end - start;
  while (lineEnd - lineStart === width && width >= 60 && width % 4 === 0) {
    let next = lineEnd;
    if (text.charCodeAt(next) === RETURN) next++;
    if (text.charCodeAt(next) !== NEWLINE) break;
    next++;
    let stop = next;
    while (stop < text.length && stop - next <= width && isRun(text.charCodeAt(stop))) stop++;
    if (stop === next || stop - next > width) break;
    encoded += text.slice(next, stop);
    lineStart = next;
    lineEnd = stop;
  }
  return { end: lineEnd, encoded, broken: lineEnd !== end };
}

/**
 * The texts inside a run. One may begin where the run does, or after a "/", "-" or "_" that belongs to what stands
 * before it (a path, a prefix). It ends where the bytes stop being text.
 */
export function inside(text: string, start: number, end: number): Inside[] {
  const { end: last, encoded, broken } = wrapped(text, start, end);
  let stop = last;
  while (stop < text.length && stop < last + 2 && text.charCodeAt(stop) === EQUALS) stop++;
  const found: Inside[] = [];
  const done = [0, 0, 0, 0];
  for (let at = 0; at < encoded.length - 3; at++) {
    if (at > 0 && !isSeparator(encoded.charCodeAt(at - 1))) continue;
    // What another beginning has read in the same phase says the same again.
    if (at < (done[at % 4] ?? 0)) continue;
    const length = textLength(encoded, at);
    done[at % 4] = at + length;
    if (length * 0.75 < LEAST) continue;
    const bytes = Buffer.from(encoded.slice(at, at + length), 'base64').toString('latin1');
    const whole = at + length >= encoded.length;
    found.push({
      start: broken ? start : start + at,
      end: whole ? stop : broken ? last : start + at + length,
      text: bytes.includes('\0') ? bytes.replaceAll('\0', '') : bytes,
    });
  }
  return found;
}

/** Whether the run at the end of a text, from `start` on, still reads as text: more of it may hold something. */
export function isLive(text: string, start: number, end: number): boolean {
  const { encoded } = wrapped(text, start, end);
  return textLength(encoded, 0) >= encoded.length;
}

function isSeparator(code: number): boolean {
  return code === SLASH || code === DASH || code === UNDERSCORE;
}

const VALUES = new Int8Array(128).fill(-1);
for (const [value, char] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries()) {
  VALUES[char.charCodeAt(0)] = value;
}
VALUES[DASH] = 62;
VALUES[UNDERSCORE] = 63;

/** How many characters from `from` on decode to text: ASCII without control characters, UTF-8, or UTF-16 of ASCII. */
function textLength(encoded: string, from: number): number {
  let bits = 0;
  let have = 0;
  let bytes = 0;
  let continuation = 0;
  let wide = false;
  for (let at = from; at < encoded.length; at++) {
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
    if (!ok) return at - from - ((at - from) % 4);
    if (continuation > 0) continuation--;
    else if (byte >= 0xc2) continuation = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
  }
  return encoded.length - from;
}
