import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bad, bookOf, call, good, observe, row, START } from './health-kit.ts';
import { keyOf, providerOf } from './kit.ts';

const A = providerOf({ name: 'a' });

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
  const keys = ['K1', 'K2'].map((id) => keyOf(id));
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
