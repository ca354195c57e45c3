/** Keys of vendors that were set through the API: encrypted in the record, bound to whose they are and to where they go. */
import { randomBytes } from 'node:crypto';
import { GoblinError } from '../contract/errors.ts';
import type { Row, Sql } from '../contract/ports.ts';
import type { ProviderKey } from '../contract/provider.ts';
import type { Sealer } from '../identity/sealer.ts';
import { FENCE_IF_NAMED } from '../ledger/fence.ts';
import { RULES_CHANGED } from '../ledger/rules.ts';

export interface StoredKey {
  id: string;
  /** Null: of the installation, for every tenant that has none of its own. */
  tenant: string | null;
  provider: string;
  name: string;
  /** The only place to which it is sent. */
  origin: string;
  lastFour: string;
  /** Which secret it is sealed with. */
  keyId: string;
  createdAt: number;
  createdBy: string;
}

export interface OpenedKey extends StoredKey {
  value: string;
}

const COLUMNS = `id, tenant, provider, name, origin, last_four as "lastFour", key_id as "keyId", created_by as "createdBy",
  (extract(epoch from created_at) * 1000)::float8 as "createdAt"`;

// Keys of a tenant, or, without one, of all tenants and of the installation.
const LIST = `select ${COLUMNS} from mcp_provider_key
  where ($1::text is null or tenant = $1) and ($2::text is null or provider = $2) and ${FENCE_IF_NAMED}
  order by provider, tenant nulls first, name limit 10000`;

const ALL = `select ${COLUMNS}, sealed from mcp_provider_key order by provider, tenant, created_at, id`;

/** How ids of stored keys begin. */
export const STORED_PREFIX = 'pk_';

/** Of a tenant, or of the installation: every process has all keys in memory. */
const MOST_KEYS = 100;

// Sets a key in place of one of the same name. It is a new one: that the old one was refused says nothing of it.
const SET = `
with old as (
  delete from mcp_provider_key where tenant is not distinct from $2 and provider = $3 and name = $4 returning id
), made as (
  insert into mcp_provider_key (id, tenant, provider, name, origin, sealed, key_id, last_four, created_by)
  select $1, $2, $3, $4, $5, decode($6, 'hex'), $7, $8, $9 where (
    select count(*) from mcp_provider_key where tenant is not distinct from $2) < ${MOST_KEYS} + (select count(*) from old)
  returning id
), events as (
  insert into mcp_event (tenant, type, actor, payload)
  select coalesce($2, $10), 'provider_key.set', $9, jsonb_build_object('id', id, 'provider', $3::text, 'name', $4::text,
    'origin', $5::text, 'of', coalesce($2, 'installation'), 'replaced', (select count(*) from old) > 0) from made
), version as (${RULES_CHANGED} where exists (select 1 from made))
select id from made`;

const REMOVE = `
with gone as (
  delete from mcp_provider_key where tenant is not distinct from $1 and provider = $2 and name = $3 returning id
), events as (
  insert into mcp_event (tenant, type, actor, payload)
  select coalesce($1, $5), 'provider_key.removed', $4, jsonb_build_object('id', id, 'provider', $2::text, 'name', $3::text,
    'of', coalesce($1, 'installation')) from gone
), version as (${RULES_CHANGED} where exists (select 1 from gone))
select id from gone`;

const RESEAL = `update mcp_provider_key k set sealed = decode(x.sealed, 'hex'), key_id = $2
  from json_to_recordset($1::json) as x(id text, sealed text) where k.id = x.id and k.key_id <> $2`;

const USE = 'provider key';
const scopeOf = (tenant: string | null): string => (tenant === null ? 'installation' : `tenant ${tenant}`);
const placeOf = ({
  id,
  tenant,
  provider,
  name,
  origin,
}: Omit<StoredKey, 'lastFour' | 'keyId' | 'createdAt' | 'createdBy'>) =>
  JSON.stringify([id, tenant, provider, name, origin]);

/** A key shorter than this is shown by no part of it. */
const SHOWN_FROM = 12;

/** As the execution takes it. */
export const providerKeyOf = ({ id, value }: OpenedKey): ProviderKey => ({
  id,
  key: value,
  weight: 1,
  requestsPerMinute: null,
  tokensPerMinute: null,
  models: null,
  stored: true,
});

/** `tenant` null: all. */
export async function listStoredKeys(
  sql: Pick<Sql, 'query'>,
  tenant: string | null,
  provider: string | null,
): Promise<StoredKey[]> {
  return (await sql.query(LIST, [tenant, provider])) as unknown as StoredKey[];
}

export interface NewStoredKey {
  tenant: string | null;
  provider: string;
  name: string;
  origin: string;
  value: string;
}

/** `home`: the tenant in whose trail it stands what happens to keys of the installation. Answers the id. Throws `invalid_request` when there are too many. */
export async function setStoredKey(
  sql: Pick<Sql, 'query'>,
  sealer: Sealer,
  { tenant, provider, name, origin, value }: NewStoredKey,
  actor: string,
  home: string,
): Promise<string> {
  const id = `${STORED_PREFIX}${randomBytes(9).toString('base64url')}`;
  const sealed = sealer.seal(USE, scopeOf(tenant), placeOf({ id, tenant, provider, name, origin }), value);
  const lastFour = value.length < SHOWN_FROM ? '' : value.slice(-4);
  const values = [id, tenant, provider, name, origin, sealed.toString('hex'), sealer.keyId, lastFour, actor, home];
  if ((await sql.query(SET, values)).length === 1) return id;
  const message = `has ${MOST_KEYS} keys already; remove some`;
  throw new GoblinError('invalid_request', `name: ${message}`, { errors: [{ path: 'name', message }] });
}

/** False when there is none of that name. */
export async function removeStoredKey(
  sql: Pick<Sql, 'query'>,
  { tenant, provider, name }: Pick<StoredKey, 'tenant' | 'provider' | 'name'>,
  actor: string,
  home: string,
): Promise<boolean> {
  return (await sql.query(REMOVE, [tenant, provider, name, actor, home])).length === 1;
}

function open(row: StoredKey & { sealed: Uint8Array }, sealer: Sealer): string | null {
  return sealer.open(row.keyId, USE, scopeOf(row.tenant), placeOf(row), row.sealed)?.toString('utf8') ?? null;
}

/** All of them. `lost`: rows that none of the secrets opens. */
export async function loadStoredKeys(
  sql: Pick<Sql, 'query'>,
  sealer: Sealer,
): Promise<{ keys: OpenedKey[]; lost: StoredKey[] }> {
  const rows = (await sql.query<Row>(ALL)) as unknown as (StoredKey & { sealed: Uint8Array })[];
  const keys: OpenedKey[] = [];
  const lost: StoredKey[] = [];
  for (const row of rows) {
    const value = open(row, sealer);
    const { sealed: _sealed, ...shown } = row;
    if (value === null) lost.push(shown);
    else keys.push({ ...shown, value });
  }
  return { keys, lost };
}

/** Seals them with the current secret. Answers how many, and how many none of the secrets opens. */
export async function resealStoredKeys(
  sql: Pick<Sql, 'query'>,
  sealer: Sealer,
): Promise<{ resealed: number; lost: number }> {
  const { keys, lost } = await loadStoredKeys(sql, sealer);
  const old = keys.filter(({ keyId }) => keyId !== sealer.keyId);
  const rows = old.map((key) => ({
    id: key.id,
    sealed: sealer.seal(USE, scopeOf(key.tenant), placeOf(key), key.value).toString('hex'),
  }));
  if (rows.length > 0) await sql.query(RESEAL, [JSON.stringify(rows), sealer.keyId]);
  return { resealed: rows.length, lost: lost.length };
}
