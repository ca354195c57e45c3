/**
 * Keeps calls away from a target that fails.
 *
 *   closed ──(failures)──► open ──(its time is over)──► half open ──(the probe succeeds)──► closed
 *                           ▲                               │
 *                           └────(the probe fails: longer)──┘
 *
 * The time that it stays open doubles each time in a row.
 */
import { after, type Dated, isNewer } from './newest.ts';
import { duration } from './words.ts';

export interface BreakerRules {
  /** Failures in a row that open it. */
  consecutive: number;
  /** The share of failures, 0 to 1, that opens it once there were `minCalls` in the window. */
  rate: number;
  minCalls: number;
  /** How long it stays open at first, and at most. */
  openMs: number;
  maxOpenMs: number;
  /** Calls that may go at once while it is half open. */
  probes: number;
}

export type BreakerState = 'closed' | 'open' | 'half_open';

/** What the processes tell each other. */
export interface BreakerRecord extends Dated {
  state: BreakerState;
  /** Open: when the first probe may go. Half open: when its probe is given up for lost. */
  until: number;
  /** How often it opened in a row. */
  streak: number;
  cause: 'consecutive' | 'rate' | 'probe' | null;
  /** Failures that opened it, of so many calls. */
  failures: number;
  calls: number;
}

/** Set by hand. `auto` takes it back. */
export interface Forced extends Dated {
  state: 'open' | 'closed' | 'auto';
  by: string;
  /** Null: until it is taken back. */
  until: number | null;
}

/** What a caller may do now: `probe` means that the call tries whether the target is back. */
export type Gate = 'closed' | 'probe' | 'open';

/** A probe that has no end by then does not keep others from trying. */
const PROBE_MS = 60_000;
/** Nobody knows when another's probe ends: ask again by then. */
const ASK_AGAIN_MS = 1000;
/** Who was told to be the probe begins by then, or somebody else may. */
const CLAIM_MS = 1000;
/** Each process waits up to a tenth longer than was agreed, so that they do not come back as one. */
const OWN_DELAY = 0.1;

const inARow = (failures: number): string => `${failures} failure${failures === 1 ? '' : 's'} in a row`;

const NEVER: BreakerRecord = {
  state: 'closed',
  at: 0,
  version: 0,
  until: 0,
  streak: 0,
  cause: null,
  failures: 0,
  calls: 0,
};

/** `random` is from 0 to 1: between 90 and 110 percent of the time, never more than the most. */
export function openFor(streak: number, rules: Pick<BreakerRules, 'openMs' | 'maxOpenMs'>, random: number): number {
  const doubled = rules.openMs * 2 ** Math.min(Math.max(streak, 1) - 1, 30);
  return Math.round(Math.min(rules.maxOpenMs, doubled * (0.9 + 0.2 * random)));
}

export class Breaker {
  readonly #rules: BreakerRules;
  readonly #random: () => number;
  #record = NEVER;
  #forced: Forced | null = null;
  /** Failures in a row since it was closed. */
  #failures = 0;
  /** When the running probes of this process began. */
  #probes: number[] = [];
  /** When those were told to be a probe that have not begun yet. */
  #claims: number[] = [];
  /** When it opened last, and how much longer than the others this process waits. */
  #opened = 0;
  #delay = 0;

  constructor(rules: BreakerRules, random: () => number) {
    this.#rules = rules;
    this.#random = random;
  }

  get record(): BreakerRecord {
    return this.#record;
  }

  get forced(): Forced | null {
    return this.#forced;
  }

  /** What was set by hand and still holds. */
  override(now: number): Forced | null {
    const forced = this.#forced;
    if (forced === null || forced.state === 'auto') return null;
    return forced.until !== null && now >= forced.until ? null : forced;
  }

  gate(now: number): Gate {
    const override = this.override(now);
    if (override !== null) return override.state === 'open' ? 'open' : 'closed';
    if (this.#record.state === 'closed') return 'closed';
    return this.waitMs(now) > 0 ? 'open' : 'probe';
  }

  /** Milliseconds until a probe may go, or until it is worth asking again; 0 when one may. */
  waitMs(now: number): number {
    const override = this.override(now);
    if (override !== null) {
      if (override.state === 'closed') return 0;
      return override.until === null ? Number.POSITIVE_INFINITY : override.until - now;
    }
    const { state, until } = this.#record;
    if (state === 'closed') return 0;
    const claimed = this.#claimed(now);
    const room = this.#running(now) + claimed < this.#rules.probes;
    if (state === 'open') return Math.max(this.#left(until + this.#delay, now), room ? 0 : ASK_AGAIN_MS);
    if (this.#probes.length + claimed > 0) return room ? 0 : ASK_AGAIN_MS;
    return Math.min(ASK_AGAIN_MS, this.#left(until, now));
  }

  /** Somebody will begin in a moment: of all who waited for the probe, no more go than may. */
  claim(now: number): void {
    if (this.gate(now) === 'probe') this.#claims.push(now);
  }

  /** A call goes out. True: it is a probe, so its end must be told. */
  begin(now: number): boolean {
    this.#claims.shift();
    if (this.#record.state === 'closed' || this.gate(now) !== 'probe') return false;
    this.#probes.push(now);
    this.#move(now, { state: 'half_open', until: now + PROBE_MS });
    return true;
  }

  /** The window holds the last calls, this one included. True: the state has changed. */
  fault(begun: number, probe: boolean, now: number, window: { calls: number; faults: number }): boolean {
    if (probe) this.#over(begun);
    const { state, at, streak } = this.#record;
    if (state !== 'closed') {
      if (probe && state === 'half_open') return this.#open(now, 'probe', streak + 1, 1, 1);
      return false;
    }
    // What began before it closed says how the target was, not how it is.
    if (begun < at || this.override(now)?.state === 'closed') return false;
    this.#failures++;
    const { consecutive, minCalls, rate, maxOpenMs } = this.#rules;
    const often = window.calls >= minCalls && window.faults >= rate * window.calls;
    if (this.#failures < consecutive && !often) return false;
    // Open again soon after it closed: it has not recovered.
    const again = streak > 0 && now - at < Math.min(maxOpenMs, openFor(streak, this.#rules, 1));
    const next = again ? streak + 1 : 1;
    return this.#failures >= consecutive
      ? this.#open(now, 'consecutive', next, this.#failures, this.#failures)
      : this.#open(now, 'rate', next, window.faults, window.calls);
  }

  /**
   * `answered` false: the call was refused for a good reason. That ends a probe well too, but proves less than an answer.
   * True: the state has changed.
   */
  good(begun: number, probe: boolean, now: number, answered: boolean): boolean {
    if (probe) this.#over(begun);
    if (answered) this.#failures = 0;
    if (this.#record.state === 'closed') return false;
    // A call that was sent although it was open, for want of another target, proves as much as a probe.
    if (!probe && (!answered || begun < this.#opened)) return false;
    this.#failures = 0;
    this.#probes = [];
    this.#move(now, { state: 'closed', until: 0, cause: null, failures: 0, calls: 0 });
    return true;
  }

  /** A call ended of which nothing was learnt: another probe may go. */
  nothing(begun: number, probe: boolean, now: number): void {
    if (!probe) return;
    this.#over(begun);
    if (this.#record.state === 'half_open' && this.#probes.length === 0) this.#move(now, { until: now });
  }

  force(state: Forced['state'], until: number | null, by: string, now: number): void {
    this.#forced = { state, by, until, ...after(this.#forced ?? NEVER, now) };
  }

  /** Takes over what another process knows, if it is newer. True: something has changed. */
  hear(record: BreakerRecord | null, forced: Forced | null): boolean {
    let changed = false;
    if (forced !== null && isNewer(this.#forced ?? NEVER, forced)) {
      this.#forced = forced;
      changed = true;
    }
    if (record !== null && isNewer(this.#record, record)) {
      const before = this.#record;
      this.#record = record;
      changed = true;
      if (record.state !== before.state) this.#failures = 0;
      if (record.state === 'open') this.#opens(record);
      else if (record.state === 'closed') this.#probes = [];
    }
    return changed;
  }

  /** The state that an operator sees. */
  state(now: number): BreakerState {
    const override = this.override(now);
    if (override !== null) return override.state === 'open' ? 'open' : 'closed';
    const { state, until } = this.#record;
    return state === 'open' && this.#left(until, now) === 0 ? 'half_open' : state;
  }

  /** `breaker open for 12 s more after 5 failures`. */
  say(now: number): string {
    const override = this.override(now);
    if (override !== null) {
      const long = override.until === null ? '' : ` for ${duration(override.until - now)} more`;
      return `set ${override.state} by ${override.by}${long}`;
    }
    const { state, until, cause, failures, calls } = this.#record;
    if (state === 'closed') return this.#failures > 0 ? inARow(this.#failures) : 'closed';
    const why =
      cause === 'rate'
        ? `${failures} of ${calls} calls failed`
        : cause === 'probe'
          ? 'the last probe failed'
          : inARow(failures);
    const left = this.#left(until, now);
    if (state === 'open' && left > 0) return `breaker open for ${duration(left)} more after ${why}`;
    return state === 'half_open' && this.waitMs(now) > 0
      ? `breaker half open after ${why}, a probe is on its way`
      : `breaker half open after ${why}, the next call is a probe`;
  }

  #open(now: number, cause: BreakerRecord['cause'], streak: number, failures: number, calls: number): true {
    const until = now + openFor(streak, this.#rules, this.#random());
    this.#move(now, { state: 'open', until, streak, cause, failures, calls });
    this.#failures = 0;
    this.#opens(this.#record);
    return true;
  }

  #opens(record: BreakerRecord): void {
    this.#opened = record.at;
    this.#delay = Math.round(this.#random() * OWN_DELAY * Math.max(0, record.until - record.at));
    this.#probes = [];
  }

  #move(now: number, change: Partial<BreakerRecord>): void {
    this.#record = { ...this.#record, ...change, ...after(this.#record, now) };
  }

  #over(begun: number): void {
    const place = this.#probes.indexOf(begun);
    if (place !== -1) this.#probes.splice(place, 1);
  }

  #claimed(now: number): number {
    if (this.#claims.length > 0) this.#claims = this.#claims.filter((at) => Math.abs(now - at) < CLAIM_MS);
    return this.#claims.length;
  }

  #running(now: number): number {
    if (this.#probes.length > 0) this.#probes = this.#probes.filter((begun) => Math.abs(now - begun) < PROBE_MS);
    return this.#probes.length;
  }

  /** A time further away than any that was ever set: the clock was put back. */
  #left(until: number, now: number): number {
    const left = until - now;
    return left <= 0 || left > 2 * Math.max(this.#rules.maxOpenMs, PROBE_MS) ? 0 : left;
  }
}
