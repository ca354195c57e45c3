/**
 * Units of a minute, as one process uses them: from leases, which it takes from the count of all and renews beside the
 * requests, or from its own share while that count is away. Nothing here ever admits more than the limit: a lease is
 * counted when it is taken, and what is not used within a second goes back.
 */
import type { Rates } from '../../contract/ports.ts';

export interface CounterDeps {
  /** Null: there is none but our own. */
  rates: Rates | null;
  /** What this process itself has used; by the same clock as `now`. */
  own: Rates;
  /** What it has used and not said to the others. */
  unsaid: Rates;
  /** Whether the counts of all are to be asked. */
  shared(): boolean;
  /** They did not answer in time. */
  slow(): void;
  processes(): number;
  /** Of a limit, as long as this process does not hear the others. `runs`: of what runs, not of what is taken in. */
  share(limit: number, runs: boolean): number;
  now(): number;
}

export interface Refusal {
  retryMs: number;
}

/** How a counter is used: `ready`, then at once `use`; else `refusal`; else `ask`, and all anew. */
export interface Counter {
  ready(units: number): boolean;
  /** Null: it is worth asking. */
  refusal(units: number): Refusal | null;
  /** Resolves when there is news. Never rejects. */
  ask(units: number): Promise<void>;
  view(): { left: number; resetMs: number };
}

/** Where units came from, so that they can go back there. */
export interface Spent {
  /** By the clock of all; null: out of our own share. */
  at: number | null;
  ownAt: number;
  /** Until when the lease would have been good. */
  until: number;
}

interface Lease {
  at: number;
  left: number;
  until: number;
}

/** As long as units may lie unused: `RATE_WINDOW_S` counts on it. */
const LEASE_MS = 1000;
/** Who asks waits this long for the others: going by shares too soon would let in what others have used up. */
export const PATIENCE_MS = 1000;
/** A refusal of all is believed this long; somebody may have given units back. */
const FRESH_MS = 150;
/** A process takes ahead this part of what is left, divided by the processes. */
export const AHEAD_PART = 16;
/** What was used longer ago does not count any more, wherever it was counted. */
const OVER_MS = 60_000;

export class Window implements Counter {
  readonly id: string;
  limit: number;
  readonly #deps: CounterDeps;
  #leases: Lease[] = [];
  /** Of all, as of the last answer; and until when that is believed. */
  #left = 0;
  #freshUntil = 0;
  #retryAt = 0;
  /** For which number of units `#retryAt` holds. */
  #retryFor = 0;
  #resetAt = 0;
  #asking: Promise<void> | null = null;
  /** Units of those that wait, and the fewest that would help one of them. */
  #waiting = 0;
  #least = Number.POSITIVE_INFINITY;
  /** Units a second, of late; and since the last beat. */
  #pace = 0;
  #since = 0;

  constructor(id: string, limit: number, deps: CounterDeps) {
    this.id = id;
    this.limit = limit;
    this.#deps = deps;
  }

  /** Nothing would be lost with it. */
  get idle(): boolean {
    return this.#leases.length === 0 && this.#asking === null && this.#usedIn(this.#deps.own) === 0;
  }

  ready(units: number): boolean {
    if (this.#deps.shared()) return this.#available() >= units;
    return this.#ownLook(0).left >= this.#capped(units);
  }

  use(units: number): Spent {
    const { own, unsaid, now } = this.#deps;
    const ownAt = Math.floor(now() / 1000);
    own.charge(this.id, units);
    this.#since += units;
    if (!this.#deps.shared()) {
      unsaid.charge(this.id, units);
      return { at: null, ownAt, until: 0 };
    }
    let rest = units;
    let [at, until] = [0, 0];
    while (rest > 0) {
      const lease = this.#leases[0] as Lease;
      const some = Math.min(rest, lease.left);
      lease.left -= some;
      rest -= some;
      at = lease.at;
      until = lease.until;
      if (lease.left === 0) this.#leases.shift();
    }
    const ahead = this.#ahead();
    if (ahead >= 1 && this.#asking === null && this.#available() < ahead / 2) void this.ask(0);
    return { at, ownAt, until };
  }

  /** So much was used beyond what was asked for. */
  charge(units: number): void {
    const { own, unsaid, rates } = this.#deps;
    own.charge(this.id, units);
    if (!this.#deps.shared()) unsaid.charge(this.id, units);
    else {
      rates?.charge(this.id, units);
      this.#left -= units;
    }
  }

  /** So much was not used after all. */
  giveBack({ at, ownAt, until }: Spent, units: number): void {
    const { own, unsaid, rates, now } = this.#deps;
    if (units <= 0 || now() - ownAt * 1000 > OVER_MS) return;
    own.giveBack(this.id, ownAt, units);
    if (at === null) unsaid.giveBack(this.id, ownAt, units);
    // Later they would run out sooner than what is done with them.
    else if (now() >= until) rates?.giveBack(this.id, at, units);
    else {
      const lease = this.#leases.find((one) => one.at === at && one.until === until);
      if (lease) lease.left += units;
      else this.#leases.push({ at, left: units, until });
    }
  }

  /** Used in another process, and counted there: so much less of it was needed than was asked for. */
  giveBackOld(units: number): void {
    this.#deps.own.giveBack(this.id, 0, units);
    if (this.#deps.shared()) this.#deps.rates?.giveBack(this.id, 0, units);
  }

  refusal(units: number): Refusal | null {
    const now = this.#deps.now();
    if (!this.#deps.shared()) {
      const share = this.#deps.share(this.limit, false);
      return { retryMs: share === 0 ? OVER_MS : Math.max(1, this.#ownLook(this.#capped(units)).retryMs) };
    }
    // After the last unit was given nobody has said yet when there will be more.
    if (now >= this.#freshUntil || this.#retryFor === 0 || units <= this.#available() + this.#left) return null;
    const until = units <= this.#retryFor ? this.#retryAt : this.#resetAt;
    return { retryMs: Math.max(1, until - now) };
  }

  ask(units: number): Promise<void> {
    this.#waiting += units;
    if (units > 0) this.#least = Math.min(this.#least, units);
    this.#asking ??= this.#round().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #round(): Promise<void> {
    const { rates, now } = this.#deps;
    // Whoever else comes in this turn is asked for along the way.
    await new Promise((resolve) => setImmediate(resolve));
    const there = this.#available();
    const ahead = Math.floor(this.#ahead());
    const least = Number.isFinite(this.#least) ? this.#least : 0;
    const need = Math.max(0, least - there);
    const want = Math.max(need, Math.ceil(this.#waiting + ahead - there));
    this.#waiting = 0;
    this.#least = Number.POSITIVE_INFINITY;
    if (rates === null || want === 0) return;
    const asked = now();
    const answer = Promise.resolve(rates.take({ id: this.id, limit: this.limit, need, want }));
    const grant = await inTime(answer).catch(() => null);
    if (grant === null) {
      // Whatever comes later is nobody's.
      answer.then(({ at, granted }) => rates.giveBack(this.id, at, granted)).catch(() => {});
      this.#deps.slow();
      return;
    }
    this.#left = grant.left;
    this.#freshUntil = now() + FRESH_MS;
    this.#resetAt = now() + grant.resetMs;
    this.#retryFor = grant.retryMs > 0 ? least : 0;
    this.#retryAt = now() + grant.retryMs;
    // Its second began when it was counted, which was after we asked.
    if (grant.granted > 0) this.#leases.push({ at: grant.at, left: grant.granted, until: asked + LEASE_MS });
  }

  /** What may be taken before somebody waits for it: as much as is used in a second, and a part of what is left. */
  #ahead(): number {
    return Math.min(Math.max(this.#pace, this.#since), this.#left / (AHEAD_PART * this.#deps.processes()));
  }

  /** Once a second: leases that nobody used go back. */
  beat(): void {
    this.#pace = (this.#pace + this.#since) / 2;
    this.#since = 0;
    this.#available();
  }

  /** The counts of all are there again: what was used without them is said. `all`: they have forgotten everything. */
  say(all: boolean): void {
    const { own, rates, unsaid } = this.#deps;
    const units = this.#usedIn(all ? own : unsaid);
    this.#leases = [];
    this.#freshUntil = 0;
    unsaid.giveBack(this.id, 0, units);
    rates?.charge(this.id, units);
  }

  view(): { left: number; resetMs: number } {
    if (this.#deps.shared()) {
      const left = Math.max(0, Math.min(this.limit, this.#left + this.#available()));
      return { left, resetMs: Math.max(0, this.#resetAt - this.#deps.now()) };
    }
    const { left, resetMs } = this.#ownLook(0);
    return { left: Math.max(0, left), resetMs };
  }

  #available(): number {
    const now = this.#deps.now();
    let sum = 0;
    let over = false;
    for (const lease of this.#leases) {
      if (lease.until > now) sum += lease.left;
      else over = true;
    }
    if (over) {
      for (const { at, left, until } of this.#leases) if (until <= now) this.#deps.rates?.giveBack(this.id, at, left);
      this.#leases = this.#leases.filter(({ until }) => until > now);
    }
    return sum;
  }

  #usedIn(counts: Rates): number {
    return -(counts.take({ id: this.id, limit: 0, need: 0, want: 0 }) as { left: number }).left;
  }

  /** A request may be larger than our share: then it waits for all of it. */
  #capped(units: number): number {
    return Math.max(1, Math.min(units, this.#deps.share(this.limit, false)));
  }

  #ownLook(need: number) {
    const limit = this.#deps.share(this.limit, false);
    return this.#deps.own.take({ id: this.id, limit, need, want: 0 }) as {
      left: number;
      retryMs: number;
      resetMs: number;
    };
  }
}

/** Null when it takes too long. */
export function inTime<T>(answer: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MS, null);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
