import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ERRORS, type ErrorCode } from '../../../src/contract/errors.ts';
import { createCooldowns, isOfKey, restMs, sayRest } from '../../../src/routing/cooldowns.ts';
import { START, steady } from './health-kit.ts';

const HOUR = 3_600_000;
const make = () => createCooldowns(steady);

function wait(of: ReturnType<typeof make>, key: string, model: string, now: number): number {
  const rest = of.rest('p', key, model, now);
  return rest === null ? 0 : restMs(rest, now);
}

test('a rate limit rests this key and model, until the vendor said', () => {
  const rests = make();
  assert.equal(rests.about('p'), false);
  assert.equal(rests.failed('p', 'K', 'm', 'upstream_rate_limited', 12_000, START), true);
  assert.equal(rests.about('p'), true);
  assert.equal(rests.about('q'), false);
  assert.equal(wait(rests, 'K', 'm', START), 12_000);
  assert.equal(wait(rests, 'K', 'other', START), 0);
  assert.equal(wait(rests, 'L', 'm', START), 0);
  assert.equal(wait(rests, 'K', 'm', START + 12_000), 0);
  const rest = rests.rest('p', 'K', 'm', START);
  assert.equal(rest && sayRest(rest, START), 'the provider limits our rate, for 12 s more');
});

test('a shorter word does not shorten the rest, a longer one does lengthen it, absurd ones are cut', () => {
  const rests = make();
  rests.failed('p', 'K', 'm', 'upstream_rate_limited', 12_000, START);
  assert.equal(rests.failed('p', 'K', 'm', 'upstream_rate_limited', 2000, START + 1), false);
  assert.equal(wait(rests, 'K', 'm', START), 12_000);
  rests.failed('p', 'K', 'm', 'upstream_rate_limited', 30_000, START + 2);
  assert.equal(wait(rests, 'K', 'm', START + 2), 30_000);
  rests.failed('p', 'K', 'm', 'upstream_rate_limited', 100 * 24 * HOUR, START + 3);
  assert.equal(wait(rests, 'K', 'm', START + 3), 24 * HOUR);
});

test('without a word: 1, 2, 4 … 60 s in a row; a success or a quiet minute starts anew', () => {
  const rests = make();
  let now = START;
  const next = (): number => {
    rests.failed('p', 'K', 'm', 'upstream_rate_limited', undefined, now);
    const ms = wait(rests, 'K', 'm', now);
    now += ms;
    return ms / 1000;
  };
  assert.deepEqual(Array.from({ length: 8 }, next), [1, 2, 4, 8, 16, 32, 60, 60]);
  assert.equal(rests.worked('p', 'K', 'm', now), true);
  assert.equal(next(), 1);
  now += 61_000;
  assert.equal(next(), 1);
});

test('a success of a call that began before does not lift a limit that was met since', () => {
  const rests = make();
  rests.failed('p', 'K', 'm', 'upstream_rate_limited', 12_000, START);
  assert.equal(rests.worked('p', 'K', 'm', START + 1), false);
  assert.equal(wait(rests, 'K', 'm', START + 1), 11_999);
});

test('a key that is refused or used up is out for all models, until somebody acts or it works', () => {
  for (const code of ['upstream_quota', 'upstream_unauthorized'] as const) {
    const rests = make();
    assert.equal(rests.failed('p', 'K', 'm', code, 1000, START), true);
    assert.equal(rests.failed('p', 'K', 'm', code, 1000, START + 1), false, 'no news');
    assert.equal(wait(rests, 'K', 'other', START + 30 * 24 * HOUR), Number.POSITIVE_INFINITY);
    assert.equal(wait(rests, 'L', 'm', START), 0);
    rests.reset(START + 5, 'q');
    assert.equal(wait(rests, 'K', 'm', START + 5), Number.POSITIVE_INFINITY);
    rests.reset(START + 5, 'p', 'K');
    assert.equal(wait(rests, 'K', 'm', START + 5), 0);
    rests.failed('p', 'K', 'm', code, undefined, START + 6);
    assert.equal(rests.worked('p', 'K', 'x', START + 7), true);
    assert.equal(wait(rests, 'K', 'm', START + 7), 0);
  }
});

test('what a key may not use is out for that key and model alone, for an hour', () => {
  for (const code of ['upstream_forbidden', 'upstream_unknown_model'] as const) {
    const rests = make();
    rests.failed('p', 'K', 'm', code, undefined, START);
    assert.equal(wait(rests, 'K', 'm', START), HOUR);
    assert.equal(wait(rests, 'K', 'other', START), 0);
    assert.equal(wait(rests, 'L', 'm', START), 0);
    assert.equal(wait(rests, 'K', 'm', START + HOUR), 0);
  }
});

test('nothing else rests a key', () => {
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    const rests = make();
    const known = isOfKey(code) || code === 'upstream_unknown_model';
    assert.equal(rests.failed('p', 'K', 'm', code, 5000, START), known, code);
  }
});

test('a provider with one key has it under the empty name', () => {
  const rests = make();
  rests.failed('p', '', 'm x', 'upstream_quota', undefined, START);
  assert.equal(wait(rests, '', 'other', START), Number.POSITIVE_INFINITY);
  rests.reset(START + 1);
  assert.equal(wait(rests, '', 'other', START + 1), 0);
});

test('other processes hear of rests, and that they are over; in any order', () => {
  const doing = fc.record({
    who: fc.nat(1),
    what: fc.constantFrom('limit', 'quota', 'works', 'reset'),
    gap: fc.nat(400),
    key: fc.constantFrom('K', 'L'),
  });
  fc.assert(
    fc.property(fc.array(doing, { maxLength: 40 }), (doings) => {
      const all = [make(), make()] as const;
      let now = START;
      for (const { who, what, gap, key } of doings) {
        now += gap;
        const rests = all[who] ?? all[0];
        if (what === 'limit') rests.failed('p', key, 'm', 'upstream_rate_limited', 700, now);
        else if (what === 'quota') rests.failed('p', key, 'm', 'upstream_quota', undefined, now);
        else if (what === 'works') rests.worked('p', key, 'm', now);
        else rests.reset(now, 'p', key);
      }
      const [one, two] = all;
      const said = one.export(now);
      for (const [name, rest] of two.export(now)) one.hear(name, rest);
      for (const [name, rest] of said.reverse()) two.hear(name, rest);
      const sorted = (list: [string, unknown][]) => list.sort(([a], [b]) => (a < b ? -1 : 1));
      assert.deepEqual(sorted(one.resting(now)), sorted(two.resting(now)));
      for (const [name, rest] of one.export(now)) assert.equal(one.hear(name, rest), false);
    }),
  );
});

test('a clock that was put back ends rests rather than keep them for ever; the map has a bound', () => {
  const rests = createCooldowns(steady, 5);
  rests.failed('p', 'K', 'm', 'upstream_rate_limited', 5000, START);
  assert.equal(wait(rests, 'K', 'm', START - 100 * 24 * HOUR), 0);
  for (let i = 0; i < 100; i++) rests.failed('p', 'K', `m${i}`, 'upstream_forbidden', undefined, START + i);
  assert.equal(rests.resting(START + 100).length, 5);
});

test('what is long over is forgotten', () => {
  const rests = make();
  rests.failed('p', 'K', 'm', 'upstream_rate_limited', 5000, START);
  assert.equal(rests.export(START + 60_000).length, 1);
  assert.equal(rests.export(START + HOUR).length, 0);
  assert.equal(rests.about('p'), false);
});
