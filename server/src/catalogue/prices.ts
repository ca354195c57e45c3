/** Prices of the price data, in our units. */
import type { MatchLogic, ModelPrice, ModelInfo as PricedModel, TieredPrices } from '@pydantic/genai-prices';
import type { Price, Rate } from '../contract/provider.ts';

/**
 * A few models price reasoning apart from the rest of the output (sonar-deep-research: $3 against $8). Missing means:
 * as `output`.
 */
export interface DetailedPrice extends Price {
  reasoning?: Rate;
}

/** USD per million tokens are millionths of a dollar per token, so 1e6 picodollars each. */
const pico = (usdPerMillion: number): number => Math.round(usdPerMillion * 1e6);

function rate(price: number | TieredPrices | undefined): Rate | undefined {
  if (price === undefined) return undefined;
  if (typeof price === 'number') return { base: pico(price) };
  const tiers = price.tiers
    .map((tier) => ({ start: tier.start, rate: pico(tier.price) }))
    .sort((a, b) => a.start - b.start);
  return { base: pico(price.base), tiers };
}

/**
 * Null when the data knows no token price. An empty price means free only where the name says so; elsewhere it means
 * that nobody wrote the price down.
 */
export function toPrice(prices: ModelPrice, modelId: string, version: string): DetailedPrice | null {
  const input = rate(prices.input_mtok);
  const output = rate(prices.output_mtok);
  const perThousand = prices.requests_kcount;
  if (input === undefined && output === undefined) {
    const free = Object.keys(prices).length === 0 && modelId.endsWith(':free');
    return free ? { input: { base: 0 }, output: { base: 0 }, version } : null;
  }
  const price: DetailedPrice = { input: input ?? { base: 0 }, output: output ?? { base: 0 }, version };
  const cachedInput = rate(prices.cache_read_mtok);
  const cacheWrite = rate(prices.cache_write_mtok);
  const reasoning = rate(prices.output_reasoning_mtok);
  if (cachedInput !== undefined) price.cachedInput = cachedInput;
  if (cacheWrite !== undefined) price.cacheWrite = cacheWrite;
  if (reasoning !== undefined) price.reasoning = reasoning;
  if (typeof perThousand === 'number') price.perCall = Math.round(perThousand * 1e9);
  return price;
}

/** The alternatives of a match rule; `and` counts as one alternative that no plain name can be read from. */
function alternatives(match: MatchLogic): readonly MatchLogic[] {
  return 'or' in match ? match.or.flatMap(alternatives) : [match];
}

/** Every name that the rules of a model match letter by letter. */
export function exactNamesOf(model: PricedModel): readonly string[] {
  return alternatives(model.match).flatMap((rule) => ('equals' in rule ? [rule.equals] : []));
}

function matchesId(rule: MatchLogic, id: string): boolean {
  if ('equals' in rule) return rule.equals.toLowerCase() === id;
  if ('starts_with' in rule) return id.startsWith(rule.starts_with.toLowerCase());
  if ('ends_with' in rule) return id.endsWith(rule.ends_with.toLowerCase());
  return 'contains' in rule && id.includes(rule.contains.toLowerCase());
}

/**
 * Names by which a vendor calls a model of the price data. Its id is one only if its own rule matches it: the id
 * `gpt-oss-20b` stands for `accounts/fireworks/models/gpt-oss-20b`.
 */
export function namesOf(model: PricedModel): readonly string[] {
  const id = model.id.toLowerCase();
  if (alternatives(model.match).some((rule) => matchesId(rule, id))) return [model.id];
  const exact = exactNamesOf(model);
  return exact.length === 0 ? [model.id] : exact;
}
