/**
 * How many calls to a target may be repeats. Every first attempt brings a tenth of one, so in an outage there are at most
 * a tenth more calls than without, and a few in each minute where there is hardly any load.
 */

export interface BudgetRules {
  /** What a first attempt brings. */
  ratio: number;
  /** Repeats in each minute that need no first attempts. */
  reserve: number;
}

/**
 * - `first`: the first attempt of a request.
 * - `retry`: the same target again.
 * - `fallback`: another target, after the first one failed.
 */
export type CallKind = 'first' | 'retry' | 'fallback';

/** `wait`: calls are on their way that will tell whether the target is well; ask again in a moment. */
export type MayRetry = 'yes' | 'wait' | 'no';

const MINUTE = 60_000;
/** Saved for a bad moment, at most. */
const MOST = 10;

export class RetryBudget {
  readonly #rules: BudgetRules;
  #tokens: number;
  #at: number | null = null;

  constructor(rules: BudgetRules) {
    this.#rules = rules;
    this.#tokens = rules.reserve;
  }

  has(now: number): boolean {
    this.#refill(now);
    // Ten tenths make one.
    return this.#tokens > 1 - 1e-9;
  }

  /** A first attempt went out. */
  earn(now: number): void {
    this.#refill(now);
    const most = Math.max(MOST, this.#rules.reserve);
    if (this.#tokens < most) this.#tokens = Math.min(most, this.#tokens + this.#rules.ratio);
  }

  /** False: there is none. */
  take(now: number): boolean {
    if (!this.has(now)) return false;
    this.#tokens = Math.max(0, this.#tokens - 1);
    return true;
  }

  /** The call helped, so it was none of those that an outage makes. */
  giveBack(): void {
    this.#tokens = Math.min(Math.max(MOST, this.#rules.reserve), this.#tokens + 1);
  }

  #refill(now: number): void {
    const { reserve } = this.#rules;
    const since = this.#at === null ? 0 : now - this.#at;
    this.#at = now;
    if (since > 0 && this.#tokens < reserve) {
      this.#tokens = Math.min(reserve, this.#tokens + (reserve * since) / MINUTE);
    }
  }
}
