/** What processes tell each other of a breaker: the newest state wins, in whatever order it is heard. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BreakerRecord } from '../../../src/routing/breaker.ts';
import { isNewer, newest } from '../../../src/routing/newest.ts';
import { FEW, fail, make } from './breaker-kit.ts';
import { START } from './health-kit.ts';

const record: fc.Arbitrary<BreakerRecord> = fc.record(
  {
    state: fc.constantFrom('closed', 'open', 'half_open'),
    at: fc.nat(3),
    version: fc.nat(3),
    until: fc.nat(3),
    streak: fc.nat(2),
    cause: fc.constantFrom('consecutive', 'rate', 'probe', null),
    failures: fc.nat(1),
    calls: fc.nat(1),
  },
  { noNullPrototype: true },
);

test('the newest wins: whoever merges, in whatever order, however often', () => {
  fc.assert(
    fc.property(record, record, record, (a, b, c) => {
      assert.deepEqual(newest(a, b), newest(b, a));
      assert.deepEqual(newest(a, newest(b, c)), newest(newest(a, b), c));
      assert.deepEqual(newest(a, a), a);
      const merged = newest(a, b);
      assert.equal(isNewer(merged, a) || isNewer(merged, b), false, 'never older than either');
      if (a.at !== b.at) assert.equal(merged.at, Math.max(a.at, b.at));
    }),
    { numRuns: 2000 },
  );
});

type Happening = { who: number; what: 'fault' | 'good' | 'probe' | 'tell' | 'force'; gap: number; to: number };
const happening: fc.Arbitrary<Happening> = fc.record({
  who: fc.nat(2),
  what: fc.constantFrom('fault', 'fault', 'fault', 'good', 'probe', 'tell', 'force'),
  gap: fc.nat(3000),
  to: fc.nat(2),
});

test('processes that tell each other everything agree; nobody ever goes back to an older state', () => {
  fc.assert(
    fc.property(
      fc.array(happening, { maxLength: 80 }),
      fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
      (happenings, stream) => {
        const random = () => stream.next().value ?? 0.5;
        const all = [make({}, random), make({}, random), make({}, random)] as const;
        let now = START;
        for (const { who, what, gap, to } of happenings) {
          now += gap;
          const breaker = all[who] ?? all[0];
          const other = all[to] ?? all[0];
          const before = all.map((one) => one.record);
          if (what === 'fault') breaker.fault(now, false, now, FEW);
          else if (what === 'good') breaker.good(now, false, now, true);
          else if (what === 'force') breaker.force('auto', null, 'x', now);
          else if (what === 'probe') {
            if (breaker.begin(now)) breaker.fault(now, true, now, FEW);
          } else other.hear(breaker.record, breaker.forced);
          for (const [i, one] of all.entries()) {
            const last = before[i];
            assert.ok(last !== undefined && (one.record === last || isNewer(last, one.record)));
          }
        }
        for (const one of all) for (const other of all) other.hear(one.record, one.forced);
        assert.deepEqual(all[1].record, all[0].record);
        assert.deepEqual(all[2].record, all[0].record);
        assert.deepEqual(all[1].forced, all[0].forced);
      },
    ),
  );
});

test('a probe elsewhere is waited for; its end is taken over', () => {
  const [mine, other] = [make(), make()];
  fail(other, 5, START);
  assert.equal(mine.hear(other.record, null), true);
  assert.equal(mine.hear(other.record, null), false, 'known already');
  assert.equal(mine.gate(START + 100), 'open');
  const due = START + 5300;
  assert.equal(other.begin(due), true);
  mine.hear(other.record, null);
  assert.equal(mine.gate(due), 'open');
  assert.equal(mine.waitMs(due), 1000);
  other.good(due, true, due + 100, true);
  mine.hear(other.record, null);
  assert.equal(mine.gate(due + 100), 'closed');
});

test('of two at the same moment the later version is newer; a clock that was put back makes nothing older', () => {
  const at = (version: number) => ({ ...make().record, at: START, version });
  assert.equal(isNewer(at(9), at(10)), true);
  assert.equal(isNewer(at(10), at(9)), false);
  const [mine, other] = [make(), make()];
  fail(mine, 5, START);
  other.hear(mine.record, null);
  mine.good(START + 1, false, START - 500, true);
  assert.equal(mine.gate(START), 'closed');
  assert.equal(other.hear(mine.record, null), true);
  assert.equal(other.gate(START), 'closed');
});

test('what was counted before a state was taken over does not count any more', () => {
  const [mine, other] = [make(), make()];
  fail(mine, 4, START);
  fail(other, 5, START);
  mine.hear(other.record, null);
  other.good(START + 100, false, START + 100, true);
  mine.hear(other.record, null);
  fail(mine, 4, START + 200);
  assert.equal(mine.gate(START + 200), 'closed');
});
