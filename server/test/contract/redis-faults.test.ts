/** Redis and the network before it break: nobody hangs, nobody is told too late, and it comes back by itself. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BusMessage } from '../../src/contract/ports.ts';
import { openRedis, type RedisLink } from '../../src/drivers/redis-link.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { took, until } from '../support/patience.ts';
import { startRedis, startRedisCluster, startRedisSentinel } from '../support/services.ts';

const secret = randomBytes(32);
const never = new AbortController().signal;
const links: RedisLink[] = [];
const rejections: unknown[] = [];
process.on('unhandledRejection', (reason) => rejections.push(reason));
let made = 0;
after(async () => {
  await Promise.all(links.map((link) => link.close()));
  assert.deepEqual(rejections, []);
});

async function open(url: string): Promise<RedisLink> {
  const link = await openRedis({ url, secrets: [secret], instance: `i${++made}`, log: () => {} });
  links.push(link);
  return link;
}

const up = (link: RedisLink) => link.numbers().state === 'up';
const frames = (seq: number): BusMessage => ({ type: 'frames', frames: [{ seq, type: 'text', json: '{}' }] });

/** Counts what it hears of a topic, "look again" apart. */
function listen(link: RedisLink, topic: string) {
  const ear = { looks: 0, heard: [] as number[] };
  link.bus.follow(topic, (message) => {
    if (message.type === 'frames') for (const { seq } of message.frames) ear.heard.push(seq);
    else ear.looks++;
  });
  return ear;
}

/** A worker that always waits; counts how often it was woken before its time. */
function work(link: RedisLink) {
  const worker = { woken: 0, on: true };
  void (async () => {
    while (worker.on) {
      const began = performance.now();
      await link.queue.wait(1_000, never);
      if (performance.now() - began < 990) worker.woken++;
      await sleep(1);
    }
  })();
  return worker;
}

async function works(from: RedisLink, to: RedisLink, ear: ReturnType<typeof listen>, seq: number): Promise<void> {
  const worker = work(to);
  await sleep(50);
  // Up is sooner than followed again.
  const looks = ear.looks;
  await until(() => {
    from.bus.publish('r', { type: 'ended' });
    return ear.looks > looks;
  });
  from.queue.wake();
  from.bus.publish('r', frames(seq));
  await until(() => worker.woken > 0 && ear.heard.includes(seq));
  worker.on = false;
  // Whoever is slow to answer says that it cannot tell.
  await until(async () => (await to.bus.recent('r', seq - 1))?.at(-1)?.seq === seq);
}

describe('Redis breaks', { concurrency: true }, () => {
  it('is reset and refused: down at once, up again by itself, and followers look again', async () => {
    const server = await startRedis();
    const proxy = await startFaultProxy(server.port);
    const one = await open(server.url);
    const two = await open(`redis://127.0.0.1:${proxy.port}`);
    await until(() => up(one) && up(two));
    const ear = listen(two, 'r');
    await until(() => ear.looks === 1);
    await works(one, two, ear, 1);

    let { looks } = ear;
    proxy.reset();
    await until(() => !two.bus.up(), 1_000);
    await until(() => up(two) && ear.looks > looks);
    await works(one, two, ear, 2);

    await proxy.refuse(true);
    proxy.reset();
    await until(() => !up(two), 1_000);
    // Without Redis: local wakes, time, abort.
    assert.ok((await took(two.queue.wait(100, never))) < 1_000);
    const waiting = two.queue.wait(5_000, never);
    two.queue.wake();
    assert.ok((await took(waiting)) < 1_000);
    ({ looks } = ear);
    assert.equal(await two.bus.recent('r', 0), null);
    for (let seq = 10; seq < 10_000; seq++) two.bus.publish('r', frames(seq));
    assert.ok(two.numbers().messages_dropped >= 0);
    await proxy.refuse(false);
    await until(() => up(two) && ear.looks > looks, 30_000);
    await works(one, two, ear, 20_000);
    assert.ok(two.numbers().reconnects >= 4);
    await Promise.all([one.close(), two.close()]);
    await server.stop();
  });

  it('is half-open: found within 3 s, hangs nobody, comes back', async () => {
    const server = await startRedis();
    const proxy = await startFaultProxy(server.port);
    const one = await open(server.url);
    const two = await open(`redis://127.0.0.1:${proxy.port}`);
    await until(() => up(one) && up(two));
    const ear = listen(two, 'r');
    await until(() => ear.looks === 1);
    const worker = work(two);
    await sleep(100);
    proxy.freeze();
    const asked = two.bus.recent('r', 0);
    assert.ok((await took(asked)) < 1_000);
    assert.equal(await asked, null);
    for (let seq = 1; seq < 2_000; seq++) two.bus.publish('r', frames(seq));
    await until(() => !two.bus.up() && !two.queue.up(), 8_000);
    await sleep(1_000);
    proxy.thaw();
    await until(() => up(two), 30_000);
    worker.on = false;
    await sleep(1_000);
    ear.heard.length = 0;
    await works(one, two, ear, 20_000);
    // Closing does not wait for what does not answer.
    proxy.freeze();
    assert.ok((await took(two.close())) < 2_500);
    await one.close();
    await server.stop();
    await proxy.close();
  });

  it('is frozen, killed and started again', async () => {
    const server = await startRedis();
    const [one, two] = await Promise.all([open(server.url), open(server.url)]);
    await until(() => up(one) && up(two));
    const ear = listen(two, 'r');
    await until(() => ear.looks === 1);
    const { looks } = ear;
    await server.kill();
    await until(() => !up(one) && !up(two), 2_000);
    await sleep(300);
    await server.start();
    await until(() => up(one) && up(two) && ear.looks > looks, 30_000);
    await works(one, two, ear, 1);
    server.freeze();
    await until(() => !up(one) && !up(two), 8_000);
    server.thaw();
    await until(() => up(one) && up(two), 30_000);
    await works(one, two, ear, 2);
    await Promise.all([one.close(), two.close()]);
    await server.stop();
  });

  it('loses a node of its cluster', async () => {
    const cluster = await startRedisCluster();
    const [one, two] = await Promise.all([open(cluster.url), open(cluster.url)]);
    await until(() => up(one) && up(two));
    const ears = Array.from({ length: 12 }, (_, n) => listen(two, `topic${n}`));
    await until(() => ears.every(({ looks }) => looks > 0));
    const [node] = cluster.nodes;
    await node?.kill();
    const alive = () => {
      ears.forEach((ear, n) => {
        one.bus.publish(`topic${n}`, frames(ear.heard.length + 1));
      });
    };
    // Topics of the other two nodes go on.
    await until(() => {
      alive();
      return ears.filter(({ heard }) => heard.length > 0).length >= 4;
    }, 30_000);
    await node?.start();
    await until(() => {
      alive();
      return ears.every(({ heard }) => heard.length > 0) && up(one) && up(two);
    }, 40_000);
    await Promise.all([one.close(), two.close()]);
    await cluster.stop();
  });

  it('fails over to a replica by its sentinel', async () => {
    const set = await startRedisSentinel();
    const [one, two] = await Promise.all([open(set.url), open(set.url)]);
    await until(() => up(one) && up(two));
    const ear = listen(two, 'r');
    await until(() => ear.looks === 1);
    await works(one, two, ear, 1);
    const { looks } = ear;
    await set.nodes[0]?.kill();
    await until(() => !up(one) && !up(two), 2_000);
    await until(() => up(one) && up(two) && ear.looks > looks, 60_000);
    await works(one, two, ear, 2);
    await Promise.all([one.close(), two.close()]);
    await set.stop();
  });
});
