/** What holds of every plan, whatever happened before. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ErrorCode, GoblinError } from '../../../src/contract/errors.ts';
import { STRATEGIES } from '../../../src/routing/rule.ts';
import { bad, bookOf, good, observe, START } from './health-kit.ts';
import { type Ask, keyOf, planner, type Shop } from './kit.ts';

const shop = (name: string, price: number, more: Partial<Shop> = {}): Shop => ({
  name,
  catalogue: { m: { price: [price, price] } },
  ...more,
});
type Happening = { who: number; what: ErrorCode | 'good' | 'force' | 'wait'; times: number };
const happening: fc.Arbitrary<Happening> = fc.record({
  who: fc.nat(4),
  what: fc.constantFrom<Happening['what']>(
    'good',
    'upstream_unavailable',
    'upstream_timeout',
    'upstream_rate_limited',
    'upstream_quota',
    'upstream_forbidden',
    'upstream_rejected',
    'force',
    'wait',
  ),
  times: fc.integer({ min: 1, max: 12 }),
});

const FIVE: Shop[] = [
  shop('a', 1, { catalogue: { m: { price: [1, 1], info: { images: false } } } }),
  shop('b', 2),
  shop('c', 3, { keys: [keyOf('K1'), keyOf('K2')] }),
  shop('d', 4),
  { name: 'e', local: true, models: ['m'] },
];
const NAMES = FIVE.map(({ name }) => name);

test('a plan never holds an unable, forbidden, open or resting target while another is there', () => {
  fc.assert(
    fc.property(
      fc.array(happening, { maxLength: 25 }),
      fc.constantFrom(...STRATEGIES),
      fc.boolean(),
      fc.option(fc.constantFrom(...NAMES), { nil: null }),
      fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 2 }),
      fc.constantFrom('auto', 'm', 'all'),
      fc.nat(),
      (happenings, strategy, images, barred, hints, model, conversation) => {
        const book = bookOf();
        const { plan, provider } = planner(FIVE, {
          aliases: { all: NAMES.map((name) => `${name}/m`) },
          routes: { aliases: { all: { strategy } }, tasks: {} },
        });
        let now = START;
        for (const { who, what, times } of happenings) {
          const name = NAMES[who] ?? 'a';
          if (what === 'wait') now += times * 2000;
          else if (what === 'force')
            book.force(name, 'm', (['open', 'closed', 'auto'] as const)[times % 3] ?? 'auto', null, 'x', now);
          else {
            const outcome = what === 'good' ? good() : bad(what, { retryAfterMs: times * 1000 });
            observe(book, `${name}/m`, outcome, times, now, name === 'c' ? `K${(times % 2) + 1}` : undefined);
            now += times;
          }
        }
        const forbids = (name: string) => (name === barred ? 'no' : null);
        const ask: Ask = {
          model,
          hints,
          conversation,
          at: now,
          forbids,
          health: book.snapshot(now),
          needs: { images },
        };
        const fit = NAMES.filter((name) => name !== barred && !(images && name === 'a'));
        const forced = new Set(
          book
            .rows(now)
            .filter((row) => row.forced && row.state === 'open')
            .map((row) => row.provider),
        );
        const usable = fit.filter((name) => book.admits(provider(name), 'm', now));
        let found: ReturnType<typeof plan>;
        try {
          found = plan(ask);
        } catch (error) {
          assert.ok(error instanceof GoblinError && error.code === 'unavailable', String(error));
          assert.ok(
            fit.every((name) => forced.has(name)),
            'refused only where all are closed by hand',
          );
          return;
        }
        const { targets, dropped } = found;
        // `auto` takes four vendors at most, hinted ones among them, and local ones.
        const whole = model !== 'auto' || hints.length === 0;
        for (const target of targets) {
          assert.ok(fit.includes(target.provider), 'able and allowed');
          assert.ok(!forced.has(target.provider), 'not closed by hand');
          assert.notEqual(target.reason, '');
        }
        if (usable.length > 0) {
          for (const target of targets) assert.ok(usable.includes(target.provider), `${target.provider} is not usable`);
          if (whole) assert.equal(targets.length, usable.length);
        } else assert.equal(targets.length, 1, 'the least bad one');
        const named = [...targets, ...dropped].map((one) => one.provider).sort();
        if (whole) assert.deepEqual(named, NAMES, 'each is in the plan, or it is said why not');
        for (const one of dropped) assert.notEqual(one.reason, '');
        const first = hints.find((hint) => usable.includes(hint));
        if (first !== undefined) assert.equal(targets[0]?.provider, first, 'hints first');
      },
    ),
    { numRuns: 1500 },
  );
});

test('while all are well, a plan is the same as without health', () => {
  const { plan } = planner(FIVE, { aliases: { all: NAMES.map((name) => `${name}/m`) } });
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...NAMES), { maxLength: 40 }),
      fc.constantFrom('auto', 'm', 'all', 'b/m'),
      fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 2 }),
      (calls, model, hints) => {
        const book = bookOf();
        for (const [i, name] of calls.entries()) observe(book, `${name}/m`, good(), 1, START + i);
        const ask: Ask = { model, hints, at: START + 100 };
        const with_ = plan({ ...ask, health: book.snapshot(START + 100) });
        const without = plan(ask);
        const plain = ({ provider, model, reason }: { provider: string; model: string; reason: string }) => ({
          provider,
          model,
          reason,
        });
        assert.deepEqual(with_.targets.map(plain), without.targets);
        assert.deepEqual(with_.dropped, without.dropped);
      },
    ),
  );
});
