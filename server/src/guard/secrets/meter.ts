/**
 * What tenants' rules may take of the process in one go. Their patterns are linear, and still a megabyte can take them
 * seconds, in which nobody else is served: then the text is not let in.
 */
import { GoblinError } from '../../contract/errors.ts';

/** Milliseconds of this thread's processor time, until whatever else waits gets its turn. */
export const MOST_MS = 250;

export interface Meter {
  /** Throws `unavailable`, with the name of the rule, when too much was taken already, or is after this. */
  time<T>(rule: string, work: () => T): T;
}

/** A process that was made to stand still has used nothing. */
function ofThread(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

export function createMeter(mostMs: number = MOST_MS, now: () => number = ofThread): Meter {
  let spent = 0;
  let open = false;

  function renew(): void {
    open = false;
    spent = 0;
  }

  return {
    time(rule, work) {
      if (spent > mostMs) throw slow(rule);
      if (!open) {
        open = true;
        setImmediate(renew);
      }
      const began = now();
      const made = work();
      spent += now() - began;
      if (spent > mostMs) throw slow(rule);
      return made;
    },
  };
}

const slow = (rule: string): GoblinError =>
  new GoblinError(
    'unavailable',
    `The rule ${rule} of the tenant takes too long over this text, so it is not let in; let the rule begin with fixed characters, or make its repeats smaller.`,
    { retryAfterMs: 5000 },
  );
