/** Limits and budgets that stand in the database: read whole by every process whenever they have changed. */
import type { Budget, RateLimits, StoredLimits, StoredScope } from '../contract/limits.ts';
import type { Sql } from '../contract/ports.ts';

export interface StoredRules {
  version: number;
  limits: StoredLimits[];
  budgets: Budget[];
}

/** SQL: a step of a statement that tells every process to read again. */
export const RULES_CHANGED = 'update mcp_rules set version = version + 1';

const VERSION = 'select version::float8 as version from mcp_rules';

// Limits beside keys, teams, tenants and accounts that may be used.
const LIMITS = `
select 'key' as scope, id as subject, limits from mcp_key where limits is not null and revoked_at is null
union all select 'team', id, limits from mcp_team where limits is not null and closed_at is null
union all select 'tenant', id, limits from mcp_tenant where limits is not null
union all select 'account', id, limits from mcp_user where limits is not null`;

const BUDGET_COLUMNS = `id, name, tenant, scope, match, period, hard_pico::float8 as "hardPico", soft_pico::float8 as "softPico",
  webhook_url as "webhookUrl", source`;

const BUDGETS = `select ${BUDGET_COLUMNS} from mcp_budget where removed_at is null and source = 'api'`;

export async function loadRules(sql: Sql): Promise<StoredRules> {
  // The version first: what changes meanwhile is read again.
  const [version] = await sql.query<{ version: number }>(VERSION);
  const [limits, budgets] = await Promise.all([
    sql.query<{ scope: StoredScope; subject: string; limits: unknown }>(LIMITS),
    sql.query(BUDGETS),
  ]);
  return {
    version: version?.version ?? 0,
    limits: limits.map(({ scope, subject, limits: given }) => ({ scope, subject, ...readLimits(given) })),
    budgets: budgets as unknown as Budget[],
  };
}

const NAMES = {
  requests_per_minute: 'requestsPerMinute',
  tokens_per_minute: 'tokensPerMinute',
  concurrent: 'concurrent',
};

/** As it stands in the column; what is no limit there is none. */
function readLimits(given: unknown): RateLimits {
  if (typeof given !== 'object' || given === null) return {};
  return Object.fromEntries(
    Object.entries(NAMES).flatMap(([column, name]) => {
      const value = (given as Record<string, unknown>)[column];
      return typeof value === 'number' && value >= 1 ? [[name, Math.floor(value)]] : [];
    }),
  );
}

/** Where limits may stand, and how the table says that something is gone. */
const TABLES: Readonly<Record<StoredScope, { table: string; there: string }>> = {
  key: { table: 'mcp_key', there: 'revoked_at is null' },
  team: { table: 'mcp_team', there: 'closed_at is null' },
  tenant: { table: 'mcp_tenant', there: 'true' },
  account: { table: 'mcp_user', there: 'true' },
};

// Sets the limits of one, with its event.
const setLimitsOf = (scope: StoredScope): string => {
  const { table, there } = TABLES[scope];
  const tenant = scope === 'tenant' ? 'id' : 'tenant';
  return `
with changed as (
  update ${table} set limits = $3::json where id = $2 and ${tenant} = $1 and ${there} returning ${tenant} as tenant
), events as (
  insert into mcp_event (tenant, type, actor, payload)
  select tenant, 'limits.changed', $4, jsonb_build_object('scope', '${scope}', 'subject', $2::text, 'limits', $3::jsonb) from changed
), version as (${RULES_CHANGED} where exists (select 1 from changed))
select 1 from changed`;
};

/** False when there is none of that id in the tenant. `limits` null: those of goblin.yaml alone. */
export async function setLimits(
  sql: Sql,
  tenant: string,
  scope: StoredScope,
  subject: string,
  limits: Record<string, number> | null,
  actor: string | null,
): Promise<boolean> {
  const values = [tenant, subject, limits === null ? null : JSON.stringify(limits), actor];
  return (await sql.query(setLimitsOf(scope), values)).length === 1;
}

export interface LimitsRow {
  scope: StoredScope;
  subject: string;
  limits: Record<string, number>;
}

// Limits that stand in the database, of one tenant.
const LIST = `
select 'key' as scope, id as subject, limits from mcp_key where tenant = $1 and limits is not null and revoked_at is null
union all select 'team', id, limits from mcp_team where tenant = $1 and limits is not null and closed_at is null
union all select 'tenant', id, limits from mcp_tenant where id = $1 and limits is not null
union all select 'account', id, limits from mcp_user where tenant = $1 and limits is not null
order by 1, 2 limit 1000`;

export async function listLimits(sql: Sql, tenant: string): Promise<LimitsRow[]> {
  return (await sql.query(LIST, [tenant])) as unknown as LimitsRow[];
}
