/** Limits over several processes: never more than the limit in any minute, and how much less. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
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
    const began = performance.now();
    assert.equal(await burst(all, 10, 10), 10);
    assert.ok(performance.now() - began < 1400, `${performance.now() - began} ms`);
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

describe('tokens a minute', () => {
  const tokens = count(1000, 'tokens');

  it('are set aside, and corrected at the end', async () => {
    const all = world(1);
    const first = await tryEnter(all.limiters[0], [tokens], 900);
    const { refused } = await tryEnter(all.limiters[0], [tokens], 200);
    assert.match(refused?.detail ?? '', /1,000 tokens a minute; 100 are left, and this request may need 200/);
    first.ticket?.end(300);
    first.ticket?.end(0);
    const second = await tryEnter(all.limiters[0], [tokens], 700);
    assert.ok(second.ticket);
    assert.ok((await tryEnter(all.limiters[0], [tokens], 1)).refused);
    // More than was asked for: the next ones wait for it.
    second.ticket.end(1500);
    await all.beat();
    assert.ok((await tryEnter(all.limiters[0], [tokens], 1)).refused);
    all.advance(62_000);
    assert.ok((await tryEnter(all.limiters[0], [tokens], 1000)).ticket);
  });

  it('never more in any minute than the limit, whatever is given back and when', async () => {
    const step = fc.record({
      process: fc.nat(1),
      pauseMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 900 }), fc.integer({ min: 900, max: 40_000 })),
      tokens: fc.integer({ min: 1, max: 400 }),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      ends: fc.integer({ min: 0, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        const all = world(2);
        const used: { at: number; tokens: number }[] = [];
        const open: { end(): void }[] = [];
        for (const { process, pauseMs, tokens: wanted, part, ends } of steps) {
          all.advance(pauseMs);
          await all.beat();
          const { ticket } = await tryEnter(all.limiters[process], [tokens], wanted);
          if (ticket) {
            const entry = { at: all.now(), tokens: wanted };
            used.push(entry);
            open.push({
              end() {
                entry.tokens = Math.floor(wanted * part);
                ticket.end(entry.tokens);
              },
            });
          }
          for (const one of open.splice(0, ends)) one.end();
          await all.beat();
          for (const { at: from } of used) {
            const within = used.filter(({ at }) => at >= from && at < from + 60_000);
            const sum = within.reduce((total, one) => total + one.tokens, 0);
            assert.ok(sum <= 1000, `${sum} within a minute`);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('given back late they are counted anew when somebody uses them', async () => {
    const all = world(1);
    const first = await tryEnter(all.limiters[0], [tokens], 1000);
    all.advance(30_000);
    first.ticket?.end(0);
    await all.beat();
    assert.ok((await tryEnter(all.limiters[0], [tokens], 1000)).ticket);
    all.advance(33_000);
    assert.ok((await tryEnter(all.limiters[0], [tokens], 1000)).refused);
    all.advance(29_000);
    assert.ok((await tryEnter(all.limiters[0], [tokens], 1000)).ticket);
  });

  it('of a request that came to nothing all go back', async () => {
    const all = world(2);
    (await tryEnter(all.limiters[0], [tokens], 1000)).ticket?.end(null);
    all.advance(1100);
    await all.beat();
    assert.ok((await tryEnter(all.limiters[1], [tokens], 1000)).ticket);
  });

  it('a request that needs more than the limit waits for all of it', async () => {
    const all = world(2);
    assert.ok((await tryEnter(all.limiters[0], [tokens], 5000)).ticket);
    assert.ok((await tryEnter(all.limiters[1], [tokens], 1)).refused);
    all.up = false;
    all.advance(70_000);
    assert.ok((await tryEnter(all.limiters[0], [tokens], 5000)).ticket);
  });

  it('a small request passes where a large one does not', async () => {
    const all = world(1);
    await tryEnter(all.limiters[0], [tokens], 900);
    const [large, small] = await Promise.all([
      tryEnter(all.limiters[0], [tokens], 500),
      tryEnter(all.limiters[0], [tokens], 50),
    ]);
    assert.ok(large.refused);
    assert.ok(small.ticket);
  });

  it('of another process: more is charged, less goes back while it counts', async () => {
    const all = world(2);
    await tryEnter(all.limiters[0], [tokens], 900);
    all.limiters[1]?.correct([tokens], 900, 400, 5000);
    await all.beat();
    all.advance(1100);
    await all.beat();
    assert.ok((await tryEnter(all.limiters[1], [tokens], 600)).ticket);
    all.limiters[1]?.correct([tokens], 100, 300, 5000);
    all.limiters[1]?.correct([tokens], 900, 0, 61_000);
    await all.beat();
    assert.ok((await tryEnter(all.limiters[0], [tokens], 1)).refused);
  });
});

describe('how many at once', () => {
  const two = count(2, 'concurrent');

  it('a seat is free when its request has ended, at any process', async () => {
    const all = world(3);
    const first = await tryEnter(all.limiters[0], [two]);
    const second = await tryEnter(all.limiters[1], [two]);
    assert.ok(first.ticket && second.ticket);
    const { refused } = await tryEnter(all.limiters[2], [two]);
    assert.match(refused?.detail ?? '', /2 requests running at once/);
    assert.equal(refused?.retryAfterMs, 1000);
    first.ticket.end(0);
    first.ticket.end(0);
    await all.beat();
    all.advance(200);
    assert.ok((await tryEnter(all.limiters[2], [two])).ticket);
    assert.ok((await tryEnter(all.limiters[0], [two])).refused);
  });

  it('one after another at once, until there is none', async () => {
    const all = world(3);
    for (let n = 0; n < 7; n++)
      assert.ok((await tryEnter(all.limiters[n % 3], [count(7, 'concurrent')])).ticket, `${n}`);
    for (let n = 0; n < 3; n++) assert.ok((await tryEnter(all.limiters[n], [count(7, 'concurrent')])).refused);
  });

  it('never more than the limit, however they come and go', async () => {
    const step = fc.record({
      process: fc.nat(2),
      ends: fc.boolean(),
      beats: fc.boolean(),
      n: fc.integer({ min: 1, max: 9 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), fc.array(step, { maxLength: 60 }), async (limit, steps) => {
        const all = world(3);
        const running: { end(tokens: number | null): void }[] = [];
        for (const { process, ends, beats, n } of steps) {
          all.advance(150);
          if (beats) await all.beat();
          if (ends) for (const ticket of running.splice(0, n)) ticket.end(0);
          else {
            const tries = Array.from({ length: n }, () =>
              tryEnter(all.limiters[process], [count(limit, 'concurrent')]),
            );
            for (const { ticket } of await Promise.all(tries)) if (ticket) running.push(ticket);
          }
          assert.ok(running.length <= limit, `${running.length} of ${limit}`);
        }
        for (const ticket of running.splice(0)) ticket.end(0);
        all.advance(5000);
        for (let n = 0; n < 3; n++) await all.beat();
        // No seat was lost.
        all.advance(200);
        const last = await Promise.all(
          Array.from({ length: limit }, () => tryEnter(all.limiters[0], [count(limit, 'concurrent')])),
        );
        assert.ok(last.every(({ ticket }) => ticket));
      }),
      { numRuns: 60 },
    );
  });

  it('without the others each process has its share', async () => {
    const all = world(2);
    all.up = false;
    const got = await Promise.all(
      all.limiters.flatMap((limiter) => [1, 2, 3].map(() => tryEnter(limiter, [count(3, 'concurrent')]))),
    );
    assert.equal(got.filter(({ ticket }) => ticket).length, 3);
  });
});

describe('what the caller is told', () => {
  it('the limits, what is left of them and when they are whole again', async () => {
    const all = world(1);
    const counts = [count(10), count(1000, 'tokens'), count(4, 'concurrent')];
    const { ticket } = await tryEnter(all.limiters[0], counts, 100);
    assert.deepEqual(ticket?.headers(), {
      'ratelimit-policy':
        '"key-requests";q=10;w=60, "key-tokens";q=1000;w=60;qu="tokens", "key-concurrent";q=4;qu="concurrent-requests"',
      ratelimit: '"key-requests";r=9;t=62, "key-tokens";r=900;t=62, "key-concurrent";r=3',
      'x-ratelimit-limit-requests': '10',
      'x-ratelimit-remaining-requests': '9',
      'x-ratelimit-reset-requests': '1m2s',
      'x-ratelimit-limit-tokens': '1000',
      'x-ratelimit-remaining-tokens': '900',
      'x-ratelimit-reset-tokens': '1m2s',
    });
  });

  it('also with a refusal', async () => {
    const all = world(1);
    await tryEnter(all.limiters[0], [count(1)]);
    const { refused } = await tryEnter(all.limiters[0], [count(1)]);
    assert.equal(refused?.headers?.['x-ratelimit-remaining-requests'], '0');
    assert.match(refused?.detail ?? '', /^This key may send 1 request a minute; try again in \d+ s\.$/);
  });
});
