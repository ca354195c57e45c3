/** How much of a budget is taken at a time, and the periods of budgets. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { periodAt } from '../../../src/money/periods.ts';
import { leftOf, sliceSize } from '../../../src/money/slices.ts';

const amount = fc.integer({ min: 0, max: 2 ** 40 });
const wish = fc.record({
  left: fc.oneof(amount, fc.constant(Number.POSITIVE_INFINITY)),
  need: amount,
  waiting: amount,
  ahead: fc.oneof(amount, fc.double({ min: 0, max: 2 ** 40, noNaN: true })),
  processes: fc.integer({ min: 0, max: 64 }),
});

describe('a slice', () => {
  it('is nothing where what is left does not do, else what is needed at least, and never more than is left', () => {
    fc.assert(
      fc.property(wish, (of) => {
        const size = sliceSize({ ...of, waiting: Math.max(of.need, of.waiting) });
        assert.ok(Number.isInteger(size) && size >= 0, `${size}`);
        if (of.left < of.need) assert.equal(size, 0);
        else assert.ok(size >= of.need && size <= of.left, `${size}`);
        // No process takes more than its even share and a quarter of it, but for what it needs at once.
        if (Number.isFinite(of.left)) {
          assert.ok(size <= Math.max(of.need, Math.ceil((of.left / Math.max(1, of.processes)) * 1.25)));
        }
      }),
    );
  });

  it('gets smaller as the budget runs out, so that what others cannot use is less than one request needs', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 9 }), (need, processes) => {
        let left = 1_000_000;
        const free = Array.from({ length: processes }, () => 0);
        let admitted = 0;
        for (let n = 0, refused = 0; refused < processes; n = (n + 1) % processes) {
          if ((free[n] as number) < need) {
            const size = sliceSize({ left, need, waiting: need, ahead: 8 * need, processes });
            left -= size;
            free[n] = (free[n] as number) + size;
          }
          if ((free[n] as number) >= need) {
            free[n] = (free[n] as number) - need;
            admitted += need;
            refused = 0;
          } else refused++;
        }
        const sliced = free.reduce((sum, one) => sum + one, 0);
        assert.equal(admitted + sliced + left, 1_000_000);
        assert.ok(left < need && free.every((one) => one < need), `${left}, ${free}`);
      }),
    );
  });

  it('what is left is never said to be more than it is', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 18n }), fc.bigInt({ min: 0n, max: 10n ** 18n }), (hard, exposed) => {
        const left = leftOf(Number(hard), Number(exposed));
        const truth = hard > exposed ? hard - exposed : 0n;
        assert.ok(BigInt(left) <= truth, `${left} of ${truth}`);
        if (hard <= 9_007_199_254_740_991n && exposed <= hard) assert.equal(BigInt(left), truth);
      }),
    );
    assert.equal(leftOf(null, 5), Number.POSITIVE_INFINITY);
  });
});

describe('a period', () => {
  it('contains the moment, and the next one begins where it ends', () => {
    const moment = fc.integer({ min: Date.UTC(1999, 0, 1), max: Date.UTC(2199, 0, 1) });
    fc.assert(
      fc.property(fc.constantFrom('day' as const, 'month' as const), moment, (kind, at) => {
        const { starts, endsMs } = periodAt(kind, at);
        assert.ok(Date.parse(starts) <= at && endsMs !== null && at < endsMs);
        assert.deepEqual(periodAt(kind, endsMs - 1), { starts, endsMs });
        assert.equal(Date.parse(periodAt(kind, endsMs).starts), endsMs);
      }),
    );
  });

  it('knows the ends of months, and that all is one', () => {
    assert.deepEqual(periodAt('month', Date.UTC(2028, 1, 29, 23, 59, 59, 999)), {
      starts: '2028-02-01',
      endsMs: Date.UTC(2028, 2, 1),
    });
    assert.equal(periodAt('month', Date.UTC(2026, 11, 31)).endsMs, Date.UTC(2027, 0, 1));
    assert.deepEqual(periodAt('total', 5), periodAt('total', Date.UTC(2100, 0, 1)));
    assert.equal(periodAt('total', 5).endsMs, null);
  });
});
