/** Whether a budget makes sense: asked before one is kept, wherever it comes from. */
import type { FieldError } from '../contract/errors.ts';
import { BUDGET_SCOPES, type BudgetScope } from '../contract/limits.ts';
import { PERIODS } from './periods.ts';

/** Fields as the file and the API name them; `undefined` and `null` mean: not said. */
export interface BudgetFields {
  name?: unknown;
  scope?: unknown;
  match?: unknown;
  period?: unknown;
  hard_usd?: unknown;
  soft_usd?: unknown;
  webhook_url?: unknown;
}

/** A million dollars: picodollars beyond that would not fit a bigint for long. */
const MOST_USD = 1_000_000;
const LONGEST = 300;
const LONGEST_URL = 2000;

const oneOf = (words: readonly string[]): string => `must be ${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
const said = (value: unknown): boolean => value !== undefined && value !== null;

/** Every field that cannot be, and why. Empty: it makes sense. `hookProblem`: what is wrong with an address to be told at; null: nothing. */
export function budgetProblems(budget: BudgetFields, hookProblem: (url: string) => string | null): FieldError[] {
  const { name, scope, match, period, hard_usd: hard, soft_usd: soft, webhook_url: url } = budget;
  const errors: FieldError[] = [];
  const wrong = (path: string, message: string) => errors.push({ path, message });
  if (!BUDGET_SCOPES.includes(scope as BudgetScope)) wrong('scope', oneOf(BUDGET_SCOPES));
  if (!PERIODS.includes(period as 'day')) wrong('period', oneOf(PERIODS));
  if (said(name) && (typeof name !== 'string' || !/^\P{Cc}{1,100}$/u.test(name))) {
    wrong('name', 'must be 1 to 100 characters');
  }
  if (said(match) && (typeof match !== 'string' || match === '' || match.length > LONGEST)) {
    wrong('match', `must be 1 to ${LONGEST} characters`);
  } else if (typeof match === 'string' && match.includes('*')) {
    wrong('match', 'must name one: leave it out to give each its own budget');
  } else if (scope === 'label' && (typeof match !== 'string' || !/^[^=]+(=.+)?$/s.test(match))) {
    wrong('match', 'must be the name of a label, or name=value, e.g. project=search');
  }
  const amounts = { hard_usd: hard, soft_usd: soft };
  for (const [path, amount] of Object.entries(amounts)) {
    if (!said(amount)) continue;
    const least = path === 'hard_usd' ? 0 : 1e-6;
    if (typeof amount !== 'number' || !(amount >= least && amount <= MOST_USD)) {
      wrong(path, `must be a number of US dollars from ${path === 'hard_usd' ? '0' : '0.000001'} to 1,000,000`);
    }
  }
  if (!said(hard) && !said(soft)) wrong('hard_usd', 'or soft_usd is needed: a budget without a limit limits nothing');
  if (typeof hard === 'number' && typeof soft === 'number' && soft > hard) {
    wrong('soft_usd', `(${soft}) must not be above hard_usd (${hard}): it would never be reached`);
  }
  if (said(url)) {
    const problem =
      typeof url === 'string' && url.length <= LONGEST_URL
        ? hookProblem(url)
        : 'must be an http or https URL of at most 2,000 characters';
    if (problem !== null) wrong('webhook_url', problem);
  }
  return errors;
}

/** Dollars as they are written, in whole picodollars. */
export const picoOf = (usd: number): number => Math.round(usd * 1e12);
