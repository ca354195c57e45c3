/**
 * The scanner for text that comes in pieces. A piece is passed on at once, less what could still become part of a
 * finding; wherever the cuts are, the findings are those of the whole text.
 */
import { RUN } from './base64.ts';
import type { Scanner } from './engine.ts';
import { liveFrom } from './engine.ts';
import { isRun } from './probe.ts';
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

export function createStreamScanner(scanner: Scanner): StreamScanner {
  const { table, classes, reporting } = scanner.literals;
  const counts = scanner.tails.some((probe) => probe.rule.at === 'digit');
  const sweeps = scanner.sweeps;
  let context = '';
  let held = '';
  /** The held text waits for more than the quick look knows of. */
  let waiting = false;
  let searchedAt = 0;
  let state = 0;
  let run = 0;

  /** Walks the prefilter over new text; false when something was found that needs a real search. */
  function isQuiet(text: string): boolean {
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      state = table[state + (classes[code] as number)] as number;
      if (state >= reporting) return false;
      run = isRun(code) ? run + 1 : 0;
      if (run >= RUN) return false;
      if (counts && code >= 48 && code <= 57) return false;
    }
    return true;
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
    context = text.length >= CONTEXT ? text.slice(-CONTEXT) : (context + text).slice(-CONTEXT);
    return { text, findings };
  }

  /** Nothing was found in what came: only its end can be open. */
  function quick(text: string): Safe {
    const whole = held + text;
    const before = context.length > NEAR ? context.slice(-NEAR) : context;
    const near = before + whole;
    let open = near.length - scanner.literals.depth(state);
    for (const probe of scanner.tails) {
      const start = probe.tail(near);
      if (start >= before.length && start < open) open = start;
    }
    if (run > 0 || near.endsWith('=')) open = Math.min(open, liveFrom(near, before.length));
    const cut = Math.max(0, open - before.length);
    held = whole.slice(cut);
    return show(whole.slice(0, cut), NONE);
  }

  function search(final: boolean): Safe {
    const text = context + held;
    const from = context.length;
    const { findings, open } = scanner.analyse(text, from, final);
    let cut = final ? text.length : open;
    for (const finding of findings.toReversed()) if (finding.start < cut && finding.end > cut) cut = finding.start;
    const decided = findings
      .filter((finding) => finding.end <= cut)
      .map((finding) => ({ ...finding, start: finding.start - from, end: finding.end - from }));
    held = text.slice(cut);
    waiting = held !== '';
    searchedAt = held.length;
    return show(text.slice(from, cut), decided);
  }

  return {
    push(text) {
      if (text === '') return { text: '', findings: NONE };
      if (!waiting && sweeps.length === 0 && isQuiet(text)) return quick(text);
      held += text;
      if (waiting && held.length > SHORT && held.length < searchedAt * 1.125) return { text: '', findings: NONE };
      const safe = search(false);
      follow(context + held);
      return safe;
    },
    end() {
      const safe = search(true);
      context = '';
      held = '';
      waiting = false;
      state = 0;
      run = 0;
      return safe;
    },
    get held() {
      return held.length;
    },
  };
}
