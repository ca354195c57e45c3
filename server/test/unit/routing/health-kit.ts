/** Outcomes, rules and clocks for the tests of health. */
import assert from 'node:assert/strict';
import type { ErrorCode } from '../../../src/contract/errors.ts';
import {
  type CallStart,
  createHealthBook,
  type HealthBook,
  type HealthRow,
  type HealthRules,
  type Outcome,
} from '../../../src/routing/book.ts';

/** Any moment: times are counted from the epoch. */
export const START = 1_800_000_000_000;

export const RULES: HealthRules = {
  breaker: {
    consecutive: 5,
    rate: 0.5,
    minCalls: 20,
    windowMs: 60_000,
    openMs: 5000,
    maxOpenMs: 300_000,
    slowMs: 0,
    probes: 1,
  },
  retryBudget: { ratio: 0.1, reserve: 10 },
};

export const good = (more: Partial<Outcome> = {}): Outcome => ({
  code: null,
  firstTokenMs: 100,
  latencyMs: 1100,
  tokens: 200,
  outputTokens: 100,
  streamed: true,
  ...more,
});

export const bad = (code: ErrorCode = 'upstream_unavailable', more: Partial<Outcome> = {}): Outcome => ({
  code,
  firstTokenMs: null,
  latencyMs: 50,
  tokens: null,
  outputTokens: null,
  streamed: true,
  ...more,
});

/** The middle of the range, so that nothing jitters. */
export const steady = (): number => 0.5;

export interface BookMore {
  process?: string;
  random?: () => number;
  since?: number;
  most?: number;
  rules?: { breaker?: Partial<HealthRules['breaker']>; retryBudget?: Partial<HealthRules['retryBudget']> };
}

export function bookOf(more: BookMore = {}): HealthBook {
  const { process = 'one', random = steady, rules = {}, since, most } = more;
  return createHealthBook(
    {
      breaker: { ...RULES.breaker, ...rules.breaker },
      retryBudget: { ...RULES.retryBudget, ...rules.retryBudget },
    },
    { process, random, ...(since === undefined ? {} : { since }), ...(most === undefined ? {} : { most }) },
  );
}

/** The same call so many times, each observed at its own millisecond. */
export function observe(
  book: HealthBook,
  name: string,
  outcome: Outcome,
  times: number,
  at: number,
  key?: string,
): void {
  const slash = name.indexOf('/');
  const call = { provider: name.slice(0, slash), model: name.slice(slash + 1), key: key ?? null };
  for (let i = 0; i < times; i++) book.observe(call, outcome, at + i);
}

export const call = (more: Partial<CallStart> = {}): CallStart => ({
  provider: 'a',
  model: 'm',
  key: null,
  kind: 'first',
  conversation: null,
  ...more,
});

export function row(book: HealthBook, name: string, now: number): HealthRow {
  const found = book.rows(now).find(({ provider, model }) => `${provider}/${model}` === name);
  assert.ok(found, `${name} is not known`);
  return found;
}
