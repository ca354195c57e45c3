/** All that is known of one target: its statistics, its breaker, its budget, and what runs there. */
import { Breaker, type BreakerRules } from './breaker.ts';
import { ENOUGH, expectedMs, Stats } from './health.ts';
import { type BudgetRules, RetryBudget } from './retry-budget.ts';
import type { Measure } from './score.ts';
import { percent } from './words.ts';

export interface HealthRules {
  breaker: BreakerRules & {
    /** What counts as lately. */
    windowMs: number;
    /** A first token that takes longer is a failure; 0: never. */
    slowMs: number;
  };
  retryBudget: BudgetRules;
}

/** A share of the failures that would open it, of half as many calls, sends a target behind those that are well. */
const SICK = 0.4;
/** A measure is used again for as long, unless there is news. */
const KEEP_MS = 1000;

export class Target {
  readonly key: string;
  readonly provider: string;
  readonly model: string;
  readonly stats: Stats;
  readonly breaker: Breaker;
  readonly budget: RetryBudget;
  /** Calls that run; of them those that repeat elsewhere what failed and have said nothing yet; and those that speak. */
  load = 0;
  silent = 0;
  speaking = 0;
  /** A number that grows with each use of any target. */
  used = 0;
  readonly #rules: HealthRules;
  #measure: Measure | null = null;
  #measured = 0;

  constructor(provider: string, model: string, rules: HealthRules, random: () => number) {
    this.key = `${provider}/${model}`;
    this.provider = provider;
    this.model = model;
    this.#rules = rules;
    this.stats = new Stats(rules.breaker.windowMs);
    this.breaker = new Breaker(rules.breaker, random);
    this.budget = new RetryBudget(rules.retryBudget);
  }

  /** Nothing speaks against it. */
  calm(now: number): boolean {
    return (
      this.breaker.record.state === 'closed' &&
      this.breaker.forced === null &&
      this.stats.window.total(now).second === 0
    );
  }

  /** How it fails, if it fails so often that others should go first; null: it does not, or it is half open and to be tried. */
  sick(now: number): string | null {
    const { first: calls, second: faults } = this.stats.window.total(now);
    const { minCalls, rate } = this.#rules.breaker;
    if (calls < minCalls / 2 || faults < SICK * rate * calls || this.breaker.gate(now) !== 'closed') return null;
    return this.breaker.override(now) === null ? `${faults} of ${calls} calls failed lately` : null;
  }

  measure(now: number): Measure {
    if (this.#measure === null || Math.abs(now - this.#measured) > KEEP_MS) {
      const speed = this.stats.speed(now);
      const { first: calls, second: faults } = this.stats.window.total(now);
      const { firstTokenMs, latencyMs, tokensPerS } = speed;
      const say: string[] = [];
      if (firstTokenMs !== null) say.push(`first token ${Math.round(firstTokenMs)} ms`);
      else if (latencyMs !== null) say.push(`answers in ${Math.round(latencyMs)} ms`);
      else say.push('not measured yet');
      if (tokensPerS !== null) say.push(`${Math.round(tokensPerS)} tokens/s`);
      if (faults > 0) say.push(`${percent(faults / calls)} of ${calls} calls failed`);
      this.#measure = {
        expectedMs: expectedMs(speed),
        known: false,
        failing: calls === 0 ? 0 : faults / calls,
        load: 0,
        say: say.join(', '),
      };
      this.#measured = now;
    }
    this.#measure.load = this.load;
    this.#measure.known = this.stats.known(now) || this.stats.samples(now) + this.load >= ENOUGH;
    return this.#measure;
  }

  /** There is news. */
  changed(): void {
    this.#measure = null;
  }
}
