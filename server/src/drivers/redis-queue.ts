/**
 * `Queue` over a Redis list. A ticket carries nothing: it wakes, and the database says what there is to do. The wakes of
 * one turn of the event loop are one push; who waits here is woken without Redis.
 */
import type { Queue } from '../contract/ports.ts';
import { COMMAND_MS, makeClient, turned } from './redis-client.ts';
import { type Client, createLine, type Line, type Log } from './redis-line.ts';
import { type Ignored, nothingIgnored, type Seal } from './redis-seal.ts';
import type { RedisAddress } from './redis-url.ts';

/** Seconds that Redis holds the waiting command; short, so that a half-open connection is found soon. */
const BLOCK_S = 1;
const BLOCK_LIMIT_MS = BLOCK_S * 1_000 + COMMAND_MS;
/** So many idle workers are woken by one push at most. */
const MOST_TICKETS = 8;
/** The list never holds more; a ticket beyond that wakes nobody who would not be woken anyway. */
const MOST_LYING = 256;
const OLD_MS = 60_000;
const DRAIN_MS = 100;
const TICKET = 'ticket';

export interface RedisQueueOptions {
  address: RedisAddress;
  /** The connection for commands. */
  main: Line;
  seal: Seal;
  key: string;
  name: string;
  log: Log;
}

export interface RedisQueue extends Queue {
  ignored(): Record<Ignored, number>;
  reconnects(): number;
}

export function createRedisQueue({ address, main, seal, key, name, log }: RedisQueueOptions): RedisQueue {
  const ignored = nothingIgnored();
  const waiting = new Set<() => void>();
  /** Of the blocking connection: only a process that waits has one. */
  let line: Line | null = null;
  let blocking = false;
  let ticket = false;
  let wakes = 0;
  let closed = false;

  /** True for a ticket that may wake. */
  function good(raw: Buffer): boolean {
    const opened = seal.open(TICKET, raw, OLD_MS);
    if (!('ignored' in opened)) return true;
    ignored[opened.ignored]++;
    return false;
  }

  function wakeHere(): void {
    if (waiting.size === 0) ticket = true;
    for (const resume of [...waiting]) resume();
  }

  /** Something of another type lies under our key: it goes. */
  async function afterError(client: Client, error: unknown): Promise<void> {
    if (/^WRONGTYPE/.test((error as Error).message)) {
      ignored.foreign++;
      await client.del(key).catch(() => {});
    }
  }

  async function push(tickets: readonly Buffer[]): Promise<void> {
    const client = main.client();
    if (!client) return;
    for (let tries = 0; tries < 2; tries++) {
      try {
        const length = await client.rpush(key, ...tickets);
        if (length > MOST_LYING) await client.ltrim(key, -MOST_LYING, -1);
        // Old ones would not be taken anyway.
        if (length <= tickets.length) await client.pexpire(key, OLD_MS);
        return;
      } catch (error) {
        if (turned(error)) main.renew(error);
        await afterError(client, error);
        if (!/^WRONGTYPE/.test((error as Error).message)) return;
      }
    }
  }

  function flush(): void {
    const local = wakes > 0 && woken ? 1 : 0;
    const number = Math.min(wakes - local, MOST_TICKETS);
    wakes = 0;
    woken = false;
    if (number <= 0 || closed) return;
    void push(Array.from({ length: number }, () => seal.close(TICKET, '')));
  }
  /** In this turn somebody here was woken, who will see to one of them. */
  let woken = false;

  /** One wait at the list; true when a good ticket came. */
  async function block(client: Client): Promise<boolean> {
    const answer = await client.blpopBuffer(key, BLOCK_S);
    if (!answer) return false;
    if (waiting.size === 0) {
      // Whoever waited here has left meanwhile: it is for another process.
      if (good(answer[1])) void push([answer[1]]);
      return false;
    }
    let came = good(answer[1]);
    // Whoever is idle has got one of the same push by now; what still lies there would wake somebody in vain, later.
    const main_ = main.client();
    const rest = main_
      ? await Promise.race([
          main_.lpopBuffer(key, MOST_LYING).catch(() => null),
          new Promise<null>((resolve) => setTimeout(resolve, DRAIN_MS, null)),
        ])
      : null;
    for (const raw of rest ?? []) came = good(raw) || came;
    return came;
  }

  /** Runs while somebody waits. */
  async function loop(): Promise<void> {
    if (blocking) return;
    blocking = true;
    line ??= createLine({
      name: 'queue',
      make: () => makeClient(address, name, BLOCK_LIMIT_MS),
      ping: null,
      onUp: () => void loop(),
      log,
    });
    try {
      for (let client = line.client(); client && waiting.size > 0 && !closed; client = line.client()) {
        try {
          if (await block(client)) wakeHere();
        } catch (error) {
          await afterError(client, error);
          // Also an answer that did not come in time: whether the connection stands is then unknown.
          if (!/^WRONGTYPE/.test((error as Error).message)) line.renew(error);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    } finally {
      blocking = false;
    }
  }

  return {
    wake() {
      if (closed) return;
      if (waiting.size > 0) woken = true;
      wakeHere();
      if (wakes++ === 0) setImmediate(flush);
    },
    wait(ms, signal) {
      if (ticket || signal.aborted || closed) {
        ticket = false;
        return Promise.resolve();
      }
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          waiting.delete(done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        waiting.add(done);
        signal.addEventListener('abort', done);
        void loop();
      });
    },
    up: () => main.client() !== null && (line === null || line.client() !== null),
    async close() {
      closed = true;
      for (const resume of [...waiting]) resume();
      await line?.close();
    },
    ignored: () => ({ ...ignored }),
    reconnects: () => line?.reconnects() ?? 0,
  };
}
