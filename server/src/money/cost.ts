/** Money is whole picodollars (1e-12 USD): the finest price on the market, one token at $0.0028 a million, is 2,800. */
import type { DetailedPrice } from '../catalogue/prices.ts';
import type { Usage } from '../contract/part.ts';
import type { Price, Rate } from '../contract/provider.ts';

/** A tier holds for all tokens of a call, and it is the size of the input that chooses it, for output too. */
export function rateAt(rate: Rate, inputTokens: number): number {
  let found = rate.base;
  if (rate.tiers !== undefined) {
    for (const tier of rate.tiers) if (inputTokens > tier.start) found = tier.rate;
  }
  return found;
}

/** Vendors report nulls, negatives and halves; none of them may turn into a refund. */
export const whole = (tokens: number): number => (Number.isFinite(tokens) && tokens > 0 ? Math.round(tokens) : 0);

/** Picodollars of one call. Exact up to $9,007 (2^53 picodollars), where it stays. */
export function costOf(usage: Usage, price: DetailedPrice): number {
  const input = whole(usage.inputTokens);
  const output = whole(usage.outputTokens);
  // Parts of the input and output never exceed the whole, whatever a vendor says.
  const cached = Math.min(whole(usage.cachedInputTokens), input);
  const written = Math.min(whole(usage.cacheWriteTokens), input - cached);
  const plain = input - cached - written;
  const inputRate = rateAt(price.input, input);
  let cost = plain * inputRate;
  if (cached > 0) cost += cached * (price.cachedInput ? rateAt(price.cachedInput, input) : inputRate);
  if (written > 0) cost += written * (price.cacheWrite ? rateAt(price.cacheWrite, input) : inputRate);

  const outputRate = rateAt(price.output, input);
  const reasoningRate = price.reasoning;
  const reasoning = reasoningRate === undefined ? 0 : Math.min(whole(usage.reasoningTokens), output);
  cost += (output - reasoning) * outputRate;
  if (reasoningRate !== undefined) cost += reasoning * rateAt(reasoningRate, input);

  return Math.min(Math.round(cost + (price.perCall ?? 0)), Number.MAX_SAFE_INTEGER);
}

/**
 * Exact to the last picodollar: a division of two integers that doubles hold exactly is rounded once, so it prints as
 * the decimal it is (0.000021, never 0.0000209999).
 */
export function dollars(pico: number): number;
export function dollars(pico: number | null): number | null;
export function dollars(pico: number | null): number | null {
  return pico === null ? null : pico / 1e12;
}

/** USD per million tokens, as `goblin.yaml` says them. */
export interface RateSettings {
  input: number;
  output: number;
  cached_input?: number;
  cache_write?: number;
}

/** A price that the owner of this installation set; it wins over the price data. */
export function ratesFromSettings(rates: RateSettings): Price {
  const rate = (usdPerMillion: number): Rate => ({ base: Math.round(usdPerMillion * 1e6) });
  return {
    input: rate(rates.input),
    output: rate(rates.output),
    ...(rates.cached_input === undefined ? {} : { cachedInput: rate(rates.cached_input) }),
    ...(rates.cache_write === undefined ? {} : { cacheWrite: rate(rates.cache_write) }),
    version: 'settings',
  };
}
