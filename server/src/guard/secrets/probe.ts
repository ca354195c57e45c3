/** A rule made ready: what to do where the prefilter found something. */
import { entropy } from './checks.ts';
import { isExample } from './examples.ts';
import { cutOff, firstChars, longest, parsePattern } from './pattern.ts';
import type { HandMatcher, Match, Rule } from './rule.ts';

export interface Probe {
  readonly rule: Rule;
  /** The match at a hit (where a literal, a run or a number begins), or null. */
  match(text: string, hit: number): Match | null;
  /** Where a match begins that more text could complete or lengthen; -1 for none. */
  open(text: string, hit: number): number;
  /** The same, for the end of a text in which the literal, run or number has not begun or not been seen. */
  tail(text: string): number;
  /** Whether `tail` can say anything but -1. */
  readonly hasTail: boolean;
  /** By ASCII code, what may stand where the run or number begins. */
  readonly first: Uint8Array;
}

const WORD = new Uint8Array(128);
for (const char of '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz') WORD[char.charCodeAt(0)] = 1;
export const isWord = (code: number): boolean => code < 128 && WORD[code] === 1;

const ANY = new Uint8Array(128).fill(1);

export function createProbe(rule: Rule): Probe {
  return typeof rule.pattern === 'function' ? byHand(rule, rule.pattern) : byPattern(rule, rule.pattern);
}

function byHand(rule: Rule, matcher: HandMatcher): Probe {
  const glued = rule.glued === true;
  const isIn = (text: string, hit: number): boolean => !glued && hit > 0 && isWord(text.charCodeAt(hit - 1));
  return {
    rule,
    match: (text, hit) => (isIn(text, hit) ? null : matcher(text, hit, true).match),
    open: (text, hit) => (isIn(text, hit) ? -1 : matcher(text, hit, false).open),
    tail: () => -1,
    hasTail: false,
    first: ANY,
  };
}

function byPattern(rule: Rule, pattern: RegExp): Probe {
  const flags = pattern.flags.replace(/[dgy]/g, '');
  const tree = parsePattern(pattern.source);
  const maxLength = rule.maxLength ?? longest(tree);
  if (maxLength === Infinity) throw new Error(`The rule ${rule.id} has a repeat without an end`);
  const whole = new RegExp(pattern.source, `${flags}y${rule.group ? 'd' : ''}`);
  const partial = new RegExp(cutOff(tree), `${flags}y`);
  const { lead, group, glued, check, minEntropy } = rule;
  const leadChars = lead ? flagsOf(lead.chars) : null;
  const first = firstChars(tree, flags);
  /** Characters of the longest literal but one. */
  const literal = Math.max(0, ...(rule.literals ?? []).map((one) => one.length - 1));

  /** Where a match would begin that has its literal at `hit`. */
  function startOf(text: string, hit: number): number {
    if (!lead || !leadChars) return hit;
    let start = hit;
    while (start > 0 && hit - start < lead.max && leadChars[text.charCodeAt(start - 1)] === 1) start--;
    return start;
  }
  function mayStart(text: string, start: number): boolean {
    return glued === true || start === 0 || !isWord(text.charCodeAt(start - 1));
  }
  function isValue(value: string): boolean {
    if (check && !check(value)) return false;
    if (minEntropy !== undefined && entropy(value) < minEntropy) return false;
    return rule.examples === true || !isExample(value);
  }

  return {
    rule,
    first: lead ? ANY : first,
    match(text, hit) {
      const start = startOf(text, hit);
      if (!mayStart(text, start)) return null;
      whole.lastIndex = start;
      const found = whole.exec(text);
      if (!found) return null;
      const [from, to] = (group === undefined ? undefined : found.indices?.[group]) ?? [start, start + found[0].length];
      return isValue(text.slice(from, to)) ? { start, from, to } : null;
    },
    open(text, hit) {
      const start = startOf(text, hit);
      if (text.length - start > maxLength || !mayStart(text, start)) return -1;
      partial.lastIndex = start;
      return partial.test(text) ? start : -1;
    },
    hasTail: lead !== undefined || rule.at !== undefined,
    tail(text) {
      const end = rule.at === 'run' ? runStart(text) : text.length;
      // The literal itself may be there in part.
      for (let hit = end - literal; hit <= end; hit++) {
        const start = startOf(text, Math.max(0, hit));
        if (start === text.length || !mayStart(text, start)) continue;
        const code = text.charCodeAt(start);
        if (code < 128 && first[code] === 0) continue;
        partial.lastIndex = start;
        if (partial.test(text)) return start;
      }
      return -1;
    },
  };
}

/** Where the run of base64 characters at the end of a text begins, at most 64 back: a longer one was seen as a run. */
function runStart(text: string): number {
  let start = text.length;
  while (start > 0 && text.length - start < 64 && isRun(text.charCodeAt(start - 1))) start--;
  return start;
}

const RUN = new Uint8Array(128);
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_') RUN[char.charCodeAt(0)] = 1;
/** The two alphabets of base64 (RFC 4648) together. */
export const isRun = (code: number): boolean => code < 128 && RUN[code] === 1;

function flagsOf(chars: RegExp): Uint8Array {
  return Uint8Array.from({ length: 128 }, (_, code) => (chars.test(String.fromCharCode(code)) ? 1 : 0));
}
