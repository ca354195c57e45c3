/** A hold is the most that a call can cost: whatever a vendor counts within its bounds. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { DetailedPrice } from '../../../src/catalogue/prices.ts';
import type { AnswerCall, Message } from '../../../src/contract/call.ts';
import type { Rate } from '../../../src/contract/provider.ts';
import { hookProblem } from '../../../src/guard/egress.ts';
import { costOf } from '../../../src/money/cost.ts';
import { mostCounted, mostInput, worstCost } from '../../../src/money/hold.ts';
import { budgetProblems } from '../../../src/money/sense.ts';
import { countTokens } from '../../../src/money/tokens.ts';

const tokens = fc.integer({ min: 0, max: 300_000 });
const pico = fc.integer({ min: 0, max: 100_000_000 });
const rate: fc.Arbitrary<Rate> = fc.record({
  base: pico,
  tiers: fc.array(fc.record({ start: tokens, rate: pico }), { maxLength: 3 }),
});
const maybe = fc.option(rate, { nil: undefined });
const price = fc
  .record({
    input: rate,
    output: rate,
    cachedInput: maybe,
    cacheWrite: maybe,
    reasoning: maybe,
    perCall: fc.option(pico, { nil: undefined }),
  })
  .map((of) => JSON.parse(JSON.stringify({ ...of, version: 'test' })) as DetailedPrice)
  .map((of) => ({ ...of, input: sorted(of.input), output: sorted(of.output) }));
const sorted = (of: Rate): Rate => ({ ...of, tiers: [...(of.tiers ?? [])].sort((a, b) => a.start - b.start) });

describe('what is held', () => {
  it('covers every usage within its tokens', () => {
    fc.assert(
      fc.property(
        price,
        tokens,
        tokens,
        fc.array(tokens, { minLength: 5, maxLength: 5 }),
        (of, input, output, parts) => {
          const [a = 0, b = 0, c = 0, d = 0, e = 0] = parts;
          const usage = {
            inputTokens: Math.min(a, input),
            outputTokens: Math.min(b, output),
            cachedInputTokens: c,
            cacheWriteTokens: d,
            reasoningTokens: e,
            source: 'reported' as const,
          };
          assert.ok(costOf(usage, of) <= worstCost(of, input, output));
        },
      ),
    );
  });

  it('is exact where there is nothing to choose', () => {
    const of = { input: { base: 3 }, output: { base: 7 }, perCall: 11, version: 'test' };
    assert.equal(worstCost(of, 100, 10), 100 * 3 + 10 * 7 + 11);
  });

  it('bounds the tokens of any text, by its bytes and by counting', async () => {
    const unit = fc.constantFrom('word ', 'a', ' ', '中文', '🙂', 'ß', '\n', '0123456789', '{"k": ', '    ', 'é');
    const text = fc.array(unit, { maxLength: 60 }).map((units) => units.join(''));
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 3 }), async (texts) => {
        const messages = texts.map((one): Message => ({ role: 'user', content: [{ type: 'text', text: one }] }));
        const call: AnswerCall = { kind: 'answer', messages };
        const counted = (await Promise.all(texts.map(countTokens))).reduce((sum, one) => sum + one, 0);
        assert.ok(counted <= mostInput(call));
        const closer = mostCounted(call, counted);
        assert.ok(counted <= closer && closer <= mostInput(call), `${counted} ${closer} ${mostInput(call)}`);
        assert.equal(mostInput(call, 50) - mostInput(call), 50);
      }),
      { numRuns: 50 },
    );
  });

  it('counts pictures and tools too', () => {
    const call: AnswerCall = { kind: 'answer', messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }] };
    const seen = {
      ...call,
      messages: [{ role: 'user' as const, content: [{ type: 'image' as const, url: 'https://a/b' }] }],
    };
    assert.ok(mostInput(seen) >= 4784);
    assert.ok(mostInput({ ...call, tools: [{ name: 'look' }] }) > mostInput(call) + 800);
  });
});

describe('a budget', () => {
  const good = { scope: 'team', match: 'team_1', period: 'day', hard_usd: 1 };

  it('makes sense, or every reason why not is said', () => {
    assert.deepEqual(budgetProblems(good, hookProblem), []);
    assert.deepEqual(
      budgetProblems({ ...good, hard_usd: null, soft_usd: 0.5, name: null, match: null }, hookProblem),
      [],
    );
    assert.deepEqual(budgetProblems({ ...good, scope: 'label', match: 'a=b=c' }, hookProblem), []);
    const paths = (of: object) => budgetProblems(of, hookProblem).map(({ path }) => path);
    assert.deepEqual(paths({}), ['scope', 'period', 'hard_usd']);
    assert.deepEqual(paths({ ...good, soft_usd: 2 }), ['soft_usd']);
    assert.deepEqual(paths({ ...good, soft_usd: 1 }), []);
    assert.deepEqual(paths({ ...good, soft_usd: 0 }), ['soft_usd']);
    assert.deepEqual(paths({ ...good, hard_usd: Number.NaN }), ['hard_usd']);
    assert.deepEqual(paths({ ...good, hard_usd: 1_000_001 }), ['hard_usd']);
    assert.deepEqual(paths({ ...good, name: 'a\nb' }), ['name']);
    assert.deepEqual(paths({ ...good, match: '' }), ['match']);
    for (const match of [null, '', '=', '=x']) assert.deepEqual(paths({ ...good, scope: 'label', match }), ['match']);
    for (const webhook_url of [
      '',
      'nothing',
      'ftp://a',
      7,
      'https://u:p@example.com/x',
      `https://a/${'x'.repeat(2000)}`,
    ]) {
      assert.deepEqual(paths({ ...good, webhook_url }), ['webhook_url']);
    }
  });
});
