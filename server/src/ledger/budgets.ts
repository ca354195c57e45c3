/** Budgets as they are kept: made, changed, taken away, and how they stand. */
import type { Budget, BudgetScope } from '../contract/limits.ts';
import type { Sql } from '../contract/ports.ts';
import { RULES_CHANGED } from './rules.ts';

/** One period of a budget, of one that it counts apart. */
export interface BudgetUse {
  tenant: string;
  subject: string;
  starts: string;
  endsMs: number | null;
  spentPico: number;
  /** By requests that run. */
  heldPico: number;
  /** In slices of processes, not held by any request. */
  slicedPico: number;
  warnedAt: number | null;
  exceededAt: number | null;
}

export interface BudgetRow extends Budget {
  createdAt: number;
  updatedAt: number;
  /** Of the periods that run now, the dearest first. */
  use: BudgetUse[];
}

const MOST_USES = 100;

// A new budget, with its event.
const CREATE = `
with made as (
  insert into mcp_budget (id, tenant, source, name, scope, match, period, hard_pico, soft_pico, webhook_url)
  values ($1, $2, 'api', $3, $4, $5, $6, $7::bigint, $8::bigint, $9) returning *
), events as (
  insert into mcp_event (tenant, type, actor, payload)
  select tenant, 'budget.created', $10, jsonb_build_object('budget', id, 'name', name, 'scope', scope, 'match', match, 'period', period,
    'hard_pico', hard_pico, 'soft_pico', soft_pico) from made
)
${RULES_CHANGED}`;

export async function createBudget(sql: Sql, budget: Budget & { tenant: string }, actor: string | null): Promise<void> {
  const { id, tenant, name, scope, match, period, hardPico, softPico, webhookUrl } = budget;
  await sql.query(CREATE, [id, tenant, name, scope, match, period, hardPico, softPico, webhookUrl, actor]);
}

// Changes a budget: name, limits, whom it tells. A limit that is raised can be reached again.
const CHANGE = `
with changed as (
  update mcp_budget set name = $3, hard_pico = $4::bigint, soft_pico = $5::bigint, webhook_url = $6, updated_at = now()
  where tenant = $1 and id = $2 and source = 'api' and removed_at is null returning *
), again as (
  update mcp_purse p set
    warned_at = case when c.soft_pico > p.spent_pico + u.used then null else p.warned_at end,
    exceeded_at = case when c.hard_pico > p.spent_pico + u.used then null else p.exceeded_at end
  from changed c, lateral (
    select p2.id, coalesce((select sum(s.used_pico) from mcp_slice s where s.purse = p2.id), 0) as used
    from mcp_purse p2 where p2.budget = c.id) u
  where p.id = u.id
), events as (
  insert into mcp_event (tenant, type, actor, payload)
  select tenant, 'budget.changed', $7, jsonb_build_object('budget', id, 'name', name, 'hard_pico', hard_pico, 'soft_pico', soft_pico)
  from changed
), version as (${RULES_CHANGED} where exists (select 1 from changed))
select 1 from changed`;

export type BudgetChange = Pick<Budget, 'name' | 'hardPico' | 'softPico' | 'webhookUrl'>;

export async function changeBudget(
  sql: Sql,
  tenant: string,
  id: string,
  { name, hardPico, softPico, webhookUrl }: BudgetChange,
  actor: string | null,
): Promise<boolean> {
  return (await sql.query(CHANGE, [tenant, id, name, hardPico, softPico, webhookUrl, actor])).length === 1;
}

// Takes a budget away; what was spent of it stays in the record.
const REMOVE = `
with gone as (
  update mcp_budget set removed_at = now() where tenant = $1 and id = $2 and source = 'api' and removed_at is null returning tenant, id
), events as (
  insert into mcp_event (tenant, type, actor, payload) select tenant, 'budget.removed', $3, jsonb_build_object('budget', id) from gone
), version as (${RULES_CHANGED} where exists (select 1 from gone))
select 1 from gone`;

export async function removeBudget(sql: Sql, tenant: string, id: string, actor: string | null): Promise<boolean> {
  return (await sql.query(REMOVE, [tenant, id, actor])).length === 1;
}

const MS = (column: string): string => `(extract(epoch from ${column}) * 1000)::float8`;

// Budgets that concern a tenant, each with its periods that run.
const LIST = `
select b.id, b.name, b.tenant, b.scope, b.match, b.period, b.hard_pico::float8 as "hardPico", b.soft_pico::float8 as "softPico",
  b.webhook_url as "webhookUrl", b.source, ${MS('b.created_at')} as "createdAt", ${MS('b.updated_at')} as "updatedAt",
  coalesce((select json_agg(u) from (
    select p.tenant, p.subject, p.starts::text, ${MS('p.ends')} as "endsMs", ${MS('p.warned_at')} as "warnedAt",
      ${MS('p.exceeded_at')} as "exceededAt", p.spent_pico + s.used as "spentPico", s.held as "heldPico", s.open - s.held as "slicedPico"
    from mcp_purse p cross join lateral (
      select coalesce(sum(s.used_pico), 0) as used, coalesce(sum(s.open_pico), 0) as open,
        coalesce((select sum(h.pico) from mcp_hold h join mcp_slice o on o.id = h.slice where o.purse = p.id), 0) as held
      from mcp_slice s where s.purse = p.id) s
    where p.budget = b.id and p.tenant = $1 and (p.ends is null or p.ends > now())
    order by p.spent_pico + s.used desc limit ${MOST_USES}) u), '[]') as use
from mcp_budget b where b.removed_at is null and (b.tenant = $1 or b.tenant is null) and ($2::text is null or b.id = $2)
order by b.created_at, b.id limit 1000`;

/** `id` null: all of them. */
export async function listBudgets(sql: Sql, tenant: string, id: string | null = null): Promise<BudgetRow[]> {
  return (await sql.query(LIST, [tenant, id])) as unknown as BudgetRow[];
}

// What a budget of goblin.yaml is now; the first time it is seen, its first day.
const KEEP = `
insert into mcp_budget (id, tenant, source, name, scope, match, period, hard_pico, soft_pico, webhook_url)
select id, tenant, 'file', name, scope, match, period, hard_pico, soft_pico, webhook_url
from json_to_recordset($1::json) as x(id text, tenant text, name text, scope text, match text, period text, hard_pico bigint,
  soft_pico bigint, webhook_url text)
on conflict (id) do update set name = excluded.name, hard_pico = excluded.hard_pico, soft_pico = excluded.soft_pico,
  webhook_url = excluded.webhook_url, removed_at = null, updated_at = now()
where (mcp_budget.name, mcp_budget.hard_pico, mcp_budget.soft_pico, mcp_budget.webhook_url, mcp_budget.removed_at)
  is distinct from (excluded.name, excluded.hard_pico, excluded.soft_pico, excluded.webhook_url, null)`;

// Budgets that are no longer in goblin.yaml.
const DROP = `
update mcp_budget set removed_at = now() where source = 'file' and removed_at is null
  and id not in (select value from json_array_elements_text($1::json))`;

/** The file is what counts; the database has its budgets too, because what is spent is asked for there. */
export async function keepFileBudgets(sql: Sql, budgets: readonly Budget[]): Promise<void> {
  const rows = budgets.map(({ id, tenant, name, scope, match, period, hardPico, softPico, webhookUrl }) => ({
    ...{ id, tenant, name, scope, match, period },
    ...{ hard_pico: hardPico, soft_pico: softPico, webhook_url: webhookUrl },
  }));
  if (rows.length > 0) await sql.query(KEEP, [JSON.stringify(rows)]);
  await sql.query(DROP, [JSON.stringify(rows.map(({ id }) => id))]);
}

/** In which table whose budget it is can be looked up; of users and labels nobody keeps a list. */
const SUBJECTS: Readonly<Partial<Record<BudgetScope, string>>> = {
  key: 'select 1 from mcp_key where tenant = $1 and id = $2 and revoked_at is null',
  team: 'select 1 from mcp_team where tenant = $1 and id = $2 and closed_at is null',
};

export async function subjectThere(sql: Sql, tenant: string, scope: BudgetScope, match: string): Promise<boolean> {
  const look = SUBJECTS[scope];
  return look === undefined || (await sql.query(look, [tenant, match])).length === 1;
}

// Periods that ended longer ago than requests are kept.
const FORGET = `
delete from mcp_purse p where p.ends < now() - $1 * interval '1 day' and not exists (select 1 from mcp_slice s where s.purse = p.id)`;

export async function forgetPurses(sql: Sql, days: number): Promise<void> {
  await sql.query(FORGET, [days]);
}
