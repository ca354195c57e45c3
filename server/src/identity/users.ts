/** Accounts of people: an e-mail address of a tenant, a role, and a password or an issuer elsewhere. */
import { randomBytes } from 'node:crypto';
import type { Role } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Row, Sql } from '../contract/ports.ts';
import { FENCE_IF_NAMED } from '../ledger/fence.ts';
import { eventOf } from './events.ts';

export interface UserRow {
  id: string;
  tenant: string;
  email: string;
  name: string | null;
  role: Role;
  everywhere: boolean;
  /** Whether it can sign in here. */
  password: boolean;
  teams: { id: string; name: string; role: Role }[];
  createdAt: number;
  seenAt: number | null;
  disabledAt: number | null;
}

export interface NewUser {
  tenant: string;
  email: string;
  name: string | null;
  role: Role;
  /** In PHC form; null: signs in elsewhere. */
  password: string | null;
  everywhere?: boolean;
  actor: string | null;
}

export interface UserChange {
  name?: string | null;
  role?: Role;
  password?: string;
  disabled?: boolean;
}

const ms = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`;

const COLUMNS = `u.id, u.tenant, u.email, u.name, u.role, u.everywhere, u.password is not null as password,
  ${ms('u.created_at')} as "createdAt", ${ms('u.seen_at')} as "seenAt", ${ms('u.disabled_at')} as "disabledAt",
  coalesce((select json_agg(json_build_object('id', m.id, 'name', m.name, 'role', b.role) order by m.name)
    from mcp_membership b join mcp_team m on m.id = b.team where b.user_id = u.id and m.closed_at is null), '[]'::json) as teams`;

// Accounts of a tenant, or of all; or one of them.
const LIST = `select ${COLUMNS} from mcp_user u
  where ($1::text is null or u.tenant = $1) and ($2::text is null or u.id = $2) and ${FENCE_IF_NAMED}
    and ($3::text is null or u.id > $3) order by u.id limit $4`;

// A new account. The tenant is made along the way if it may be.
const CREATE = `
with fresh as (
  insert into mcp_tenant (id) select $2 where $8::boolean on conflict do nothing returning id
), tenants as (
  select id from fresh union all select id from mcp_tenant where id = $2
), made as (
  insert into mcp_user (id, tenant, email, email_key, name, role, password, everywhere)
  select $1, id, $3, lower($3), $4, $5, $6, $7 from (select id from tenants limit 1) t
  on conflict (tenant, email_key) do nothing returning id, tenant, role, everywhere
), events as (${eventOf('user.created', 'made', "jsonb_build_object('user', id, 'role', role, 'everywhere', everywhere)", '$9')})
select (select id from made) as id, exists (select 1 from tenants) as tenant`;

// One at a time for a tenant: two owners must not take the role from each other in the same moment.
const LOCK = `select pg_advisory_xact_lock(7168881, hashtext($1))`;

// The account, and whether another one could still rule its tenant.
const TARGET = `select u.id, u.tenant, u.email, u.role, u.everywhere, u.disabled_at is not null as disabled, exists (
  select 1 from mcp_user o where o.tenant = u.tenant and o.id <> u.id and o.role = 'owner' and o.disabled_at is null) as others
  from mcp_user u where u.id = $1`;

// Changes what is given. With a new password, and when it is closed, it is signed out everywhere.
const CHANGE = `
with changed as (
  update mcp_user set name = case when $2 then $3 else name end, role = coalesce($4, role), password = coalesce($5, password),
    disabled_at = case when $6::boolean is null then disabled_at when $6 then coalesce(disabled_at, now()) end
  where id = $1 returning *
), over as (
  update mcp_session s set ended_at = now(), ended_by = case when $6 then 'disabled' else 'password' end
  from changed c where s.user_id = c.id and s.ended_at is null and s.id is distinct from $8 and ($6 or $5 is not null)
), events as (${eventOf(
  'user.changed',
  'changed',
  `jsonb_build_object('user', id, 'role', role, 'disabled', disabled_at is not null, 'password', $5::text is not null)`,
  '$7',
)})
select id from changed`;

/** What is made here, and hardly by anybody else. */
export const USER_ID = /^usr_[\w-]{12}$/;

export const newUserId = (): string => `usr_${randomBytes(9).toString('base64url')}`;

export async function listUsers(
  sql: Sql,
  tenant: string | null,
  { id = null, after = null, limit = 200 }: { id?: string | null; after?: string | null; limit?: number } = {},
): Promise<UserRow[]> {
  return (await sql.query(LIST, [tenant, id, after, limit])) as unknown as UserRow[];
}

/** Throws `not_found` for a tenant that is not there and may not be made, `invalid_request` for an address that is taken. */
export async function createUser(sql: Pick<Sql, 'query'>, user: NewUser, makeTenant: boolean): Promise<string> {
  const { tenant, email, name, role, password, everywhere = false, actor } = user;
  const values = [newUserId(), tenant, email, name, role, password, everywhere, makeTenant, actor];
  const [row] = await sql.query<{ id: string | null; tenant: boolean }>(CREATE, values);
  if (row?.id) return row.id;
  if (!row?.tenant) throw new GoblinError('not_found', 'There is no such tenant.');
  throw new GoblinError('invalid_request', 'There is an account with this e-mail address already.', {
    errors: [{ path: 'email', message: 'is taken' }],
  });
}

export interface TargetUser extends Row {
  id: string;
  tenant: string;
  email: string;
  role: Role;
  everywhere: boolean;
  disabled: boolean;
  /** Another owner of its tenant is there. */
  others: boolean;
}

export async function findUser(sql: Pick<Sql, 'query'>, id: string): Promise<TargetUser | null> {
  const [row] = await sql.query<TargetUser>(TARGET, [id]);
  return row ?? null;
}

/**
 * `check` sees the account as it is under the lock, and throws when the change is not allowed. Throws `not_found`, and
 * `invalid_request` when the tenant would be left without an owner. `keep` is a session that goes on.
 */
export async function changeUser(
  sql: Sql,
  id: string,
  change: UserChange,
  actor: string,
  check: (user: TargetUser) => void,
  keep: string | null = null,
): Promise<TargetUser> {
  const seen = await findUser(sql, id);
  if (!seen) throw noSuchUser();
  // What may not be known is refused before anything waits for it.
  check(seen);
  return await sql.transaction(async (tx) => {
    await tx.query(LOCK, [seen.tenant]);
    const user = await findUser(tx, id);
    if (!user) throw noSuchUser();
    check(user);
    const rules = user.role === 'owner' && !user.disabled;
    const stays = (change.role ?? user.role) === 'owner' && !(change.disabled ?? user.disabled);
    if (rules && !stays && !user.others) {
      throw new GoblinError(
        'invalid_request',
        'This is the last owner of the tenant; make another one first, so that somebody can still rule it.',
      );
    }
    const { name, role, password, disabled } = change;
    await tx.query(CHANGE, [
      id,
      name !== undefined,
      name ?? null,
      role ?? null,
      password ?? null,
      disabled ?? null,
      actor,
      keep,
    ]);
    return user;
  });
}

export const noSuchUser = (): GoblinError => new GoblinError('not_found', 'There is no such user.');
