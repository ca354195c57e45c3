/** Redis in its three forms against the suites of its ports, between processes, and with garbage in it. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CANCELS } from '../../src/contract/ports.ts';
import type { RedisLink } from '../../src/drivers/redis-link.ts';
import { until } from '../support/patience.ts';
import { startRedis, startRedisCluster, startRedisSentinel } from '../support/services.ts';
import { frame, frames, listen, open, recent, wokenWithin } from './redis-kit.ts';
import { busConformance, queueConformance } from './suites/wake.ts';

const [single, cluster, sentinel] = await Promise.all([startRedis(), startRedisCluster(), startRedisSentinel()]);
after(async () => {
  await Promise.all([single.stop(), cluster.stop(), sentinel.stop()]);
});

for (const [form, { url }] of Object.entries({ single, cluster, sentinel })) {
  queueConformance(`redis ${form}`, async () => (await open(url, { namespace: 'suite' })).queue);
  busConformance(`redis ${form}`, async () => (await open(url, { namespace: 'suite' })).bus);

  describe(`between processes: redis ${form}`, async () => {
    const one = await open(url, { namespace: 'two' });
    const two = await open(url, { namespace: 'two' });

    it('wakes another process, and keeps a ticket for who comes later', async () => {
      const waiting = wokenWithin(two, 10_000);
      await sleep(50);
      one.queue.wake();
      assert.equal(await waiting, true);
      assert.equal(await wokenWithin(two, 200), false);
      one.queue.wake();
      await sleep(50);
      // Its own ticket first: it was nobody else's.
      assert.equal(await wokenWithin(one, 5_000), true);
      assert.equal(await wokenWithin(two, 10_000), true);
      assert.equal(await wokenWithin(two, 100), false);
    });

    it('tells followers elsewhere, in order and once, and itself once', async () => {
      const here = listen(one, 'r1');
      const there = listen(two, 'r1');
      await Promise.all([here.active(), there.active()]);
      const before = [here.heard.length, there.heard.length];
      for (let seq = 1; seq <= 300; seq++) one.bus.publish('r1', frames(seq));
      one.bus.publish('r1', { type: 'ended' });
      await until(() => there.heard.length >= 301 + (before[1] ?? 0));
      await sleep(30);
      const expected = [...Array.from({ length: 300 }, (_, at) => frames(at + 1)), { type: 'ended' }];
      assert.deepEqual(here.heard.slice(before[0]), expected);
      assert.deepEqual(there.heard.slice(before[1]), expected);
      here.stop();
      there.stop();
    });

    it('gives recent frames to whoever asks, from anywhere, and null at a gap', async () => {
      for (const seqs of [[1, 2, 3], [4], [5, 6]]) one.bus.publish('r2', frames(...seqs));
      one.bus.publish('r3', frames(1));
      one.bus.publish('r3', frames(3));
      assert.deepEqual(await recent(two, 'r2', 0, 6), [1, 2, 3, 4, 5, 6].map(frame));
      assert.deepEqual(await recent(two, 'r2', 2, 6), [3, 4, 5, 6].map(frame));
      assert.equal(await two.bus.recent('r2', 6), null);
      assert.deepEqual(await recent(two, 'r3', 2, 3), [frame(3)]);
      assert.equal(await two.bus.recent('r3', 0), null);
    });

    it('carries cancels', async () => {
      const ear = listen(two, CANCELS);
      await ear.active();
      one.bus.publish(CANCELS, { type: 'cancel', id: 'x' });
      await until(() => ear.heard.some((message) => message.type === 'cancel' && message.id === 'x'));
      ear.stop();
    });
  });
}

/** Wakes nobody by what lies there: all of it is told apart and goes. */
async function dealsWith(link: RedisLink, number: number): Promise<void> {
  const sum = () => Object.values(link.numbers().tickets_ignored).reduce((all, n) => all + n);
  for (let n = 0; n < 20 && (n === 0 || sum() < number); n++) assert.equal(await wokenWithin(link, 400), false);
}

describe('one Redis', () => {
  it('wakes as many idle workers as a burst has wakes, and none of them in vain afterwards', async () => {
    const namespace = 'burst';
    const producer = await open(single.url, { namespace });
    const workers = await Promise.all(Array.from({ length: 4 }, () => open(single.url, { namespace })));
    // Who is not at the list yet gets nothing of a burst.
    const idle = (number: number) => until(() => single.cli('info', 'clients').includes(`blocked_clients:${number}`));
    const waits = workers.map((worker) => wokenWithin(worker, 10_000));
    await idle(4);
    for (let n = 0; n < 3; n++) producer.queue.wake();
    await idle(1);
    producer.queue.wake();
    assert.deepEqual(await Promise.all(waits), [true, true, true, true]);
    const again = workers.map((worker) => wokenWithin(worker, 10_000));
    await idle(4);
    for (let n = 0; n < 1_000; n++) producer.queue.wake();
    assert.deepEqual(await Promise.all(again), [true, true, true, true]);
    await until(() => single.cli('llen', 'goblin:burst:tickets') === '0');
    const vain = await Promise.all(workers.map((worker) => wokenWithin(worker, 300)));
    assert.deepEqual(vain, [false, false, false, false]);
    assert.equal(single.cli('llen', 'goblin:burst:tickets'), '0');
  });

  it('subscribes when a first follower comes, and ends it when the last has left', async () => {
    const link = await open(single.url, { namespace: 'sub' });
    const channels = () => single.cli('pubsub', 'channels', 'goblin:sub:*');
    const ears = [listen(link, 'a'), listen(link, 'a')];
    await until(() => channels() !== '');
    for (const ear of ears) ear.stop();
    const again = listen(link, 'a');
    await sleep(1_200);
    assert.equal(channels(), 'goblin:sub:0:a');
    again.stop();
    await until(() => channels() === '');
  });

  it('ignores and counts what it did not write, and is not disturbed by keys of another type', async () => {
    const namespace = 'garbage';
    const one = await open(single.url, { namespace });
    const two = await open(single.url, { namespace });
    const stranger = await open(single.url, { namespace, secrets: [randomBytes(32)] });
    const tickets = 'goblin:garbage:tickets';
    const ear = listen(two, 'r');
    await ear.active();
    const before = ear.heard.length;

    // Tickets: another key's, another version's, cut off, another type.
    stranger.queue.wake();
    single.cli('rpush', tickets, 'hello', '{"id":1}', 'G1', 'G1short', '');
    await dealsWith(two, 6);
    const { forged, foreign, malformed } = two.numbers().tickets_ignored;
    assert.deepEqual([forged, foreign, malformed], [1, 3, 2]);
    for (const make of [
      ['set', tickets, 'x'],
      ['hset', tickets, 'a', 'b'],
    ]) {
      single.cli('del', tickets);
      single.cli(...make);
      const waiting = wokenWithin(two, 10_000);
      // Whoever meets it there takes it away.
      await until(() => single.cli('exists', tickets) === '0');
      one.queue.wake();
      assert.equal(await waiting, true);
    }
    single.cli('set', tickets, 'x');
    one.queue.wake();
    await until(() => single.cli('type', tickets) === 'list');

    // Messages: strangers', another topic's, garbage.
    stranger.bus.publish('r', frames(1));
    single.cli('publish', 'goblin:garbage:0:r', 'hello');
    single.cli('publish', 'goblin:garbage:0:r', 'G1');
    await until(() => Object.values(two.numbers().messages_ignored).reduce((sum, n) => sum + n) === 3);
    assert.equal(ear.heard.length, before);
    assert.deepEqual(two.numbers().messages_ignored, { foreign: 1, malformed: 1, forged: 1, old: 0 });

    // The cache: a stranger's frames, another topic's frames, another type.
    assert.equal(await two.bus.recent('r', 0), null);
    one.bus.publish('other', frames(1));
    await until(() => single.cli('exists', 'goblin:garbage:frames:other') === '1');
    const moved = single.cli('copy', 'goblin:garbage:frames:other', 'goblin:garbage:frames:moved');
    assert.equal(moved, '1');
    assert.equal(await two.bus.recent('moved', 0), null);
    single.cli('set', 'goblin:garbage:frames:typed', 'x');
    assert.equal(await two.bus.recent('typed', 0), null);
    one.bus.publish('typed', frames(1));
    assert.deepEqual(await recent(two, 'typed', 0, 1), [frame(1)]);
    // Repeated numbers are told, and lie there once.
    one.bus.publish('typed', frames(1));
    one.bus.publish('typed', frames(2));
    assert.deepEqual(await recent(two, 'typed', 0, 2), [frame(1), frame(2)]);
    ear.stop();
  });

  it('does not take tickets that are older than a minute, and lets nothing lie for ever', async () => {
    const namespace = 'old';
    const one = await open(single.url, { namespace });
    const two = await open(single.url, { namespace });
    const real = Date.now;
    Date.now = () => real() - 61_000;
    one.queue.wake();
    await sleep(50);
    Date.now = real;
    await dealsWith(two, 1);
    assert.equal(two.numbers().tickets_ignored.old, 1);
    one.queue.wake();
    one.bus.publish('r', frames(1));
    const ear = listen(two, 'through');
    await ear.active();
    /** All that was sent so far has come to Redis: it goes one way. */
    const through = async () => {
      const before = ear.heard.length;
      one.bus.publish('through', { type: 'ended' });
      await until(() => ear.heard.length > before);
    };
    await through();
    const ttl = (key: string) => Number(single.cli('ttl', `goblin:old:${key}`));
    assert.ok(ttl('tickets') > 50 && ttl('tickets') <= 60);
    assert.ok(ttl('frames:r') > 290 && ttl('frames:r') <= 300);
    for (let n = 0; n < 600; n++) {
      one.queue.wake();
      await new Promise(setImmediate);
    }
    await through();
    await until(() => Number(single.cli('llen', 'goblin:old:tickets')) <= 256);
    // Bounded, and large ones stay out.
    for (let seq = 2; seq <= 3_000; seq++) one.bus.publish('r', frames(seq));
    one.bus.publish('large', { type: 'frames', frames: [{ seq: 1, type: 'text', json: 'x'.repeat(300_000) }] });
    await through();
    const entries = Number(single.cli('xlen', 'goblin:old:frames:r'));
    assert.ok(entries >= 1_000 && entries < 1_300, `${entries}`);
    assert.equal(single.cli('exists', 'goblin:old:frames:large'), '0');
    assert.equal(await two.bus.recent('r', 0), null);
  });

  it('goes on after FLUSHALL and SCRIPT FLUSH', async () => {
    const one = await open(single.url, { namespace: 'flush' });
    const two = await open(single.url, { namespace: 'flush' });
    const ear = listen(two, 'r');
    await ear.active();
    single.cli('flushall');
    single.cli('script', 'flush');
    const before = ear.heard.length;
    one.bus.publish('r', { type: 'ended' });
    await until(() => ear.heard.length > before);
    one.bus.publish('r', frames(1));
    await until(() => ear.heard.length > before + 1);
    ear.stop();
  });
});
