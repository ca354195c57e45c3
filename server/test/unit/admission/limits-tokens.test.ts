/** Limits of tokens, of what runs at once, and what callers are told of them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { count, tryEnter, world } from './limits-kit.ts';

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
