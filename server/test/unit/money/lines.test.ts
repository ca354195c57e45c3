import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DetailedPrice } from '../../../src/catalogue/prices.ts';
import { costOf } from '../../../src/money/cost.ts';
import { linesOf } from '../../../src/money/lines.ts';

const price: DetailedPrice = {
  input: { base: 150_000, tiers: [{ start: 1000, rate: 300_000 }] },
  output: { base: 600_000 },
  cachedInput: { base: 75_000 },
  cacheWrite: { base: 187_500 },
  reasoning: { base: 700_000 },
  perCall: 5_000_000,
  version: 'test',
};

test('the lines of a price make the cost, whatever was used and whatever is charged apart', () => {
  const some = [0, 1, 7, 999, 1000, 1001, 50_000, -3, Number.NaN, 2.5];
  let seed = 1;
  const pick = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return some[seed % some.length] as number;
  };
  const { cachedInput: _c, cacheWrite: _w, reasoning: _r, perCall: _p, ...plain } = price;
  for (let n = 0; n < 2000; n++) {
    const usage = {
      inputTokens: pick(),
      outputTokens: pick(),
      cachedInputTokens: pick(),
      cacheWriteTokens: pick(),
      reasoningTokens: pick(),
      source: 'reported' as const,
    };
    for (const one of [price, plain as DetailedPrice]) {
      const lines = linesOf(usage, one);
      assert.equal(
        Math.round(lines.reduce((sum, { quantity, rate }) => sum + quantity * rate, 0)),
        costOf(usage, one),
        JSON.stringify({ usage, lines }),
      );
      assert.ok(lines.every(({ quantity, rate }) => quantity > 0 && rate >= 0));
    }
  }
});
