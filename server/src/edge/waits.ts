/** Callers who wait for the end of a request. */
import type { ServerResponse } from 'node:http';
import { type Bus, type Ledger, tellsEnd } from '../contract/ports.ts';
import { isTerminal } from '../contract/states.ts';

export interface Waits {
  /** Resolves when the request has ended, the time is over, the caller has left, or the process stops. */
  ended(tenant: string, id: string, ms: number, response: ServerResponse): Promise<void>;
  /** The process stops: all who wait are told to ask again, and another process answers them. */
  close(): Promise<void>;
}

/** The bus only wakes: who hears nothing looks by himself this often. */
const LOOK_MS = 1000;
/** How long a process that stops waits until the answers are out. */
const OUT_MS = 1000;

export function createWaits({ ledger, bus }: { ledger: Pick<Ledger, 'get'>; bus: Bus }): Waits {
  const waits = new Set<() => void>();
  let unanswered = 0;
  return {
    ended(tenant, id, ms, response) {
      unanswered++;
      response.once('close', () => unanswered--);
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          clearInterval(look);
          unfollow();
          waits.delete(done);
          response.off('close', done);
          resolve();
        };
        const check = () => {
          ledger.get(tenant, id).then(
            (row) => {
              if (!row || isTerminal(row.state)) done();
            },
            () => {},
          );
        };
        const timer = setTimeout(done, ms);
        const look = setInterval(check, LOOK_MS);
        const unfollow = bus.follow(id, (message) => {
          if (tellsEnd(message)) check();
        });
        response.on('close', done);
        waits.add(done);
        // It may have ended between the first look and the ear on the bus.
        check();
      });
    },
    async close() {
      for (const done of [...waits]) done();
      const until = performance.now() + OUT_MS;
      while (unanswered > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 10));
    },
  };
}
