/** The connections of one process. A loss of the database is seen by whoever asks it, or by a connection that ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, type ConnectionOptions, connect } from './postgres-connection.ts';
import { classify, lastWords, NoAnswer, parameterRefused, translate, unavailable } from './postgres-errors.ts';
import { createPresence, type Presence } from './postgres-presence.ts';

const CONNECT_MS = 5_000;
/** One connection is gone: how long the database has for a new one before it counts as lost. */
const VERIFY_MS = 2_000;
const WAIT_MS = 5_000;
const CLOSE_MS = 5_000;
/** After "too many connections" no new one is tried for this long, if there are any. */
const FULL_MS = 500;

export interface Pool {
  acquire(): Promise<Connection>;
  release(connection: Connection): void;
  /** A connection beside the pool for one long piece of work. The caller ends it. */
  extra(timeouts: ConnectionOptions['timeouts']): Promise<Connection>;
  /** Takes back the connection that `error` came from, and answers what to throw. `lostFor` is exact afterwards. */
  failed(connection: Connection, error: unknown): Promise<Error>;
  /** Something takes suspiciously long: looks whether the database is there. */
  suspect(): void;
  lostFor: Presence['lostFor'];
  back: Presence['back'];
  numbers(): { size: number; idle: number; waiting: number };
  close(): Promise<void>;
}

interface Waiter {
  settled: boolean;
  resolve(connection: Connection): void;
  reject(error: Error): void;
}

export function createPool(
  options: ConnectionOptions,
  size: number,
  first: Connection,
  onChange: (lost: boolean, why?: string) => void,
): Pool {
  const idle: Connection[] = [];
  const waiting: Waiter[] = [];
  let waiters = 0;
  /** Connections of the present life, those that are being opened included. */
  let open = 0;
  let opening = 0;
  /** In use now. */
  let running = 0;
  const all = new Set<Connection>();
  let life = 0;
  let fullUntil = 0;
  let verifying: Promise<void> | null = null;
  let isClosed = false;
  let closed: Promise<void> | undefined;
  let quiet = () => {};

  const presence = createPresence(async () => {
    const connection = await connected(CONNECT_MS);
    if (isClosed) return connection.end();
    open = 1;
    adopt(connection);
    idle.push(connection);
  }, onChange);

  /** Why nothing can be asked now; null when it can. */
  function barred(): Error | null {
    if (isClosed) return unavailable('The connection to the database is closed.');
    const why = presence.why();
    return why === null ? null : unavailable('The record does not answer; try again in a moment.', new Error(why));
  }

  async function connected(ms: number): Promise<Connection> {
    try {
      return await connect(options, ms);
    } catch (error) {
      if (options.timeouts === null || !parameterRefused(error)) throw error;
      // PgBouncer stands before it, or stands there now. Our own clocks remain.
      options.timeouts = null;
      return await connect(options, ms);
    }
  }

  function adopt(connection: Connection): void {
    connection.life = life;
    all.add(connection);
    connection.onGone = () => {
      all.delete(connection);
      const at = idle.indexOf(connection);
      if (at < 0) return;
      idle.splice(at, 1);
      open--;
      // A pooler or a firewall may close what is idle; a server that stops closes all.
      verify();
    };
  }

  function next(): Waiter | undefined {
    for (let waiter = waiting.shift(); waiter; waiter = waiting.shift()) if (!waiter.settled) return waiter;
    return undefined;
  }

  function refuse(error: Error): void {
    for (const waiter of waiting.splice(0)) if (!waiter.settled) waiter.reject(error);
  }

  /** Gives a good connection to who waits longest, or lays it aside. */
  function offer(connection: Connection): void {
    const waiter = next();
    if (!waiter) {
      idle.push(connection);
      return;
    }
    running++;
    waiter.resolve(connection);
  }

  /** True when it was one of the present life. */
  function drop(connection: Connection): boolean {
    connection.destroy();
    all.delete(connection);
    if (connection.life !== life) return false;
    open--;
    return true;
  }

  /** Opens one more connection for those who wait. */
  function grow(): void {
    if (barred() || open >= size || opening >= waiters) return;
    if (open > opening && performance.now() < fullUntil) return;
    const mine = life;
    open++;
    opening++;
    connected(CONNECT_MS).then(
      (connection) => {
        if (mine !== life || isClosed) return connection.end();
        opening--;
        adopt(connection);
        offer(connection);
      },
      async (error) => {
        if (mine !== life || isClosed) return;
        opening--;
        open--;
        const failure = classify(error, false);
        if (failure === 'full') {
          fullUntil = performance.now() + FULL_MS;
          // Others of ours may come free.
          if (open === 0) refuse(translate(error, failure));
          return;
        }
        if (failure === 'gone') await verify();
        else lose(error);
        if (waiters > 0) grow();
      },
    );
  }

  function verify(): Promise<void> {
    if (barred()) return Promise.resolve();
    verifying ??= (async () => {
      const mine = life;
      try {
        const connection = await connected(VERIFY_MS);
        if (mine !== life || isClosed || open >= size || (idle.length > 0 && waiters === 0)) {
          connection.end();
          return;
        }
        open++;
        adopt(connection);
        offer(connection);
      } catch (error) {
        if (mine === life && classify(error, false) !== 'full') lose(error);
      } finally {
        verifying = null;
      }
    })();
    return verifying;
  }

  function lose(error: unknown): void {
    if (isClosed || !presence.lose(error)) return;
    life++;
    open = 0;
    opening = 0;
    // Those in use too: their statements would wait for an answer until their own limit.
    idle.length = 0;
    for (const connection of all) connection.destroy();
    all.clear();
    refuse(translate(error, 'lost'));
    onChange(true, lastWords(error));
  }

  function left(): void {
    running--;
    if (running === 0) quiet();
  }

  function release(connection: Connection): void {
    left();
    if (isClosed) connection.end();
    else if (connection.life === life && connection.alive()) offer(connection);
    else if (drop(connection) && waiters > 0) grow();
  }

  open = 1;
  adopt(first);
  idle.push(first);

  return {
    acquire() {
      const bar = barred();
      if (bar) return Promise.reject(bar);
      for (let connection = idle.pop(); connection; connection = idle.pop()) {
        if (!connection.alive()) {
          open--;
          continue;
        }
        running++;
        return Promise.resolve(connection);
      }
      return new Promise((resolve, reject) => {
        waiters++;
        const settle = () => {
          waiter.settled = true;
          waiters--;
          clearTimeout(timer);
        };
        const waiter: Waiter = {
          settled: false,
          resolve(connection) {
            settle();
            resolve(connection);
          },
          reject(error) {
            settle();
            reject(error);
          },
        };
        const timer = setTimeout(() => {
          waiter.reject(unavailable('The record is busy; try again in a moment.'));
        }, WAIT_MS);
        waiting.push(waiter);
        grow();
      });
    },
    release,
    async extra(timeouts) {
      const bar = barred();
      if (bar) throw bar;
      try {
        return await connect({ ...options, timeouts: options.timeouts && timeouts }, CONNECT_MS);
      } catch (error) {
        const failure = classify(error, false);
        if (failure === 'gone') await verify();
        if (failure === 'lost') lose(error);
        throw translate(error, failure);
      }
    },
    async failed(connection, error) {
      const failure = classify(error, connection.alive());
      if (failure === 'sql' || failure === 'busy' || failure === 'full') {
        release(connection);
        return translate(error, failure);
      }
      left();
      const present = drop(connection);
      // A slow statement has no answer either, so that alone is not a loss.
      if (present && failure === 'lost' && !(error instanceof NoAnswer)) lose(error);
      else if (present) await verify();
      if (waiters > 0) grow();
      return translate(error, failure);
    },
    suspect() {
      void verify();
    },
    lostFor: presence.lostFor,
    back: presence.back,
    numbers: () => ({ size, idle: idle.length, waiting: waiters }),
    close() {
      closed ??= (async () => {
        isClosed = true;
        presence.close();
        refuse(unavailable('The connection to the database is closed.'));
        for (const connection of idle.splice(0)) connection.end();
        if (running === 0) return;
        const limit = new AbortController();
        await Promise.race([
          new Promise<void>((resolve) => {
            quiet = resolve;
          }),
          sleep(CLOSE_MS, undefined, { signal: limit.signal }).catch(() => {}),
        ]);
        limit.abort();
        for (const connection of all) connection.destroy();
      })();
      return closed;
    },
  };
}
