import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RouteRule } from '../../../src/routing/rule.ts';
import { bad, bookOf, good, observe, START } from './health-kit.ts';
import { type Ask, planner, type Shop } from './kit.ts';

const shop = (name: string, price: [number, number] | null, more: Partial<Shop> = {}): Shop => ({
  name,
  catalogue: { m: { price } },
  ...more,
});
const SHOPS = [shop('dear', [4, 4]), shop('cheap', [1, 1]), shop('fair', [2, 2]), shop('unpriced', null)];
const LIST = ['dear/m', 'cheap/m', 'fair/m', 'unpriced/m'];

function route(rule: RouteRule | null, book = bookOf(), list: readonly string[] = LIST, shops = SHOPS) {
  const aliasRules: Record<string, RouteRule> = rule === null ? {} : { r: rule };
  const routes = { aliases: aliasRules, tasks: {} };
  const { plan, targets, reasons } = planner(shops, { aliases: { r: list }, routes });
  const full = (ask: Ask = {}): Ask => ({ model: 'r', at: START, health: book.snapshot(ask.at ?? START), ...ask });
  return {
    book,
    plan: (ask?: Ask) => plan(full(ask)),
    targets: (ask?: Ask) => targets(full(ask)),
    reasons: (ask?: Ask) => reasons(full(ask)),
    first: (ask?: Ask) => targets(full(ask))[0],
  };
}

test('ordered, and without a strategy: as listed', () => {
  assert.deepEqual(route(null).targets(), LIST);
  assert.deepEqual(route({ strategy: 'ordered' }).targets(), LIST);
});

test('cheapest: by price, without a known price last', () => {
  const { targets, reasons } = route({ strategy: 'cheapest' });
  assert.deepEqual(targets(), ['cheap/m', 'fair/m', 'dear/m', 'unpriced/m']);
  assert.deepEqual(reasons(), [
    'alias r, 2nd; $1.00/$1.00 per Mtok',
    'alias r, 3rd; $2.00/$2.00 per Mtok',
    'alias r, 1st; $4.00/$4.00 per Mtok',
    'alias r, 4th; price unknown',
  ]);
});

test('fastest: by first token and speed, failures counted in; what is not measured yet is tried first', () => {
  const { book, targets, reasons } = route({ strategy: 'fastest' });
  observe(book, 'dear/m', good({ firstTokenMs: 100, latencyMs: 2100, outputTokens: 200 }), 3, START);
  observe(book, 'cheap/m', good({ firstTokenMs: 100, latencyMs: 1100, outputTokens: 200 }), 3, START);
  observe(book, 'fair/m', good({ firstTokenMs: 1500, latencyMs: 2500, outputTokens: 200 }), 3, START);
  const at = START + 10;
  assert.deepEqual(targets({ at }), ['unpriced/m', 'cheap/m', 'dear/m', 'fair/m']);
  const [unknown, known] = reasons({ at });
  assert.equal(unknown, 'alias r, 4th; not measured yet');
  assert.match(known ?? '', /^alias r, 2nd; first token \d+ ms, 200 tokens\/s$/);
  // Enough calls are on their way: it has to wait for what they tell.
  const start = { provider: 'unpriced', model: 'm', key: null, kind: 'first', conversation: null } as const;
  for (let i = 0; i < 3; i++) book.begin(start, at);
  assert.equal(targets({ at })[0], 'cheap/m');
  // More than half of its calls fail: it takes twice as long until there is an answer.
  observe(book, 'cheap/m', bad(), 4, at);
  const order = targets({ at: at + 10 });
  assert.ok(order.indexOf('dear/m') < order.indexOf('cheap/m'), order.join(' '));
});

test('balanced: twice as fast is worth twice the price; load counts', () => {
  const { book, targets } = route({ strategy: 'balanced' }, bookOf(), ['dear/m', 'fair/m']);
  const answer = (ms: number) => good({ firstTokenMs: ms / 2, latencyMs: ms, outputTokens: (200 * ms) / 2 / ms });
  observe(book, 'fair/m', answer(2000), 5, START);
  observe(book, 'dear/m', answer(1500), 5, START);
  assert.deepEqual(targets({ at: START + 10 }), ['fair/m', 'dear/m']);
  const start = { provider: 'fair', model: 'm', key: null, kind: 'first', conversation: null } as const;
  for (let i = 0; i < 200; i++) book.begin(start, START + 10);
  assert.deepEqual(targets({ at: START + 20 }), ['dear/m', 'fair/m']);
});

test('balanced and fastest know nothing at first, and stay deterministic', () => {
  assert.deepEqual(route({ strategy: 'balanced' }).targets(), ['cheap/m', 'fair/m', 'dear/m', 'unpriced/m']);
  assert.deepEqual(route({ strategy: 'fastest' }).targets(), LIST);
  assert.deepEqual(route({ strategy: 'fastest' }).targets({ health: undefined } as Ask), LIST);
});

test('weighted: as often as the weights say, without conversations by lot', () => {
  const rule: RouteRule = { weights: { 'dear/m': 90, 'cheap/m': 9, 'fair/m': 0 } };
  const { plan, first } = route(rule);
  const counts: Record<string, number> = {};
  for (let i = 0; i < 5000; i++) {
    const found = first({ random: i / 5000 }) ?? '';
    counts[found] = (counts[found] ?? 0) + 1;
  }
  assert.equal(counts['fair/m'], undefined);
  assert.ok(Math.abs((counts['dear/m'] ?? 0) - 4500) < 150, JSON.stringify(counts));
  assert.ok(Math.abs((counts['cheap/m'] ?? 0) - 450) < 120, JSON.stringify(counts));
  // What has no weight of its own weighs 1; a weight of 0 is the last resort.
  assert.ok((counts['unpriced/m'] ?? 0) > 10);
  const whole = plan({ conversation: 7 });
  assert.equal(whole.targets.at(-1)?.provider, 'fair');
  assert.match(whole.targets[0]?.reason ?? '', /^alias r, \d\w\w; weight \d+ of 100$/);
});

test('weighted: a conversation stays, and when its target goes only its own conversations move', () => {
  const rule: RouteRule = { weights: { 'dear/m': 5, 'cheap/m': 3, 'fair/m': 2, 'unpriced/m': 1 } };
  const { first } = route(rule);
  const less = route(rule, bookOf(), LIST.slice(1));
  fc.assert(
    fc.property(fc.nat(0xffffffff), fc.double({ min: 0, max: 1, noNaN: true }), (conversation, random) => {
      const usual = first({ conversation, random });
      assert.equal(first({ conversation, random: 1 - random }), usual);
      if (usual !== 'dear/m') assert.equal(less.first({ conversation }), usual);
    }),
  );
});

test('weighted: the offers of one model stay together, in their own order', () => {
  const shops: Shop[] = [
    shop('maker', [3, 3], { makes: ['m'] }),
    shop('reseller', [1, 1]),
    { name: 'other', catalogue: { n: { price: [1, 1] } } },
  ];
  const { targets } = route({ weights: { m: 1, n: 1 } }, bookOf(), ['m', 'n'], shops);
  const seen = new Set<string>();
  for (let conversation = 0; conversation < 50; conversation++) seen.add(targets({ conversation }).join(' '));
  assert.deepEqual([...seen].sort(), ['maker/m reseller/m other/n', 'other/n maker/m reseller/m']);
});

test('fastest and balanced keep a conversation where its prompt is cached, while that is well', () => {
  for (const strategy of ['fastest', 'balanced'] as const) {
    const { book, targets, reasons } = route({ strategy }, bookOf(), ['cheap/m', 'fair/m']);
    const call = (provider: string, conversation: number | null) =>
      book.begin({ provider, model: 'm', key: null, kind: 'first', conversation }, START);
    for (let i = 0; i < 4; i++) book.end(call('cheap', null), good({ latencyMs: 900, firstTokenMs: 50 }), START);
    for (let i = 0; i < 4; i++) book.end(call('fair', 42), good({ latencyMs: 1900, firstTokenMs: 900 }), START);
    assert.equal(targets()[0], 'cheap/m');
    assert.equal(targets({ conversation: 43 })[0], 'cheap/m');
    assert.equal(targets({ conversation: 42 })[0], 'fair/m');
    assert.match(reasons({ conversation: 42 })[0] ?? '', /answered this conversation before; /);
    assert.equal(targets({ conversation: 42, at: START + 11 * 60_000 })[0], 'cheap/m', 'the cache is cold by now');
    observe(book, 'fair/m', bad(), 5, START);
    assert.deepEqual(targets({ conversation: 42, at: START + 10 }), ['cheap/m']);
  }
});

test('prices hold for a minute; what the vendors list is looked up anew with them', () => {
  const noon = Math.floor(START / 60_000) * 60_000;
  const usd = (amount: number) => ({ input: { base: amount * 1e6 }, output: { base: amount * 1e6 }, version: 'v' });
  const { targets } = planner([shop('day', null), shop('night', null)], {
    aliases: { list: ['m'], cheap: ['day/m', 'night/m'] },
    routes: { aliases: { cheap: { strategy: 'cheapest' } }, tasks: {} },
    price: ({ name }, _model, at) => usd((name === 'day') === at < noon + 60_000 ? 1 : 2),
  });
  for (const model of ['m', 'list', 'cheap', 'auto']) {
    assert.deepEqual(targets({ model, at: noon }), ['day/m', 'night/m'], model);
    assert.deepEqual(targets({ model, at: noon + 60_000 }), ['night/m', 'day/m'], model);
  }
});

test('hints come first, whatever the strategy', () => {
  for (const strategy of ['ordered', 'cheapest', 'fastest', 'balanced', 'weighted'] as const) {
    assert.equal(route({ strategy }).first({ hints: ['fair'] }), 'fair/m');
  }
});

test('a list in a list: each by its own rule', () => {
  const { targets } = planner(SHOPS, {
    aliases: { inner: ['dear/m', 'cheap/m'], outer: ['fair/m', 'inner'] },
    tasks: { code: { model: ['inner', 'fair/m'] } },
    routes: {
      aliases: { inner: { strategy: 'cheapest' } },
      tasks: { code: { strategy: 'cheapest', failover: 'fail' } },
    },
  });
  assert.deepEqual(targets({ model: 'outer' }), ['fair/m', 'cheap/m', 'dear/m']);
  assert.deepEqual(targets({ model: 'inner' }), ['cheap/m', 'dear/m']);
  assert.deepEqual(targets({ taskType: 'code' }), ['cheap/m', 'fair/m', 'dear/m']);
});

test('a route says what is to happen when a provider breaks off; the outermost decides', () => {
  const { plan } = planner(SHOPS, {
    aliases: { inner: ['dear/m'], outer: ['inner'], plain: ['inner'] },
    tasks: { code: { model: 'inner' } },
    routes: {
      aliases: { inner: { failover: 'restart' }, outer: { failover: 'fail' } },
      tasks: { code: { failover: 'continue' } },
    },
  });
  assert.equal(plan({ model: 'inner' }).failover, 'restart');
  assert.equal(plan({ model: 'outer' }).failover, 'fail');
  assert.equal(plan({ taskType: 'code' }).failover, 'continue');
  assert.equal('failover' in plan({ model: 'dear/m' }), false);
  assert.equal('failover' in plan({ model: 'plain' }), false);
});
