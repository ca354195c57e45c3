import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { calcPrice } from '@pydantic/genai-prices';
import fc from 'fast-check';
import { createCatalogue } from '../../../src/catalogue/models.ts';
import { VENDORS } from '../../../src/catalogue/vendors.ts';
import type { Usage } from '../../../src/contract/part.ts';
import type { Price } from '../../../src/contract/provider.ts';
import { costOf, dollars, ratesFromSettings } from '../../../src/money/cost.ts';

const catalogue = createCatalogue();
const priced: { vendor: string; priceId: string; model: string }[] = [];

before(async () => {
  await catalogue.load(VENDORS.map((vendor) => vendor.name));
  for (const { name, priceId } of VENDORS) {
    for (const model of catalogue.vendorModels(name)) {
      if (catalogue.price(name, model, Date.UTC(2026, 10, 23)) !== null) {
        priced.push({ vendor: name, priceId: priceId ?? name, model });
      }
    }
  }
});

const usage = (fields: Partial<Usage>): Usage => ({
  inputTokens: 0,
  outputTokens: 0,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
  source: 'reported',
  ...fields,
});

/** Tokens as vendors report them: parts within the whole, with sizes around the usual tiers. */
const usages = fc
  .record({
    input: fc.oneof(fc.nat(5_000), fc.integer({ min: 127_000, max: 273_000 }), fc.nat(2_000_000)),
    output: fc.oneof(fc.nat(2_000), fc.nat(200_000)),
    cached: fc.double({ min: 0, max: 1, noNaN: true }),
    written: fc.double({ min: 0, max: 1, noNaN: true }),
    reasoning: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ input, output, cached, written, reasoning }) => {
    const cachedInputTokens = Math.floor(input * cached);
    return usage({
      inputTokens: input,
      outputTokens: output,
      cachedInputTokens,
      cacheWriteTokens: Math.floor((input - cachedInputTokens) * written),
      reasoningTokens: Math.floor(output * reasoning),
    });
  });

/** All rates have six places at most, so that ours are exact. */
function isExact(oracle: Record<string, unknown>): boolean {
  const numbers = JSON.stringify(oracle).match(/[\d.]+(e-?\d+)?/g) ?? [];
  return numbers.every((one) => Math.abs(Number(one) * 1e6 - Math.round(Number(one) * 1e6)) < 1e-4);
}

test('what we charge is what the price data says, for any usage, model and moment', () => {
  assert.ok(priced.length > 1_000, `${priced.length}`);
  let exact = 0;
  fc.assert(
    fc.property(
      fc.nat(priced.length - 1),
      usages,
      fc.integer({ min: Date.UTC(2025, 0, 1), max: Date.UTC(2027, 5, 1) }),
      (index, used, at) => {
        const { vendor, priceId, model } = priced[index] as (typeof priced)[number];
        const price = catalogue.price(vendor, model, at);
        assert.ok(price);
        const oracle = calcPrice(
          {
            input_tokens: used.inputTokens,
            cache_read_tokens: used.cachedInputTokens,
            cache_write_tokens: used.cacheWriteTokens,
            output_tokens: used.outputTokens,
            output_reasoning_tokens: used.reasoningTokens,
          },
          model,
          { providerId: priceId, timestamp: new Date(at) },
        );
        assert.ok(oracle);
        const ours = costOf(used, price);
        assert.ok(Number.isSafeInteger(ours));
        const theirs = oracle.total_price * 1e12;
        const tolerance = isExact(oracle.model_price) ? 1e-12 : 1e-5;
        if (tolerance === 1e-12) exact += 1;
        assert.ok(
          Math.abs(ours - theirs) <= Math.max(theirs * tolerance, 0.5),
          `${vendor}/${model}: ${ours} and ${theirs} for ${JSON.stringify(used)}`,
        );
      },
    ),
    { numRuns: 20_000 },
  );
  assert.ok(exact > 15_000, `${exact}`);
});

test('a tier holds for every token of the call, once the input is larger than its start', () => {
  const price = catalogue.price('gemini', 'gemini-2.5-pro', 0) as Price;
  assert.equal(costOf(usage({ inputTokens: 200_000, outputTokens: 10 }), price), 200_000 * 1_250_000 + 10 * 10_000_000);
  assert.equal(costOf(usage({ inputTokens: 200_001, outputTokens: 10 }), price), 200_001 * 2_500_000 + 10 * 15_000_000);
});

test('cached and written input have their own rates, or that of the input', () => {
  const rates = { input: { base: 100 }, output: { base: 1_000 }, version: 'v' };
  const used = usage({ inputTokens: 10, cachedInputTokens: 4, cacheWriteTokens: 3 });
  assert.equal(costOf(used, rates), 1_000);
  assert.equal(costOf(used, { ...rates, cachedInput: { base: 10 }, cacheWrite: { base: 125 } }), 300 + 40 + 375);
});

test('a price for each call is added once', () => {
  const price = catalogue.price('perplexity', 'sonar', 0) as Price;
  assert.equal(dollars(costOf(usage({ inputTokens: 1_000, outputTokens: 1_000 }), price)), 0.014);
});

test('nonsense from vendors never becomes a refund or a number that is none', () => {
  const price = catalogue.price('openai', 'gpt-4o-mini', 0) as Price;
  const numbers = fc.oneof(
    fc.constantFrom(Number.NaN, Infinity, -Infinity, -1, 0, 1e30, Number.MAX_SAFE_INTEGER, null, undefined, '7'),
    fc.double(),
  ) as fc.Arbitrary<number>;
  fc.assert(
    fc.property(numbers, numbers, numbers, numbers, (input, output, cached, written) => {
      const cost = costOf(
        usage({ inputTokens: input, outputTokens: output, cachedInputTokens: cached, cacheWriteTokens: written }),
        price,
      );
      assert.ok(Number.isSafeInteger(cost) && cost >= 0, `${cost}`);
    }),
  );
  // More cached than there was: the whole input at the cached rate, not less.
  assert.equal(costOf(usage({ inputTokens: 10, cachedInputTokens: 99 }), price), 10 * 75_000);
});

test('dollars print as the decimals they are', () => {
  assert.equal(dollars(null), null);
  assert.equal(String(dollars(21_000_000)), '0.000021');
  assert.equal(String(dollars(1)), '1e-12');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_000_000_000_000_000 }), (pico) => {
      const digits = String(pico).padStart(13, '0');
      const decimal = `${digits.slice(0, -12)}.${digits.slice(-12)}`;
      assert.equal(dollars(pico), Number(decimal));
      assert.equal((dollars(pico) as number).toFixed(12), decimal);
    }),
    { numRuns: 2_000 },
  );
});

test('prices from the settings', () => {
  assert.deepEqual(ratesFromSettings({ input: 0.15, output: 0.6, cached_input: 0.075, cache_write: 0.1875 }), {
    input: { base: 150_000 },
    output: { base: 600_000 },
    cachedInput: { base: 75_000 },
    cacheWrite: { base: 187_500 },
    version: 'settings',
  });
  assert.deepEqual(Object.keys(ratesFromSettings({ input: 1, output: 2 })), ['input', 'output', 'version']);
});
