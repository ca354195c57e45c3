/**
 * `Bus` over Redis: followers of this process hear a message at once, those of others over pub/sub. Frames also lie in a
 * bounded stream per topic, from which `recent` answers.
 *
 * `follow` answers before Redis has confirmed the subscription, and a connection may have been away: each time a
 * subscription becomes active, the topic's followers get `{ type: 'ended' }`. For a reader it means "look again",
 * nothing else, so it misses nothing that was told before.
 */
import { type Bus, type BusMessage, CANCELS, DRILLS, HEALTH, STANDING } from '../contract/ports.ts';
import type { StoredFrame } from '../contract/record.ts';
import { createMemoryBus } from './memory-bus.ts';
import { makeListener } from './redis-client.ts';
import { type Client, createLine, type Line, type Log } from './redis-line.ts';
import { createPublisher } from './redis-publisher.ts';
import { type Ignored, nothingIgnored, type Seal } from './redis-seal.ts';
import type { RedisAddress } from './redis-url.ts';

const OLD_MS = 60_000;
const RECENT_MS = 100;
/** Of one answer: whoever wants more asks again. */
const RECENT_ENTRIES = 100;
/** Topics that have no frames. */
const TOLD_ONCE: ReadonlySet<string> = new Set([CANCELS, HEALTH, DRILLS, STANDING]);
/** What is told beside frames. */
const OTHERS: ReadonlySet<string> = new Set<BusMessage['type']>(['cancel', 'ended', 'health', 'drills', 'standing']);
/** A topic that nobody follows stays subscribed for this long: whoever leaves often comes back. */
const LINGER_MS = 1_000;

export interface RedisBusOptions {
  address: RedisAddress;
  /** The connection for commands. */
  main: Line;
  seal: Seal;
  /** Of keys; of channels, which know no database number. */
  prefix: { key: string; channel: string };
  name: string;
  log: Log;
}

export interface RedisBus extends Bus {
  ignored(): Record<Ignored, number>;
  reconnects(): number;
  dropped(): number;
}

interface Followed {
  followers: number;
  active: boolean;
  leaving: NodeJS.Timeout | null;
}

export function createRedisBus({ address, main, seal, prefix, name, log }: RedisBusOptions): RedisBus {
  const local = createMemoryBus();
  const ignored = nothingIgnored();
  const publisher = createPublisher(main, address.kind === 'cluster');
  const topics = new Map<string, Followed>();
  let asked: string[] = [];
  let closed = false;
  const channelOf = (topic: string) => `${prefix.channel}${topic}`;
  const keyOf = (topic: string) => `${prefix.key}frames:${topic}`;

  const line = createLine({
    name: 'bus',
    make: () => makeListener(address, name, main.client()),
    ping: (client) => client.ping(),
    onUp(client) {
      client.on('messageBuffer', (channel: Buffer, sealed: Buffer) => hear(channel.toString(), sealed));
      asked = [...topics.keys()];
      subscribe();
    },
    onDown() {
      for (const followed of topics.values()) followed.active = false;
    },
    log,
  });

  function hear(channel: string, sealed: Buffer): void {
    const topic = channel.slice(prefix.channel.length);
    if (!topics.has(topic)) return;
    const opened = seal.open(topic, sealed, OLD_MS);
    if ('ignored' in opened) {
      ignored[opened.ignored]++;
      return;
    }
    if (opened.own) return;
    const message = read(opened.content);
    if (message) local.publish(topic, message);
    else ignored.malformed++;
  }

  function subscribe(): void {
    const wanted = asked.filter((topic) => topics.get(topic)?.active === false);
    asked = [];
    const client = line.client();
    if (!client || wanted.length === 0) return;
    client.subscribe(...wanted.map(channelOf)).then(
      () => {
        if (line.client() !== client) return;
        for (const topic of wanted) {
          const followed = topics.get(topic);
          if (!followed || followed.active) continue;
          followed.active = true;
          local.publish(topic, { type: 'ended' });
        }
      },
      (error) => {
        if (line.client() === client) line.renew(error);
      },
    );
  }

  function leave(topic: string, followed: Followed): void {
    if (--followed.followers > 0 || closed) return;
    followed.leaving = setTimeout(() => {
      if (followed.followers > 0) return;
      topics.delete(topic);
      line
        .client()
        ?.unsubscribe(channelOf(topic))
        .catch(() => {});
    }, LINGER_MS);
    followed.leaving.unref();
  }

  async function look(client: Client, topic: string, after: number): Promise<StoredFrame[] | null> {
    const entries = await client.xrangeBuffer(keyOf(topic), `${after + 1}`, '+', 'COUNT', RECENT_ENTRIES);
    const frames: StoredFrame[] = [];
    for (const [, [, sealed]] of entries) {
      const opened = sealed && seal.open(topic, sealed, null);
      if (!opened || 'ignored' in opened) {
        ignored[opened ? opened.ignored : 'foreign']++;
        return null;
      }
      const message = read(opened.content);
      if (message?.type !== 'frames') return null;
      for (const frame of message.frames) {
        if (frame.seq <= after) continue;
        if (frame.seq !== after + 1 + frames.length) return null;
        frames.push(frame);
      }
    }
    // Nothing there says nothing: what is newer may not have got into the cache.
    return frames.length > 0 ? frames : null;
  }

  return {
    publish(topic, message) {
      local.publish(topic, message);
      if (closed || main.client() === null) return;
      const last = message.type === 'frames' ? message.frames.at(-1)?.seq : undefined;
      publisher.send({
        key: keyOf(topic),
        channel: channelOf(topic),
        id: last === undefined ? '' : `${last}-0`,
        sealed: seal.close(topic, JSON.stringify(message), message.type === 'frames' && message.secret === true),
      });
    },
    follow(topic, listener) {
      const stop = local.follow(topic, listener);
      let followed = topics.get(topic);
      if (!followed) {
        followed = { followers: 0, active: false, leaving: null };
        topics.set(topic, followed);
        // Those of one turn are one command.
        if (asked.push(topic) === 1) setImmediate(subscribe);
      }
      followed.followers++;
      if (followed.leaving) clearTimeout(followed.leaving);
      const mine = followed;
      let left = false;
      return () => {
        if (left) return;
        left = true;
        stop();
        leave(topic, mine);
      };
    },
    async recent(topic, after) {
      const client = main.client();
      if (!client || closed || TOLD_ONCE.has(topic)) return null;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<null>((resolve) => {
        timer = setTimeout(resolve, RECENT_MS, null);
      });
      // Also a key that holds another type: whoever writes next deletes it.
      const found = look(client, topic, after).catch(() => null);
      const answer = await Promise.race([found, late]);
      clearTimeout(timer);
      return answer;
    },
    drop(topic) {
      if (closed || TOLD_ONCE.has(topic)) return;
      main
        .client()
        ?.unlink(keyOf(topic))
        .catch(() => {});
    },
    up: () => main.client() !== null && line.client() !== null,
    async close() {
      closed = true;
      for (const { leaving } of topics.values()) if (leaving) clearTimeout(leaving);
      topics.clear();
      await Promise.all([local.close(), line.close()]);
    },
    ignored: () => ({ ...ignored }),
    reconnects: () => line.reconnects(),
    dropped: () => publisher.dropped(),
  };
}

/** Null for what a newer build may send, and we do not know. */
function read(content: Buffer): BusMessage | null {
  try {
    const message = JSON.parse(content.toString()) as BusMessage;
    if (message.type === 'frames') return Array.isArray(message.frames) ? message : null;
    return OTHERS.has(message.type) ? message : null;
  } catch {
    return null;
  }
}
