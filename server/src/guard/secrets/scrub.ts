/**
 * For what leaves by the side: logs, errors, what a vendor said of a failure. Whatever looks like a secret is replaced
 * for good, in whatever way rules are set.
 */
import { createScanner, type Scanner } from './engine.ts';
import { fromFields } from './fields.ts';
import { SECRET_RULES } from './rules/index.ts';

/** Nothing that is shorter can be a secret. */
const SHORTEST = 6;
const MOST_DEPTH = 16;
/** A text of a log that is longer says nothing more: the rest is cut off, not searched. */
const LONGEST = 64 * 1024;

/** Names of fields that announce what a value alone does not show. */
const TELLING = /pass|secret|token|authorization|cookie|credential|api[-_]?key/i;

/** Its tables, made when the first text comes: they are the same for all. */
let scanner: Scanner | null = null;

/** The text with `[secret:rule]` in the place of every secret; the same text when there is none. */
export function scrub(whole: string): string {
  if (whole.length < SHORTEST) return whole;
  const text = whole.length > LONGEST ? `${whole.slice(0, LONGEST).toWellFormed()}…` : whole;
  scanner ??= createScanner(SECRET_RULES);
  let out = '';
  let at = 0;
  for (const { start, end, rule } of scanner.scan(text)) {
    if (end <= at) continue;
    out += start >= at ? `${text.slice(at, start)}[secret:${rule}]` : '';
    at = end;
  }
  return at === 0 ? text : out + text.slice(at);
}

/** The same for every text in a value, and for names of fields; what is nested too deep is left out. */
export function scrubDeep(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return scrub(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return scrub(value.stack ?? String(value));
  if (depth >= MOST_DEPTH) return null;
  if (Array.isArray(value)) return value.map((one) => scrubDeep(one, depth + 1));
  return fromFields(Object.entries(value).map(([name, one]) => [scrub(name), field(name, one, depth + 1)]));
}

/** A value that its name gives away is found by both together. */
function field(name: string, value: unknown, depth: number): unknown {
  if (typeof value !== 'string' || value.length < SHORTEST) return scrubDeep(value, depth);
  const clean = scrub(value);
  if (clean !== value || !TELLING.test(name)) return clean;
  const together = `${name}: ${JSON.stringify(value)}`;
  return scrub(together) === together ? value : '[secret]';
}
