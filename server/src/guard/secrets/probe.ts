/** A rule made ready: what to do where the prefilter found something. */
import { isWord } from './chars.ts';
import { entropy } from './checks.ts';
import { isExample } from './examples.ts';
import type { Node } from './pattern.ts';
import { cutOff, firstChars, longest, parsePattern, shortest } from './pattern.ts';
import type { HandMatcher, Rule, Verdict } from './rule.ts';
import { NOTHING } from './rule.ts';

export interface Probe {
  readonly rule: Rule;
  /**
   * What is at a hit (where a literal, a run or a number begins). Without `final` the text may go on: what more of it
   * could complete or lengthen is open, not a match.
   */
  look(text: string, hit: number, final: boolean): Verdict;
  /** What is undecided at a hit begins there, not before. */
  readonly exact: boolean;
  /**
   * Where something is open at the end of a text whose literal, run or number was not seen yet; -1 for none. `run` is
   * where the base64 characters at its end begin.
   */
  tail(text: string, run: number): number;
  /** Whether `tail` can say anything but -1. */
  readonly hasTail: boolean;
  /** Whether a match may begin at a place and go on behind the end of the text. */
  opens(text: string, start: number): boolean;
  /** By ASCII code, what may stand where the run or number begins. */
  readonly first: Uint8Array;
}

const ANY = new Uint8Array(128).fill(1);

export function createProbe(rule: Rule): Probe {
  return typeof rule.pattern === 'function' ? byHand(rule, rule.pattern) : byPattern(rule, rule.pattern);
}

function byHand(rule: Rule, matcher: HandMatcher): Probe {
  const glued = rule.glued === true;
  return {
    rule,
    look(text, hit, final) {
      return !glued && hit > 0 && isWord(text.charCodeAt(hit - 1)) ? NOTHING : matcher(text, hit, final);
    },
    exact: true,
    tail: () => -1,
    opens: () => false,
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
  /** What comes before the value and may be shown before it. */
  const shown = rule.behind ? fixedLength(tree) : 0;
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
  function openAt(text: string, start: number): number {
    if (start === text.length || !mayStart(text, start)) return -1;
    const code = text.charCodeAt(start);
    if (code < 128 && first[code] === 0) return -1;
    partial.lastIndex = start;
    return partial.test(text) ? start : -1;
  }
  function isValue(value: string): boolean {
    if (check && !check(value)) return false;
    if (minEntropy !== undefined && entropy(value) < minEntropy) return false;
    return rule.examples === true || !isExample(value);
  }

  return {
    rule,
    first: lead ? ANY : first,
    exact: lead === undefined,
    look(text, hit, final) {
      const start = startOf(text, hit);
      if (!mayStart(text, start)) return NOTHING;
      if (!final && text.length - start <= maxLength) {
        partial.lastIndex = start;
        if (partial.test(text)) return { match: null, open: Math.min(start + shown, text.length) };
      }
      whole.lastIndex = start;
      const found = whole.exec(text);
      if (!found) return NOTHING;
      const [from, to] = (group === undefined ? undefined : found.indices?.[group]) ?? [start, start + found[0].length];
      return isValue(text.slice(from, to)) ? { match: { start, from, to }, open: -1 } : NOTHING;
    },
    opens: (text, start) => openAt(text, start) >= 0,
    hasTail: lead !== undefined || rule.at !== undefined,
    tail(text, run) {
      const last = text.length;
      if (rule.at === 'run') {
        const start = openAt(text, startOf(text, run));
        // The lead of a run may be there alone, or glued to a word.
        return start < 0 && lead ? openAt(text, startOf(text, last)) : start;
      }
      // The literal itself may be there in part.
      for (let hit = Math.max(0, last - literal); hit <= last; hit++) {
        const start = openAt(text, startOf(text, hit));
        if (start >= 0) return start;
      }
      return -1;
    },
  };
}

/** How many characters come before the first group that holds a value; 0 when that is not always the same. */
function fixedLength(tree: Node): number {
  const items = tree.type === 'seq' ? tree.items : [];
  const before = items.slice(
    0,
    Math.max(
      0,
      items.findIndex((item) => item.type === 'group' && item.open === '('),
    ),
  );
  const node: Node = { type: 'seq', items: before };
  return longest(node) === shortest(node) ? longest(node) : 0;
}

function flagsOf(chars: RegExp): Uint8Array {
  return Uint8Array.from({ length: 128 }, (_, code) => (chars.test(String.fromCharCode(code)) ? 1 : 0));
}
