/** What a price means for a choice, and how it is said. */
import type { Price } from '../contract/provider.ts';

/** A call of 1,000 tokens, three of four in the prompt: picodollars for a token of it. */
export function blend(price: Price): number {
  return (3 * price.input.base + price.output.base) / 4 + (price.perCall ?? 0) / 1_000;
}

/** At least cents, and no more places than the price has: `$0.10`, `$0.0375`. */
function amount(usd: number): string {
  const exact = usd.toFixed(6).replace(/0+$/, '');
  const places = exact.length - exact.indexOf('.') - 1;
  return `$${places < 2 ? usd.toFixed(2) : exact}`;
}

/** `$0.10/$0.40 per Mtok`. Making it takes 1 µs: keep it where it is needed often. */
export function sayPrice(price: Price): string {
  const perCall = price.perCall ? ` + ${amount(price.perCall / 1e12)} a call` : '';
  return `${amount(price.input.base / 1e6)}/${amount(price.output.base / 1e6)} per Mtok${perCall}`;
}

/** Makes sentences once per price object: the catalogue hands out the same one again and again. */
export function createPriceSayer(): (price: Price) => string {
  const said = new WeakMap<Price, string>();
  return (price) => {
    const known = said.get(price);
    if (known !== undefined) return known;
    const sentence = sayPrice(price);
    said.set(price, sentence);
    return sentence;
  };
}
