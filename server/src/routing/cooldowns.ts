/**
 * Keys that rest. A rate limit is honoured until the vendor said, for that key and model; a key that is refused or used
 * up is out until somebody acts; a model that a key may not use is out for that key alone.
 */
import type { ErrorCode } from '../contract/errors.ts';
import { ERRORS } from '../contract/errors.ts';
import { RAW } from '../contract/raw.ts';
import { after, type Dated, isNewer } from './newest.ts';
import { duration } from './words.ts';

export interface Rest extends Dated {
  /** Null: until somebody acts. What is over is kept for a while, so that other processes hear of it. */
  until: number | null;
  code: ErrorCode;
  /** Rate limits in a row without a word on how long. */
  hits: number;
}

/** Of one key: `provider#key`, or with a space and a model behind it. */
export const keyName = (provider: string, key: string): string => `${provider}#${key}`;
export const keyModelName = (provider: string, key: string, model: string): string => `${provider}#${key} ${model}`;

const providerOf = (name: string): string => name.slice(0, name.indexOf('#'));

/** A vendor's word is taken for a day at most. */
const LONGEST_MS = 24 * 3_600_000;
/** Without a word: 1 s, 2 s, 4 s … */
const FIRST_MS = 1000;
const MOST_MS = 60_000;
/** Models are released and rights are given: it is tried again. */
const NOT_THIS_MODEL_MS = 3_600_000;
/** How long other processes are told of a rest that is over. */
const TOLD_MS = 10 * 60_000;
const PRUNE_MS = 10_000;

const OUT: ReadonlySet<ErrorCode> = new Set(['upstream_quota', 'upstream_unauthorized']);
const NOT_THIS_MODEL: ReadonlySet<ErrorCode> = new Set(['upstream_forbidden', 'upstream_unknown_model']);

/** Whether a failure says something of the key rather than of the target: another key may do better. */
export const isOfKey = (code: ErrorCode): boolean =>
  code === 'upstream_rate_limited' || code === 'upstream_forbidden' || OUT.has(code);

const START: Dated = { at: 0, version: 0 };

export interface Cooldowns {
  /** A call with this key failed. True: it rests now. */
  failed(
    provider: string,
    key: string,
    model: string,
    code: ErrorCode,
    retryAfterMs: number | undefined,
    now: number,
  ): boolean;
  /** A call with this key succeeded, so nothing holds any more. True: something has changed. */
  worked(provider: string, key: string, model: string, now: number): boolean;
  /** What keeps this key from this model now; null: nothing. */
  rest(provider: string, key: string, model: string, now: number): Rest | null;
  /** Somebody acted. Left out: all keys of the provider; both left out: all. */
  reset(now: number, provider?: string, key?: string): void;
  /** Everything that rests now, by `provider#key` or `provider#key model`. */
  resting(now: number): [name: string, rest: Rest][];
  /** False: none of its keys rests. The quick answer. */
  about(provider: string): boolean;
  export(now: number): [name: string, rest: Rest][];
  /** True: it was news. */
  hear(name: string, rest: Rest): boolean;
}

/** `most`: the oldest are forgotten beyond it. */
export function createCooldowns(random: () => number, most = 2000): Cooldowns {
  const rests = new Map<string, Rest>();

  /** Of which there is something in `rests`. */
  let providers: ReadonlySet<string> = new Set();
  let pruned = 0;

  function put(name: string, rest: Rest): void {
    rests.delete(name);
    if (rests.size >= most) for (const [oldest] of rests) if (rests.delete(oldest)) break;
    rests.set(name, rest);
    if (!providers.has(providerOf(name))) providers = new Set([...providers, providerOf(name)]);
  }

  function set(name: string, change: Pick<Rest, 'until' | 'code' | 'hits'>, now: number): void {
    put(name, { ...change, ...after(rests.get(name) ?? START, now) });
    prune(now);
  }

  /** What is over, and was told for long enough, is forgotten. */
  function prune(now: number): void {
    if (Math.abs(now - pruned) < PRUNE_MS) return;
    pruned = now;
    for (const [name, rest] of rests) if (!told(rest, now)) rests.delete(name);
    providers = new Set([...rests.keys()].map(providerOf));
  }

  const told = (rest: Rest, now: number): boolean => holds(rest, now) || now - (rest.until ?? rest.at) < TOLD_MS;

  /** A clock that was put back would make rests without end. */
  const holds = (rest: Rest, now: number): boolean =>
    rest.until === null || (rest.until > now && rest.until - now <= 2 * LONGEST_MS);

  function held(name: string, now: number): Rest | null {
    const rest = rests.get(name);
    return rest !== undefined && holds(rest, now) ? rest : null;
  }

  /** Ends a rest, and leaves a word of it for the others. */
  function clear(name: string, now: number): boolean {
    const rest = rests.get(name);
    if (rest === undefined || (rest.hits === 0 && !holds(rest, now))) return false;
    set(name, { until: now, code: rest.code, hits: 0 }, now);
    return true;
  }

  /** Full seconds only make all callers come back at once. */
  function limitedMs(name: string, asked: number | undefined, now: number): { ms: number; hits: number } {
    if (asked !== undefined) return { ms: Math.min(asked, LONGEST_MS), hits: 0 };
    const last = rests.get(name);
    const inARow = last !== undefined && last.until !== null && now - last.until < MOST_MS ? last.hits : 0;
    const ms = Math.min(MOST_MS, FIRST_MS * 2 ** inARow);
    return { ms: Math.round(ms * (0.75 + 0.5 * random())), hits: inARow + 1 };
  }

  return {
    failed(provider, key, model, code, retryAfterMs, now) {
      const wide = keyName(provider, key);
      const narrow = keyModelName(provider, key, model);
      if (code === 'upstream_rate_limited') {
        const { ms, hits } = limitedMs(narrow, retryAfterMs, now);
        const until = now + ms;
        const last = held(narrow, now);
        // An answer that was long on its way does not shorten what was said since.
        if (last !== null && (last.until === null || last.until >= until)) return false;
        set(narrow, { until, code, hits }, now);
        return true;
      }
      // Nobody knows what a raw call asked for: what it says of a key holds for raw calls alone.
      if (OUT.has(code) && model === RAW) {
        set(narrow, { until: now + NOT_THIS_MODEL_MS, code, hits: 1 }, now);
        return true;
      }
      if (OUT.has(code)) {
        if (held(wide, now)?.until === null) return false;
        set(wide, { until: null, code, hits: 1 }, now);
        return true;
      }
      if (!NOT_THIS_MODEL.has(code)) return false;
      set(narrow, { until: now + NOT_THIS_MODEL_MS, code, hits: 1 }, now);
      return true;
    },

    worked(provider, key, model, now) {
      if (rests.size === 0) return false;
      const wide = model === RAW ? false : clear(keyName(provider, key), now);
      // A limit that was met since is not lifted by a call that began before: it ends by its time.
      const narrow = keyModelName(provider, key, model);
      const limited = held(narrow, now)?.code === 'upstream_rate_limited';
      return (limited ? false : clear(narrow, now)) || wide;
    },

    rest(provider, key, model, now) {
      if (rests.size === 0) return null;
      return held(keyName(provider, key), now) ?? held(keyModelName(provider, key, model), now);
    },

    reset(now, provider, key) {
      const start = provider === undefined ? '' : `${provider}#${key ?? ''}`;
      for (const name of [...rests.keys()]) {
        const ours = key === undefined ? name.startsWith(start) : name === start || name.startsWith(`${start} `);
        if (ours) clear(name, now);
      }
    },

    resting: (now) => [...rests].filter(([, rest]) => holds(rest, now)),
    about: (provider) => rests.size > 0 && providers.has(provider),
    export(now) {
      prune(now);
      return [...rests].filter(([, rest]) => told(rest, now));
    },

    hear(name, rest) {
      const mine = rests.get(name);
      if (!isNewer(mine ?? START, rest)) return false;
      put(name, rest);
      return true;
    },
  };
}

/** `the provider limits our rate, for 12 s more`. */
export function sayRest(rest: Rest, now: number): string {
  const title = ERRORS[rest.code].title;
  const why = `${title.charAt(0).toLowerCase()}${title.slice(1)}`;
  return rest.until === null
    ? `${why}; it is out until somebody acts`
    : `${why}, for ${duration(rest.until - now)} more`;
}

/** Milliseconds until it is over; infinite: until somebody acts. */
export const restMs = (rest: Rest, now: number): number =>
  rest.until === null ? Number.POSITIVE_INFINITY : Math.max(0, rest.until - now);
