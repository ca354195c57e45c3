/** Past requests as policies see them. What was in a prompt is not read: its findings and tools are not known. */
import type { Role } from '../../contract/caller.ts';
import type { Sql } from '../../contract/ports.ts';
import { FENCE } from '../../ledger/fence.ts';
import { dataClassOf, type Facts, type Target } from './facts.ts';
import { say } from './judge.ts';
import type { PolicySet, Verdict } from './set.ts';

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
select r.id, r.key_id as key, r.kind, r.task_type as task, r.labels, (extract(epoch from r.created_at) * 1000)::float8 as at,
  a.provider, a.model, coalesce(r.estimate_pico, r.cost_pico)::float8 as "costPico", k.team, k.role, k.user_id as "user"
from mcp_request r
join lateral (
  select provider, model from mcp_attempt where request_id = r.id and tenant = r.tenant and provider <> 'cache' order by attempt desc limit 1
) a on true
left join mcp_key k on k.id = r.key_id and k.tenant = r.tenant
where r.tenant = $1 and ${FENCE} and r.created_at >= now() - $2::float8 * interval '1 millisecond'
order by r.id desc limit $3`;

/** One more than `MOST_PAST` when there are more. */
export async function readPast(sql: Pick<Sql, 'query'>, tenant: string, sinceMs: number): Promise<PastRequest[]> {
  const rows = (await sql.query(PAST, [tenant, sinceMs, MOST_PAST + 1])) as unknown as PastRow[];
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
      spent: null,
    },
  }));
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
