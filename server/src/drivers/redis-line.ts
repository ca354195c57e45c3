/**
 * One connection to Redis that is kept: made anew with backoff whenever it ends, and looked at each second, because a
 * half-open one does not end by itself. ioredis' own reconnecting is off: it would send again what it had queued.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, Redis } from 'ioredis';

export type Client = Redis | Cluster;
export type Log = (
  level: 'debug' | 'info' | 'warn' | 'error',
  message: string,
  fields: Record<string, unknown>,
) => void;

export interface Line {
  /** The connection, while it is good. */
  client(): Client | null;
  /** Resolves after the first try: with null when it is up, else with what went wrong. */
  first: Promise<Error | null>;
  /** It answers wrongly, or not: away with it. */
  renew(because: unknown): void;
  latencyMs(): number | null;
  reconnects(): number;
  close(): Promise<void>;
}

export interface LineOptions {
  name: string;
  /** Makes a client that does not connect by itself and does not reconnect. */
  make(): Client;
  /** Before anyone else may use it. */
  prepare?(client: Client): Promise<void>;
  /** Answers within `PING_MS`; null: this line sees to that itself. */
  ping: ((client: Client) => Promise<unknown>) | null;
  onUp?(client: Client): void;
  onDown?(): void;
  log: Log;
}

export const CONNECT_MS = 2_500;
/** With one look a second, a half-open connection is found within about 2 s. */
const PING_EVERY_MS = 1_000;
const PING_MS = 1_000;
const STALLED_MS = 200;
const BACKOFF_MS = { first: 100, most: 2_000 };

export function createLine(options: LineOptions): Line {
  let good: Client | null = null;
  let latency: number | null = null;
  let ups = 0;
  let end = (_because: unknown) => {};
  const closing = new AbortController();
  let tellFirst: (error: Error | null) => void = () => {};
  const first = new Promise<Error | null>((resolve) => {
    tellFirst = resolve;
  });

  /** One life of a connection; resolves when it is over. */
  async function live(): Promise<{ worked: boolean }> {
    let failure: Error | null = null;
    const client = options.make();
    const ended = new Promise<unknown>((resolve) => {
      end = resolve;
      client.on('error', (error: Error) => {
        failure = error;
      });
      client.on('end', () => resolve(failure ?? new Error('the connection ended')));
    });
    const limit = new AbortController();
    try {
      await Promise.race([
        client.connect().then(() => options.prepare?.(client)),
        sleep(CONNECT_MS, undefined, { signal: limit.signal }).then(() => {
          throw new Error(`no answer within ${CONNECT_MS / 1_000} s`);
        }),
        // A cluster may end without its promise saying so.
        ended.then((because) => {
          throw because;
        }),
      ]);
    } catch (error) {
      client.disconnect();
      // What the server said is on the event; the promise says only that the connection is closed.
      const because = failure ?? (error instanceof Error ? error : new Error(String(error)));
      tellFirst(because);
      options.log('debug', 'redis: no connection', { line: options.name, error: because.message });
      return { worked: false };
    } finally {
      limit.abort();
    }
    if (closing.signal.aborted) {
      client.disconnect();
      return { worked: true };
    }
    ups++;
    good = client;
    tellFirst(null);
    options.log(ups === 1 ? 'debug' : 'info', 'redis: connected', { line: options.name });
    options.onUp?.(client);
    const pinging = options.ping && setInterval(() => void look(client, options.ping), PING_EVERY_MS);
    const because = await ended;
    if (pinging) clearInterval(pinging);
    good = null;
    latency = null;
    client.disconnect();
    if (!closing.signal.aborted) {
      options.log('warn', 'redis: lost', {
        line: options.name,
        error: because instanceof Error ? because.message : '',
      });
    }
    options.onDown?.();
    return { worked: true };
  }

  async function look(client: Client, ping: LineOptions['ping']): Promise<void> {
    const began = performance.now();
    let answered = false;
    const judge = () => {
      if (!answered && good === client) end(new Error(`no answer within ${PING_MS / 1_000} s`));
    };
    const timer = setTimeout(() => {
      // It was this process that stood still: the answer may lie there unread, and the next look will tell.
      if (performance.now() - began > PING_MS + STALLED_MS) return;
      setImmediate(judge);
    }, PING_MS);
    try {
      await ping?.(client);
      latency = Math.round((performance.now() - began) * 100) / 100;
    } catch (error) {
      // Its own time limit would not know a process that stood still.
      if (/timed out/i.test((error as Error).message)) return;
      if (good === client) end(error);
    }
    answered = true;
    clearTimeout(timer);
  }

  const over = (async () => {
    let pause = BACKOFF_MS.first;
    while (!closing.signal.aborted) {
      const { worked } = await live();
      pause = worked ? BACKOFF_MS.first : Math.min(pause * 2, BACKOFF_MS.most);
      // Jittered, so that many processes do not come back in one moment.
      await sleep(pause * (0.5 + Math.random() / 2), undefined, { signal: closing.signal }).catch(() => {});
    }
  })();

  return {
    client: () => good,
    first,
    renew: (because) => end(because),
    latencyMs: () => latency,
    reconnects: () => Math.max(0, ups - 1),
    async close() {
      closing.abort();
      end(new Error('closed'));
      await over;
    },
  };
}
