/** What every `Rates` driver must do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RateGrant, Rates } from '../../../src/contract/ports.ts';

/** Longer than any test stands still. */
const LONG_S = 60;
const SHORT_S = 5;

/** `open` makes the counts of another process of the same installation each time; `windowS` is for how long they count. */
export function ratesConformance(name: string, open: (windowS: number) => Promise<Rates>): void {
  let ids = 0;
  const newId = () => `key:${++ids}\nwith "any" text é`;
  /** Changes are told without an answer. */
  const settled = () => sleep(30);
  const look = async (rates: Rates, id: string, limit: number): Promise<RateGrant> =>
    await rates.take({ id, limit, need: 0, want: 0 });

  describe(`Rates: ${name}`, async () => {
    const rates = await open(LONG_S);

    it('gives what is wanted while there is enough, then what is left, then nothing', async () => {
      const id = newId();
      const first = await rates.take({ id, limit: 10, need: 1, want: 7 });
      assert.deepEqual([first.granted, first.left, first.retryMs], [7, 3, 0]);
      const second = await rates.take({ id, limit: 10, need: 1, want: 7 });
      assert.deepEqual([second.granted, second.left], [3, 0]);
      const third = await rates.take({ id, limit: 10, need: 1, want: 7 });
      assert.deepEqual([third.granted, third.left], [0, 0]);
      assert.ok(third.retryMs > 0 && third.retryMs <= LONG_S * 1000, `${third.retryMs}`);
      assert.ok(third.resetMs >= third.retryMs - 1000 && third.resetMs <= LONG_S * 1000, `${third.resetMs}`);
    });

    it('gives nothing rather than less than is needed', async () => {
      const id = newId();
      await rates.take({ id, limit: 10, need: 1, want: 8 });
      assert.equal((await rates.take({ id, limit: 10, need: 3, want: 3 })).granted, 0);
      assert.equal((await rates.take({ id, limit: 10, need: 2, want: 3 })).granted, 2);
    });

    it('keeps counters apart, and goes by the limit of each call', async () => {
      const [one, other] = [newId(), newId()];
      assert.equal((await rates.take({ id: one, limit: 1, need: 1, want: 1 })).granted, 1);
      assert.equal((await rates.take({ id: other, limit: 1, need: 1, want: 1 })).granted, 1);
      assert.equal((await rates.take({ id: one, limit: 1, need: 1, want: 1 })).granted, 0);
      assert.equal((await rates.take({ id: one, limit: 2, need: 1, want: 1 })).granted, 1);
    });

    it('looking takes nothing', async () => {
      const id = newId();
      await rates.take({ id, limit: 10, need: 4, want: 4 });
      for (let n = 0; n < 3; n++) assert.deepEqual((await look(rates, id, 10)).left, 6);
    });

    it('takes back what was not used, once it was taken and no more', async () => {
      const id = newId();
      const { at } = await rates.take({ id, limit: 10, need: 8, want: 8 });
      rates.giveBack(id, at, 5);
      await settled();
      assert.equal((await look(rates, id, 10)).left, 7);
      rates.giveBack(id, at, 500);
      await settled();
      assert.equal((await look(rates, id, 10)).left, 10);
      rates.giveBack(id, at, 1);
      rates.giveBack(newId(), at, 1);
      await settled();
      assert.equal((await look(rates, id, 10)).left, 10);
    });

    it('takes back the oldest where the second is not known', async () => {
      const id = newId();
      const first = await rates.take({ id, limit: 10, need: 4, want: 4 });
      await sleep(1050);
      await rates.take({ id, limit: 10, need: 4, want: 4 });
      rates.giveBack(id, 0, 5);
      await settled();
      assert.equal((await look(rates, id, 10)).left, 7);
      rates.giveBack(id, first.at, 4);
      await settled();
      assert.equal((await look(rates, id, 10)).left, 7, 'of the first nothing is left');
    });

    it('charges beyond the limit', async () => {
      const id = newId();
      await rates.take({ id, limit: 10, need: 8, want: 8 });
      rates.charge(id, 5);
      rates.charge(id, 0);
      await settled();
      assert.equal((await look(rates, id, 10)).left, -3);
      const refused = await rates.take({ id, limit: 10, need: 1, want: 1 });
      assert.equal(refused.granted, 0);
      assert.ok(refused.retryMs > 0);
    });

    it('what was taken runs out, not sooner than it says', async () => {
      const rates = await open(SHORT_S);
      const id = newId();
      await rates.take({ id, limit: 4, need: 2, want: 2 });
      await sleep(1100);
      const { at } = await rates.take({ id, limit: 4, need: 2, want: 2 });
      const began = performance.now();
      const one = await rates.take({ id, limit: 4, need: 1, want: 1 });
      const all = await rates.take({ id, limit: 4, need: 4, want: 4 });
      assert.ok(one.retryMs < all.retryMs, `${one.retryMs} < ${all.retryMs}`);
      const told = performance.now();
      // Any look may be late: it is no sooner than when it was answered, and no later than when it was asked.
      for (let left = 0; left < 4; await sleep(20)) {
        const asked = performance.now() - told - 10;
        ({ left } = await look(rates, id, 4));
        const answered = performance.now() - began + 10;
        assert.ok(left >= (asked >= all.retryMs ? 4 : asked >= one.retryMs ? 2 : 0), `${left} after ${asked} ms`);
        assert.ok(left <= (answered < one.retryMs ? 0 : answered < all.retryMs ? 2 : 4), `${left} at ${answered} ms`);
      }
      // Out of the window, nothing is there to be given back.
      rates.giveBack(id, at, 2);
      await settled();
      assert.equal((await look(rates, id, 4)).left, 4);
    });

    it('gives no more than the limit to many at once', async () => {
      const id = newId();
      const takes = Array.from({ length: 200 }, () => rates.take({ id, limit: 77, need: 1, want: 3 }));
      const sum = (await Promise.all(takes)).reduce((all, { granted }) => all + granted, 0);
      assert.equal(sum, 77);
    });

    it('holds seats by their number: more, fewer, those in use whatever the limit', async () => {
      const id = newId();
      const ask = { id, limit: 5 };
      assert.deepEqual(await rates.seats({ ...ask, used: 0, need: 1, want: 3 }), { seats: 3, left: 2 });
      assert.deepEqual(await rates.seats({ ...ask, used: 3, need: 4, want: 9 }), { seats: 5, left: 0 });
      assert.equal((await rates.seats({ ...ask, used: 5, need: 6, want: 6 })).seats, 5);
      assert.equal((await rates.seats({ ...ask, limit: 2, used: 5, need: 5, want: 5 })).seats, 5);
      assert.deepEqual(await rates.seats({ ...ask, used: 1, need: 1, want: 1 }), { seats: 1, left: 4 });
      assert.deepEqual(await rates.seats({ ...ask, used: 0, need: 0, want: 0 }), { seats: 0, left: 5 });
    });

    it('is up, and has lost nothing', () => {
      assert.equal(rates.up(), true);
      assert.equal(rates.losses(), 0);
    });
  });
}

/** What holds where the counts are of several processes. */
export function sharedRatesConformance(name: string, open: () => Promise<Rates>): void {
  describe(`Rates between processes: ${name}`, async () => {
    const [one, two] = [await open(), await open()];

    it('one count for all', async () => {
      const id = 'key:shared';
      const takes = [one, two].flatMap((rates) =>
        Array.from({ length: 60 }, () => rates.take({ id, limit: 50, need: 1, want: 1 })),
      );
      const granted = (await Promise.all(takes)).filter((grant) => grant.granted === 1).length;
      assert.equal(granted, 50);
    });

    it('seats of one are not free for the other', async () => {
      const id = 'key:seats';
      assert.equal((await one.seats({ id, limit: 3, used: 0, need: 1, want: 2 })).seats, 2);
      assert.deepEqual(await two.seats({ id, limit: 3, used: 0, need: 1, want: 9 }), { seats: 1, left: 0 });
      assert.deepEqual(await two.seats({ id, limit: 3, used: 1, need: 2, want: 2 }), { seats: 1, left: 0 });
      await one.seats({ id, limit: 3, used: 0, need: 0, want: 0 });
      assert.equal((await two.seats({ id, limit: 3, used: 1, need: 2, want: 3 })).seats, 3);
    });
  });
}
