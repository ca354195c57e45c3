/** Past requests as policies see them. What was in a prompt is not read: its findings and tools are not known. */
import type { Role } from '../../contract/caller.ts';
import type { Sql } from '../../contract/ports.ts';
import { FENCE } from '../../ledger/fence.ts';
import { lowestIdAt } from '../../ledger/ids.ts';
import { dataClassOf, type Facts, type Target } from './facts.ts';
import { say } from './judge.ts';
import type { PolicySet, Verdict } from './set.ts';
import type { Spent } from './spending.ts';

interface PastRow {
  id: string;
  key: string | null;
  kind: string;
  task: string;
  labels: Record<string, string> | null;
  at: number;
  provider: string;
  model: string;
  costPico: number | null;
  team: string | null;
  role: Role | null;
  user: string | null;
}

export interface PastRequest {
  id: string;
  facts: Facts;
  provider: string;
  model: string;
  costPico: number | null;
}

export const MOST_PAST = 10_000;

// Requests since then that came to an attempt, newest first, with the target that the last one asked.
const PAST = `
select r.id::text, r.key_id as key, r.kind, r.task_type as task, r.labels, (extract(epoch from r.created_at) * 1000)::float8 as at,
  a.provider, a.model, coalesce(r.estimate_pico, r.cost_pico)::float8 as "costPico", k.team, k.role, k.user_id as "user"
from mcp_request r
join lateral (
  select provider, model from mcp_attempt where request_id = r.id and tenant = r.tenant and provider <> 'cache' order by attempt desc limit 1
) a on true
left join mcp_key k on k.id = r.key_id and k.tenant = r.tenant
where r.tenant = $1 and ${FENCE} and r.id >= $4::uuid and r.created_at >= now() - $2::float8 * interval '1 millisecond'
order by r.id desc limit $3`;

/** Requests that are added up for what had been spent before one; older ones are not in it. */
const MOST_ADDED = 200_000;

// What requests that were accepted before each one have cost, in its UTC day and month, of the tenant and of its key.
const SPENT = `
with seen as (
  select id, key_id, day, date_trunc('month', day::timestamp) as month, coalesce(cost_pico, 0) as cost
  from mcp_request where tenant = $1 and ${FENCE} and id >= $2::uuid order by id desc limit ${MOST_ADDED}
), added as (
  select id, sum(cost) over (partition by day order by id) - cost as day, sum(cost) over (partition by month order by id) - cost as month,
    sum(cost) over (partition by key_id, day order by id) - cost as key_day,
    sum(cost) over (partition by key_id, month order by id) - cost as key_month from seen
)
select id::text, day::float8 as day, month::float8 as month, key_day::float8 as "keyDay", key_month::float8 as "keyMonth"
from added order by id desc limit $3`;

interface SpentRow {
  id: string;
  day: number;
  month: number;
  keyDay: number;
  keyMonth: number;
}

const MONTH_MS = 31 * 86_400_000;
/** Ids are made by the clock of a process, times by that of the record. */
const SKEW_MS = 60_000;

/** One more than `MOST_PAST` when there are more. `spent`: with what had been spent by then, as if all before had ended. */
export async function readPast(
  sql: Pick<Sql, 'query'>,
  tenant: string,
  sinceMs: number,
  spent: boolean,
): Promise<PastRequest[]> {
  const from = Date.now() - sinceMs - SKEW_MS;
  const values = [tenant, sinceMs, MOST_PAST + 1, lowestIdAt(from)];
  const rows = (await sql.query(PAST, values)) as unknown as PastRow[];
  const before = spent
    ? ((await sql.query(SPENT, [tenant, lowestIdAt(from - MONTH_MS), 2 * MOST_PAST])) as unknown as SpentRow[])
    : [];
  const spentBy = new Map(before.map((row) => [row.id, row]));
  return rows.map(({ id, key, kind, task, labels, at, provider, model, costPico, team, role, user }) => ({
    id,
    provider,
    model,
    costPico,
    facts: {
      tenant,
      key,
      user: user ?? key ?? '',
      ...(team === null ? {} : { team }),
      ...(role === null ? {} : { roles: [role] }),
      action: kind === 'embed' || kind === 'raw' ? kind : 'ask',
      task,
      dataClass: dataClassOf(labels),
      findings: [],
      tools: [],
      at,
      spent: spentOf(spentBy.get(id), key),
    },
  }));
}

function spentOf(row: SpentRow | undefined, key: string | null): Spent | null {
  if (row === undefined) return null;
  const { day, month, keyDay, keyMonth } = row;
  return { day, month, ...(key === null ? {} : { key: { day: keyDay, month: keyMonth } }) };
}

export interface Told {
  decision: 'allow' | 'deny' | 'redact';
  reason: string | null;
}

const ALLOWED: Told = { decision: 'allow', reason: null };

/** All of them must allow. */
export function tell(sets: readonly PolicySet[], facts: Facts, target: Target): Told {
  let told: Told = ALLOWED;
  for (const set of sets) {
    const verdict: Verdict = set.decide(facts, target);
    if (!verdict.allow) return { decision: 'deny', reason: say(set, verdict) };
    if (verdict.redact) told = { decision: 'redact', reason: verdict.reason };
  }
  return told;
}
