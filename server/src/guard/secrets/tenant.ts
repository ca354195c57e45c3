/** Rules that a tenant writes: checked when they are saved, matched in linear time by RE2. */
import { RE2JS } from 're2js';
import { GoblinError } from '../../contract/errors.ts';
import type { Node } from './pattern.ts';
import { cutOff, longest, PatternError, parsePattern, shortest, sourceOf } from './pattern.ts';
import type { Action, HandMatcher, Rule, RuleKind } from './rule.ts';
import { NOTHING } from './rule.ts';

export interface TenantRule {
  /** 1 to 48 of `a-z`, digits and `_`, beginning with a letter. */
  id: string;
  title?: string;
  kind?: RuleKind;
  /** RE2 syntax, every repeat with an end. */
  pattern: string;
  ignoreCase?: boolean;
  /** The rule is tried only in texts that have one of these, without case. */
  literals?: readonly string[];
  action?: Action;
}

/** The longest pattern, and the longest match that one may have, in characters. */
export const MAX_PATTERN = 1000;
export const MAX_MATCH = 1000;
const MAX_LITERALS = 32;
/** RE2's instructions: what a match costs a character at most. */
const MAX_PROGRAM = 4000;
/** Fewer fixed characters at the beginning would be found everywhere. */
const LEAST_LITERAL = 3;
/** What our reader does not know and RE2 does, or means otherwise. */
const FOREIGN = /\\[AzZQECGkN]|\[\[?:|\(\?[imsU-]+[:)]/;
const NEVER = '[^\\x00-\\x{10FFFF}]';

/** Throws `invalid_request` with the field, the place in the pattern and the reason. */
export function compileTenantRule(input: TenantRule): Rule {
  const refuse = (path: string, message: string): never => {
    throw new GoblinError('invalid_request', `The rule cannot be used: ${message}.`, { errors: [{ path, message }] });
  };
  const { id, pattern, literals = [] } = input;
  if (!/^[a-z][a-z0-9_]{0,47}$/.test(id))
    refuse('id', 'an id is 1 to 48 of a-z, digits and _, and begins with a letter');
  if (pattern.length > MAX_PATTERN)
    refuse('pattern', `it has ${pattern.length} characters, ${MAX_PATTERN} are allowed`);
  const foreign = FOREIGN.exec(pattern);
  if (foreign) refuse('pattern', `at ${foreign.index}: "${foreign[0]}" is not known here`);
  const tree = read(pattern, refuse);
  if (shortest(tree) < LEAST_LITERAL)
    refuse('pattern', `it matches ${shortest(tree)} characters; at least ${LEAST_LITERAL} are needed`);
  const length = longest(tree);
  if (length > MAX_MATCH) refuse('pattern', `a match can have ${length} characters, ${MAX_MATCH} are allowed`);
  if (literals.length > MAX_LITERALS) refuse('literals', `there are ${literals.length}, ${MAX_LITERALS} are allowed`);
  for (const [index, literal] of literals.entries()) {
    if (literal.length < 2 || literal.length > 64) refuse(`literals.${index}`, 'a literal has 2 to 64 characters');
  }

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
  const { literal, edge } = fixedBeginning(tree);
  if (literal.length >= LEAST_LITERAL) {
    return { ...rule, literals: [literal], glued: !edge, pattern: atLiteral(whole, partial, length) };
  }
  return { ...rule, literals, pattern: /(?:)/, sweep: sweeper(whole, partial, length) };
}

function read(pattern: string, refuse: (path: string, message: string) => never): Node {
  try {
    const tree = parsePattern(pattern);
    const endless = endlessIn(tree);
    if (endless)
      refuse(
        'pattern',
        `at ${pattern.indexOf(endless)}: "${endless}" repeats without an end; say how often, e.g. {1,64}`,
      );
    return tree;
  } catch (error) {
    if (error instanceof PatternError) return refuse('pattern', `at ${error.at}: ${error.message}`);
    throw error;
  }
}

/** The first repeat without an end, as it is written; null without one. */
function endlessIn(node: Node): string | null {
  switch (node.type) {
    case 'repeat':
      if (node.max === Infinity)
        return sourceOf(node.body) + (node.min === 0 ? '*' : node.min === 1 ? '+' : `{${node.min},}`);
      return endlessIn(node.body);
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

function atLiteral(whole: RE2JS, partial: RE2JS, length: number): HandMatcher {
  return (text, hit, final) => {
    const piece = text.slice(hit, hit + length + 1);
    if (!final && text.length - hit <= length && partial.matcher(piece).lookingAt()) return { match: null, open: hit };
    const matcher = whole.matcher(piece);
    if (!matcher.lookingAt() || matcher.end() === 0) return NOTHING;
    return { match: { start: hit, from: hit, to: hit + matcher.end() }, open: -1 };
  };
}

function sweeper(whole: RE2JS, partial: RE2JS, length: number): NonNullable<Rule['sweep']> {
  return {
    find(text, from) {
      const matcher = whole.matcher(text);
      const found: { start: number; from: number; to: number }[] = [];
      for (let at = from; at <= text.length && matcher.find(at); at = matcher.end()) {
        found.push({ start: matcher.start(), from: matcher.start(), to: matcher.end() });
      }
      return found;
    },
    open(text) {
      const from = Math.max(0, text.length - length);
      const matcher = partial.matcher(text.slice(from));
      return matcher.find() && matcher.start() + from < text.length ? matcher.start() + from : -1;
    },
  };
}
