/** What the health book keeps: targets, keys, conversations. Each kind has a bound; what was used longest ago is forgotten. */
import type { Provider, ProviderKey } from '../contract/provider.ts';
import { type Cooldowns, createCooldowns, keyName, type Rest, restMs, sayRest } from './cooldowns.ts';
import { type KeyChoice, type KeyState, keysOf, ONLY, pickKey } from './keys.ts';
import { type HealthRules, Target } from './target.ts';
import { Window } from './window.ts';

/** How a key is used. */
export interface KeyUse {
  load: number;
  /** A number that grows with each use of any. */
  used: number;
  /** Calls that began, and tokens, in the last minute. */
  window: Window;
}

export interface Records {
  readonly rules: HealthRules;
  readonly targets: ReadonlyMap<string, Target>;
  readonly uses: ReadonlyMap<string, KeyUse>;
  readonly cooldowns: Cooldowns;
  /** The target of this name, made if there is none. */
  target(provider: string, model: string): Target;
  use(provider: string, key: string): KeyUse;
  /** The key for a call; the rest that it must keep, if all must. Null: the provider has no keys to choose from, and nothing speaks against it. */
  chooseKey(provider: Provider, model: string, seed: number, now: number): KeyChoice | null;
  /** A target (`provider/model`) has answered this conversation. */
  stick(conversation: number, key: string, now: number): void;
  stuck(conversation: number, now: number): string | null;
}

const MINUTE = 60_000;
const MOST_CONVERSATIONS = 10_000;
/** Vendors keep a prompt for five minutes or longer after its last use. */
const CONVERSATION_MS = 10 * MINUTE;

/** Removes the entry that was used longest ago. Called when one is made, so the look at all of them is rare. */
function evict<T extends { used: number }>(map: Map<string, T>): void {
  let oldest: string | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const [name, { used }] of map) {
    if (used >= least) continue;
    least = used;
    oldest = name;
  }
  if (oldest !== null) map.delete(oldest);
}

const saidOf = (rest: Rest, now: number) => ({
  restMs: restMs(rest, now),
  why: sayRest(rest, now),
  refused: rest.code !== 'upstream_rate_limited',
});

export function createRecords(rules: HealthRules, random: () => number, most: number): Records {
  const targets = new Map<string, Target>();
  const uses = new Map<string, KeyUse>();
  /** Two halves: when the young one is full it becomes the old one, and what is used again becomes young. */
  let young = new Map<number, { key: string; at: number }>();
  let old = young;
  let turn = 0;
  const cooldowns = createCooldowns(random);

  function stateOf(provider: string, key: ProviderKey, model: string, now: number): KeyState {
    const use = uses.get(keyName(provider, key.id));
    const load = use?.load ?? 0;
    const rest = cooldowns.about(provider) ? cooldowns.rest(provider, key.id, model, now) : null;
    if (rest !== null) return { load, ...saidOf(rest, now) };
    const full = use === undefined ? null : limitOf(key, use, now);
    return use === undefined || full === null
      ? { load, restMs: 0, why: '' }
      : { load, restMs: use.window.nextSlotMs(now), why: full };
  }

  return {
    rules,
    targets,
    uses,
    cooldowns,

    target(provider, model) {
      const key = `${provider}/${model}`;
      let target = targets.get(key);
      if (target === undefined) {
        if (targets.size >= most) evict(targets);
        target = new Target(provider, model, rules, random);
        targets.set(key, target);
      }
      target.used = turn++;
      return target;
    },

    use(provider, key) {
      const name = keyName(provider, key);
      let use = uses.get(name);
      if (use === undefined) {
        if (uses.size >= most) evict(uses);
        use = { load: 0, used: 0, window: new Window(MINUTE) };
        uses.set(name, use);
      }
      use.used = turn++;
      return use;
    },

    chooseKey(provider, model, seed, now) {
      const keys = keysOf(provider);
      if (keys.length > 0) return pickKey(keys, model, seed, (key) => stateOf(provider.name, key, model, now));
      if (!cooldowns.about(provider.name)) return null;
      const rest = cooldowns.rest(provider.name, ONLY, model, now);
      return rest === null ? null : { id: null, ...saidOf(rest, now) };
    },

    stick(conversation, key, now) {
      if (young.size >= MOST_CONVERSATIONS / 2) {
        old = young;
        young = new Map();
      }
      young.set(conversation, { key, at: now });
    },

    stuck(conversation, now) {
      const last = young.get(conversation) ?? old.get(conversation);
      return last === undefined || now - last.at > CONVERSATION_MS ? null : last.key;
    },
  };
}

/** Which of its own limits a key has met; null: none. */
function limitOf(key: ProviderKey, use: KeyUse, now: number): string | null {
  const { requestsPerMinute, tokensPerMinute } = key;
  if (requestsPerMinute === null && tokensPerMinute === null) return null;
  const { first: calls, second: tokens } = use.window.total(now);
  if (requestsPerMinute !== null && calls >= requestsPerMinute) {
    return `at its limit of ${requestsPerMinute} requests a minute`;
  }
  return tokensPerMinute !== null && tokens >= tokensPerMinute
    ? `at its limit of ${tokensPerMinute} tokens a minute`
    : null;
}
