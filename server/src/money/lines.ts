/** How a cost comes about: one line for each kind of token, at its rate. */
import type { DetailedPrice } from '../catalogue/prices.ts';
import type { Usage } from '../contract/part.ts';
import type { Rate } from '../contract/provider.ts';
import { rateAt, whole } from './cost.ts';

export interface PriceLine {
  item: 'input' | 'cached_input' | 'cache_write' | 'output' | 'reasoning' | 'call';
  /** Tokens, each of them in one line only; of `call`, calls. */
  quantity: number;
  /** Picodollars for one. */
  rate: number;
}

/** Their sum is `costOf`, which alone is rounded. */
export function linesOf(usage: Usage, price: DetailedPrice): PriceLine[] {
  const input = whole(usage.inputTokens);
  const output = whole(usage.outputTokens);
  const cached = Math.min(whole(usage.cachedInputTokens), input);
  const written = Math.min(whole(usage.cacheWriteTokens), input - cached);
  const reasoning = price.reasoning === undefined ? 0 : Math.min(whole(usage.reasoningTokens), output);
  const at = (rate: Rate | undefined): number => rateAt(rate ?? price.input, input);
  const lines: PriceLine[] = [
    { item: 'input', quantity: input - cached - written, rate: at(price.input) },
    { item: 'cached_input', quantity: cached, rate: at(price.cachedInput) },
    { item: 'cache_write', quantity: written, rate: at(price.cacheWrite) },
    { item: 'output', quantity: output - reasoning, rate: at(price.output) },
    { item: 'reasoning', quantity: reasoning, rate: at(price.reasoning) },
    { item: 'call', quantity: 1, rate: price.perCall ?? 0 },
  ];
  return lines.filter(({ item, quantity, rate }) => quantity > 0 && (item !== 'call' || rate > 0));
}
