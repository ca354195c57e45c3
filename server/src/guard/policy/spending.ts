/**
 * What tenants and keys have spent, for policies that look at it. Asked of the record for one tenant at a time, kept for
 * some seconds, and not at all where no policy in force looks. It is no budget: what runs now is not in it.
 */
import { GoblinError } from '../../contract/errors.ts';
import type { Telemetry } from '../../contract/ports.ts';
import { periodAt } from '../../money/periods.ts';

/** Picodollars of requests that were accepted in the UTC day and month of now, and have ended with a known price. */
export interface Spent {
  day: number;
  month: number;
  /** Of the API key that asks; left out: none does. */
  key?: { day: number; month: number };
}

/** By key; requests without a key under null. */
export type SpentByKey = readonly { key: string | null; pico: number }[];

export interface SpendingDeps {
  /** Of requests accepted from one time on and before another. Milliseconds since the epoch. */
  read(tenant: string, fromMs: number, untilMs: number): Promise<SpentByKey>;
  /** Milliseconds since the epoch, by the clock of the record. */
  now(): number;
  telemetry: Pick<Telemetry, 'log'>;
}

export interface Spending {
  /** Null: what is known is good enough. Rejects with `unavailable`. */
  ready(tenant: string): Promise<void> | null;
  /** Throws `unavailable` for a tenant that is not ready. */
  of(tenant: string, key: string | null): Spent;
}

/** Older figures are read anew beside the request, and beyond this age before it. */
const FRESH_MS = 5000;
const STALE_MS = 30_000;
/** A record with much to add up is asked less often: a twentieth of its time at most goes into it. */
const SHARE = 20;
/** The days before this one hardly change any more. */
const BEFORE_MS = 600_000;
const MOST_TENANTS = 1000;

interface Sums {
  all: number;
  keys: ReadonlyMap<string, number>;
}

interface Known {
  /** When today began. */
  day: number;
  today: Sums;
  before: Sums;
  beforeAt: number;
  at: number;
  tookMs: number;
}

export function createSpending({ read, now, telemetry }: SpendingDeps): Spending {
  const known = new Map<string, Known>();
  const reading = new Map<string, Promise<void>>();

  async function sum(tenant: string, from: number, until: number): Promise<Sums> {
    if (from >= until) return { all: 0, keys: new Map() };
    const keys = new Map<string, number>();
    let all = 0;
    for (const { key, pico } of await read(tenant, from, until)) {
      all += pico;
      if (key !== null) keys.set(key, pico);
    }
    return { all, keys };
  }

  async function take(tenant: string): Promise<void> {
    const began = performance.now();
    const at = now();
    const day = Date.parse(periodAt('day', at).starts);
    const month = Date.parse(periodAt('month', at).starts);
    const old = known.get(tenant);
    const keep = old !== undefined && old.day === day && began - old.beforeAt < BEFORE_MS;
    const [before, today] = await Promise.all([
      keep ? old.before : sum(tenant, month, day),
      sum(tenant, day, Number.POSITIVE_INFINITY),
    ]);
    known.delete(tenant);
    if (known.size >= MOST_TENANTS) known.delete(known.keys().next().value as string);
    known.set(tenant, {
      ...{ day, today, before, at: began, tookMs: performance.now() - began },
      beforeAt: keep ? old.beforeAt : began,
    });
  }

  function refresh(tenant: string): Promise<void> {
    const running = reading.get(tenant);
    if (running) return running;
    const taking = take(tenant).finally(() => reading.delete(tenant));
    reading.set(tenant, taking);
    return taking;
  }

  /** How old what is known may be said to be; endless when it is of another day. */
  function ageOf(tenant: string): number {
    const one = known.get(tenant);
    if (!one || one.day !== Date.parse(periodAt('day', now()).starts)) return Number.POSITIVE_INFINITY;
    return performance.now() - one.at;
  }

  return {
    ready(tenant) {
      const age = ageOf(tenant);
      const fresh = Math.max(FRESH_MS, Math.min(STALE_MS, (known.get(tenant)?.tookMs ?? 0) * SHARE));
      if (age <= fresh) return null;
      const taken = refresh(tenant);
      if (age <= STALE_MS) {
        taken.catch((error: unknown) =>
          telemetry.log('warn', 'what was spent could not be read', { tenant, error: String(error) }),
        );
        return null;
      }
      return taken.catch((error: unknown) => {
        throw unknown(error);
      });
    },
    of(tenant, key) {
      const one = known.get(tenant);
      if (!one || ageOf(tenant) > 2 * STALE_MS) throw unknown(undefined);
      const { before, today } = one;
      const day = (key !== null && today.keys.get(key)) || 0;
      return {
        day: today.all,
        month: before.all + today.all,
        ...(key === null ? {} : { key: { day, month: day + (before.keys.get(key) ?? 0) } }),
      };
    },
  };
}

const unknown = (cause: unknown): GoblinError =>
  new GoblinError('unavailable', 'What was spent cannot be read, and a policy asks for it, so nothing is let in.', {
    retryAfterMs: 5000,
    cause,
  });
