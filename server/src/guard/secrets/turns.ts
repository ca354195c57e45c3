/**
 * Long content is searched in turns, between which others are served: a megabyte may take a quarter of a second when it
 * is made to take time, and a body may have ten.
 */
import { setImmediate as pause } from 'node:timers/promises';
import type { Scanner } from './engine.ts';
import type { Finding } from './rule.ts';
import { createStreamScanner } from './stream.ts';

/** Characters of a turn: a millisecond of prose, 20 of the worst that is known. */
const TURN = 64 * 1024;

/** As `Scanner.scan`, each text once. */
export type Look = (text: string) => readonly Finding[];

/** There is more than one turn may search. Nothing is lost: what was searched is known in the next one. */
class Enough extends Error {
  readonly text: string;
  constructor(text: string) {
    super('more than a turn');
    this.text = text;
  }
}

/** All in one turn. */
export function lookAt(scanner: Pick<Scanner, 'scan'>, known = new Map<string, readonly Finding[]>()): Look {
  return (text) => {
    let findings = known.get(text);
    if (findings === undefined) {
      findings = scanner.scan(text);
      known.set(text, findings);
    }
    return findings;
  };
}

/**
 * What `work` makes of content, which it looks at by the function that it is given and changes nowhere: it is begun
 * anew in each turn. A promise only when one turn is not enough.
 */
export function inTurns<T>(scanner: Scanner, work: (look: Look) => T): T | Promise<T> {
  const known = new Map<string, readonly Finding[]>();
  let left = TURN;
  const scan = (text: string): Finding[] => {
    if (text.length > left) throw new Enough(text);
    left -= text.length;
    return scanner.scan(text);
  };
  const look = lookAt({ scan }, known);

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
  return found;
}
