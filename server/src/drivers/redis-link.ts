/**
 * Redis: wake-ups, fan-out and counts between processes. Whatever happens to it, nothing is lost: it only makes things
 * soon, and limits exact.
 */
import type { Bus, Queue, Rates } from '../contract/ports.ts';
import { createRedisBus } from './redis-bus.ts';
import { COMMAND_MS, makeClient } from './redis-client.ts';
import { createLine, type Log } from './redis-line.ts';
import { loadScript } from './redis-publisher.ts';
import { createRedisQueue } from './redis-queue.ts';
import { createRedisRates } from './redis-rates.ts';
import { createSeal, type Ignored } from './redis-seal.ts';
import { loginRefused, noSuchDatabase, RedisStartError, readRedisUrl, refusedSentence } from './redis-url.ts';

export { RedisStartError } from './redis-url.ts';

export interface RedisLinkOptions {
  url: string;
  /** The same in all processes of one installation: the one in use, then those that may still be read. One at least. */
  secrets: readonly Buffer[];
  /** Another one in each process: messages of one's own are known by it. */
  instance: string;
  /** Keeps installations apart that share one Redis database. */
  namespace?: string;
  log: Log;
}

export interface RedisNumbers {
  state: 'up' | 'down';
  /** Of the last PING; null while it is down. */
  latency_ms: number | null;
  reconnects: number;
  /** Messages that were not told to other processes. */
  messages_dropped: number;
  tickets_ignored: Record<Ignored, number>;
  messages_ignored: Record<Ignored, number>;
}

export interface RedisLink {
  queue: Queue;
  bus: Bus;
  rates: Rates;
  numbers(): RedisNumbers;
  /** Closes queue and bus too. */
  close(): Promise<void>;
}

/**
 * Rejects with `RedisStartError` for a URL that cannot be read and for a refused login. A Redis that does not answer is
 * no failure: the link is down, and tries for ever.
 */
export async function openRedis(options: RedisLinkOptions): Promise<RedisLink> {
  const { instance, log } = options;
  const address = readRedisUrl(options.url);
  const seal = createSeal(options.secrets, instance);
  const key = `goblin:${options.namespace ? `${options.namespace}:` : ''}`;
  const name = `goblin-${instance.replace(/[^\w.-]/g, '_').slice(0, 40)}`;

  const main = createLine({
    name: 'commands',
    make: () => makeClient(address, name, COMMAND_MS),
    async prepare(client) {
      // ioredis goes on in database 0 when the one that was asked for is not there.
      if (address.kind !== 'cluster' && address.db > 0) await client.select(address.db);
      await Promise.all([loadScript(client), rates.prepare(client)]);
    },
    ping: (client) => client.ping(),
    log,
  });
  const rates = createRedisRates({ main, secret: options.secrets[0] as Buffer, instance, prefix: `${key}rate:` });
  const queue = createRedisQueue({ address, main, seal, key: `${key}tickets`, name, log });
  const bus = createRedisBus({ address, main, seal, prefix: { key, channel: `${key}${address.db}:` }, name, log });
  const close = async () => {
    await Promise.all([rates.close(), queue.close(), bus.close(), main.close()]);
  };

  const wrong = await main.first;
  if (wrong && loginRefused(wrong)) {
    await close();
    throw new RedisStartError(refusedSentence(address, wrong));
  }
  if (wrong && noSuchDatabase(wrong)) {
    await close();
    throw new RedisStartError(
      `REDIS_URL: Redis at ${address.words} has no database ${address.db}: name one that is there (0 to 15, unless it is set otherwise), as in REDIS_URL=redis://127.0.0.1:6379/0.`,
    );
  }
  if (wrong) log('warn', 'redis does not answer; work is found by the sweeper until it does', { error: wrong.message });
  return {
    queue,
    bus,
    rates,
    numbers: () => ({
      state: main.client() !== null && bus.up() && queue.up() ? 'up' : 'down',
      latency_ms: main.latencyMs(),
      reconnects: main.reconnects() + queue.reconnects() + bus.reconnects(),
      messages_dropped: bus.dropped(),
      tickets_ignored: queue.ignored(),
      messages_ignored: bus.ignored(),
    }),
    close,
  };
}
