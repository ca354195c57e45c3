/**
 * Whether the database is there. Once it is lost everybody is told at once, until a prober has got through; at rest
 * nothing is sent.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { lastWords } from './postgres-errors.ts';

const PROBE_MS = { first: 100, most: 2_000 };

export interface Presence {
  /** Of the loss, in the words of the error that showed it; null while the database is there. */
  why(): string | null;
  lostFor(): number | null;
  back(ms: number): Promise<boolean>;
  /** True when this is news. From then on it probes. */
  lose(error: unknown): boolean;
  close(): void;
}

/** `probe` resolves when the database takes writes again; what it needs for that is then its own. */
export function createPresence(probe: () => Promise<void>, onChange: (lost: boolean) => void): Presence {
  let since: number | null = null;
  let because: unknown;
  const returns = new Set<(back: boolean) => void>();
  const closing = new AbortController();

  async function look(): Promise<void> {
    for (let pause = PROBE_MS.first; ; pause = Math.min(pause * 2, PROBE_MS.most)) {
      // Jittered, so that many processes do not come back in one moment.
      const stopped = sleep(pause * (0.5 + Math.random() / 2), false, { signal: closing.signal }).catch(() => true);
      if (await stopped) return;
      try {
        await probe();
      } catch (error) {
        because = error;
        continue;
      }
      if (closing.signal.aborted) return;
      since = null;
      onChange(false);
      for (const tell of [...returns]) tell(true);
      return;
    }
  }

  return {
    why: () => (since === null ? null : lastWords(because)),
    lostFor: () => (since === null ? null : Math.round(performance.now() - since)),
    back(ms) {
      if (closing.signal.aborted) return Promise.resolve(false);
      if (since === null) return Promise.resolve(true);
      return new Promise((resolve) => {
        const tell = (back: boolean) => {
          clearTimeout(timer);
          returns.delete(tell);
          resolve(back);
        };
        const timer = setTimeout(tell, ms, false);
        returns.add(tell);
      });
    },
    lose(error) {
      because = error;
      if (since !== null || closing.signal.aborted) return false;
      since = performance.now();
      void look();
      return true;
    },
    close() {
      closing.abort();
      for (const tell of [...returns]) tell(false);
    },
  };
}
