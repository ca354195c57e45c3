/** Limits over several processes: never more than the limit in any minute, and how much less. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { took } from '../../support/patience.ts';
import { count, tryEnter, type World, world } from './limits-kit.ts';

/** So many requests at each process, all at once; answers how many were let in. */
async function burst(all: World, each: number, limit: number): Promise<number> {
  const tries = all.limiters.flatMap((limiter) =>
    Array.from({ length: each }, () => tryEnter(limiter, [count(limit)])),
  );
  return (await Promise.all(tries)).filter(({ ticket }) => ticket).length;
}

describe('requests a minute', () => {
  it('of a burst at three processes just as many as the limit, where it is small', async () => {
    for (const limit of [1, 2, 10, 23]) assert.equal(await burst(world(3), 50, limit), limit);
  });

  it('of a large limit at most what lies in leases is left, for a second', async () => {
    const limit = 1000;
    const all = world(3);
    // Each has used some: they take ahead.
    for (let n = 0; n < 5; n++) {
      for (const limiter of all.limiters) for (let m = 0; m < 8; m++) await tryEnter(limiter, [count(limit)]);
      all.advance(900);
      await all.beat();
    }
    const before = 5 * 3 * 8;
    const got = await burst(all, 500, limit);
    assert.ok(before + got <= limit, `${before + got}`);
    assert.ok(before + got >= limit - limit / 8, `${before + got}`);
    all.advance(1100);
    await all.beat();
    // What nobody used went back.
    assert.equal(before + got + (await burst(all, 500, limit)), limit);
  });

  it('once it runs, nobody waits for the others', async () => {
    const all = world(2);
    let waited = 0;
    for (let second = 0; second < 20; second++) {
      for (let n = 0; n < 50; n++) {
        const ticket = all.limiters[n % 2]?.enter([count(100_000)], 0);
        if (ticket instanceof Promise) {
          waited++;
          await ticket;
        }
        if (n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
        all.advance(20);
      }
      await all.beat();
    }
    assert.ok(waited <= 20, `${waited} of 1,000 waited`);
    assert.ok(all.asked < 200, `asked ${all.asked} times for 1,000`);
  });

  const step = (what: string[]) =>
    fc.record({
      process: fc.nat(2),
      pauseMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 900 }), fc.integer({ min: 900, max: 40_000 })),
      burst: fc.integer({ min: 1, max: 12 }),
      what: fc.constantFrom(...what),
    });
  const limits = fc.integer({ min: 1, max: 60 });

  /** Plays it at three processes; answers the most that were let in within a minute. */
  async function most(
    limit: number,
    steps: readonly { process: number; pauseMs: number; burst: number; what: string }[],
  ) {
    const all = world(3);
    const times: number[] = [];
    for (const { process, pauseMs, burst, what } of steps) {
      all.advance(pauseMs);
      if (what === 'down') all.up = false;
      if (what === 'up') all.up = true;
      if (what === 'anew') {
        // A server that is started anew: it is gone, then there again, and knows nothing.
        all.up = false;
        await all.beat();
        all.forget();
        all.up = true;
      }
      if (what !== '') await all.beat();
      const tries = Array.from({ length: burst }, () => tryEnter(all.limiters[process], [count(limit)]));
      for (const { ticket } of await Promise.all(tries)) if (ticket) times.push(all.now());
    }
    const within = (from: number, first: number) =>
      times.filter((time, index) => index >= first && time < from + 60_000).length;
    return Math.max(0, ...times.map(within));
  }

  it('never more than the limit in any minute, however it comes', async () => {
    const steps = fc.array(step(['', '', '', 'beat']), { minLength: 5, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(limits, steps, async (limit, played) => assert.ok((await most(limit, played)) <= limit)),
      { numRuns: 100 },
    );
  });

  it('nor when the common count is started anew', async () => {
    const steps = fc.array(step(['', '', '', 'beat', 'anew']), { minLength: 5, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(limits, steps, async (limit, played) => assert.ok((await most(limit, played)) <= limit)),
      { numRuns: 100 },
    );
  });

  it('in a minute in which it comes or goes, at most the limit of all and the shares together', async () => {
    const steps = fc.array(step(['', '', '', 'beat', 'down', 'up', 'anew']), { minLength: 5, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(limits, steps, async (limit, played) => assert.ok((await most(limit, played)) <= 2 * limit)),
      { numRuns: 100 },
    );
  });

  it('who waits as long as it says is let in', async () => {
    const all = world(2);
    for (let n = 0; n < 5; n++) {
      assert.ok((await tryEnter(all.limiters[n % 2], [count(5)])).ticket);
      all.advance(3000);
    }
    for (let n = 0; n < 8; n++) {
      const { refused } = await tryEnter(all.limiters[n % 2], [count(5)]);
      assert.ok(refused?.retryAfterMs && refused.retryAfterMs <= 62_000, `${refused?.retryAfterMs}`);
      all.advance(refused.retryAfterMs - 1000);
      assert.ok((await tryEnter(all.limiters[n % 2], [count(5)])).refused, 'not sooner');
      all.advance(1001);
      assert.ok((await tryEnter(all.limiters[n % 2], [count(5)])).ticket, `after ${refused.retryAfterMs} ms`);
    }
  });

  it('says so also right after the last one was given', async () => {
    for (const limit of [1, 3, 10]) {
      const all = world(2);
      for (let n = 0; n < limit; n++) assert.ok((await tryEnter(all.limiters[n % 2], [count(limit)])).ticket);
      for (const limiter of all.limiters) {
        const { refused } = await tryEnter(limiter, [count(limit)]);
        assert.ok((refused?.retryAfterMs ?? 0) > 50_000, `${limit}: ${refused?.retryAfterMs} ms`);
      }
    }
  });

  it('takes of all counts or of none', async () => {
    const all = world(1);
    const both = [count(10, 'requests', 'wide'), count(1, 'requests', 'narrow')];
    assert.ok((await tryEnter(all.limiters[0], both)).ticket);
    for (let n = 0; n < 20; n++) assert.ok((await tryEnter(all.limiters[0], both)).refused);
    let got = 0;
    for (let n = 0; n < 20; n++) if ((await tryEnter(all.limiters[0], [both[0] as never])).ticket) got++;
    assert.equal(got, 9);
  });
});

describe('without the others', () => {
  it('each process has its share, and all together the limit', async () => {
    for (const limit of [1, 2, 5, 100]) {
      const all = world(3);
      all.up = false;
      assert.equal(await burst(all, 150, limit), limit);
    }
  });

  it('what was used before counts against the share', async () => {
    const all = world(2);
    for (let n = 0; n < 8; n++) assert.ok((await tryEnter(all.limiters[0], [count(10)])).ticket);
    all.up = false;
    assert.ok((await tryEnter(all.limiters[0], [count(10)])).refused);
  });

  it('what was used meanwhile is said when they are back', async () => {
    const all = world(2);
    all.up = false;
    assert.equal(await burst(all, 3, 10), 6);
    all.up = true;
    await all.beat();
    assert.equal(await burst(all, 20, 10), 4);
  });

  it('a count that has forgotten everything is told again', async () => {
    const all = world(2);
    assert.equal(await burst(all, 3, 10), 6);
    all.forget();
    await all.beat();
    assert.equal(await burst(all, 20, 10), 4);
  });

  it('a count that answers too late is as good as none', async () => {
    const all = world(2, { lagMs: 1500 });
    const got = burst(all, 10, 10);
    const ms = await took(got);
    assert.equal(await got, 10);
    assert.ok(ms < 1400, `${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 600));
  });

  it('alone it asks nobody, and waits for nothing', async () => {
    const all = world(1, { alone: true });
    for (let n = 0; n < 5; n++) assert.ok(!((await all.limiters[0]?.enter([count(5)], 0)) instanceof Promise));
    assert.ok((await tryEnter(all.limiters[0], [count(5)])).refused);
    assert.equal(all.asked, 0);
    all.advance(62_000);
    assert.ok((await tryEnter(all.limiters[0], [count(5)])).ticket);
  });
});
