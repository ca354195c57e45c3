/**
 * The time of the database, as this process knows it: the clock of a machine may be wrong or be set while we run, and
 * partitions, leases and deadlines go by the database's.
 */

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** UTC day, `YYYY-MM-DD`: the partition of what is written now. */
  day(): string;
  /** The database said that it was `databaseMs` when `performance.now()` was about `at`. */
  saw(databaseMs: number, at: number): void;
}

/** Until the database has said something it is the machine's time. */
export function createClock(): Clock {
  let base = Date.now() - performance.now();
  let dayMs = 0;
  let day = '';
  const now = () => base + performance.now();
  return {
    now,
    day() {
      // Asked for with every write of frames.
      const today = Math.floor(now() / 86_400_000);
      if (today !== dayMs || day === '') {
        dayMs = today;
        day = new Date(today * 86_400_000).toISOString().slice(0, 10);
      }
      return day;
    },
    saw(databaseMs, at) {
      base = databaseMs - at;
    },
  };
}
