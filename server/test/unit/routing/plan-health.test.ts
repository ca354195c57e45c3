import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GoblinError } from '../../../src/contract/errors.ts';
import { bad, bookOf, good, observe, START } from './health-kit.ts';
import { type Ask, keyOf, planner, type Shop } from './kit.ts';

const shop = (name: string, price: number, more: Partial<Shop> = {}): Shop => ({
  name,
  catalogue: { m: { price: [price, price] } },
  ...more,
});
const SHOPS = [shop('a', 1), shop('b', 2), shop('c', 3)];

function shopping(shops: readonly Shop[] = SHOPS, book = bookOf()) {
  const made = planner(shops, { aliases: { all: shops.map(({ name }) => `${name}/m`) } });
  const full = (ask: Ask = {}): Ask => ({ model: 'm', at: START, health: book.snapshot(ask.at ?? START), ...ask });
  return {
    ...made,
    book,
    plan: (ask?: Ask) => made.plan(full(ask)),
    targets: (ask?: Ask) => made.targets(full(ask)),
  };
}

function refusal(work: () => unknown): GoblinError {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof GoblinError, String(error));
    return error;
  }
  assert.fail('it was not refused');
}

test('a target whose breaker is open is left out, with the reason', () => {
  const { book, plan } = shopping();
  observe(book, 'a/m', bad(), 5, START);
  assert.deepEqual(plan({ at: START + 1000 }), {
    targets: [
      { provider: 'b', model: 'm', reason: 'offers it: $2.00/$2.00 per Mtok' },
      { provider: 'c', model: 'm', reason: 'offers it: $3.00/$3.00 per Mtok' },
    ],
    dropped: [{ provider: 'a', model: 'm', reason: 'breaker open for 5 s more after 5 failures in a row' }],
    unwell: [
      {
        provider: 'a',
        model: 'm',
        reason:
          'cheapest that offers it: $1.00/$1.00 per Mtok; was left out: breaker open for 5 s more after 5 failures in a row',
      },
    ],
  });
  // Half open: in its usual place, for one call.
  assert.equal(plan({ at: START + 6000 }).targets[0]?.provider, 'a');
  book.begin({ provider: 'a', model: 'm', key: null, kind: 'first', conversation: null }, START + 6000);
  const beside = plan({ at: START + 6000 });
  assert.equal(beside.targets[0]?.provider, 'b');
  assert.match(beside.dropped[0]?.reason ?? '', /a probe is on its way/);
});

test('a target that fails often goes to the back, but not behind others that do too', () => {
  const { book, plan, targets } = shopping();
  const often = (name: string) => {
    for (let i = 0; i < 10; i++) observe(book, name, i % 4 === 0 ? bad() : good(), 1, START + i);
  };
  often('a/m');
  assert.deepEqual(targets({ at: START + 20 }), ['b/m', 'c/m', 'a/m']);
  assert.equal(
    plan({ at: START + 20 }).targets[2]?.reason,
    'cheapest that offers it: $1.00/$1.00 per Mtok; moved back: 3 of 10 calls failed lately',
  );
  assert.deepEqual(targets({ at: START + 20, hints: ['a'] }), ['a/m', 'b/m', 'c/m'], 'it was asked for');
  often('b/m');
  often('c/m');
  assert.deepEqual(targets({ at: START + 20 }), ['a/m', 'b/m', 'c/m']);
  assert.equal(plan({ at: START + 20 }).targets[0]?.reason, 'cheapest that offers it: $1.00/$1.00 per Mtok');
  assert.deepEqual(targets({ at: START + 70_000 }), ['a/m', 'b/m', 'c/m'], 'a minute later it is forgotten');
});

test('all open: the one that is soonest back stays, and the plan says so', () => {
  const { book, plan } = shopping();
  observe(book, 'a/m', bad(), 5, START + 2000);
  observe(book, 'b/m', bad(), 5, START);
  observe(book, 'c/m', bad(), 5, START + 1000);
  const { targets, dropped, restMs } = plan({ at: START + 3000 });
  assert.deepEqual(targets, [
    {
      provider: 'b',
      model: 'm',
      reason:
        'offers it: $2.00/$2.00 per Mtok; the least bad of those left: breaker open for 3 s more after 5 failures in a row',
    },
  ]);
  assert.deepEqual(dropped.map(({ provider }) => provider).sort(), ['a', 'c']);
  assert.deepEqual(
    plan({ at: START + 3000 }).unwell?.map(({ provider }) => provider),
    ['a', 'c'],
  );
  assert.equal(restMs, undefined, 'a breaker is no reason to keep the last target waiting');
  const alone = shopping(SHOPS.slice(0, 1));
  observe(alone.book, 'a/m', bad(), 5, START);
  assert.match(alone.plan({ at: START + 10 }).targets[0]?.reason ?? '', /; the only one: breaker open for 5 s more/);
});

test('closed by hand: not even the last one is called', () => {
  const { book, plan, targets } = shopping();
  book.force('a', 'm', 'open', START + 60_000, 'alice', START);
  assert.deepEqual(targets(), ['b/m', 'c/m']);
  assert.equal(plan().dropped[0]?.reason, 'set open by alice for 60 s more');
  for (const name of ['b', 'c']) book.force(name, 'm', 'open', null, 'alice', START);
  const error = refusal(() => plan());
  assert.equal(error.code, 'unavailable');
  assert.match(error.detail, /a\/m: set open by alice for 60 s more; b\/m: set open by alice/);
  assert.equal(error.retryAfterMs, 60_000, 'when the first of them may be called again');
  assert.deepEqual(targets({ at: START + 60_000 }), ['a/m']);
  book.force('b', 'm', 'auto', null, 'alice', START + 1);
  assert.deepEqual(targets({ at: START + 2 }), ['b/m']);
});

test('a key that rests takes its target out; when all rest, the plan waits for the first', () => {
  const { book, plan } = shopping();
  const limited = (name: string, ms: number) =>
    observe(book, name, bad('upstream_rate_limited', { retryAfterMs: ms }), 1, START);
  limited('a/m', 12_000);
  const one = plan();
  assert.deepEqual(
    one.targets.map(({ provider }) => provider),
    ['b', 'c'],
  );
  assert.equal(one.dropped[0]?.reason, 'the provider limits our rate, for 12 s more');
  limited('b/m', 3000);
  limited('c/m', 5000);
  const all = plan({ at: START + 1000 });
  assert.deepEqual(
    all.targets.map(({ provider }) => provider),
    ['b'],
  );
  assert.equal(all.restMs, 2000);
  assert.match(all.targets[0]?.reason ?? '', /the least bad of those left: the provider limits our rate, for 2 s more/);
});

test('a used-up key is tried again only where nothing else is left', () => {
  const { book, plan, targets } = shopping();
  observe(book, 'a/m', bad('upstream_quota'), 1, START);
  assert.deepEqual(targets(), ['b/m', 'c/m']);
  for (const name of ['b/m', 'c/m']) observe(book, name, bad('upstream_unauthorized'), 1, START);
  const last = plan();
  assert.deepEqual(
    last.targets.map(({ provider }) => provider),
    ['a'],
  );
  assert.equal(last.restMs, undefined, 'there is nothing to wait for');
  assert.match(last.targets[0]?.reason ?? '', /used up; it is out until somebody acts/);
  observe(book, 'a/m', good(), 1, START + 5);
  assert.deepEqual(targets({ at: START + 6 }), ['a/m']);
  assert.doesNotMatch(plan({ at: START + 6 }).targets[0]?.reason ?? '', /out/);
});

test('several keys: each target gets one, those that rest are passed over', () => {
  const { book, plan, provider } = shopping([
    shop('a', 1, { keys: [keyOf('K1'), keyOf('K2'), keyOf('K3')] }),
    shop('b', 2),
  ]);
  const chosen = new Set<string | undefined>();
  for (let conversation = 0; conversation < 60; conversation++) {
    const { targets } = plan({ conversation });
    chosen.add(targets[0]?.keyRef);
    assert.equal(targets[0]?.keyRef, book.key(provider('a'), 'm', conversation, START));
    assert.equal('keyRef' in (targets[1] ?? {}), false);
  }
  assert.deepEqual([...chosen].sort(), ['K1', 'K2', 'K3']);
  observe(book, 'a/m', bad('upstream_rate_limited', { retryAfterMs: 9000 }), 1, START, 'K1');
  observe(book, 'a/other', bad('upstream_quota'), 1, START, 'K3');
  for (let conversation = 0; conversation < 20; conversation++) {
    assert.equal(plan({ conversation }).targets[0]?.keyRef, 'K2');
  }
  observe(book, 'a/m', bad('upstream_rate_limited', { retryAfterMs: 4000 }), 1, START, 'K2');
  const { targets, dropped } = plan();
  assert.deepEqual(
    targets.map((target) => target.provider),
    ['b'],
  );
  assert.equal(dropped[0]?.reason, 'all its keys rest, K2 is free first: the provider limits our rate, for 4 s more');
  book.reset(START + 1, 'a', 'K3');
  assert.equal(plan({ at: START + 2 }).targets[0]?.keyRef, 'K3');
});

test('a key at its own limit rests, by calls and by tokens', () => {
  const { book, plan } = shopping([
    shop('a', 1, { keys: [keyOf('K', { requestsPerMinute: 3, tokensPerMinute: 1000 })] }),
    shop('b', 2),
  ]);
  const start = { provider: 'a', model: 'm', key: 'K', kind: 'first', conversation: null } as const;
  for (let i = 0; i < 3; i++) {
    assert.equal(plan().targets[0]?.provider, 'a');
    book.begin(start, START);
  }
  assert.equal(plan().dropped[0]?.reason, 'at its limit of 3 requests a minute');
  assert.equal(plan({ at: START + 60_000 }).targets[0]?.provider, 'a');
  book.end(book.begin(start, START + 60_000), good({ tokens: 1000 }), START + 60_000);
  assert.equal(plan({ at: START + 60_000 }).dropped[0]?.reason, 'at its limit of 1000 tokens a minute');
});

test('keys for other models, policies, and what goblin.yaml says of a model', () => {
  const { plan, targets } = shopping([
    shop('a', 1, { keys: [keyOf('K', { models: ['n'] })] }),
    shop('b', 2, { abilities: { m: { images: false } } }),
    shop('c', 3),
  ]);
  assert.deepEqual(plan({ needs: { images: true } }).dropped, [
    { provider: 'a', model: 'm', reason: 'none of its keys is for this model' },
    { provider: 'b', model: 'm', reason: 'it takes no images' },
  ]);
  const forbids = (provider: string) => (provider === 'b' ? 'policy red forbids it' : null);
  assert.deepEqual(targets({ forbids }), ['c/m']);
  assert.equal(plan({ needs: { images: true } }).unwell, undefined, 'none of them is out for its health');
  const error = refusal(() => plan({ forbids: () => 'policy red forbids it' }));
  assert.equal(error.code, 'forbidden');
  assert.match(error.detail, /b\/m: policy red forbids it/);
  assert.equal(refusal(() => plan({ model: 'a/m' })).code, 'unknown_model');
});

test('a list is worked out once a minute only where it says the same to everyone', () => {
  const shops: Shop[] = [
    shop('blind', 1, { catalogue: { m: { price: [1, 1], info: { images: false } } } }),
    shop('seeing', 2),
  ];
  const aliases = { any: ['auto'], fast: ['blind/m', 'seeing/m'], outer: ['fast'] };
  const { targets } = planner(shops, { aliases, routes: { aliases: { fast: { strategy: 'fastest' } }, tasks: {} } });
  assert.deepEqual(targets({ model: 'any' }), ['blind/m', 'seeing/m']);
  assert.deepEqual(targets({ model: 'any', needs: { images: true } }), ['seeing/m']);
  const book = bookOf();
  const ask = () => targets({ model: 'outer', at: START, health: book.snapshot(START) });
  observe(book, 'blind/m', good({ firstTokenMs: 10, outputTokens: null }), 3, START);
  observe(book, 'seeing/m', good({ firstTokenMs: 900, outputTokens: null }), 3, START);
  assert.deepEqual(ask(), ['blind/m', 'seeing/m']);
  observe(book, 'blind/m', good({ firstTokenMs: 9000, latencyMs: 9900, outputTokens: null }), 30, START);
  assert.deepEqual(ask(), ['seeing/m', 'blind/m']);
});

test('auto: who rests takes nobody else’s place, and within a vendor another model is taken', () => {
  const shops = [1, 2, 3, 4, 5, 6].map((price) => shop(`v${price}`, price));
  const { book, plan, targets } = shopping(shops);
  const forbids = (name: string) => (name === 'v6' ? null : 'no');
  assert.deepEqual(targets({ model: 'auto', forbids }), ['v6/m'], 'nor does who is forbidden');
  for (const name of ['v1/m', 'v3/m']) observe(book, name, bad(), 5, START);
  assert.deepEqual(targets({ model: 'auto' }), ['v2/m', 'v4/m', 'v5/m', 'v6/m']);
  assert.deepEqual(
    plan({ model: 'auto' }).dropped.map(({ provider }) => provider),
    ['v1', 'v3'],
  );
  for (const name of ['v2/m', 'v4/m', 'v5/m', 'v6/m']) observe(book, name, bad(), 5, START + 10);
  assert.equal(targets({ model: 'auto', at: START + 20 }).length, 1);

  const two: Shop = {
    name: 'w',
    catalogue: { nano: { price: [1, 1] }, mini: { price: [2, 2] } },
    auto: ['nano', 'mini'],
  };
  const other = shopping([two]);
  observe(other.book, 'w/nano', bad(), 5, START);
  const { targets: left, dropped } = other.plan({ model: 'auto' });
  assert.deepEqual(
    left.map(({ model }) => model),
    ['mini'],
  );
  assert.deepEqual(
    dropped.map(({ model, reason }) => [model, reason.slice(0, 12)]),
    [['nano', 'breaker open']],
  );
});
