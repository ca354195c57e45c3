/**
 * What requests hold of budgets, and what becomes of it: beside the end of a request, once, whoever does it and however
 * often. The hold's row is the right to charge: who deletes it charges the slice that it was of, and so the period in
 * which the request was accepted.
 */
import type { Sql } from '../contract/ports.ts';

const OVER = `r.state in ('succeeded', 'failed', 'cancelled', 'expired', 'blocked') and r.settle_by is null`;

// Holds of these requests, as far as they are over and their money is written.
const DUE = `
select h.request_id::text as id, h.slice::float8 as slice from mcp_hold h join mcp_request r on r.id = h.request_id
where h.request_id in (select value::uuid from json_array_elements_text($1::json)) and ${OVER}`;

// The same of all requests, some at a time.
const ALL_DUE = `
select h.request_id::text as id, h.slice::float8 as slice from mcp_hold h where h.request_id in (
  select distinct h.request_id from mcp_hold h join mcp_request r on r.id = h.request_id where ${OVER} limit 500)`;

const LOCK = `select 1 from mcp_slice
  where id in (select value::bigint from json_array_elements_text($1::json)) order by id for update`;

// Takes the holds away and puts what their requests have cost in their place; one without a known price costs what it held.
const CHARGE = `
with over as (
  select r.id, r.cost_pico from mcp_request r
  where r.id in (select value::uuid from json_array_elements_text($1::json)) and ${OVER}
), gone as (
  delete from mcp_hold h using over o where h.request_id = o.id returning h.request_id, h.slice, h.pico, o.cost_pico
), parts as (
  -- A request may hold of several slices of one purse: it is charged to the first.
  select g.slice, g.pico, g.cost_pico,
    row_number() over (partition by g.request_id, s.purse order by g.slice) as n,
    sum(g.pico) over (partition by g.request_id, s.purse) as held
  from gone g join mcp_slice s on s.id = g.slice
), sums as (
  select slice, sum(pico)::bigint as held, sum(case when n = 1 then coalesce(cost_pico, held) else 0 end)::bigint as cost
  from parts group by slice
)
update mcp_slice s set open_pico = s.open_pico - u.held, used_pico = s.used_pico + u.cost, changed_at = now()
from sums u where s.id = u.slice returning s.purse::float8 as purse`;

/** Which purses were charged. `ids`: only of these requests; null: of all that are over. */
export async function settleHolds(sql: Sql, ids: readonly string[] | null): Promise<number[]> {
  const due = await sql.query<{ id: string; slice: number }>(
    ids === null ? ALL_DUE : DUE,
    ids === null ? [] : [JSON.stringify(ids)],
  );
  if (due.length === 0) return [];
  const charged = await sql.transaction(async (tx) => {
    await tx.query(LOCK, [JSON.stringify([...new Set(due.map(({ slice }) => slice))])]);
    return await tx.query<{ purse: number }>(CHARGE, [JSON.stringify([...new Set(due.map(({ id }) => id))])]);
  });
  return [...new Set(charged.map(({ purse }) => purse))];
}

/** What a worker has to know of a request that another process let in. */
export interface RequestMoney {
  userHash: string;
  team: string | null;
  labels: Record<string, string> | null;
  /** Milliseconds of database time. */
  createdAt: number;
  now: number;
  /** What it holds of each budget that it concerns; null when of none. */
  heldPico: number | null;
  /** What its attempts have come to so far. */
  spentPico: number;
}

// Who stands behind a request, what it holds and what it has cost.
const MONEY = `
select encode(r.user_hash, 'hex') as "userHash", r.team, r.labels, (extract(epoch from r.created_at) * 1000)::float8 as "createdAt",
  (extract(epoch from now()) * 1000)::float8 as now,
  (select max(held)::float8 from (
    select sum(h.pico) as held from mcp_hold h join mcp_slice s on s.id = h.slice where h.request_id = r.id group by s.purse) p) as "heldPico",
  (select coalesce(sum(a.cost_pico), 0)::float8 from mcp_attempt a where a.request_id = r.id) as "spentPico"
from mcp_request r where r.tenant = $1 and r.id = $2`;

export async function moneyOf(sql: Sql, tenant: string, id: string): Promise<RequestMoney | null> {
  const [row] = await sql.query(MONEY, [tenant, id]);
  return (row as unknown as RequestMoney | undefined) ?? null;
}

// Purses whose limits were reached now: said once for each period, as an event and to whom the budget names.
const REACHED = `
with spent as (
  select p.id, p.spent_pico + coalesce((select sum(s.used_pico) from mcp_slice s where s.purse = p.id), 0) as pico
  from mcp_purse p where p.id in (select value::bigint from json_array_elements_text($1::json))
), reached as (
  update mcp_purse p set
    warned_at = case when p.warned_at is null and s.pico >= b.soft_pico then now() else p.warned_at end,
    exceeded_at = case when p.exceeded_at is null and ($2::boolean or s.pico >= b.hard_pico) then now() else p.exceeded_at end
  from spent s, mcp_budget b
  where p.id = s.id and b.id = p.budget and b.removed_at is null
    and (p.warned_at is null and s.pico >= b.soft_pico or p.exceeded_at is null and ($2::boolean or s.pico >= b.hard_pico))
  returning p.id, p.budget, p.tenant, p.subject, p.starts, p.ends, p.warned_at = now() as warned, p.exceeded_at = now() as exceeded,
    s.pico, b.name, b.scope, b.period, b.soft_pico, b.hard_pico, b.webhook_url
), said as (
  select r.*, 'budget.warned' as type, r.soft_pico as limit_pico from reached r where r.warned
  union all
  select r.*, 'budget.exceeded', r.hard_pico from reached r where r.exceeded
), events as (
  insert into mcp_event (tenant, type, payload)
  select tenant, type, jsonb_build_object('budget', budget, 'name', name, 'scope', scope, 'subject', subject, 'period', period,
    'starts', starts, 'spent_pico', pico, 'limit_pico', limit_pico) from said
), notices as (
  insert into mcp_notice (id, tenant, url, body)
  select budget || ':' || id || ':' || type, tenant, webhook_url, json_build_object('type', type,
    'timestamp', to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'data', json_build_object(
      'budget', budget, 'name', name, 'scope', scope, 'subject', subject, 'period', period, 'starts', starts, 'ends', ends,
      'spent_usd', trim_scale(pico / 1e12), 'limit_usd', trim_scale(limit_pico / 1e12)))
  from said where webhook_url is not null
  on conflict do nothing
)
select type, budget, name, scope, tenant, subject, webhook_url is not null as told from said`;

export interface Reached extends Record<string, unknown> {
  type: 'budget.warned' | 'budget.exceeded';
  budget: string;
  name: string | null;
  scope: string;
  tenant: string;
  subject: string;
  /** A signed POST waits to be sent. */
  told: boolean;
}

/** `refused`: a request did not get what it needed of them. */
export async function noteReached(sql: Sql, purses: readonly number[], refused: boolean): Promise<Reached[]> {
  return purses.length === 0 ? [] : await sql.query<Reached>(REACHED, [JSON.stringify(purses), refused]);
}
