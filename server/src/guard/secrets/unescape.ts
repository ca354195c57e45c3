/**
 * Undoes what can stand between the characters of a secret, all at once: JSON escapes, percent-encoding, HTML
 * character references, invisible characters, full-width forms. Keeps where every character came from.
 */
import type { Via } from './rule.ts';

export interface Unescaped {
  text: string;
  /** Where each character of `text` begins in the original, and where it ends there. */
  starts: Int32Array;
  ends: Int32Array;
  /** Where an escape begins that the end of the original cut off; -1 for none. Only without `final`. */
  cut: number;
}

/** Soft hyphen, grapheme joiner, Arabic letter mark, Mongolian separator, zero width, bidi, variation selectors, BOM. */
const INVISIBLE: readonly (readonly [number, number])[] = [
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x180b, 0x180e],
  [0x200b, 0x200f],
  [0x202a, 0x202e],
  [0x2060, 0x206f],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  // Tag characters U+E0000 to U+E007F, as surrogates: the low ones are looked at after this one.
  [0xdb40, 0xdb40],
];
/** Hyphens that editors put for "-", and the full-width forms of ASCII. */
const HYPHENS = [0x2010, 0x2011];
const WIDE_FROM = 0xff01;
const WIDE_TO = 0xff5e;

const expand = ([from, to]: readonly [number, number]): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);
const HIDDEN = new Set(INVISIBLE.flatMap(expand));

const BACKSLASH = 92;
const PERCENT = 37;
const AMPERSAND = 38;

/** The code units at which a text may need unescaping. */
export const MARKS: readonly number[] = [
  BACKSLASH,
  PERCENT,
  AMPERSAND,
  ...HIDDEN,
  ...HYPHENS,
  ...expand([WIDE_FROM, WIDE_TO]),
];

/** Whether the mark at `at` really begins an escape; in prose most "%" and "&" do not. */
export function isEscape(text: string, at: number): boolean {
  const step = decode(text, at, true);
  return step.length > 0;
}

/** How the characters from `start` to `end` were hidden. */
export function viaOf(text: string, start: number, end: number): Via {
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) return 'json';
    if (code === PERCENT) return 'url';
    if (code === AMPERSAND) return 'html';
    if (HIDDEN.has(code)) return 'zero-width';
    if (code >= WIDE_FROM && code <= WIDE_TO) return 'wide';
    if (HYPHENS.includes(code)) return 'wide';
  }
  return 'plain';
}

/** `text` with its escapes undone. Without `final` more text may follow, and a cut escape at the end is told. */
export function undoEscapes(text: string, final: boolean): Unescaped {
  const units = new Uint16Array(text.length);
  const starts = new Int32Array(text.length);
  const ends = new Int32Array(text.length);
  let size = 0;
  let cut = -1;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    let unit = code;
    let length = 1;
    if (code === BACKSLASH || code === PERCENT || code === AMPERSAND || code > 0xac) {
      const step = decode(text, at, final);
      if (step.length < 0) {
        cut = at;
        break;
      }
      if (step.length > 0) {
        unit = step.unit;
        length = step.length;
      }
    }
    if (unit >= 0) {
      units[size] = unit;
      starts[size] = at;
      ends[size++] = at + length;
    }
    at += length;
  }
  return { text: Buffer.from(units.buffer, 0, size * 2).toString('utf16le'), starts, ends, cut };
}

/** `unit` -1 is nothing at all. A length of 0 is no escape, of -1 one that the end of the text cuts off. */
interface Step {
  unit: number;
  length: number;
}
const NONE: Step = { unit: 0, length: 0 };
const CUT: Step = { unit: 0, length: -1 };

const SIMPLE: Readonly<Record<string, number>> = {
  n: 10,
  r: 13,
  t: 9,
  b: 8,
  f: 12,
  '"': 34,
  "'": 39,
  '/': 47,
  '\\': 92,
};
/** The references that stand for characters of secrets, and those that stand beside them. */
const NAMES: Readonly<Record<string, number>> = {
  amp: 38,
  quot: 34,
  apos: 39,
  lt: 60,
  gt: 62,
  nbsp: 32,
  equals: 61,
  colon: 58,
  sol: 47,
  lowbar: 95,
  plus: 43,
  hyphen: 45,
  commat: 64,
  period: 46,
  shy: -1,
  zwnj: -1,
  zwj: -1,
};

function decode(text: string, at: number, final: boolean): Step {
  const code = text.charCodeAt(at);
  if (code === BACKSLASH) return backslash(text, at, final);
  if (code === PERCENT) {
    // No secret has a byte above ASCII encoded alone, but `%DB_PASSWORD%` is a variable of Windows.
    const step = hex(text, at, 1, 2, final);
    return step.unit < 128 ? step : NONE;
  }
  if (code === AMPERSAND) return reference(text, at, final);
  if (code >= WIDE_FROM && code <= WIDE_TO) return { unit: code - 0xfee0, length: 1 };
  if (HYPHENS.includes(code)) return { unit: 45, length: 1 };
  if (!HIDDEN.has(code)) return NONE;
  if (code !== 0xdb40) return { unit: -1, length: 1 };
  if (at + 1 >= text.length) return final ? NONE : CUT;
  const low = text.charCodeAt(at + 1);
  return low >= 0xdc00 && low <= 0xdc7f ? { unit: -1, length: 2 } : NONE;
}

function backslash(text: string, at: number, final: boolean): Step {
  if (at + 1 >= text.length) return final ? NONE : CUT;
  const next = text.charAt(at + 1);
  if (next === 'u') return hex(text, at, 2, 4, final);
  if (next === 'x') return hex(text, at, 2, 2, final);
  const unit = SIMPLE[next];
  return unit === undefined ? NONE : { unit, length: 2 };
}

/** `digits` hexadecimal digits after `skip` characters. */
function hex(text: string, at: number, skip: number, digits: number, final: boolean): Step {
  let unit = 0;
  for (let place = at + skip; place < at + skip + digits; place++) {
    if (place >= text.length) return final ? NONE : CUT;
    const digit = digitOf(text.charCodeAt(place));
    if (digit < 0) return NONE;
    unit = unit * 16 + digit;
  }
  // An escaped invisible character is as invisible as a plain one.
  return { unit: HIDDEN.has(unit) ? -1 : unit, length: skip + digits };
}

function digitOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** `&name;`, `&#45;`, `&#x2d;`: up to 10 characters between "&" and ";". */
function reference(text: string, at: number, final: boolean): Step {
  for (let place = at + 1; place < at + 12; place++) {
    if (place >= text.length) return final ? NONE : CUT;
    const code = text.charCodeAt(place);
    if (code === 59) {
      const body = text.slice(at + 1, place);
      const numeric = /^#(?:x([0-9a-f]{1,6})|(\d{1,7}))$/i.exec(body);
      const named = NAMES[body.toLowerCase()];
      const unit = numeric ? (numeric[1] ? Number.parseInt(numeric[1], 16) : Number(numeric[2])) : named;
      if (unit === undefined || unit > 0xffff) return NONE;
      return { unit: HIDDEN.has(unit) ? -1 : unit, length: place + 1 - at };
    }
    const named =
      (code >= 48 && code <= 57) || ((code | 32) >= 97 && (code | 32) <= 122) || (code === 35 && place === at + 1);
    if (!named) return NONE;
  }
  return NONE;
}
