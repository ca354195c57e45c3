/** API keys: made once, shown once, stored as a hash. */
import { createHash, randomBytes } from 'node:crypto';
import type { Permission } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Sql } from '../contract/ports.ts';
import type { KeyRow } from '../contract/record.ts';

const PREFIX = 'gob_';
/** What a key may do until roles come: everything in its own tenant, and read how the service does. */
export const KEY_PERMISSIONS: Permission[] = ['request:write', 'request:read', 'operations:read'];
const TENANT = /^[a-z0-9][a-z0-9_-]{0,62}$/;

export interface FoundKey {
  id: string;
  tenant: string;
  permissions: Permission[];
}

// A new key, and its tenant if that is missing.
const CREATE = `
with tenant as (insert into mcp_tenant (id) values ($2) on conflict do nothing),
made as (
  insert into mcp_key (id, tenant, hash, name, last_four, permissions) values ($1, $2, $3, $4, $5, $6::text[]) returning id, tenant
), events as (
  insert into mcp_event (tenant, type, payload) select tenant, 'key.created', jsonb_build_object('key', id, 'name', $4::text) from made
)
select id from made`;

// The key that has this hash, if it may be used.
const FIND = `select id, tenant, to_json(permissions) as permissions from mcp_key
  where hash = $1 and revoked_at is null and (expires_at is null or expires_at > now())`;

// Keys, newest first.
const LIST = `select id, tenant, name, last_four as "lastFour", (extract(epoch from created_at) * 1000)::float8 as "createdAt",
  (extract(epoch from revoked_at) * 1000)::float8 as "revokedAt" from mcp_key
  where $1::text is null or tenant = $1 order by created_at desc limit 1000`;

// Revokes a key for good.
const REVOKE = `
with gone as (update mcp_key set revoked_at = now() where id = $1 and revoked_at is null returning id, tenant),
events as (insert into mcp_event (tenant, type, payload) select tenant, 'key.revoked', jsonb_build_object('key', id) from gone)
select id from gone`;

export const hashKey = (key: string): Buffer => createHash('sha256').update(key).digest();

export async function createKey(sql: Sql, tenant: string, name: string | null): Promise<{ id: string; key: string }> {
  if (!TENANT.test(tenant)) {
    throw new GoblinError(
      'invalid_request',
      'A tenant is 1 to 63 of a-z, 0-9, hyphen and underscore, and starts with a letter or digit, e.g. acme.',
      { errors: [{ path: 'tenant', message: 'not a tenant name' }] },
    );
  }
  const key = PREFIX + randomBytes(32).toString('base64url');
  const id = `key_${randomBytes(9).toString('base64url')}`;
  await sql.query(CREATE, [
    id,
    tenant,
    hashKey(key),
    name,
    key.slice(-4),
    `{${KEY_PERMISSIONS.map((p) => `"${p}"`).join(',')}}`,
  ]);
  return { id, key };
}

export async function findKey(sql: Sql, key: string): Promise<FoundKey | null> {
  const [row] = await sql.query<FoundKey & Record<string, unknown>>(FIND, [hashKey(key)]);
  return row ?? null;
}

export async function listKeys(sql: Sql, tenant: string | null): Promise<KeyRow[]> {
  return (await sql.query(LIST, [tenant])) as unknown as KeyRow[];
}

export async function revokeKey(sql: Sql, id: string): Promise<boolean> {
  return (await sql.query(REVOKE, [id])).length === 1;
}
