/**
 * Long content is searched in turns, between which others are served: a megabyte may take a quarter of a second when it
 * is made to take time, and a body may have ten.
 */
import { setImmediate as pause } from 'node:timers/promises';
import { longRuns, textIn } from './blobs.ts';
import type { Scanner } from './engine.ts';
import type { Finding } from './rule.ts';
import { createStreamScanner } from './stream.ts';

/** Characters of a turn: a millisecond of prose, 20 of the worst that is known. */
const TURN = 64 * 1024;

/** As `Scanner.scan`. */
export type Look = (text: string) => readonly Finding[];

/** There is more than one turn may search. Nothing is lost: what was searched is known in the next one. */
class Enough extends Error {
  readonly text: string;
  constructor(text: string) {
    super('more than a turn');
    this.text = text;
  }
}

/**
 * What `work` makes of content, which it looks at by the function that it is given and changes nowhere: it is begun
 * anew in each turn. A promise only when one turn is not enough.
 */
export function inTurns<T>(scanner: Scanner, work: (look: Look) => T): T | Promise<T> {
  const known = new Map<string, readonly Finding[]>();
  let left = TURN;
  const look: Look = (text) => {
    let findings = known.get(text);
    if (findings === undefined) {
      if (text.length > left) throw new Enough(text);
      left -= text.length;
      findings = scanner.scan(text);
      known.set(text, findings);
    }
    return findings;
  };

  async function later(text: string): Promise<T> {
    for (let next = text; ; ) {
      await pause();
      if (next.length > TURN) known.set(next, await searched(scanner, next));
      left = TURN;
      try {
        return work(look);
      } catch (error) {
        if (!(error instanceof Enough)) throw error;
        next = error.text;
      }
    }
  }

  try {
    return work(look);
  } catch (error) {
    if (error instanceof Enough) return later(error.text);
    throw error;
  }
}

/** Base64, in one line or several, of which a stream would see parts only. In characters. */
const LONG_RUN = 4000;

/** What is found in long runs of base64. As in the scanner, the whole run is the place. */
async function inRuns(scanner: Scanner, text: string): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const { start, end } of longRuns(text, LONG_RUN)) {
    const inside = textIn(text.slice(start, end));
    if (inside === null) continue;
    const place = { start, end, via: 'base64' as const };
    for (const one of await searched(scanner, inside)) found.push({ ...one, ...place });
  }
  return found;
}

/** The findings of one long text. */
export async function searched(scanner: Scanner, text: string): Promise<Finding[]> {
  const stream = createStreamScanner(scanner);
  const found: Finding[] = [];
  let decided = 0;
  const take = ({ text: safe, findings }: ReturnType<typeof stream.push>): void => {
    for (const one of findings) found.push({ ...one, start: one.start + decided, end: one.end + decided });
    decided += safe.length;
  };
  for (let at = 0; at < text.length; at += TURN) {
    take(stream.push(text.slice(at, at + TURN)));
    await pause();
  }
  take(stream.end());
  const runs = await inRuns(scanner, text);
  // What a stream has seen of a run is part of what is in it.
  const others = found.filter(({ start, end }) => !runs.some((run) => start < run.end && end > run.start));
  return [...others, ...runs].sort((a, b) => a.start - b.start);
}
