/** A start goes on when the database goes away in the middle of it, and comes back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { GoblinError } from '../contract/errors.ts';
import type { Sql } from '../contract/ports.ts';

export interface PatientSql extends Sql {
  /** From now on whoever asks is told at once that the database is away. */
  started(): void;
}

const PAUSE_MS = 200;

/** Until `started` is called, statements that find the database away are sent again, for `ms` in all: they may be. */
export function patient(sql: Sql, ms: number): PatientSql {
  const until = performance.now() + ms;
  let starting = true;

  async function insist<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        const left = until - performance.now();
        const away = error instanceof GoblinError && error.code === 'unavailable';
        if (!away || !starting || left <= 0) throw error;
        await sleep(Math.min(PAUSE_MS, left));
        await sql.back(Math.max(0, until - performance.now()));
      }
    }
  }

  return {
    ...sql,
    query: (text, values) => (starting ? insist(() => sql.query(text, values)) : sql.query(text, values)),
    transaction: (work) => (starting ? insist(() => sql.transaction(work)) : sql.transaction(work)),
    started() {
      starting = false;
    },
  };
}
