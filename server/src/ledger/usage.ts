/** What was used and what it cost, added up from the record. */
import type { Sql } from '../contract/ports.ts';
import { FENCE } from './fence.ts';
import { lowestIdAt } from './ids.ts';

export const USAGE_GROUPS = ['day', 'key', 'model', 'team', 'task_type'] as const;
export type UsageGroup = (typeof USAGE_GROUPS)[number];

export interface UsageRow {
  /** Of each group that was asked for; null: the request had none. */
  group: Partial<Record<UsageGroup, string | null>>;
  requests: number;
  attempts: number;
  inputTokens: number;
  outputTokens: number;
  cachedInputTokens: number;
  reasoningTokens: number;
  costPico: number;
  /** Attempts whose price nobody knows; `costPico` is without them. */
  unpriced: number;
  /** Attempts that were priced by estimate. */
  estimated: number;
}

const COLUMNS: Readonly<Record<UsageGroup, string>> = {
  day: 'r.day::text',
  key: 'r.key_id',
  model: "a.provider || '/' || a.model",
  team: 'r.team',
  task_type: 'r.task_type',
};

const tokens = (name: string): string => `coalesce(sum((a.usage ->> '${name}')::numeric), 0)::float8`;

// Requests accepted on the days from $2 to $3, with all their attempts.
const usage = (groups: readonly UsageGroup[]): string => `
select ${groups.map((group, n) => `${COLUMNS[group]} as g${n}, `).join('')}count(distinct r.id)::int as requests,
  count(a.request_id)::int as attempts, ${tokens('inputTokens')} as "inputTokens", ${tokens('outputTokens')} as "outputTokens",
  ${tokens('cachedInputTokens')} as "cachedInputTokens", ${tokens('reasoningTokens')} as "reasoningTokens",
  coalesce(sum(a.cost_pico), 0)::float8 as "costPico",
  count(*) filter (where a.request_id is not null and a.status <> 'running' and a.cost_pico is null)::int as unpriced,
  count(*) filter (where a.usage ->> 'source' = 'estimated' or (a.usage is null and a.cost_pico > 0))::int as estimated
from mcp_request r left join mcp_attempt a on a.request_id = r.id
where r.tenant = $1 and r.id >= $2::uuid and r.id < $3::uuid
group by ${groups.length === 0 ? '()' : groups.map((_, n) => n + 1).join(', ')}
order by ${groups.length === 0 ? '1' : groups.map((_, n) => `${n + 1} nulls last`).join(', ')} limit 10000`;

/** `from` and `to`: UTC days, both included. */
export async function usageOf(
  sql: Sql,
  tenant: string,
  from: string,
  to: string,
  groups: readonly UsageGroup[],
): Promise<UsageRow[]> {
  const DAY_MS = 86_400_000;
  const rows = await sql.query<Omit<UsageRow, 'group'> & Record<string, unknown>>(usage(groups), [
    tenant,
    lowestIdAt(Date.parse(from)),
    lowestIdAt(Date.parse(to) + DAY_MS),
  ]);
  return rows.map((row) => ({
    group: Object.fromEntries(groups.map((group, n) => [group, row[`g${n}`] as string | null])),
    requests: row.requests,
    attempts: row.attempts,
    inputTokens: row.inputTokens,
    outputTokens: row.outputTokens,
    cachedInputTokens: row.cachedInputTokens,
    reasoningTokens: row.reasoningTokens,
    costPico: row.costPico,
    unpriced: row.unpriced,
    estimated: row.estimated,
  }));
}

// What requests of a tenant have cost that were accepted from one moment to another and have ended, by key.
const SPENT = `
select key_id as key, sum(cost_pico)::float8 as pico from mcp_request
where tenant = $1 and ${FENCE} and id >= $2::uuid and ($3::uuid is null or id < $3::uuid) and cost_pico > 0 group by key_id`;

/** Milliseconds since the epoch; `untilMs` may be endless. Requests without a key under null; unknown prices are not in it. */
export async function spentByKey(
  sql: Pick<Sql, 'query'>,
  tenant: string,
  fromMs: number,
  untilMs: number,
): Promise<{ key: string | null; pico: number }[]> {
  const until = Number.isFinite(untilMs) ? lowestIdAt(untilMs) : null;
  return await sql.query<{ key: string | null; pico: number }>(SPENT, [tenant, lowestIdAt(fromMs), until]);
}
