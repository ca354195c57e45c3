/** Links to Redis that are closed at the end, and who hears and is woken through them. */
import { randomBytes } from 'node:crypto';
import { after } from 'node:test';
import type { BusMessage } from '../../src/contract/ports.ts';
import type { StoredFrame } from '../../src/contract/record.ts';
import { openRedis, type RedisLink, type RedisLinkOptions } from '../../src/drivers/redis-link.ts';
import { until } from '../support/patience.ts';

const secret = randomBytes(32);
const never = new AbortController().signal;
const links: RedisLink[] = [];
let made = 0;
after(async () => {
  await Promise.all(links.map((link) => link.close()));
});

/** Up or not. */
export async function begin(url: string, more: Partial<RedisLinkOptions> = {}): Promise<RedisLink> {
  const link = await openRedis({ url, secrets: [secret], instance: `i${++made}`, log: () => {}, ...more });
  links.push(link);
  return link;
}

export async function open(url: string, more: Partial<RedisLinkOptions> = {}): Promise<RedisLink> {
  const link = await begin(url, more);
  await until(() => link.bus.up());
  return link;
}

export const frame = (seq: number): StoredFrame => ({ seq, type: 'text', json: `{"seq":${seq}}` });
export const frames = (...seqs: number[]): BusMessage => ({ type: 'frames', frames: seqs.map(frame) });

/** Follows, and keeps what it hears; `active` once the subscription is confirmed. */
export function listen(link: RedisLink, topic: string) {
  const heard: BusMessage[] = [];
  const stop = link.bus.follow(topic, (message) => heard.push(message));
  return { heard, stop, active: () => until(() => heard.some(({ type }) => type === 'ended')) };
}

/** Frames up to the last that is waited for: a link that is slow to answer says that it cannot tell. */
export async function recent(link: RedisLink, topic: string, after: number, last: number): Promise<StoredFrame[]> {
  let found: StoredFrame[] | null = null;
  await until(async () => {
    found = await link.bus.recent(topic, after);
    return found?.at(-1)?.seq === last;
  });
  return found ?? [];
}

export async function wokenWithin(link: RedisLink, ms: number): Promise<boolean> {
  const began = performance.now();
  await link.queue.wait(ms, never);
  return performance.now() - began < ms - 10;
}
