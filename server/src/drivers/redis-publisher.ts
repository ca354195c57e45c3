/**
 * Sends messages to the other processes, and lays frames into the cache: what gathers in one turn of the event loop is
 * one command, so that ten thousand messages a second cost little. A script, because the message goes over once for
 * both, and because in a cluster the key sends all messages of a topic through one node, which keeps their order.
 */
import { createHash } from 'node:crypto';
import { mastersOf, turned } from './redis-client.ts';
import type { Client, Line } from './redis-line.ts';

/** Entries of one topic's cache, about; seconds that it stays after the last; larger messages are not laid into it. */
const CACHE_ENTRIES = 1_000;
const CACHE_S = 300;
const CACHE_BYTES = 256 * 1024;
/** Messages in one command, and bytes that may be on their way: more is dropped, followers find it in the database. */
const MOST_AT_ONCE = 256;
const MOST_BYTES = 32 * 1024 * 1024;

/** A key that holds another type, or a number that is not above the last, must not keep the message from its followers. */
const SCRIPT = `
for i = 1, #KEYS do
  local at = (i - 1) * 3
  local id = ARGV[at + 2]
  if id ~= '' then
    local r = redis.pcall('XADD', KEYS[i], 'MAXLEN', '~', ${CACHE_ENTRIES}, id, 'm', ARGV[at + 3])
    if type(r) == 'table' and r.err and string.find(r.err, 'WRONGTYPE', 1, true) then
      redis.call('DEL', KEYS[i])
      r = redis.pcall('XADD', KEYS[i], 'MAXLEN', '~', ${CACHE_ENTRIES}, id, 'm', ARGV[at + 3])
    end
    redis.call('EXPIRE', KEYS[i], ${CACHE_S})
  end
  redis.call('PUBLISH', ARGV[at + 1], ARGV[at + 3])
end
return #KEYS`;
const SHA = createHash('sha1').update(SCRIPT).digest('hex');

/** `id`: of the entry in the cache; empty when the message is only told. */
export interface Outgoing {
  key: string;
  channel: string;
  id: string;
  sealed: Buffer;
}

export interface Publisher {
  send(message: Outgoing): void;
  dropped(): number;
}

/** For `prepare` of the line: the script is there before anyone sends. */
export async function loadScript(client: Client): Promise<void> {
  await Promise.all(mastersOf(client).map((node) => node.script('LOAD', SCRIPT)));
}

export function createPublisher(main: Line, clustered: boolean): Publisher {
  let outgoing: Outgoing[] = [];
  let bytes = 0;
  let dropped = 0;
  let loading: Promise<void> | null = null;

  async function give(client: Client, batch: readonly Outgoing[], again: boolean): Promise<void> {
    const values: (string | Buffer)[] = [];
    for (const { channel, id, sealed } of batch) values.push(channel, sealed.length > CACHE_BYTES ? '' : id, sealed);
    try {
      await client.evalsha(SHA, batch.length, ...batch.map(({ key }) => key), ...values);
    } catch (error) {
      if (turned(error)) main.renew(error);
      if (again && /^NOSCRIPT/.test((error as Error).message)) {
        // A server that was started anew, or flushed. Frames behind these may have gone by: those would be out of order.
        loading ??= loadScript(client)
          .catch(() => {})
          .finally(() => {
            loading = null;
          });
        await loading;
        const rest = batch.filter(({ id }) => id === '');
        dropped += batch.length - rest.length;
        if (rest.length > 0) await give(client, rest, false);
      } else dropped += batch.length;
    }
  }

  function flush(): void {
    const all = outgoing;
    outgoing = [];
    const client = main.client();
    if (!client) {
      dropped += all.length;
      bytes -= sizeOf(all);
      return;
    }
    for (const batch of clustered ? byKey(all) : slices(all)) {
      const size = sizeOf(batch);
      void give(client, batch, true).finally(() => {
        bytes -= size;
      });
    }
  }

  return {
    send(message) {
      if (main.client() === null || bytes > MOST_BYTES) {
        dropped++;
        return;
      }
      bytes += message.sealed.length;
      if (outgoing.push(message) === 1) setImmediate(flush);
    },
    dropped: () => dropped,
  };
}

function sizeOf(batch: readonly Outgoing[]): number {
  return batch.reduce((sum, { sealed }) => sum + sealed.length, 0);
}

function slices(all: readonly Outgoing[]): Outgoing[][] {
  const made: Outgoing[][] = [];
  for (let at = 0; at < all.length; at += MOST_AT_ONCE) made.push(all.slice(at, at + MOST_AT_ONCE));
  return made;
}

/** In a cluster one command may only name keys of one slot. */
function byKey(all: readonly Outgoing[]): Outgoing[][] {
  const made = new Map<string, Outgoing[]>();
  for (const message of all) {
    const batch = made.get(message.key);
    if (batch) batch.push(message);
    else made.set(message.key, [message]);
  }
  return [...made.values()].flatMap(slices);
}
