import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Median } from '../../../src/routing/median.ts';
import { SLOTS, Window } from '../../../src/routing/window.ts';
import { START } from './health-kit.ts';

const WIDTH = 60_000;
const SLOT = WIDTH / SLOTS;

test('a window counts what a list of all events would count', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ gap: fc.nat(20_000), first: fc.nat(3), second: fc.nat(3) }), { maxLength: 60 }),
      (events) => {
        const window = new Window(WIDTH);
        const all: { slot: number; first: number; second: number }[] = [];
        let now = START;
        for (const { gap, first, second } of events) {
          now += gap;
          window.add(now, first, second);
          all.push({ slot: Math.floor(now / SLOT), first, second });
          const slot = Math.floor(now / SLOT);
          const inside = all.filter((event) => event.slot > slot - SLOTS);
          assert.deepEqual(
            { ...window.total(now) },
            {
              first: inside.reduce((sum, event) => sum + event.first, 0),
              second: inside.reduce((sum, event) => sum + event.second, 0),
            },
          );
        }
        assert.deepEqual({ ...window.total(now + WIDTH) }, { first: 0, second: 0 });
      },
    ),
  );
});

test('what several processes counted adds up, however often each of them says it', () => {
  const event = fc.record({ process: fc.constantFrom('a', 'b', 'c'), gap: fc.nat(9000), tell: fc.boolean() });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const all = new Window(WIDTH);
      const windows = new Map(['a', 'b', 'c'].map((name) => [name, new Window(WIDTH)]));
      const reader = new Window(WIDTH);
      let now = START;
      for (const { process, gap, tell } of events) {
        now += gap;
        all.add(now, 1, 0);
        windows.get(process)?.add(now, 1, 0);
        if (tell) reader.hear(process, windows.get(process)?.rows(now) ?? []);
      }
      for (const [process, window] of windows) {
        reader.hear(process, window.rows(now));
        reader.hear(process, window.rows(now));
      }
      assert.equal(reader.total(now).first, all.total(now).first);
      assert.equal(reader.total(now + WIDTH).first, 0);
    }),
  );
});

test('what is forgotten is forgotten from all processes', () => {
  const window = new Window(WIDTH);
  window.add(START, 3, 2);
  window.hear('other', [[Math.floor(START / SLOT), 5, 5]]);
  assert.deepEqual({ ...window.total(START) }, { first: 8, second: 7 });
  window.forget(START);
  assert.deepEqual({ ...window.total(START) }, { first: 0, second: 0 });
  window.add(START + SLOT, 1, 0);
  window.hear('other', [[Math.floor(START / SLOT) + 1, 5, 5]]);
  assert.deepEqual({ ...window.total(START + SLOT) }, { first: 6, second: 5 });
  window.hear('other', []);
  assert.deepEqual({ ...window.total(START + SLOT) }, { first: 1, second: 0 });
});

test('a clock that is put back a little goes on counting, one put back far begins anew', () => {
  const window = new Window(WIDTH);
  window.add(START, 1, 0);
  window.add(START - 2 * SLOT, 1, 0);
  assert.equal(window.total(START).first, 2);
  window.add(START - 3_600_000, 1, 0);
  assert.equal(window.total(START - 3_600_000).first, 1);
  window.add(START - 3_600_000 + WIDTH, 1, 0);
  assert.equal(window.total(START - 3_600_000 + WIDTH).first, 1);
});

test('the median is near the middle of the last values', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 600_000 }), { minLength: 1, maxLength: 40 }), (values) => {
      const median = new Median();
      for (const value of values) median.add(value);
      const found = median.value();
      assert.ok(found !== null);
      // Later values weigh more, so the true middle may be off by some of them, but never beyond a fifth of a value.
      const sorted = [...values].sort((a, b) => a - b);
      const low = sorted[Math.floor(sorted.length * 0.3)] ?? 0;
      const high = sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * 0.7))] ?? 0;
      assert.ok(found >= low / 1.2 - 1 && found <= high * 1.2 + 1, `${found} of ${sorted.join(' ')}`);
    }),
  );
});

test('the median follows a change within a hundred values, and stays exact over thousands', () => {
  const median = new Median();
  assert.equal(median.value(), null);
  for (let i = 0; i < 5000; i++) median.add(200);
  assert.ok(Math.abs((median.value() ?? 0) - 200) < 40);
  for (let i = 0; i < 100; i++) median.add(2000);
  assert.ok((median.value() ?? 0) > 1600);
  for (const nonsense of [Number.NaN, Number.POSITIVE_INFINITY]) median.add(nonsense);
  median.add(-5);
  assert.ok(Number.isFinite(median.value()));
  median.clear();
  assert.equal(median.value(), null);
});
