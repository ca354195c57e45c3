/**
 * The scanner: one pass for the literals of all rules, each rule's pattern only where its literal stands, the same
 * again for what escapes and base64 hide.
 */
import type { Inside } from './base64.ts';
import { eachRun, inside, liveFrom } from './base64.ts';
import { isRun } from './chars.ts';
import type { Hold, Literals } from './literals.ts';
import { createLiterals } from './literals.ts';
import type { Probe } from './probe.ts';
import { createProbe } from './probe.ts';
import type { Candidate } from './resolve.ts';
import { resolve } from './resolve.ts';
import type { Finding, Match, Rule } from './rule.ts';
import { isEscape, MARKS, undoEscapes, viaOf } from './unescape.ts';

/** Encodings inside encodings that are looked into. */
const DEPTH = 2;
/** The longest stretch of base64 that a stream waits for, in characters. */
export const MAX_LIVE = 4096;

export interface Analysis {
  /** Those that are decided: all end before `open`. */
  findings: Finding[];
  /** From here on more text could make a finding; the text's length when nothing could. */
  open: number;
  /** A name was seen whose value has not begun: what comes next must be analysed with it. */
  pending: boolean;
  /** Where rules that look back have found something: to be given to the next analysis of the same stream. */
  taken: readonly Taken[];
}

/** The end of the last match of a rule. */
export interface Taken {
  order: number;
  end: number;
}

export interface Scanner {
  /** All findings of a whole text, in order. Linear in its length. Never throws. */
  scan(text: string): Finding[];
  /**
   * Findings that begin at `from` or later in a text that may go on, and where what is undecided begins. What stands
   * before `from` was decided already and is read as context.
   */
  analyse(text: string, from: number, final: boolean, taken?: readonly Taken[]): Analysis;
  /** The prefilter, for who must be faster than `analyse`. `null` owns the marks of escapes. */
  readonly literals: Literals<Probe | null>;
  /** Those that must be asked at the end of a text even when no literal was seen. */
  readonly tails: readonly Probe[];
  /** By ASCII code, those of them that are open at a word of letters and digits that begins so, if it is all there is. */
  readonly lone: readonly (readonly Probe[])[];
  /** Those that read whole texts. */
  readonly sweeps: readonly Probe[];
  readonly rules: readonly Rule[];
}

type Found = Candidate;
interface Search {
  found: Found[];
  pending: boolean;
  taken: readonly Taken[];
}

export function createScanner(rules: readonly Rule[]): Scanner {
  const probes = rules.map(createProbe);
  const literals = createLiterals<Probe | null>(
    probes.flatMap((probe) =>
      (probe.rule.literals ?? []).map((literal) => ({ literal, owner: probe, hold: holdOf(probe.rule) })),
    ),
    MARKS,
    null,
  );
  const { table, classes, reporting } = literals;
  const runProbes = probes.filter((probe) => probe.rule.at === 'run');
  const numberProbes = probes.filter((probe) => probe.rule.at === 'digit');
  const orders = new Map(probes.map((probe, order) => [probe, order]));
  const tails = probes.filter((probe) => probe.hasTail);
  const lone = Array.from({ length: 128 }, (_, code) =>
    tails.filter((probe) => probe.opens(String.fromCharCode(code), 0)),
  );
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
  function level(text: string, from: number, final: boolean, depth: number, search: Search): number {
    const { found } = search;
    let open = text.length;
    const seen = new Set<Probe>();
    /** By rule, where its last match ends. */
    const taken: number[] = [];
    for (const { order, end } of search.taken) taken[order] = Math.max(end, taken[order] ?? 0);
    const take = (match: Match, rule: Rule, order: number): void => {
      const { id, kind, vague = false } = match.rule ?? rule;
      const anchor = rule.behind ? match.from : match.start;
      // Of a value that was shown in part, the rest.
      const start = Math.max(match.from, from);
      const value = text.slice(start, match.to);
      found.push({ rule: id, kind, start, end: match.to, value, via: 'plain', vague, order, anchor });
    };
    const probeAt = (probe: Probe, hit: number): void => {
      if (probe.rule.sweep) {
        seen.add(probe);
        return;
      }
      // What begins after something undecided is undecided too.
      if ((hit < from && !probe.rule.behind) || (hit >= open && probe.exact)) return;
      const order = orders.get(probe) ?? 0;
      // Within its own match a rule finds nothing more: leftmost first, as expressions do.
      if (hit < (taken[order] ?? 0)) return;
      const { match, open: start } = probe.look(text, hit, final);
      if (match && match.to > from) {
        take(match, probe.rule, order);
        taken[order] = match.to;
      }
      if (start < 0) return;
      search.pending = true;
      if (start < open) open = Math.max(start, from);
    };

    let escaped = false;
    const state = walk(text, (reported, at) => {
      for (const { length, owner } of literals.at(reported)) {
        if (owner) probeAt(owner, at - length + 1);
        else if (!escaped) escaped = isEscape(text, at) || (!final && at > text.length - 12);
      }
    });

    let blockEnd = 0;
    eachRun(text, from, (start, end, cut) => {
      for (const probe of cut ? [] : runProbes) if (probe.first[text.charCodeAt(start)] === 1) probeAt(probe, start);
      // A line of a block that was read with the lines before it says nothing new.
      if (depth === 0 || start < blockEnd || start >= open) return;
      const parts = inside(text, start, end, cut);
      for (const part of parts) if (part.end > end + 2) blockEnd = Math.max(blockEnd, part.end);
      lookInside(parts, depth, found);
    });
    if (numberProbes.length > 0) {
      eachNumber(text, from, (hit) => {
        for (const probe of numberProbes) probeAt(probe, hit);
      });
    }
    for (const { rule } of sweeps.filter((probe) => seen.has(probe) || !probe.rule.literals?.length)) {
      for (const match of rule.sweep?.find(text, from) ?? []) take(match, rule, probes.length);
    }
    if (escaped && depth > 0) open = Math.min(open, undo(text, from, final, depth, search));
    if (final) return open;

    const run = runStart(text);
    for (const probe of tails) {
      const start = probe.tail(text, run);
      if (start >= from && start < open) open = start;
    }
    for (const { rule } of sweeps) {
      const start = rule.sweep?.open(text) ?? -1;
      if (start >= 0 && start < open) open = Math.max(start, from);
    }
    open = Math.min(open, Math.max(from, text.length - literals.pending(state, text)));
    return Math.min(open, liveFrom(text, from, MAX_LIVE));
  }

  function lookInside(parts: readonly Inside[], depth: number, found: Found[]): void {
    for (const part of parts) {
      const nested: Search = { found: [], pending: false, taken: [] };
      level(part.text, 0, true, depth - 1, nested);
      const { start, end } = part;
      for (const one of nested.found) found.push({ ...one, start, end, anchor: start, via: 'base64' });
    }
  }

  function undo(text: string, from: number, final: boolean, depth: number, search: Search): number {
    const plain = undoEscapes(text, final);
    let floor = 0;
    while (floor < plain.text.length && (plain.starts[floor] as number) < from) floor++;
    const taken = search.taken.map(({ order, end }) => {
      const next = plain.starts.findIndex((start, at) => at >= plain.text.length || start >= end);
      return { order, end: next < 0 ? plain.text.length : next };
    });
    const nested: Search = { found: [], pending: false, taken };
    const open = level(plain.text, floor, final, depth - 1, nested);
    search.pending ||= nested.pending;
    for (const one of nested.found) {
      const start = plain.starts[one.start] ?? text.length;
      const end = plain.ends[one.end - 1] ?? text.length;
      const via = one.via === 'plain' ? viaOf(text, start, end) : one.via;
      search.found.push({ ...one, start, end, via, anchor: plain.starts[one.anchor] ?? start });
    }
    const place = open < plain.text.length ? (plain.starts[open] as number) : text.length;
    return plain.cut >= 0 ? Math.min(place, plain.cut) : place;
  }

  function analyse(text: string, from: number, final: boolean, earlier: readonly Taken[] = []): Analysis {
    const search: Search = { found: [], pending: false, taken: earlier };
    const open = undecided(search.found, level(text, from, final, DEPTH, search));
    const decided = search.found.filter((one) => one.end <= open);
    const taken = [...earlier, ...decided.filter(({ order, via }) => rules[order]?.behind && via !== 'base64')];
    return { findings: resolve(decided), open, pending: search.pending, taken };
  }
  return { scan: (text) => analyse(text, 0, true).findings, analyse, literals, tails, lone, sweeps, rules };
}

/** Whether the beginning of a rule's literal must be waited for. */
function holdOf(rule: Rule): Hold {
  if (rule.behind || rule.sweep) return 'never';
  return rule.glued ? 'anywhere' : 'edge';
}

/** What touches something undecided is undecided, from where its match began. */
function undecided(found: readonly Found[], from: number): number {
  let open = from;
  for (let before = -1; before !== open; ) {
    before = open;
    for (const { anchor, end } of found) if (anchor < open && end > open) open = anchor;
  }
  return open;
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

/** Where the run of base64 characters at the end of a text begins, at most 64 back: a longer one was seen as a run. */
function runStart(text: string): number {
  let start = text.length;
  while (start > 0 && text.length - start < 64 && isRun(text.charCodeAt(start - 1))) start--;
  return start;
}
