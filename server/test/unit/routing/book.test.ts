import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Provider } from '../../../src/contract/provider.ts';
import type { CallStart, HealthBook } from '../../../src/routing/book.ts';
import { readShared } from '../../../src/routing/share.ts';
import { bad, bookOf, good, observe, START } from './health-kit.ts';
import { providerOf } from './kit.ts';

const A: Provider = providerOf({ name: 'a' });
const call = (more: Partial<CallStart> = {}): CallStart => ({
  provider: 'a',
  model: 'm',
  key: null,
  kind: 'first',
  conversation: null,
  ...more,
});
const row = (book: HealthBook, name: string, now: number) => {
  const found = book.rows(now).find(({ provider, model }) => `${provider}/${model}` === name);
  assert.ok(found, `${name} is not known`);
  return found;
};
/** As it comes over the wire. */
const tell = (from: HealthBook, to: HealthBook, now: number): boolean =>
  to.import(JSON.parse(JSON.stringify(from.export(now))), now);

test('a row says how a target does', () => {
  const book = bookOf();
  for (let i = 0; i < 4; i++) {
    const ticket = book.begin(call(), START + i);
    book.spoke(ticket);
    book.end(ticket, good({ firstTokenMs: 200, latencyMs: 2200, outputTokens: 100 }), START + i);
  }
  book.end(book.begin(call(), START), bad(), START + 5);
  book.begin(call(), START + 6);
  const { latency_p50_ms, first_token_p50_ms, ...rest } = row(book, 'a/m', START + 10);
  assert.deepEqual(rest, {
    provider: 'a',
    model: 'm',
    state: 'closed',
    forced: false,
    calls: 5,
    error_rate: 0.2,
    tokens_per_s: 50,
    running: 1,
    open_until: null,
    reason: '1 failure in a row',
  });
  assert.ok(Math.abs((first_token_p50_ms ?? 0) - 200) < 40 && Math.abs((latency_p50_ms ?? 0) - 2200) < 450);
  observe(book, 'a/m', bad(), 4, START + 10);
  const open = row(book, 'a/m', START + 20);
  assert.equal(open.state, 'open');
  assert.equal(open.open_until, START + 13 + 5000);
  assert.match(open.reason, /breaker open for 5 s more/);
  assert.equal(row(book, 'a/m', START + 6000).state, 'half_open');
  book.force('a', 'm', 'closed', null, 'alice', START + 20);
  assert.deepEqual(
    [row(book, 'a/m', START + 20).state, row(book, 'a/m', START + 20).forced, row(book, 'a/m', START + 20).reason],
    ['closed', true, 'set closed by alice'],
  );
});

test('keys that rest are listed', () => {
  const book = bookOf();
  observe(book, 'a/m', bad('upstream_rate_limited', { retryAfterMs: 5000 }), 1, START, 'K');
  observe(book, 'b/x/y', bad('upstream_quota'), 1, START);
  assert.deepEqual(book.rests(START + 1000), [
    { provider: 'a', key: 'K', model: 'm', until: START + 5000, reason: 'the provider limits our rate, for 4 s more' },
    {
      provider: 'b',
      key: null,
      model: null,
      until: null,
      reason: 'the account at the provider is used up; it is out until somebody acts',
    },
  ]);
  book.reset(START + 1000, 'b', null);
  assert.deepEqual(book.rests(START + 5000), []);
});

test('a ticket ends once; one of which nothing was sent teaches nothing', () => {
  const book = bookOf();
  const ticket = book.begin(call({ kind: 'fallback' }), START);
  book.end(ticket, null, START);
  book.end(ticket, bad(), START);
  book.spoke(ticket);
  assert.deepEqual([row(book, 'a/m', START).calls, row(book, 'a/m', START).running], [0, 0]);
  // It took nothing from the budget either.
  const others = Array.from({ length: 10 }, () => book.begin(call({ kind: 'retry' }), START));
  assert.deepEqual(new Set(others.map(({ charged }) => charged)), new Set([true]));
  assert.equal(book.begin(call({ kind: 'retry' }), START).charged, false);
});

test('the budget: a reserve, a tenth of what is new, and back what a fallback did not need', () => {
  const book = bookOf();
  const ask = (kind: 'retry' | 'fallback') => book.mayRetry('a', 'm', kind, START);
  const tickets = Array.from({ length: 10 }, () => book.begin(call({ kind: 'fallback' }), START));
  assert.equal(ask('retry'), 'no');
  assert.equal(ask('fallback'), 'wait', 'ten are on their way, nobody knows how they end');
  const [first, second, third] = tickets;
  assert.ok(first && second && third);
  for (const ticket of [first, second, third]) book.spoke(ticket);
  assert.equal(ask('fallback'), 'wait', 'three speak, seven are silent');
  for (const ticket of tickets.slice(3, 6)) book.end(ticket, good(), START);
  assert.equal(ask('retry'), 'yes', 'three tokens came back');
  for (let i = 0; i < 3; i++) book.begin(call({ kind: 'retry' }), START);
  assert.equal(ask('retry'), 'no');
  assert.equal(ask('fallback'), 'yes', 'six are known to be well, four are silent');
  for (let i = 0; i < 10; i++) book.begin(call(), START);
  assert.equal(ask('retry'), 'yes', 'ten first attempts make one');
  book.begin(call({ kind: 'retry' }), START);
  assert.equal(book.mayRetry('a', 'm', 'retry', START + 5000), 'no');
  assert.equal(book.mayRetry('a', 'm', 'retry', START + 6001), 'yes', 'ten in a minute are one in six seconds');
});

test('a fallback that fails gives nothing back, and a sick target gets no more of them', () => {
  const book = bookOf({ rules: { breaker: { consecutive: 100, rate: 1 } } });
  for (let i = 0; i < 10; i++) book.end(book.begin(call({ kind: 'fallback' }), START), i % 2 ? good() : bad(), START);
  assert.equal(book.mayRetry('a', 'm', 'fallback', START), 'yes', 'five of ten came back');
  for (let i = 0; i < 5; i++) book.begin(call({ kind: 'retry' }), START);
  assert.equal(book.mayRetry('a', 'm', 'fallback', START), 'no', 'half of its calls fail');
});

test('a probe takes nothing from the budget, and is the only one', () => {
  const book = bookOf({ rules: { retryBudget: { reserve: 0, ratio: 0 } } });
  observe(book, 'a/m', bad(), 5, START);
  assert.equal(book.admits(A, 'm', START + 100), false);
  assert.ok(book.waitMs(A, 'm', START + 100) > 4000);
  const due = START + 6000;
  assert.equal(book.admits(A, 'm', due), true);
  const before = book.changes();
  const probe = book.begin(call({ kind: 'fallback' }), due);
  assert.deepEqual([probe.probe, probe.charged], [true, false]);
  assert.equal(book.changes(), before + 1);
  assert.equal(book.admits(A, 'm', due), false);
  book.end(probe, good(), due + 100);
  assert.equal(book.admits(A, 'm', due + 100), true);
  // What it did before it was closed is forgotten: one more failure does not open it.
  observe(book, 'a/m', bad(), 4, due + 200);
  assert.equal(book.admits(A, 'm', due + 300), true);
});

test('a key of several: its load, its limits and its rests are its own', () => {
  const keys = ['K1', 'K2'].map((id) => ({
    id,
    key: 'secret',
    weight: 1,
    requestsPerMinute: null,
    tokensPerMinute: null,
    models: null,
  }));
  const several = providerOf({ name: 'a', keys });
  const book = bookOf();
  const seed = [1, 2, 3, 4, 5, 6].find((one) => book.key(several, 'm', one, START) === 'K1') ?? 0;
  const tickets = Array.from({ length: 20 }, () => book.begin(call({ key: 'K1' }), START));
  assert.equal(book.key(several, 'm', seed, START), 'K2');
  for (const ticket of tickets) book.end(ticket, good(), START);
  assert.equal(book.key(several, 'm', seed, START), 'K1');
  observe(book, 'a/m', bad('upstream_unauthorized'), 1, START, 'K1');
  assert.equal(book.key(several, 'm', seed, START), 'K2');
  assert.equal(book.admits(several, 'm', START), true);
  observe(book, 'a/m', bad('upstream_rate_limited', { retryAfterMs: 3000 }), 1, START, 'K2');
  assert.equal(book.waitMs(several, 'm', START), 3000);
  assert.equal(book.waitMs(several, 'other', START), 0);
  assert.equal(book.key(A, 'm', seed, START), null, 'one key: nothing to choose');
});

test('targets are bounded: those seen longest ago are forgotten', () => {
  const book = bookOf({ most: 20 });
  for (let i = 0; i < 1000; i++) {
    observe(book, `a/m${i}`, bad(), 1, START + i);
    observe(book, 'a/kept', good(), 1, START + i);
    observe(book, 'a/x', bad('upstream_rate_limited'), 1, START + i, `K${i}`);
  }
  assert.equal(book.rows(START + 1000).length, 20);
  assert.ok(row(book, 'a/kept', START + 1000).calls > 900);
  assert.ok(Object.keys(book.export(START + 1000).keys).length <= 20);
});

/* ---- between processes ---- */

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
  const keys = ['K1', 'K2'].map((id) => ({
    id,
    key: 's',
    weight: 1,
    requestsPerMinute: 4,
    tokensPerMinute: null,
    models: null,
  }));
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
