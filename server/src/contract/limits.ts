/** Limits and budgets as they are written down, in `goblin.yaml` or in the database. */

/** Left out: no limit of that kind. */
export interface RateLimits {
  requestsPerMinute?: number;
  /** Prompt and answer together. */
  tokensPerMinute?: number;
  /** Requests that run at once. */
  concurrent?: number;
}

export const LIMIT_SCOPES = ['key', 'user', 'team', 'tenant', 'model', 'global'] as const;
export type LimitScope = (typeof LIMIT_SCOPES)[number];

/**
 * `match`: what it is for; a `*` stands for any text. Null: for each one of its scope, by itself. Keys, teams and tenants
 * go by their ids, users by the caller's label of them, models by `provider/model`.
 */
export interface LimitRule extends RateLimits {
  scope: LimitScope;
  match: readonly string[] | null;
}

export const BUDGET_SCOPES = ['tenant', 'team', 'user', 'key', 'label'] as const;
export type BudgetScope = (typeof BUDGET_SCOPES)[number];

/** What stands in the database beside a key, a team or an account goes by the same fields, for that one alone. */
export type StoredScope = 'key' | 'team' | 'tenant' | 'account';

export interface StoredLimits extends RateLimits {
  scope: StoredScope;
  subject: string;
}

/** Money in picodollars. One of `hardPico` and `softPico` at least. */
export interface Budget {
  id: string;
  name: string | null;
  /** Null: each tenant, by itself. */
  tenant: string | null;
  scope: BudgetScope;
  /**
   * Whose it is: an id; of a user, the hash of the label; of a label, `name=value`, or `name` for each of its values by
   * itself. Null: each one of the scope, by itself.
   */
  match: string | null;
  period: 'day' | 'month' | 'total';
  hardPico: number | null;
  softPico: number | null;
  /** Told by a signed POST when a limit is reached. */
  webhookUrl: string | null;
  source: 'file' | 'api';
}

/** What an unknown price means under a budget: no, or so many dollars for a million tokens. */
export type UnknownPrice = 'refuse' | { usdPerMillion: number };
