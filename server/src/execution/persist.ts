/**
 * Writes that must reach the record: sent again for as long as the record is away. Every statement that comes through
 * here may be sent twice, because the answer to the first may be lost.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { GoblinError } from '../contract/errors.ts';
import type { Ledger } from '../contract/ports.ts';

export interface Persist {
  /** Resolves with the record's answer. Throws what is no outage, and the outage itself after `limitMs` or `close`. */
  <T>(write: () => Promise<T>, limitMs?: number): Promise<T>;
  /** The process stops: nothing is waited for any longer. */
  close(): void;
}

/** Two writes met: a deadlock, a serialization failure, or our own earlier try that was still under way. */
const MET = new Set(['40P01', '40001', '23505']);
const MOST_MEETINGS = 5;
const FIRST_MS = 25;
const MOST_MS = 1000;

export function createPersist(ledger: Pick<Ledger, 'back'>): Persist {
  const closing = new AbortController();

  const persist = async <T>(write: () => Promise<T>, limitMs = Number.POSITIVE_INFINITY): Promise<T> => {
    const until = performance.now() + limitMs;
    let meetings = 0;
    for (let pause = FIRST_MS; ; pause = Math.min(MOST_MS, pause * 2)) {
      try {
        return await write();
      } catch (error) {
        const away = error instanceof GoblinError && error.code === 'unavailable';
        const met = MET.has((error as { sqlState?: string }).sqlState ?? '') && ++meetings <= MOST_MEETINGS;
        const left = until - performance.now();
        if ((!away && !met) || left <= 0 || closing.signal.aborted) throw error;
        const rest = Math.min(left, pause * (0.5 + Math.random()));
        await sleep(rest, undefined, { signal: closing.signal }).catch(() => {});
        if (away && !closing.signal.aborted) await ledger.back(Math.min(left, 1000));
      }
    }
  };
  return Object.assign(persist, { close: () => closing.abort() });
}
