/**
 * Rate limits of requests: all counts of a request are taken together or none. As a rule nothing is waited for: a
 * process has leases of counts. Only where it has none, or the end is near, it asks the others first.
 */
import { GoblinError } from '../../contract/errors.ts';
import type { Rates } from '../../contract/ports.ts';
import type { Count } from './book.ts';
import { rateHeaders, type Viewed } from './headers.ts';
import { Seats } from './seats.ts';
import { type CounterDeps, type Spent, Window } from './window.ts';

export interface LimiterDeps {
  /** Counts of all processes; null: there are none. */
  rates: Rates | null;
  /** Two of our own, by the clock `now`. */
  own: Rates;
  unsaid: Rates;
  processes(): number;
  share: CounterDeps['share'];
  /** Milliseconds, never back. */
  now(): number;
  refused(scope: string, kind: string): void;
}

/** What one request has taken. */
export interface Ticket {
  /** As it is now. */
  headers(): Record<string, string>;
  /** It has ended and used so many tokens; null: nothing came of it. Only the first time counts. */
  end(tokens: number | null): void;
}

export interface Limiter {
  /** Throws `rate_limited`. `tokens` are set aside until the end says how many there were. */
  enter(counts: readonly Count[], tokens: number): Ticket | Promise<Ticket>;
  /** Tokens that another process has set aside `ageMs` ago: it was another number. */
  correct(counts: readonly Count[], tokens: number, used: number, ageMs: number): void;
  /** Without them nothing goes back by itself. */
  beat(): void;
}

interface Part {
  count: Count;
  counter: Window | Seats;
  units: number;
}

/** Others may be faster each time. */
const ROUNDS = 6;
const SLOW_MS = 1000;
const MINUTE_MS = 60_000;
const MOST_COUNTERS = 50_000;

export function createLimiter(deps: LimiterDeps): Limiter {
  const { rates } = deps;
  const counters = new Map<string, Window | Seats>();
  let slowUntil = 0;
  let wasUp = true;
  let losses = rates?.losses() ?? 0;

  const counterDeps: CounterDeps = {
    ...deps,
    shared: () => rates?.up() === true && deps.now() >= slowUntil,
    slow() {
      // One that is gone says itself when it is back.
      if (rates?.up()) slowUntil = deps.now() + SLOW_MS;
    },
  };

  function counterOf({ id, kind, limit }: Count): Window | Seats {
    let counter = counters.get(id);
    if (counter === undefined) {
      if (counters.size >= MOST_COUNTERS) forgetIdle();
      counter = kind === 'concurrent' ? new Seats(id, limit, counterDeps) : new Window(id, limit, counterDeps);
      counters.set(id, counter);
    }
    counter.limit = limit;
    return counter;
  }

  function forgetIdle(): void {
    for (const [id, counter] of counters) if (counter.idle) counters.delete(id);
  }

  function partsOf(counts: readonly Count[], tokens: number): Part[] {
    return counts.map((count) => {
      // What is larger than the limit itself waits until all of it is free.
      const units = count.kind === 'tokens' ? Math.min(Math.max(1, tokens), count.limit) : 1;
      return { count, counter: counterOf(count), units };
    });
  }

  /** The counts of all may have come back, or have forgotten everything. */
  function notice(): void {
    if (rates === null) return;
    const up = counterDeps.shared();
    const lost = rates.losses();
    if (up && (!wasUp || lost !== losses)) {
      for (const counter of counters.values()) counter.say(lost !== losses);
      losses = lost;
    }
    wasUp = up;
  }

  const lackingOf = (parts: readonly Part[]): Part[] => parts.filter(({ counter, units }) => !counter.ready(units));

  function enter(counts: readonly Count[], tokens: number): Ticket | Promise<Ticket> {
    notice();
    const parts = partsOf(counts, tokens);
    const lacking = lackingOf(parts);
    return lacking.length === 0 ? use(parts) : wait(parts, lacking);
  }

  async function wait(parts: readonly Part[], first: readonly Part[]): Promise<Ticket> {
    let lacking = first;
    for (let round = 0; ; round++) {
      refuseKnown(parts, lacking);
      if (round === ROUNDS) throw refusal(parts, lacking[0] as Part, 1000);
      await Promise.all(lacking.map(({ counter, units }) => counter.ask(units)));
      notice();
      lacking = lackingOf(parts);
      if (lacking.length === 0) return use(parts);
    }
  }

  /** Of several reasons the one that lasts longest. */
  function refuseKnown(parts: readonly Part[], lacking: readonly Part[]): void {
    let worst: { part: Part; retryMs: number } | null = null;
    for (const part of lacking) {
      const found = part.counter.refusal(part.units);
      if (found && (worst === null || found.retryMs > worst.retryMs)) worst = { part, retryMs: found.retryMs };
    }
    if (worst) throw refusal(parts, worst.part, worst.retryMs);
  }

  function refusal(parts: readonly Part[], { count, counter, units }: Part, retryMs: number): GoblinError {
    deps.refused(count.scope, count.kind);
    return new GoblinError('rate_limited', sentence(count, counter.view().left, units, retryMs), {
      retryAfterMs: retryMs,
      headers: rateHeaders(parts.map(viewOf)),
    });
  }

  function use(parts: readonly Part[]): Ticket {
    const spent = parts.map(({ counter, units }): Spent | null => counter.use(units) ?? null);
    let over = false;
    return {
      headers: () => rateHeaders(parts.map(viewOf)),
      end(tokens) {
        if (over) return;
        over = true;
        for (const [index, { count, counter, units }] of parts.entries()) {
          if (counter instanceof Seats) counter.release();
          else if (count.kind === 'tokens') {
            const used = tokens ?? 0;
            if (used > units) counter.charge(used - units);
            else counter.giveBack(spent[index] as Spent, units - used);
          }
        }
      },
    };
  }

  return {
    enter,
    correct(counts, tokens, used, ageMs) {
      notice();
      for (const { count, counter, units } of partsOf(counts, tokens)) {
        if (count.kind !== 'tokens' || counter instanceof Seats) continue;
        if (used > units) counter.charge(used - units);
        else if (ageMs < MINUTE_MS) counter.giveBackOld(units - used);
      }
    },
    beat() {
      notice();
      for (const [id, counter] of counters) {
        counter.beat();
        if (counter.idle) counters.delete(id);
      }
    },
  };
}

const viewOf = ({ count, counter }: Part): Viewed => ({ count, ...counter.view() });

const WHO: Readonly<Record<Count['scope'], string>> = {
  key: 'This key',
  user: 'This user',
  account: 'This account',
  team: 'This team',
  tenant: 'This tenant',
  model: 'The model',
  global: 'This service',
};

const number = (value: number): string => Math.floor(value).toLocaleString('en-US');

/** Which limit it is, and when it is worth another try. */
function sentence({ kind, scope, name, limit }: Count, left: number, units: number, retryMs: number): string {
  const who = name === '' ? WHO[scope] : `${WHO[scope]} ${name}`;
  const again = `try again in ${number(Math.max(1, Math.ceil(retryMs / 1000)))} s`;
  if (kind === 'concurrent') {
    return `${who} may have ${number(limit)} ${limit === 1 ? 'request' : 'requests'} running at once; ${again}, or when one of them has ended.`;
  }
  if (kind === 'requests')
    return `${who} may send ${number(limit)} ${limit === 1 ? 'request' : 'requests'} a minute; ${again}.`;
  return `${who} may use ${number(limit)} tokens a minute; ${number(left)} are left, and this request may need ${number(units)}: ${again}.`;
}
