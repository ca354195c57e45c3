/** Sets of policies in the record: each change is a new version, and none is ever changed. */
import { GoblinError } from '../../contract/errors.ts';
import type { Sql } from '../../contract/ports.ts';
import { FENCE } from '../../ledger/fence.ts';
import { RULES_CHANGED } from '../../ledger/rules.ts';
import type { PolicyText } from './check.ts';

export interface StoredPolicies {
  tenant: string;
  version: number;
  policies: readonly PolicyText[];
  actor: string;
  createdAt: number;
}

const COLUMNS = `tenant, version, policies, actor, (extract(epoch from created_at) * 1000)::float8 as "createdAt"`;

// The newest version of each tenant.
const NEWEST = 'select tenant, max(version)::int as version from mcp_policy group by tenant';

// One version of a tenant's policies; the newest without a number.
const ONE = `select ${COLUMNS} from mcp_policy where tenant = $1 and ${FENCE}
  and version = coalesce($2, (select max(version) from mcp_policy where tenant = $1))`;

// The next version, and its event. A version that somebody else has just made is in the way: then nothing is written.
const SAVE = `
with latest as (
  select t.id, coalesce((select max(version) from mcp_policy where tenant = t.id), 0) as version from mcp_tenant t where t.id = $1
), made as (
  insert into mcp_policy (tenant, version, policies, actor)
  select id, version + 1, $2::jsonb, $3 from latest where $4::int is null or version = $4
  on conflict (tenant, version) do nothing returning tenant, version, policies
), events as (
  insert into mcp_event (tenant, type, actor, payload)
  select tenant, 'policy.changed', $3, jsonb_build_object('version', version, 'policies', policies) from made
), rules as (${RULES_CHANGED} where exists (select 1 from made))
select (select version from made) as version, (select version from latest) as latest`;

export async function newestVersions(sql: Pick<Sql, 'query'>): Promise<{ tenant: string; version: number }[]> {
  return await sql.query<{ tenant: string; version: number }>(NEWEST);
}

/** Null: there is no such version, or none at all. */
export async function readStored(
  sql: Pick<Sql, 'query'>,
  tenant: string,
  version: number | null,
): Promise<StoredPolicies | null> {
  const [row] = await sql.query(ONE, [tenant, version]);
  return (row as unknown as StoredPolicies | undefined) ?? null;
}

/** Answers the new version. `expected`: the version that was changed; null: whichever. Throws `invalid_request` when it is another by now. */
export async function savePolicies(
  sql: Pick<Sql, 'query'>,
  tenant: string,
  policies: readonly PolicyText[],
  actor: string,
  expected: number | null,
): Promise<number> {
  const [row] = await sql.query<{ version: number | null; latest: number | null }>(SAVE, [
    tenant,
    JSON.stringify(policies),
    actor,
    expected,
  ]);
  if (row?.version) return row.version;
  if (row?.latest === null || row === undefined) throw new GoblinError('not_found', 'There is no such tenant.');
  const message = `the policies were changed in the meantime (they are at version ${row.latest}); read them again`;
  throw new GoblinError('invalid_request', `version: ${message}`, { errors: [{ path: 'version', message }] });
}
