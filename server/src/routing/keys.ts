/** Which of a provider's keys a call goes with. */
import type { Provider, ProviderKey } from '../contract/provider.ts';
import { hashOf, lot } from './hash.ts';

/** What is known of a key. */
export interface KeyState {
  /** Calls that run with it. */
  load: number;
  /** Milliseconds until it may be used; 0: now; infinite: when somebody acts. */
  restMs: number;
  /** Why it rests; empty when it does not. */
  why: string;
  /** Its vendor refused it, rather than asked for time: where nothing else is left, it is tried again. */
  refused?: boolean;
}

export interface KeyChoice {
  /** Null: the provider has one key, or none, so there is nothing to say of it. */
  id: string | null;
  restMs: number;
  why: string;
  refused?: boolean;
}

/** The id under which a provider's only key is known. */
export const ONLY = '';
const NO_KEYS: readonly ProviderKey[] = [];

export const keysOf = (provider: Pick<Provider, 'keys'>): readonly ProviderKey[] => provider.keys ?? NO_KEYS;

export const allows = (key: Pick<ProviderKey, 'models'>, model: string): boolean =>
  key.models === null || key.models.includes(model);

/** Whether an attempt says with which key it went. */
export const namesKeys = ({ keys = NO_KEYS }: Pick<Provider, 'keys'>): boolean =>
  keys.length > 1 || keys[0]?.stored === true;

/** Whether one of the keys may be used for this model at all. */
export function hasKeyFor(provider: Pick<Provider, 'keys'>, model: string): boolean {
  return provider.keys === undefined || provider.keys.length === 0 || provider.keys.some((key) => allows(key, model));
}

/** More calls than twice those of the least loaded, and these, by the weight of the heaviest: that one takes over. */
const UNEVEN = 8;

/**
 * The same seed finds the same key, as long as that may be used and is not loaded far more than the others; seeds are
 * dealt by weight. If all rest, the one that is free first. Null when no key is for this model.
 */
export function pickKey(
  keys: readonly ProviderKey[],
  model: string,
  seed: number,
  stateOf: (key: ProviderKey) => KeyState,
): KeyChoice | null {
  let best: KeyChoice | null = null;
  let bestLot = Number.POSITIVE_INFINITY;
  let bestLoad = 0;
  let least: KeyChoice | null = null;
  let leastLoad = Number.POSITIVE_INFINITY;
  let soonest: KeyChoice | null = null;
  let heaviest = 0;
  for (const key of keys) if (key.weight > heaviest) heaviest = key.weight;
  for (const key of keys) {
    if (!allows(key, model)) continue;
    const { load, restMs, why, refused = false } = stateOf(key);
    const choice: KeyChoice = { id: key.id, restMs, why, refused };
    if (restMs > 0) {
      if (soonest === null || restMs < soonest.restMs) soonest = choice;
      continue;
    }
    const share = (load * heaviest) / key.weight;
    const drawn = lot(hashOf(key.id), seed, key.weight);
    if (best === null || drawn < bestLot) {
      best = choice;
      bestLot = drawn;
      bestLoad = share;
    }
    if (share < leastLoad) {
      least = choice;
      leastLoad = share;
    }
  }
  if (best === null) return soonest;
  return least !== null && bestLoad > 2 * leastLoad + UNEVEN ? least : best;
}
