/**
 * The scanner: one pass for the literals of all rules, each rule's pattern only where its literal stands, the same
 * again for what escapes and base64 hide.
 */
import { eachRun, inside, isLive, RUN } from './base64.ts';
import type { Literals } from './literals.ts';
import { createLiterals } from './literals.ts';
import type { Probe } from './probe.ts';
import { createProbe, isRun } from './probe.ts';
import type { Candidate } from './resolve.ts';
import { resolve } from './resolve.ts';
import type { Finding, Match, Rule } from './rule.ts';
import { isEscape, MARKS, undoEscapes, viaOf } from './unescape.ts';

/** Encodings inside encodings that are looked into. */
const DEPTH = 2;
/** The longest stretch of base64 that a stream waits for, in characters. */
export const MAX_LIVE = 4096;

export interface Analysis {
  findings: Finding[];
  /** From here on more text could make a finding; the text's length when nothing could. */
  open: number;
}

export interface Scanner {
  /** All findings of a whole text, in order. Linear in its length. Never throws. */
  scan(text: string): Finding[];
  /**
   * Findings that begin at `from` or later in a text that may go on, and where what is undecided begins. What stands
   * before `from` was decided already and is read as context.
   */
  analyse(text: string, from: number, final: boolean): Analysis;
  /** The prefilter, for who must be faster than `analyse`. `null` owns the marks of escapes. */
  readonly literals: Literals<Probe | null>;
  /** Those that must be asked at the end of a text even when no literal was seen. */
  readonly tails: readonly Probe[];
  /** Those that read whole texts. */
  readonly sweeps: readonly Probe[];
  readonly rules: readonly Rule[];
}

type Found = Candidate;

export function createScanner(rules: readonly Rule[]): Scanner {
  const probes = rules.map(createProbe);
  const literals = createLiterals<Probe | null>(
    probes.flatMap((probe) => (probe.rule.literals ?? []).map((literal) => ({ literal, owner: probe }))),
    MARKS,
    null,
  );
  const { table, classes, reporting } = literals;
  const runProbes = probes.filter((probe) => probe.rule.at === 'run');
  const numberProbes = probes.filter((probe) => probe.rule.at === 'digit');
  const orders = new Map(probes.map((probe, order) => [probe, order]));
  const tails = probes.filter((probe) => probe.hasTail);
  const sweeps = probes.filter((probe) => probe.rule.sweep);

  /** The prefilter over a whole text. Alone in its function, where it is compiled to a tight loop. */
  function walk(text: string, report: (state: number, at: number) => void): number {
    let state = 0;
    for (let at = 0; at < text.length; at++) {
      state = table[state + (classes[text.charCodeAt(at)] as number)] as number;
      if (state >= reporting) report(state, at);
    }
    return state;
  }

  /** Searches one level; the findings are in the places of `text`. */
  function level(text: string, from: number, final: boolean, depth: number, found: Found[]): number {
    let open = text.length;
    const seen = new Set<Probe>();
    const take = (match: Match, rule: Rule, order: number): void => {
      const { id, kind, vague = false } = match.rule ?? rule;
      const value = text.slice(match.from, match.to);
      found.push({
        rule: id,
        kind,
        start: Math.max(match.from, from),
        end: match.to,
        value,
        via: 'plain',
        vague,
        order,
      });
    };
    const probeAt = (probe: Probe, hit: number): void => {
      if (probe.rule.sweep) {
        seen.add(probe);
        return;
      }
      if (hit < from) return;
      const match = probe.match(text, hit);
      if (match) take(match, probe.rule, orders.get(probe) ?? 0);
      if (final) return;
      const start = probe.open(text, hit);
      if (start >= 0 && start < open) open = Math.max(start, from);
    };

    let escaped = false;
    const state = walk(text, (reported, at) => {
      for (const { length, owner } of literals.at(reported)) {
        if (owner) probeAt(owner, at - length + 1);
        else if (!escaped) escaped = isEscape(text, at) || (!final && at > text.length - 12);
      }
    });

    eachRun(text, from, (start, end) => {
      for (const probe of runProbes) if (probe.first[text.charCodeAt(start)] === 1) probeAt(probe, start);
      if (depth > 0) lookInside(text, start, end, depth, found);
    });
    if (numberProbes.length > 0) {
      eachNumber(text, from, (hit) => {
        for (const probe of numberProbes) probeAt(probe, hit);
      });
    }
    for (const { rule } of sweeps.filter((probe) => seen.has(probe) || !probe.rule.literals?.length)) {
      for (const match of rule.sweep?.find(text, from) ?? []) take(match, rule, probes.length);
    }
    if (escaped && depth > 0) open = Math.min(open, undo(text, from, final, depth, found));
    if (final) return open;

    for (const probe of tails) {
      const start = probe.tail(text);
      if (start >= from && start < open) open = start;
    }
    for (const { rule } of sweeps) {
      const start = rule.sweep?.open(text) ?? -1;
      if (start >= 0 && start < open) open = Math.max(start, from);
    }
    open = Math.min(open, Math.max(from, text.length - literals.depth(state)));
    return Math.min(open, liveFrom(text, from));
  }

  function lookInside(text: string, start: number, end: number, depth: number, found: Found[]): void {
    for (const part of inside(text, start, end)) {
      const nested: Found[] = [];
      level(part.text, 0, true, depth - 1, nested);
      for (const one of nested) found.push({ ...one, start: part.start, end: part.end, via: 'base64' });
    }
  }

  function undo(text: string, from: number, final: boolean, depth: number, found: Found[]): number {
    const plain = undoEscapes(text, final);
    let floor = 0;
    while (floor < plain.text.length && (plain.starts[floor] as number) < from) floor++;
    const nested: Found[] = [];
    const open = level(plain.text, floor, final, depth - 1, nested);
    for (const one of nested) {
      const start = plain.starts[one.start] ?? text.length;
      const end = plain.ends[one.end - 1] ?? text.length;
      found.push({ ...one, start, end, via: one.via === 'plain' ? viaOf(text, start, end) : one.via });
    }
    const undecided = open < plain.text.length ? (plain.starts[open] as number) : text.length;
    return plain.cut >= 0 ? Math.min(undecided, plain.cut) : undecided;
  }

  function analyse(text: string, from: number, final: boolean): Analysis {
    const found: Found[] = [];
    const open = level(text, from, final, DEPTH, found);
    return { findings: resolve(found), open };
  }
  return { scan: (text) => analyse(text, 0, true).findings, analyse, literals, tails, sweeps, rules };
}

/** Calls `visit` at the first digit of every number. */
function eachNumber(text: string, from: number, visit: (hit: number) => void): void {
  let inNumber = from > 0 && isDigit(text.charCodeAt(from - 1));
  for (let at = from; at < text.length; at++) {
    const digit = isDigit(text.charCodeAt(at));
    if (digit && !inNumber) visit(at);
    inNumber = digit;
  }
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57;

/** Where base64 begins that the end of the text cuts off, with its padding or the line break before its next line. */
export function liveFrom(text: string, from: number): number {
  let end = text.length;
  while (end > from && text.length - end < 2 && text.charCodeAt(end - 1) === 61) end--;
  if (end === text.length && end > from && text.charCodeAt(end - 1) === 10) end--;
  if (end > from && end < text.length + 1 && text.charCodeAt(end - 1) === 13) end--;
  const wraps = end < text.length && text.charCodeAt(end) !== 61;
  let start = end;
  while (start > from && isRun(text.charCodeAt(start - 1))) start--;
  if (start === end || (wraps && (end - start < 60 || (end - start) % 4 !== 0))) return text.length;
  let first = end;
  // The lines before it, if they were wrapped.
  for (let line = start; line > from + 60; ) {
    let stop = line - 1;
    if (text.charCodeAt(stop) !== 10) break;
    if (text.charCodeAt(stop - 1) === 13) stop--;
    let top = stop;
    while (top > from && isRun(text.charCodeAt(top - 1))) top--;
    if (stop - top < 60 || (stop - top) % 4 !== 0) break;
    start = top;
    first = stop;
    line = top;
  }
  if (text.length - start > MAX_LIVE) return text.length;
  const cut = start === from && from > 0 && isRun(text.charCodeAt(from - 1));
  if (first !== end) return !cut && isLive(text, start, first) ? start : text.length;
  for (let at = start; at < end; at++) {
    const begins = at === start ? !cut : '/-_'.includes(text.charAt(at - 1));
    // Padding ends it: it is held only as long as it is one whole.
    if (begins && (end === text.length || end - at >= RUN) && isLive(text, at, end)) return at;
  }
  return text.length;
}
