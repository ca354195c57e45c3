/**
 * The scanner for text that comes in pieces. A piece is passed on at once, less what could still become part of a
 * finding; wherever the cuts are, the findings are those of the whole text.
 */
import { isLiveWord, liveFrom, RUN } from './base64.ts';
import { isRun, isWord } from './chars.ts';
import type { Scanner, Taken } from './engine.ts';
import type { Probe } from './probe.ts';
import type { Finding } from './rule.ts';

/** Text that is decided. The places of its findings are in `text`, and each lies in it whole. */
export interface Safe {
  text: string;
  findings: readonly Finding[];
}

export interface StreamScanner {
  push(text: string): Safe;
  /** The rest; the scanner then begins anew. */
  end(): Safe;
  /**
   * The text will be said again from a place that many characters before what is held back: both are forgotten, what
   * stands before them stays in mind.
   */
  back(characters: number): void;
  /** Characters held back now. Never more than the longest match (64 KiB, a private key). */
  readonly held: number;
}

/** Shown text that patterns may look back on, in characters. */
const CONTEXT = 256;
/** Of it, what the quick look needs: the longest beginning that a rule has before its literal, and a run. */
const NEAR = 80;
/** Held text is searched again at once while it is short, then whenever it has grown by an eighth. */
const SHORT = 512;
const NONE: readonly Finding[] = [];
const BLANK = 32;
const DIGIT = /[0-9]/;
const NOBODY: readonly Probe[] = [];

/** A name that was seen: how far before the end it begins, whether in the newest piece. */
interface Named {
  probe: Probe;
  back: number;
  fresh: boolean;
  loud?: boolean;
}
/** Names that are asked one by one; with more a real search is cheaper. */
const MOST_NAMES = 4;
/** Shown text that a name needs: itself, what is before it, what is between it and its value. */
const NAMES_NEAR = 200;

export function createStreamScanner(scanner: Scanner): StreamScanner {
  const { table, classes, reporting } = scanner.literals;
  const counts = scanner.tails.some((probe) => probe.rule.at === 'digit');
  const sweeps = scanner.sweeps;
  let context = '';
  let held = '';
  /** The held text waits for more than the quick look knows of. */
  let waiting = false;
  let taken: readonly Taken[] = [];
  let searchedAt = 0;
  let state = 0;
  let run = 0;
  let names: Named[] = [];

  /** Walks the prefilter over new text; false when something was found that needs a real search. */
  function isQuiet(text: string): boolean {
    for (let at = 0; at < text.length; at++) {
      state = table[state + (classes[text.charCodeAt(at)] as number)] as number;
      if (state >= reporting && !onlyNames(text.length - at - 1)) return false;
    }
    if (run + text.length < RUN) {
      const last = runAtEnd(text);
      run = last === text.length ? run + last : last;
    } else {
      for (let at = 0; at < text.length; at++) {
        run = isRun(text.charCodeAt(at)) ? run + 1 : 0;
        if (run >= RUN) return false;
      }
    }
    if (counts && DIGIT.test(text)) return false;
    return names.length === 0 || nothingNamed(text);
  }

  /** Keeps the hits of a state when all are of rules that look back: most names in prose announce nothing. */
  function onlyNames(after: number): boolean {
    for (const { owner, length } of scanner.literals.at(state)) {
      if (!owner?.rule.behind || names.length >= MOST_NAMES) return false;
      names.push({ probe: owner, back: after + length, fresh: true });
    }
    return true;
  }

  /** Asks the names that were seen; false when one announces something. */
  function nothingNamed(text: string): boolean {
    const near = context.slice(-NAMES_NEAR) + held + text;
    names = names.filter((name) => {
      if (!name.fresh) name.back += text.length;
      name.fresh = false;
      const { match, open } = name.probe.look(near, near.length - name.back, false);
      name.loud = match !== null || (open >= 0 && open < near.length) || name.back > NAMES_NEAR / 2;
      return match !== null || open >= 0;
    });
    return !names.some((name) => name.loud);
  }

  /** Brings the prefilter to where `text` ends. */
  function follow(text: string): void {
    state = 0;
    run = 0;
    for (let at = Math.max(0, text.length - NEAR); at < text.length; at++) {
      const code = text.charCodeAt(at);
      state = table[state + (classes[code] as number)] as number;
      run = isRun(code) ? run + 1 : 0;
    }
  }

  function show(text: string, findings: readonly Finding[]): Safe {
    context += text;
    if (context.length > 8 * CONTEXT) trim();
    return { text, findings };
  }

  /** Shortened now and then, not with every piece: that would copy it every time. */
  function trim(most = CONTEXT): void {
    const gone = context.length - most;
    if (gone <= 0) return;
    context = context.slice(gone);
    taken = taken.flatMap(({ order, end }) => (end > gone ? [{ order, end: end - gone }] : []));
  }

  /** Nothing was found in what came: only its end can be open. */
  function quick(text: string): Safe {
    const blank = text.length - run - 1;
    if (blank >= 0 && !counts && text.charCodeAt(blank) <= BLANK) {
      const safe = lastWord(text, blank + 1);
      if (safe !== null) return safe;
    }
    const whole = held + text;
    // What is before the last word does not matter when a blank is between.
    const alone = !counts && run < whole.length && whole.charCodeAt(whole.length - run - 1) <= 32;
    const before = alone ? '' : context.slice(-NEAR);
    const near = before + whole;
    let open = state === 0 ? near.length : near.length - scanner.literals.pending(state, near);
    if (alone && plain(near, near.length - run)) {
      const start = near.length - run;
      for (const probe of scanner.lone[near.charCodeAt(start)] ?? NOBODY) {
        if (start < open && probe.opens(near, start)) open = start;
      }
    } else {
      for (const probe of scanner.tails) {
        const start = probe.tail(near, near.length - run);
        if (start >= before.length && start < open) open = start;
      }
    }
    if (run > 0 || near.endsWith('=')) open = Math.min(open, liveFrom(near, before.length, NEAR));
    if (open >= near.length) {
      held = '';
      return show(whole, NONE);
    }
    const cut = Math.max(0, open - before.length);
    held = whole.slice(cut);
    return show(whole.slice(0, cut), NONE);
  }

  /** With a blank before it only a word of letters and digits can be open, whatever came before. Null: more may be. */
  function lastWord(text: string, start: number): Safe | null {
    const begun = state === 0 ? 0 : scanner.literals.pending(state, text);
    if (begun > run || !plain(text, start)) return null;
    let open = text.length - begun;
    if (start < text.length && start < open) {
      const word = text.slice(start);
      for (const probe of scanner.lone[word.charCodeAt(0)] ?? NOBODY) {
        if (probe.opens(word, 0)) {
          open = start;
          break;
        }
      }
      if (start < open && isLiveWord(word)) open = start;
    }
    const safe = show(held + text.slice(0, open), NONE);
    held = text.slice(open);
    return safe;
  }

  function search(final: boolean): Safe {
    trim();
    names = [];
    const text = context + held;
    const from = context.length;
    const { findings, open, pending, taken: ends } = scanner.analyse(text, from, final, taken);
    const decided = findings.map((one) => ({ ...one, start: one.start - from, end: one.end - from }));
    held = text.slice(open);
    waiting = held !== '' || pending;
    searchedAt = held.length;
    taken = ends;
    return show(text.slice(from, open), decided);
  }

  return {
    push(text) {
      if (text === '') return { text: '', findings: NONE };
      if (!waiting && sweeps.length === 0) {
        if (isQuiet(text)) return quick(text);
      }
      held += text;
      if (waiting && held.length > SHORT && held.length < searchedAt * 1.125) return { text: '', findings: NONE };
      const safe = search(false);
      follow(context + held);
      return safe;
    },
    end() {
      // What was quiet until now needs no more than what is near its end.
      const quiet = !waiting && names.length === 0 && sweeps.length === 0;
      if (quiet && held !== '') trim(NEAR);
      const safe = quiet && held === '' ? { text: '', findings: NONE } : search(true);
      context = '';
      taken = [];
      held = '';
      waiting = false;
      names = [];
      state = 0;
      run = 0;
      return safe;
    },
    back(characters) {
      context = context.slice(0, Math.max(0, context.length - characters));
      taken = taken.filter(({ end }) => end <= context.length);
      held = '';
      waiting = false;
      names = [];
      follow(context);
    },
    get held() {
      return held.length;
    },
  };
}

/** How many characters of base64 a text ends with. */
function runAtEnd(text: string): number {
  let start = text.length;
  while (start > 0 && isRun(text.charCodeAt(start - 1))) start--;
  return text.length - start;
}

/** Nothing but letters and digits from a place on: in such a word a match begins with it, or not at all. */
function plain(text: string, from: number): boolean {
  for (let at = from; at < text.length; at++) if (!isWord(text.charCodeAt(at))) return false;
  return true;
}
