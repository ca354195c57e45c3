/** Rows as callers see them: names of the wire, times as text, money in dollars. */
import { ERRORS } from '../contract/errors.ts';
import { wireUsage } from '../contract/part.ts';
import type { AttemptRow, RequestRow } from '../contract/rows.ts';
import { isTerminal } from '../contract/states.ts';
import { dollars } from '../money/cost.ts';

export const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

/** Why an amount is null. */
const UNSETTLED = 'What it has cost is not settled yet; ask again in a moment.';
export const PRICE_UNKNOWN = 'The price of this model is not known; set it under prices in goblin.yaml.';

export function requestOut(row: RequestRow): Record<string, unknown> {
  return {
    request_id: row.id,
    status: row.state,
    mode: row.mode,
    task_type: row.taskType,
    priority: row.priority,
    model: row.model,
    created_at: iso(row.createdAt),
    started_at: iso(row.startedAt),
    finished_at: iso(row.finishedAt),
    estimated_cost_usd: dollars(row.estimatePico),
    cost_usd: isTerminal(row.state) ? dollars(row.costPico) : null,
    ...(isTerminal(row.state) && row.costPico === null
      ? { cost_reason: row.unsettled ? UNSETTLED : PRICE_UNKNOWN }
      : {}),
    labels: row.labels,
    error: row.error,
  };
}

export function attemptOut(row: AttemptRow): Record<string, unknown> {
  return {
    attempt: row.attempt,
    provider: row.provider,
    model: row.model,
    status: row.status,
    started_at: iso(row.startedAt),
    first_token_ms: row.firstTokenMs,
    latency_ms: row.latencyMs,
    usage: row.usage ? wireUsage(row.usage) : null,
    cost_usd: dollars(row.costPico),
    error: row.error
      ? {
          code: row.error.code,
          message: ERRORS[row.error.code]?.title ?? '',
          upstream_status: row.error.upstream_status,
        }
      : null,
    reason: row.reason,
    ...(row.keyRef === null ? {} : { key: row.keyRef }),
  };
}

export const linksOf = (id: string): Record<string, string> => ({
  self: `/mcp/v1/request/${id}`,
  result: `/mcp/v1/request/${id}/result`,
  stream: `/mcp/v1/stream/${id}`,
  cancel: `/mcp/v1/cancel/${id}`,
});
