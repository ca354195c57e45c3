/** What every `Queue` and every `Bus` driver must do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Bus, BusMessage, Queue } from '../../../src/contract/ports.ts';

const soon = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** Sooner than those who wait would give up by themselves. */
const late = () => new Promise((resolve) => setTimeout(resolve, 8_000).unref());

export function queueConformance(name: string, open: () => Promise<Queue>): void {
  describe(`Queue: ${name}`, async () => {
    const queue = await open();
    const never = new AbortController().signal;

    it('wakes whoever waits', async () => {
      const waiting = queue.wait(10_000, never).then(() => 'woken');
      await soon(20);
      queue.wake();
      assert.equal(await Promise.race([waiting, late()]), 'woken');
    });

    it('keeps a ticket for who comes later', async () => {
      queue.wake();
      await soon(20);
      assert.equal(await Promise.race([queue.wait(10_000, never).then(() => 'woken'), late()]), 'woken');
    });

    it('resolves when the time is over', async () => {
      await queue.wait(30, never);
    });

    it('resolves when it is told to stop', async () => {
      const stop = new AbortController();
      const waiting = queue.wait(10_000, stop.signal).then(() => 'stopped');
      stop.abort();
      assert.equal(await Promise.race([waiting, late()]), 'stopped');
      await queue.wait(10_000, stop.signal);
    });

    it('says that it is up', () => assert.equal(queue.up(), true));

    it('closes, and lets go whoever waits', async () => {
      const waiting = queue.wait(10_000, never).then(() => 'let go');
      await queue.close();
      assert.equal(await Promise.race([waiting, late()]), 'let go');
      queue.wake();
    });
  });
}

export function busConformance(name: string, open: () => Promise<Bus>): void {
  describe(`Bus: ${name}`, async () => {
    const bus = await open();
    const frame = (seq: number): BusMessage => ({
      type: 'frames',
      frames: [{ seq, type: 'text', json: `{"seq":${seq}}` }],
    });

    it('gives every follower of a topic its messages, in order, and nobody else', async () => {
      const seen: number[][] = [[], [], []];
      const note = (index: number) => (message: BusMessage) => {
        if (message.type === 'frames') for (const { seq } of message.frames) seen[index]?.push(seq);
      };
      const stops = [bus.follow('a', note(0)), bus.follow('a', note(1)), bus.follow('b', note(2))];
      for (let seq = 1; seq <= 100; seq++) bus.publish('a', frame(seq));
      await soon(50);
      const all = Array.from({ length: 100 }, (_, index) => index + 1);
      assert.deepEqual(seen, [all, all, []]);
      for (const stop of stops) stop();
    });

    it('tells a follower that stopped nothing more, even in the middle of a message', async () => {
      let heard = 0;
      const stop = bus.follow('c', () => {
        heard++;
        stop();
      });
      bus.publish('c', { type: 'ended' });
      bus.publish('c', { type: 'ended' });
      await soon(20);
      assert.equal(heard, 1);
    });

    it('says that it is up', () => assert.equal(bus.up(), true));

    it('answers recent frames without a gap, or that it cannot tell', async () => {
      await soon(50);
      for (const after of [0, 40, 99]) {
        const frames = await bus.recent('a', after);
        if (frames === null) continue;
        assert.deepEqual(
          frames.map(({ seq }) => seq),
          Array.from({ length: 100 - after }, (_, index) => after + 1 + index),
        );
        assert.deepEqual(frames[0], { seq: after + 1, type: 'text', json: `{"seq":${after + 1}}` });
      }
      assert.equal(await bus.recent('a', 100), null);
      assert.equal(await bus.recent('unknown', 0), null);
    });

    it('closes', async () => {
      await bus.close();
      bus.publish('a', { type: 'ended' });
      assert.equal(await bus.recent('a', 0), null);
    });
  });
}
