/** API keys: made once, shown once, stored as a hash. */
import { randomBytes } from 'node:crypto';
import type { Permission, Role } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Sql } from '../contract/ports.ts';
import { FENCE_IF_NAMED } from '../ledger/fence.ts';
import { eventOf } from './events.ts';
import { hashesOf, hashKey, type Scheme } from './schemes.ts';
import { checkTenant, noSuchTenant } from './tenants.ts';

const PREFIX = 'gob_';
/** What a key was given when there were no roles, and is given when nobody says otherwise. */
export const KEY_PERMISSIONS: readonly Permission[] = ['request:write', 'request:read', 'operations:read'];

export interface KeyRow {
  id: string;
  tenant: string;
  name: string | null;
  lastFour: string;
  team: string | null;
  account: string | null;
  role: Role;
  scopes: Permission[];
  models: string[] | null;
  scheme: Scheme;
  createdAt: number;
  expiresAt: number | null;
  revokedAt: number | null;
}

/** A key that may be used. */
export interface FoundKey {
  id: string;
  tenant: string;
  team: string | null;
  account: string | null;
  role: Role;
  /** Of its account; null when it has none. */
  accountRole: Role | null;
  scopes: string[];
  models: string[] | null;
  /** Milliseconds since the epoch. */
  expiresAt: number | null;
}

export interface NewKey {
  tenant: string;
  name?: string | null;
  /** Id or name. */
  team?: string | null;
  /** Id of an account. */
  account?: string | null;
  role?: Role;
  scopes?: readonly Permission[];
  models?: readonly string[] | null;
  expiresAt?: number | null;
  /** A hash of another gateway; left out: a new key is made. */
  imported?: { scheme: Scheme; hash: Buffer; lastFour: string };
  /** Whether the tenant may be made along the way. */
  makeTenant?: boolean;
  actor?: string | null;
}

export interface MadeKey {
  id: string;
  /** Null for a hash of another gateway. */
  key: string | null;
  /** Its tenant was missing before. */
  tenantMade: boolean;
}

type CreatedRow = { id: string | null } & Record<'tenant' | 'tenantMade' | 'team' | 'account', boolean>;

const MS = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`;

/**
 * What makes a key usable: itself, its tenant, its team and its account. `k`, `t`, `m` and `u`.
 */
const USABLE = `k.revoked_at is null and (k.expires_at is null or k.expires_at > now()) and t.disabled_at is null
  and (k.team is null or m.closed_at is null) and (k.user_id is null or u.disabled_at is null)`;
const JOINED = `mcp_key k join mcp_tenant t on t.id = k.tenant left join mcp_team m on m.id = k.team left join mcp_user u on u.id = k.user_id`;

const FOUND = `k.id, k.tenant, k.team, k.user_id as account, k.role, u.role as "accountRole",
  to_json(k.permissions) as scopes, to_json(k.models) as models, ${MS('k.expires_at')} as "expiresAt"`;

// The key that has one of these hashes, each by its own scheme, if it may be used.
const FIND = `select ${FOUND} from ${JOINED} join json_to_recordset($1::json) as given(scheme text, hash text)
    on k.hash = decode(given.hash, 'hex') and k.scheme = given.scheme
  where ${USABLE} limit 1`;

// The same by its id.
const FIND_BY_ID = `select ${FOUND} from ${JOINED} where k.id = $1 and ${USABLE}`;

/** SQL: which of the ids in the JSON list `param` may be used. */
export const usableKeys = (param: string): string =>
  `select k.id from ${JOINED} where k.id in (select json_array_elements_text(${param}::json)) and ${USABLE}`;

// A new key, and its tenant if that is missing and may be made.
const CREATE = `
with fresh as (
  insert into mcp_tenant (id) select $2 where $3::boolean on conflict do nothing returning id
), tenants as (
  select id from fresh union all select id from mcp_tenant where id = $2
), team as (
  select id from mcp_team where tenant = $2 and closed_at is null and (id = $8 or name = $8)
), account as (
  select id from mcp_user where tenant = $2 and id = $9
), made as (
  insert into mcp_key (id, tenant, hash, name, last_four, permissions, role, team, user_id, models, expires_at, made_by, scheme)
  select $1, t.id, $4, $5, $6, array(select json_array_elements_text($7::json)), $10, (select id from team), (select id from account),
    case when $11::json is not null then array(select json_array_elements_text($11::json)) end, to_timestamp($12 / 1000.0), $13, $14
  from (select id from tenants limit 1) t
  where ($8::text is null or exists (select 1 from team)) and ($9::text is null or exists (select 1 from account))
  on conflict (hash) do nothing
  returning id, tenant, role, team, scheme
), events as (${eventOf('key.created', 'made', "jsonb_build_object('key', id, 'name', $5::text, 'role', role, 'team', team, 'scheme', scheme)", '$13')})
select (select id from made) as id, exists (select 1 from tenants) as tenant, exists (select 1 from fresh) as "tenantMade",
  $8::text is null or exists (select 1 from team) as team, $9::text is null or exists (select 1 from account) as account`;

// Keys, newest first.
const LIST = `select id, tenant, name, last_four as "lastFour", team, user_id as account, role, to_json(permissions) as scopes,
  to_json(models) as models, scheme, ${MS('created_at')} as "createdAt", ${MS('expires_at')} as "expiresAt",
  ${MS('revoked_at')} as "revokedAt" from mcp_key
  where ($1::text is null or tenant = $1) and ($2::text is null or id = $2) and ${FENCE_IF_NAMED} order by created_at desc, id limit 1000`;

// Revokes a key for good.
const REVOKE = `
with gone as (
  update mcp_key set revoked_at = now() where id = $1 and revoked_at is null and ($2::text is null or tenant = $2) returning id, tenant
), events as (${eventOf('key.revoked', 'gone', "jsonb_build_object('key', id)", '$3')})
select id from gone`;

/** Throws `not_found` for a tenant, team or account that is not there, `invalid_request` for a key that is there already. */
export async function createKey(sql: Sql, wanted: NewKey): Promise<MadeKey> {
  checkTenant(wanted.tenant);
  const key = wanted.imported ? null : PREFIX + randomBytes(32).toString('base64url');
  const id = `key_${randomBytes(9).toString('base64url')}`;
  const list = (items: readonly string[] | null | undefined) => (items ? JSON.stringify(items) : null);
  const [row] = await sql.query<CreatedRow>(CREATE, [
    id,
    wanted.tenant,
    wanted.makeTenant ?? false,
    wanted.imported?.hash ?? hashKey(key ?? ''),
    wanted.name ?? null,
    wanted.imported?.lastFour ?? (key ?? '').slice(-4),
    list(wanted.scopes ?? KEY_PERMISSIONS),
    wanted.team ?? null,
    wanted.account ?? null,
    wanted.role ?? 'service',
    list(wanted.models),
    wanted.expiresAt ?? null,
    wanted.actor ?? null,
    wanted.imported?.scheme ?? 'goblin',
  ]);
  if (row?.id) return { id, key, tenantMade: row.tenantMade };
  if (!row?.tenant) throw noSuchTenant();
  if (!row.team) throw new GoblinError('not_found', 'There is no such team.');
  if (!row.account) throw new GoblinError('not_found', 'There is no such user.');
  throw new GoblinError('invalid_request', 'A key with this hash is there already.', {
    errors: [{ path: 'hash', message: 'is there already' }],
  });
}

export async function findKey(sql: Sql, key: string): Promise<FoundKey | null> {
  const [row] = await sql.query(FIND, [JSON.stringify(hashesOf(key))]);
  return (row as unknown as FoundKey | undefined) ?? null;
}

export async function findKeyById(sql: Sql, id: string): Promise<FoundKey | null> {
  const [row] = await sql.query(FIND_BY_ID, [id]);
  return (row as unknown as FoundKey | undefined) ?? null;
}

export async function listKeys(sql: Sql, tenant: string | null, id: string | null = null): Promise<KeyRow[]> {
  return (await sql.query(LIST, [tenant, id])) as unknown as KeyRow[];
}

/** Null: of any tenant. False for one that is not there, of another tenant, or was revoked before. */
export async function revokeKey(sql: Sql, id: string, tenant: string | null, actor: string | null): Promise<boolean> {
  return (await sql.query(REVOKE, [id, tenant, actor])).length === 1;
}
