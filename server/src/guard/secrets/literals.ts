/**
 * Finds all literals of all rules in one pass (Aho and Corasick, CACM 18(6), 1975) over UTF-16 code units, letters
 * without case. The states are numbered so that those which report something come last: the loop over clean text is
 * two look-ups and one comparison a character.
 */

import { isWord } from './chars.ts';

/** Longer literals are cut to this: the pattern looks at the rest, and a smaller table stays in the cache. */
const PREFIX = 8;

export interface Literals<T> {
  readonly table: Uint32Array;
  /** The class of each code unit: its column in the table. */
  readonly classes: Uint8Array;
  /** States from here on report. */
  readonly reporting: number;
  /** What a state reports: how long ago the literal began, and whose it is. */
  at(state: number): readonly { length: number; owner: T }[];
  /** How many characters at the end of `text`, which led to `state`, could be the beginning of a literal that is held. */
  pending(state: number, text: string): number;
}

/** Where a literal may begin: anywhere, only where no letter or digit is before it; or it need not be waited for. */
export type Hold = 'anywhere' | 'edge' | 'never';

/** `marks` are single code units that share one class and report `mark`. */
export function createLiterals<T>(
  entries: readonly { literal: string; owner: T; hold: Hold }[],
  marks: readonly number[],
  mark: T,
): Literals<T> {
  const classes = new Uint8Array(65_536);
  let width = 1;
  for (const { literal } of entries) {
    for (const char of literal.slice(0, PREFIX).toLowerCase()) {
      if (classes[char.charCodeAt(0)] !== 0) continue;
      classes[char.charCodeAt(0)] = width;
      if (char.toUpperCase().length === 1) classes[char.toUpperCase().charCodeAt(0)] = width;
      width++;
    }
  }
  const markClass = width++;
  for (const unit of marks) classes[unit] = markClass;
  if (width > 255) throw new Error(`${width} classes of characters in literals; 255 fit`);

  interface State {
    next: Map<number, State>;
    fail: State | null;
    depth: number;
    found: { length: number; owner: T }[];
    /** The strongest hold of the literals that go on from here. */
    hold: Hold;
    id: number;
  }
  const make = (depth: number): State => ({
    next: new Map(),
    fail: null,
    depth,
    found: [],
    hold: 'never',
    id: 0,
  });
  const root = make(0);
  const grow = (symbols: readonly number[], owner: T, hold: Hold) => {
    let state = root;
    for (const symbol of symbols) {
      if (state !== root && (hold === 'anywhere' || state.hold === 'never')) state.hold = hold;
      let next = state.next.get(symbol);
      if (!next) {
        next = make(state.depth + 1);
        state.next.set(symbol, next);
      }
      state = next;
    }
    state.found.push({ length: symbols.length, owner });
  };
  for (const { literal, owner, hold } of entries) {
    const head = literal.slice(0, PREFIX).toLowerCase();
    grow(
      Array.from({ length: head.length }, (_, index) => classes[head.charCodeAt(index)] ?? 0),
      owner,
      hold,
    );
  }
  grow([markClass], mark, 'never');

  // Breadth first: a state's fallback is nearer to the root, so it is complete when it is read.
  const states: State[] = [root];
  const full = new Map<State, State[]>();
  for (let index = 0; index < states.length; index++) {
    const state = states[index] as State;
    const fallback = state.fail ? (full.get(state.fail) as State[]) : null;
    const row: State[] = [];
    for (let symbol = 0; symbol < width; symbol++) {
      const next = state.next.get(symbol);
      const other = fallback?.[symbol] ?? root;
      if (next) {
        next.fail = other;
        next.found.push(...other.found);
        states.push(next);
      }
      row.push(next ?? other);
    }
    full.set(state, row);
  }
  const ordered = [...states].sort((a, b) => Math.min(a.found.length, 1) - Math.min(b.found.length, 1));
  for (const [id, state] of ordered.entries()) state.id = id * width;

  const table = new Uint32Array(states.length * width);
  for (const state of states) {
    for (const [symbol, next] of (full.get(state) ?? []).entries()) table[state.id + symbol] = next.id;
  }
  return {
    table,
    classes,
    reporting: ordered.find((state) => state.found.length > 0)?.id ?? table.length,
    at: (state) => ordered[state / width]?.found ?? [],
    pending(id, text) {
      for (let state = ordered[id / width] ?? null; state && state !== root; state = state.fail) {
        if (state.hold === 'never') continue;
        const before = text.charCodeAt(text.length - state.depth - 1);
        if (state.hold === 'anywhere' || !isWord(before)) return state.depth;
      }
      return 0;
    },
  };
}
