/** Rules of tenants in the record: each change of a tenant's document is a new version, and none is ever changed. */
import { GoblinError } from '../contract/errors.ts';
import type { Sql } from '../contract/ports.ts';
import { FENCE } from '../ledger/fence.ts';
import { RULES_CHANGED } from '../ledger/rules.ts';

export interface Stored<D> {
  tenant: string;
  version: number;
  document: D;
  actor: string;
  createdAt: number;
}

type Reads = Pick<Sql, 'query'>;

export interface Versions<D> {
  /** The newest version of each tenant. */
  newest(sql: Reads): Promise<{ tenant: string; version: number }[]>;
  /** `version` null: the newest. Null: there is no such version, or none at all. */
  read(sql: Reads, tenant: string, version: number | null): Promise<Stored<D> | null>;
  /**
   * Answers the new version. `expected`: the version that was changed; null: whichever. Throws `invalid_request` when it
   * is another by now, `not_found` without such a tenant. `own`: it is the tenant of who saves, and made if it is missing:
   * with MCP_AUTH=off nobody has made it.
   */
  save(sql: Reads, tenant: string, document: D, actor: string, expected: number | null, own: boolean): Promise<number>;
}

/** `table` has the columns tenant, version, `column`, actor, created_at. `payload`: SQL of the event's, over these. */
export interface VersionedTable {
  table: string;
  column: string;
  event: string;
  payload: string;
  /** What it holds, for people: "policies". */
  what: string;
}

export function versionsOf<D>({ table, column, event, payload, what }: VersionedTable): Versions<D> {
  // The newest version of each tenant.
  const NEWEST = `select tenant, max(version)::int as version from ${table} group by tenant`;

  // One version of a tenant's document; the newest without a number.
  const ONE = `
select tenant, version, ${column} as document, actor, (extract(epoch from created_at) * 1000)::float8 as "createdAt"
from ${table} where tenant = $1 and ${FENCE}
  and version = coalesce($2, (select max(version) from ${table} where tenant = $1))`;

  // The next version, and its event. A version that somebody else has just made is in the way: then nothing is written.
  const SAVE = `
with fresh as (
  insert into mcp_tenant (id) select $1 where $5::boolean on conflict do nothing returning id
), latest as (
  select t.id, coalesce((select max(version) from ${table} where tenant = t.id), 0) as version
  from (select id from fresh union all select id from mcp_tenant where id = $1 limit 1) t
), made as (
  insert into ${table} (tenant, version, ${column}, actor)
  select id, version + 1, $2::jsonb, $3 from latest where $4::int is null or version = $4
  on conflict (tenant, version) do nothing returning tenant, version, ${column}
), events as (
  insert into mcp_event (tenant, type, actor, payload) select tenant, '${event}', $3, ${payload} from made
), rules as (${RULES_CHANGED} where exists (select 1 from made))
select (select version from made) as version, (select version from latest) as latest`;

  return {
    newest: (sql) => sql.query<{ tenant: string; version: number }>(NEWEST),
    async read(sql, tenant, version) {
      const [row] = await sql.query(ONE, [tenant, version]);
      return (row as unknown as Stored<D> | undefined) ?? null;
    },
    async save(sql, tenant, document, actor, expected, own) {
      const values = [tenant, JSON.stringify(document), actor, expected, own];
      const [row] = await sql.query<{ version: number | null; latest: number | null }>(SAVE, values);
      if (row?.version) return row.version;
      if (row === undefined || row.latest === null) throw new GoblinError('not_found', 'There is no such tenant.');
      const message = `the ${what} were changed in the meantime (they are at version ${row.latest}); read them again`;
      throw new GoblinError('invalid_request', `version: ${message}`, { errors: [{ path: 'version', message }] });
    },
  };
}
