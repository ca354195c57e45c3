/** Rules that a tenant writes: checked when they are saved, matched in linear time by RE2. */
import { RE2JS } from 're2js';
import { GoblinError } from '../../contract/errors.ts';
import { createMeter, type Meter } from './meter.ts';
import type { Node } from './pattern.ts';
import { cutOff, longest, PatternError, parsePattern, shortest } from './pattern.ts';
import type { Action, HandMatcher, Match, Rule, RuleKind } from './rule.ts';
import { NOTHING } from './rule.ts';

export interface TenantRule {
  /** 1 to 48 of `a-z`, digits and `_`, beginning with a letter. */
  id: string;
  title?: string;
  kind?: RuleKind;
  /** RE2 syntax, every repeat with an end. Left out: the literals themselves are what is found. */
  pattern?: string;
  ignoreCase?: boolean;
  /** The rule is tried only in texts that have one of these, without case. */
  literals?: readonly string[];
  action?: Action;
}

/** The longest pattern, and the longest match that one may have, in characters. */
export const MAX_PATTERN = 1000;
export const MAX_MATCH = 1000;
export const RULE_ID = /^[a-z][a-z0-9_]{0,47}$/;
const MAX_LITERALS = 32;
/** RE2's instructions: what a match costs a character at most. */
const MAX_PROGRAM = 4000;
/** Patterns that can begin with anything search texts in pieces of so many characters, and the clock is read in between. */
const WINDOW = 4096;
/** Fewer fixed characters at the beginning would be found everywhere. */
const LEAST_LITERAL = 3;
/** What our reader does not know and RE2 does, or means otherwise. */
const FOREIGN = /\\[AzZQECGkN]|\[\[?:|\(\?[imsU-]+[:)]/;
const NEVER = '[^\\x00-\\x{10FFFF}]';

/** Throws `invalid_request` with the field, the place in the pattern and the reason. `meter`: that of the tenant. */
export function compileTenantRule(input: TenantRule, meter: Meter = createMeter()): Rule {
  const refuse = (path: string, message: string): never => {
    throw new GoblinError('invalid_request', `The rule cannot be used: ${message}.`, { errors: [{ path, message }] });
  };
  const { id, literals = [] } = input;
  if (input.pattern === undefined && literals.length === 0) refuse('pattern', 'it needs a pattern or literals');
  const pattern = input.pattern ?? wordsOf(literals);
  const where = input.pattern === undefined ? 'literals' : 'pattern';
  if (!RULE_ID.test(id)) refuse('id', 'an id is 1 to 48 of a-z, digits and _, and begins with a letter');
  if (literals.length > MAX_LITERALS) refuse('literals', `there are ${literals.length}, ${MAX_LITERALS} are allowed`);
  const least = input.pattern === undefined ? LEAST_LITERAL : 2;
  for (const [index, literal] of literals.entries()) {
    if (literal.length < least || literal.length > 64) {
      refuse(`literals.${index}`, `a literal has ${least} to 64 characters${least > 2 ? ' where no pattern is' : ''}`);
    }
  }
  if (pattern.length > MAX_PATTERN) refuse(where, `it has ${pattern.length} characters, ${MAX_PATTERN} are allowed`);
  const foreign = FOREIGN.exec(pattern);
  if (foreign) refuse('pattern', `at ${foreign.index}: "${foreign[0]}" is not known here`);
  const tree = read(pattern, refuse);
  if (shortest(tree) < LEAST_LITERAL)
    refuse('pattern', `it matches ${shortest(tree)} characters; at least ${LEAST_LITERAL} are needed`);
  const length = longest(tree);
  if (length > MAX_MATCH) refuse('pattern', `a match can have ${length} characters, ${MAX_MATCH} are allowed`);

  const flags = input.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0;
  const whole = compile(pattern, flags, refuse);
  const partial = compile(cutOff(tree, '\\z', NEVER), flags, refuse);
  const rule = {
    id,
    title: input.title ?? id,
    kind: input.kind ?? 'credential',
    maxLength: length,
    examples: true,
    action: input.action ?? 'redact',
  } as const;
  const timed = <T>(work: () => T): T => meter.time(id, work);
  const { literal, edge } = fixedBeginning(tree);
  const begins = input.pattern === undefined ? literals : literal.length >= LEAST_LITERAL ? [literal] : null;
  if (begins) {
    return { ...rule, literals: begins, glued: !edge, pattern: atLiteral(whole, partial, length, timed) };
  }
  return { ...rule, literals, pattern: /(?:)/, sweep: sweeper(whole, partial, length, timed) };
}

/** The longest first: RE2 takes the first that fits. */
const wordsOf = (literals: readonly string[]): string =>
  [...literals]
    .sort((a, b) => b.length - a.length)
    .map((literal) => literal.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    .join('|');

type Timed = <T>(work: () => T) => T;

function read(pattern: string, refuse: (path: string, message: string) => never): Node {
  try {
    const tree = parsePattern(pattern);
    const endless = endlessIn(tree);
    if (endless) {
      const written = pattern.slice(endless.from, endless.to);
      refuse('pattern', `at ${endless.from}: "${written}" repeats without an end; say how often, e.g. {1,64}`);
    }
    return tree;
  } catch (error) {
    if (error instanceof PatternError) return refuse('pattern', `at ${error.at}: ${error.message}`);
    throw error;
  }
}

type Repeat = Extract<Node, { type: 'repeat' }>;

/** The first repeat without an end; null without one. */
function endlessIn(node: Node): Repeat | null {
  switch (node.type) {
    case 'repeat':
      return node.max === Infinity ? node : endlessIn(node.body);
    case 'group':
      return endlessIn(node.body);
    case 'seq':
      return node.items.map(endlessIn).find((found) => found !== null) ?? null;
    case 'any':
      return node.branches.map(endlessIn).find((found) => found !== null) ?? null;
    default:
      return null;
  }
}

function compile(source: string, flags: number, refuse: (path: string, message: string) => never): RE2JS {
  let made: RE2JS;
  try {
    made = RE2JS.compile(source, flags);
  } catch (error) {
    return refuse('pattern', (error as Error).message.replace(/^error parsing regexp: /, ''));
  }
  if (made.programSize() > MAX_PROGRAM) {
    refuse('pattern', `it has ${made.programSize()} steps, ${MAX_PROGRAM} are allowed: use smaller repeats`);
  }
  return made;
}

/** The characters that every match begins with, and whether they must stand at the edge of a word. */
function fixedBeginning(tree: Node): { literal: string; edge: boolean } {
  const items = tree.type === 'seq' ? tree.items : [];
  const edge = items[0]?.type === 'look' && items[0].source === '\\b';
  let literal = '';
  for (const item of items.slice(edge ? 1 : 0)) {
    if (item.type !== 'set') break;
    const char = /^\\([^\w\s])$/.exec(item.source)?.[1] ?? (/^[^\\.[]$/.test(item.source) ? item.source : '');
    if (char === '') break;
    literal += char;
  }
  return { literal, edge };
}

function atLiteral(whole: RE2JS, partial: RE2JS, length: number, timed: Timed): HandMatcher {
  const look: HandMatcher = (text, hit, final) => {
    const piece = text.slice(hit, hit + length + 1);
    if (!final && text.length - hit <= length && partial.matcher(piece).lookingAt()) return { match: null, open: hit };
    const matcher = whole.matcher(piece);
    if (!matcher.lookingAt() || matcher.end() === 0) return NOTHING;
    return { match: { start: hit, from: hit, to: hit + matcher.end() }, open: -1 };
  };
  return (text, hit, final) => timed(() => look(text, hit, final));
}

function sweeper(whole: RE2JS, partial: RE2JS, length: number, timed: Timed): NonNullable<Rule['sweep']> {
  /** What begins from `at` on and before `until`. */
  function inWindow(text: string, at: number, until: number, found: Match[]): number {
    // A match that begins in it ends before this, and one character is seen behind it.
    const matcher = whole.matcher(text.slice(0, until + length + 1));
    let next = at;
    while (next < until && matcher.find(next) && matcher.start() < until) {
      found.push({ start: matcher.start(), from: matcher.start(), to: matcher.end() });
      next = matcher.end();
    }
    return Math.max(next, until);
  }
  return {
    find(text, from) {
      const found: Match[] = [];
      for (let at = from; at < text.length; ) {
        const start = at;
        at = timed(() => inWindow(text, start, start + WINDOW, found));
      }
      return found;
    },
    open(text) {
      const from = Math.max(0, text.length - length);
      const matcher = partial.matcher(text.slice(from));
      return timed(() => (matcher.find() && matcher.start() + from < text.length ? matcher.start() + from : -1));
    },
  };
}
