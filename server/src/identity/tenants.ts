/** Tenants: whose requests, keys, users and money are kept apart. */
import { GoblinError } from '../contract/errors.ts';
import type { Sql } from '../contract/ports.ts';
import { checkNames } from '../guard/secrets/named.ts';
import type { Bodies } from '../ledger/content.ts';
import { RULES_CHANGED } from '../ledger/rules.ts';
import { eventOf } from './events.ts';

const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

export interface TenantRow {
  id: string;
  name: string | null;
  createdAt: number;
  disabledAt: number | null;
  /** Null: as goblin.yaml says. */
  bodies: Bodies | null;
}

const COLUMNS = `id, name, bodies, (extract(epoch from created_at) * 1000)::float8 as "createdAt",
  (extract(epoch from disabled_at) * 1000)::float8 as "disabledAt"`;

// All tenants, or one.
const LIST = `select ${COLUMNS} from mcp_tenant where $1::text is null or id = $1 order by id limit 10000`;

// A new tenant.
const CREATE = `
with made as (insert into mcp_tenant (id, name) values ($1, $2) on conflict do nothing returning id as tenant),
events as (${eventOf('tenant.created', 'made', "jsonb_build_object('tenant', tenant)", '$3')})
select tenant from made`;

/** Before every id. */
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

// Changes what is given; a closed tenant keeps the time at which it was closed. Whose content is to go from now on, of that one it goes from the beginning.
const CHANGE = `
with changed as (
  update mcp_tenant set name = case when $2 then $3 else name end,
    disabled_at = case when $4::boolean is null then disabled_at when $4 then coalesce(disabled_at, now()) end,
    bodies = case when $6 then $7 else bodies end,
    bodies_at = case when $6 and $7 is distinct from bodies then now() else bodies_at end,
    erase_from = case when not $6 or $7 is not distinct from bodies then erase_from when $7 = 'erased' then '${FIRST_ID}'::uuid end
  where id = $1 returning *, id as tenant
), version as (${RULES_CHANGED} where $6 and exists (select 1 from changed)
), events as (${eventOf('tenant.changed', 'changed', "jsonb_strip_nulls(jsonb_build_object('disabled', disabled_at is not null, 'bodies', bodies))", '$5')})
select ${COLUMNS} from changed`;

/** Throws for what cannot name a tenant. */
export function checkTenant(tenant: string): void {
  checkNames({ tenant });
  if (NAME.test(tenant)) return;
  throw new GoblinError(
    'invalid_request',
    'A tenant is 1 to 63 of a-z, 0-9, hyphen and underscore, and starts with a letter or digit, e.g. acme.',
    { errors: [{ path: 'tenant', message: 'not a tenant name' }] },
  );
}

/** What anybody is told who names a tenant that is not his: it is as unknown as any other. */
export const noSuchTenant = (): GoblinError => new GoblinError('not_found', 'There is no such tenant.');

export async function listTenants(sql: Sql, tenant: string | null): Promise<TenantRow[]> {
  return (await sql.query(LIST, [tenant])) as unknown as TenantRow[];
}

/** False when it was there. */
export async function createTenant(sql: Sql, tenant: string, name: string | null, actor: string): Promise<boolean> {
  checkTenant(tenant);
  return (await sql.query(CREATE, [tenant, name, actor])).length === 1;
}

export interface TenantChange {
  name?: string | null;
  disabled?: boolean;
  /** Null: as goblin.yaml says. */
  bodies?: Bodies | null;
}

export async function changeTenant(
  sql: Sql,
  tenant: string,
  { name, disabled, bodies }: TenantChange,
  actor: string,
): Promise<TenantRow | null> {
  const values = [
    tenant,
    name !== undefined,
    name ?? null,
    disabled ?? null,
    actor,
    bodies !== undefined,
    bodies ?? null,
  ];
  const [row] = await sql.query(CHANGE, values);
  return (row as unknown as TenantRow | undefined) ?? null;
}
