/** What processes tell each other of health. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { HealthBook } from '../../../src/routing/book.ts';
import { readShared } from '../../../src/routing/share.ts';
import { bad, bookOf, call, good, observe, row, START } from './health-kit.ts';
import { keyOf, providerOf } from './kit.ts';

const A = providerOf({ name: 'a' });
/** As it comes over the wire. */
const tell = (from: HealthBook, to: HealthBook, now: number): boolean =>
  to.import(JSON.parse(JSON.stringify(from.export(now))), now);

test('what one process finds out, the others know', () => {
  const [one, two] = [bookOf({ process: 'one' }), bookOf({ process: 'two' })];
  observe(one, 'a/m', bad(), 5, START);
  observe(one, 'b/m', bad('upstream_rate_limited', { retryAfterMs: 9000 }), 1, START);
  one.force('c', 'm', 'open', null, 'alice', START);
  for (let i = 0; i < 5; i++) observe(one, 'd/m', good({ firstTokenMs: 500 }), 1, START);
  const now = START + 1000;
  assert.equal(tell(one, two, now), true);
  assert.equal(tell(one, two, now), false, 'no news');
  for (const name of ['a', 'b', 'c']) assert.equal(two.admits(providerOf({ name }), 'm', now), false, name);
  assert.equal(row(two, 'c/m', now).reason, 'set open by alice');
  assert.equal(row(two, 'd/m', now).calls, 5);
  assert.ok(Math.abs((row(two, 'd/m', now).first_token_p50_ms ?? 0) - 500) < 100);
  // It comes back, and that is heard of too.
  const due = START + 6000;
  const probe = two.begin(call(), due);
  assert.equal(probe.probe, true);
  tell(two, one, due);
  assert.equal(one.admits(A, 'm', due + 10), false, 'the probe is on its way elsewhere');
  two.end(probe, good(), due + 100);
  two.force('c', 'm', 'auto', null, 'bob', due + 100);
  two.reset(due + 100);
  assert.equal(tell(two, one, due + 100), true);
  for (const name of ['a', 'b', 'c']) assert.equal(one.admits(providerOf({ name }), 'm', due + 100), true, name);
});

test('counts add up over processes, and the rate that opens is of all of them', () => {
  const [one, two, three] = ['one', 'two', 'three'].map((process) => bookOf({ process }));
  assert.ok(one && two && three);
  for (const book of [one, two]) {
    for (let i = 0; i < 8; i++) observe(book, 'a/m', i % 2 ? good() : bad(), 1, START);
    tell(book, three, START);
    tell(book, three, START);
  }
  assert.deepEqual([row(three, 'a/m', START).calls, row(three, 'a/m', START).error_rate], [16, 0.5]);
  observe(three, 'a/m', good(), 2, START);
  observe(three, 'a/m', bad(), 2, START);
  assert.equal(three.admits(A, 'm', START), false, '10 of 20');
  assert.match(row(three, 'a/m', START).reason, /after 10 of 20 calls failed/);
});

test('limits of keys are kept together', () => {
  const keys = ['K1', 'K2'].map((id) => keyOf(id, { requestsPerMinute: 4 }));
  const several = providerOf({ name: 'a', keys });
  const [one, two] = [bookOf({ process: 'one' }), bookOf({ process: 'two' })];
  for (let i = 0; i < 2; i++)
    for (const key of ['K1', 'K2']) for (const book of [one, two]) book.begin(call({ key }), START);
  assert.equal(two.admits(several, 'm', START), true);
  tell(one, two, START);
  assert.equal(two.admits(several, 'm', START), false);
  assert.equal(two.admits(several, 'm', START + 60_000), true);
});

test('what is said from the future, or of keys that were changed since, is not believed', () => {
  const [one, two] = [bookOf({ process: 'one' }), bookOf({ process: 'two', since: START + 5000 })];
  observe(one, 'a/m', bad('upstream_unauthorized'), 1, START);
  observe(one, 'b/m', bad('upstream_rate_limited', { retryAfterMs: 60_000 }), 1, START);
  tell(one, two, START + 5000);
  assert.equal(two.admits(A, 'm', START + 5000), true, 'the key is another one by now');
  assert.equal(two.admits(providerOf({ name: 'b' }), 'm', START + 5000), false);
  const ahead = bookOf({ process: 'ahead' });
  observe(ahead, 'a/m', bad(), 9, START + 3_600_000);
  ahead.force('a', 'x', 'open', null, 'alice', START + 3_600_000);
  assert.equal(two.import(ahead.export(START + 3_600_000), START), false);
  assert.equal(two.admits(A, 'm', START), true);
});

test('older news of a process change no counts; its own are never taken for those of another', () => {
  const [one, two] = [bookOf({ process: 'one' }), bookOf({ process: 'two' })];
  observe(one, 'a/m', good(), 3, START);
  const early = one.export(START + 10);
  observe(one, 'a/m', good(), 4, START + 20);
  two.import(one.export(START + 30), START + 30);
  two.import(early, START + 40);
  assert.equal(row(two, 'a/m', START + 40).calls, 7);
  one.import(one.export(START + 50), START + 50);
  assert.equal(row(one, 'a/m', START + 50).calls, 7);
});

test('processes that tell each other everything agree on what is open, whatever happened in which order', () => {
  const doing = fc.record({
    who: fc.nat(2),
    what: fc.constantFrom('bad', 'bad', 'bad', 'good', 'limit', 'force', 'tell'),
    name: fc.constantFrom('a', 'b'),
    gap: fc.nat(4000),
    to: fc.nat(2),
  });
  fc.assert(
    fc.property(fc.array(doing, { maxLength: 60 }), (doings) => {
      const books = ['one', 'two', 'three'].map((process) =>
        bookOf({ process, rules: { breaker: { consecutive: 2 } } }),
      );
      let now = START;
      for (const { who, what, name, gap, to } of doings) {
        now += gap;
        const [book, other] = [books[who], books[to]];
        assert.ok(book && other);
        if (what === 'tell') tell(book, other, now);
        else if (what === 'force') book.force(name, 'm', gap % 2 ? 'open' : 'auto', null, 'x', now);
        else {
          const outcome =
            what === 'good'
              ? good()
              : bad(what === 'bad' ? 'upstream_unavailable' : 'upstream_rate_limited', { retryAfterMs: 3000 });
          book.end(book.begin(call({ provider: name }), now), outcome, now);
        }
      }
      now++;
      for (let round = 0; round < 2; round++) for (const one of books) for (const other of books) tell(one, other, now);
      const said = books.map((book) =>
        JSON.stringify([
          book
            .rows(now)
            .map(({ provider, state, forced }) => [provider, state, forced])
            .sort(),
          book
            .rests(now)
            .map(({ provider, until }) => [provider, until])
            .sort(),
        ]),
      );
      assert.equal(said[1], said[0]);
      assert.equal(said[2], said[0]);
      for (const book of books)
        for (const other of books) assert.equal(tell(book, other, now), false, 'nothing is left to say');
    }),
  );
});

test('whatever comes from outside is read without harm', () => {
  const book = bookOf();
  observe(book, 'a/m', good(), 3, START);
  const shared = JSON.parse(JSON.stringify(bookOf({ process: 'x' }).export(START)));
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.constantFrom('targets', 'keys', 'rests', 'at', 'v', 'process', 'windowMs'),
      (value, field) => {
        book.import(value, START);
        book.import({ ...shared, [field]: value }, START);
        book.import(
          { ...shared, targets: { 'a/m': value, 'b/m': { breaker: value, forced: value, stats: value } } },
          START,
        );
        book.import({ ...shared, rests: { 'a#': value }, keys: { 'a#K': value } }, START);
        assert.equal(book.admits(A, 'm', START), true);
      },
    ),
    { numRuns: 500 },
  );
  for (const name of ['__proto__', 'constructor', 'noslash', '/m']) {
    const text = `{"v":1,"process":"x","at":${START},"windowMs":60000,"targets":{"${name}":{"stats":{"rows":[[1,2,3]],"firstTokenMs":null,"latencyMs":1,"tokensPerS":null}}},"keys":{"${name}":[]},"rests":{"${name}":{"at":1,"version":1,"until":null,"code":"toString","hits":1}}}`;
    assert.equal(book.import(JSON.parse(text), START), false);
    assert.deepEqual(Object.keys(readShared(JSON.parse(text))?.rests ?? {}), [], 'no such error');
  }
  assert.deepEqual(
    book
      .rows(START)
      .map(({ provider }) => provider)
      .sort(),
    ['a'],
  );
});

test('what is exported is small, and only what there is to say', () => {
  const book = bookOf();
  assert.deepEqual(book.export(START), {
    v: 1,
    process: 'one',
    at: START,
    windowMs: 60_000,
    targets: {},
    keys: {},
    rests: {},
  });
  for (let i = 0; i < 100; i++)
    observe(book, `vendor-${i}/a-model-with-a-long-name`, i % 3 ? good() : bad(), 10, START);
  assert.ok(JSON.stringify(book.export(START + 20)).length < 40_000);
  const later = START + 24 * 3_600_000;
  assert.deepEqual(book.export(later).keys, {});
});
