/** In an outage there are hardly more calls than without, and what can be saved is saved. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ErrorCode } from '../../../src/contract/errors.ts';
import { bookOf, RULES, START } from './health-kit.ts';
import { dice, type FakeVendor, makeWorld, type Tally, type World } from './outage-kit.ts';

const { ratio, reserve } = RULES.retryBudget;
const { consecutive } = RULES.breaker;
const SECOND = 1000;
const MINUTE = 60_000;

const well = (more: Partial<FakeVendor> = {}): FakeVendor => ({
  fails: () => null,
  answerMs: 1200,
  firstTokenMs: 200,
  failMs: 50,
  ...more,
});
const down = (from: number, until: number, more: Partial<FakeVendor> = {}): FakeVendor =>
  well({ fails: (at) => (at >= from && at < until ? 'upstream_unavailable' : null), ...more });

function load(world: World, perSecond: number, from: number, until: number, random: () => number): void {
  for (let at = from; at < until; at += (SECOND / perSecond) * (0.5 + random())) world.request(at);
}

/** What the budgets of all targets let through in this time. */
const allowed = (requests: number, targets: number, ms: number): number =>
  ratio * requests + targets * (reserve + (reserve * ms) / MINUTE);

const say = (tally: Tally): string => JSON.stringify(tally);

test('everything is down: a tenth more calls than requests, whatever the load', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom(0.2, 1, 5, 20, 60),
      fc.integer({ min: 5, max: 3000 }),
      fc.nat(),
      (targets, perSecond, failMs, seed) => {
        const random = dice(seed);
        const vendors = Object.fromEntries(
          Array.from({ length: targets }, (_, i) => [`v${i}`, down(0, Infinity, { failMs })]),
        );
        const world = makeWorld(vendors, bookOf({ random }), random);
        load(world, perSecond, 0, MINUTE, random);
        world.run();
        const { tally } = world;
        assert.equal(tally.succeeded, 0);
        assert.equal(tally.failed, tally.requests);
        assert.equal(tally.running, 0);
        assert.ok(tally.repeats <= allowed(tally.requests, targets, MINUTE + 15 * SECOND), say(tally));
        assert.equal(tally.calls - tally.requests, tally.repeats + tally.probes - firstProbes(tally), say(tally));
        // A probe for each target each time it may have been half open: 5, 10, 20, 40 s.
        assert.ok(tally.probes <= targets * 8, say(tally));
        assert.ok(tally.slowestMs <= 4 * failMs + 10 * SECOND + 2 * SECOND, say(tally));
      },
    ),
    { numRuns: 60 },
  );
});

/** Probes that were first attempts are none that came in addition. */
const firstProbes = (tally: Tally): number => tally.probes - (tally.calls - tally.requests - tally.repeats);

test('a hundred requests a second for two minutes, everything down: less than 1.1 times, and probes', () => {
  const random = dice(7);
  const vendors = { a: down(0, Infinity), b: down(0, Infinity), c: down(0, Infinity) };
  const world = makeWorld(vendors, bookOf({ random }), random);
  load(world, 100, 0, 2 * MINUTE, random);
  world.run();
  const { tally } = world;
  assert.ok(tally.calls <= 1.1 * tally.requests, say(tally));
  // Once the breakers are open nothing is repeated at all.
  assert.ok(tally.calls <= 1.01 * tally.requests, say(tally));
});

test('all were well until then: at most those that were on their way come in addition', () => {
  for (const perSecond of [2, 20, 100]) {
    const random = dice(perSecond);
    const vendors = { a: down(MINUTE, Infinity, { failMs: 800 }), b: down(MINUTE, Infinity, { failMs: 800 }) };
    const world = makeWorld(vendors, bookOf({ random }), random);
    load(world, perSecond, 0, 2 * MINUTE, random);
    world.run(MINUTE);
    const before = { ...world.tally };
    world.run();
    const { tally } = world;
    const requests = tally.requests - before.requests;
    assert.ok(tally.repeats - before.repeats <= allowed(requests, 2, MINUTE) + 0.8 * perSecond + 5, say(tally));
    assert.ok(tally.calls - before.calls <= 1.1 * requests + 2 * reserve + tally.probes, say(tally));
  }
});

test('the first of three is down for a minute: every request is answered by the next, and the first comes back', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0.34, 1, 5, 30),
      fc.integer({ min: 10, max: 2000 }),
      fc.nat(),
      (perSecond, failMs, seed) => {
        const random = dice(seed);
        const vendors = { a: down(0, MINUTE, { failMs }), b: well(), c: well() };
        const world = makeWorld(vendors, bookOf({ random }), random);
        load(world, perSecond, 0, 4 * MINUTE, random);
        world.run();
        const { tally } = world;
        assert.equal(tally.failed, 0, say(tally));
        assert.equal(tally.succeeded, tally.requests);
        // Those that opened the breaker, those that were on their way meanwhile, and probes.
        const onTheirWay = 1 + 2 * perSecond * (failMs / SECOND);
        assert.ok(tally.repeats <= consecutive + onTheirWay + tally.probes, say(tally));
        assert.ok(tally.probes <= 6, say(tally));
        assert.equal(world.book.rows(START + 4 * MINUTE).find(({ provider }) => provider === 'a')?.state, 'closed');
      },
    ),
    { numRuns: 40 },
  );
});

test('twenty requests in the minute in which the first is down, or all twenty at once: all are answered', () => {
  for (const gap of [3000, 100, 0]) {
    const random = dice(gap);
    const world = makeWorld({ a: down(0, MINUTE, { failMs: 30 }), b: well() }, bookOf({ random }), random);
    for (let i = 0; i < 20; i++) world.request(i * gap);
    world.run();
    assert.deepEqual([world.tally.succeeded, world.tally.failed], [20, 0], say(world.tally));
    assert.ok(world.tally.calls <= 20 + 20 + 5, say(world.tally));
  }
});

test('three hundred break at once and the next target was idle: it is asked by few, then by all', () => {
  const random = dice(1);
  const world = makeWorld(
    { a: down(0, MINUTE, { failMs: 30 }), b: well({ firstTokenMs: 300, answerMs: 20_000 }) },
    bookOf({ random }),
    random,
  );
  for (let i = 0; i < 300; i++) world.request(0);
  world.run(200);
  assert.equal(world.tally.byVendor.b, reserve);
  world.run(3000);
  assert.equal(world.tally.byVendor.b, 300);
  world.run();
  assert.deepEqual([world.tally.succeeded, world.tally.failed], [300, 0]);

  const dead = makeWorld(
    { a: down(0, MINUTE, { failMs: 30 }), b: down(0, MINUTE, { failMs: 300 }) },
    bookOf({ random }),
    random,
  );
  for (let i = 0; i < 300; i++) dead.request(0);
  dead.run();
  assert.equal(dead.tally.failed, 300);
  assert.ok(dead.tally.calls <= 300 + 2 * reserve + dead.tally.probes, say(dead.tally));
});

test('a single target that fails now and then: a tenth is repeated, no more', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.02, max: 0.45, noNaN: true }),
      fc.constantFrom(1, 10, 50),
      fc.nat(),
      (share, perSecond, seed) => {
        const random = dice(seed);
        const code: ErrorCode = 'upstream_overloaded';
        const world = makeWorld(
          { a: well({ fails: () => (random() < share ? code : null) }) },
          bookOf({ random }),
          random,
        );
        load(world, perSecond, 0, 2 * MINUTE, random);
        world.run();
        assert.ok(world.tally.repeats <= allowed(world.tally.requests, 1, 2 * MINUTE + 15 * SECOND), say(world.tally));
      },
    ),
    { numRuns: 40 },
  );
});

test('the first fails now and then, the second is well: nothing fails', () => {
  for (const share of [0.05, 0.15, 0.3, 0.6]) {
    const random = dice(share * 100);
    const code: ErrorCode = 'upstream_truncated';
    const world = makeWorld(
      { a: well({ fails: () => (random() < share ? code : null) }), b: well() },
      bookOf({ random }),
      random,
    );
    load(world, 20, 0, 2 * MINUTE, random);
    world.run();
    assert.equal(world.tally.failed, 0, say(world.tally));
    // From a fifth on it goes behind the other, so that it costs no more than that.
    assert.ok(world.tally.repeats <= 0.2 * world.tally.requests, say(world.tally));
  }
});

test('a storm of 429: the vendor is left alone until it said, and whoever can wait is answered', () => {
  const random = dice(3);
  const vendor = well({
    fails: (at) => (at < 10_000 ? 'upstream_rate_limited' : null),
    failMs: 20,
    retryAfterMs: 10_000,
    answerMs: 300,
    firstTokenMs: 50,
  });
  const world = makeWorld({ a: vendor }, bookOf({ random }), random);
  load(world, 20, 0, MINUTE, random);
  world.run(9000);
  assert.ok((world.tally.byVendor.a ?? 0) <= 5, say(world.tally));
  world.run();
  assert.equal(world.tally.failed, 0, say(world.tally));
});
