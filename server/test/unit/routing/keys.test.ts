import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ProviderKey } from '../../../src/contract/provider.ts';
import { hasKeyFor, type KeyState, pickKey } from '../../../src/routing/keys.ts';
import { keyOf } from './kit.ts';

const key = (id: string, weight = 1, models: string[] | null = null): ProviderKey => keyOf(id, { weight, models });
const free: KeyState = { load: 0, restMs: 0, why: '' };
const states = (of: Record<string, Partial<KeyState>>) => (one: ProviderKey) => ({ ...free, ...of[one.id] });
const pick = (keys: ProviderKey[], seed: number, of: Record<string, Partial<KeyState>> = {}) =>
  pickKey(keys, 'm', seed, states(of));

test('keys are dealt by weight', () => {
  const keys = [key('A', 7), key('B', 2), key('C', 1)];
  const counts: Record<string, number> = { A: 0, B: 0, C: 0 };
  for (let seed = 0; seed < 10_000; seed++) {
    const id = pick(keys, seed * 2_654_435_761)?.id ?? '';
    counts[id] = (counts[id] ?? 0) + 1;
  }
  for (const [id, share] of Object.entries({ A: 7000, B: 2000, C: 1000 })) {
    assert.ok(Math.abs((counts[id] ?? 0) - share) < 300, JSON.stringify(counts));
  }
});

test('the same seed finds the same key; when it rests only its own share moves', () => {
  const keys = ['A', 'B', 'C', 'D'].map((id) => key(id));
  fc.assert(
    fc.property(fc.nat(0xffffffff), fc.constantFrom('A', 'B', 'C', 'D'), (seed, resting) => {
      const usual = pick(keys, seed)?.id;
      assert.equal(pick(keys, seed)?.id, usual);
      const found = pick(keys, seed, { [resting]: { restMs: 5000 } })?.id;
      if (usual !== resting) assert.equal(found, usual);
      else assert.notEqual(found, resting);
    }),
  );
});

test('a key that is loaded far more than another gives way to it, by weight', () => {
  const keys = [key('A', 10), key('B')];
  const seeds = Array.from({ length: 50 }, (_, i) => i * 77_777);
  const ids = (of: Record<string, Partial<KeyState>>) => new Set(seeds.map((seed) => pick(keys, seed, of)?.id));
  assert.deepEqual(ids({ A: { load: 9 }, B: { load: 1 } }), new Set(['A', 'B']));
  assert.deepEqual(ids({ A: { load: 40 } }), new Set(['B']));
  assert.deepEqual(ids({ B: { load: 3 } }), new Set(['A']), 'three of a key with a tenth of the weight are thirty');
});

test('a key that rests is never taken while another is free; else the one that is free first', () => {
  const state = fc.record({
    load: fc.nat(50),
    restMs: fc.oneof(fc.constant(0), fc.nat(9000), fc.constant(Number.POSITIVE_INFINITY)),
  });
  fc.assert(
    fc.property(fc.array(state, { minLength: 1, maxLength: 6 }), fc.nat(0xffffffff), (list, seed) => {
      const keys = list.map((_, i) => key(`K${i}`, i + 1));
      const of = Object.fromEntries(list.map((one, i) => [`K${i}`, one]));
      const choice = pick(keys, seed, of);
      assert.ok(choice !== null);
      const soonest = Math.min(...list.map((one) => one.restMs));
      assert.equal(choice.restMs, soonest === 0 ? 0 : soonest);
    }),
  );
});

test('keys for other models are no keys for this one', () => {
  const keys = [key('A', 1, ['x']), key('B', 1, ['x', 'm'])];
  for (let seed = 0; seed < 20; seed++) assert.equal(pick(keys, seed)?.id, 'B');
  assert.equal(pick([key('A', 1, ['x'])], 1), null);
  assert.equal(hasKeyFor({ keys }, 'm'), true);
  assert.equal(hasKeyFor({ keys }, 'y'), false);
  assert.equal(hasKeyFor({ keys: [] }, 'y'), true);
  assert.equal(hasKeyFor({}, 'y'), true);
});
