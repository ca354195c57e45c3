/** Teams: whom limits and budgets are given to. A user may be in several; a key belongs to one. */
import { randomBytes } from 'node:crypto';
import type { Role } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Sql } from '../contract/ports.ts';
import { FENCE_IF_NAMED } from '../ledger/fence.ts';
import { eventOf } from './events.ts';

export interface TeamRow {
  id: string;
  tenant: string;
  name: string;
  createdAt: number;
  closedAt: number | null;
  members: { user: string; email: string; role: Role; source: string }[];
}

const ms = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`;

// Teams of a tenant, or of all; or one of them, also by its name.
const LIST = `select m.id, m.tenant, m.name, ${ms('m.created_at')} as "createdAt", ${ms('m.closed_at')} as "closedAt",
  coalesce((select json_agg(json_build_object('user', u.id, 'email', u.email, 'role', b.role, 'source', b.source) order by u.email)
    from mcp_membership b join mcp_user u on u.id = b.user_id where b.team = m.id), '[]'::json) as members
  from mcp_team m where ($1::text is null or m.tenant = $1) and ($2::text is null or m.id = $2) and ${FENCE_IF_NAMED}
    and ($2::text is not null or m.closed_at is null) order by m.tenant, m.name limit 1000`;

// A new team.
const CREATE = `
with made as (
  insert into mcp_team (id, tenant, name) select $1, id, $3 from mcp_tenant where id = $2
  on conflict (tenant, name) where closed_at is null do nothing returning id, tenant, name
), events as (${eventOf('team.created', 'made', "jsonb_build_object('team', id, 'name', name)", '$4')})
select (select id from made) as id, exists (select 1 from mcp_tenant where id = $2) as tenant`;

// Another name.
const RENAME = `
with changed as (
  update mcp_team m set name = $3 where id = $1 and ($2::text is null or tenant = $2) and closed_at is null
    and not exists (select 1 from mcp_team o where o.tenant = m.tenant and o.name = $3 and o.id <> m.id and o.closed_at is null)
  returning id, tenant, name
), events as (${eventOf('team.changed', 'changed', "jsonb_build_object('team', id, 'name', name)", '$4')})
select id from changed`;

// Closes a team for good: its keys end, and nobody is in it any more.
const CLOSE = `
with closed as (
  update mcp_team set closed_at = now() where id = $1 and ($2::text is null or tenant = $2) and closed_at is null returning id, tenant
), keys as (
  update mcp_key k set revoked_at = now() from closed c where k.team = c.id and k.revoked_at is null returning k.id
), members as (
  delete from mcp_membership b using closed c where b.team = c.id
), events as (${eventOf('team.closed', 'closed', "jsonb_build_object('team', id, 'keys', (select count(*) from keys))", '$3')})
select id from closed`;

// A user in a team, or what he is there from now on.
const JOIN = `
with pair as (
  select m.id as team, m.tenant, u.id as user_id from mcp_team m join mcp_user u on u.tenant = m.tenant
  where m.id = $1 and u.id = $2 and ($3::text is null or m.tenant = $3) and m.closed_at is null
), made as (
  insert into mcp_membership (team, user_id, tenant, role) select team, user_id, tenant, $4 from pair
  on conflict (team, user_id) do update set role = excluded.role, source = 'local' returning team, user_id, tenant, role
), events as (${eventOf('team.joined', 'made', "jsonb_build_object('team', team, 'user', user_id, 'role', role)", '$5')})
select team from made`;

// A user out of a team.
const LEAVE = `
with gone as (
  delete from mcp_membership where team = $1 and user_id = $2 and ($3::text is null or tenant = $3) returning team, user_id, tenant
), events as (${eventOf('team.left', 'gone', "jsonb_build_object('team', team, 'user', user_id)", '$4')})
select team from gone`;

// What an issuer says about the teams of a user: those that are missing are made, and what it said before is replaced.
const SYNC = `
with named as (
  select distinct value as name from json_array_elements_text($4::json)
), made as (
  insert into mcp_team (id, tenant, name)
  select 'team_' || substr(md5($1 || chr(10) || name || chr(10) || $6), 1, 16), $1, name from named
  on conflict (tenant, name) where closed_at is null do nothing returning id, tenant, name
), teams as (
  select id from made union
  select id from mcp_team where tenant = $1 and closed_at is null and name in (select name from named)
), gone as (
  delete from mcp_membership where user_id = $2 and source = $3 and team not in (select id from teams)
), joined as (
  insert into mcp_membership (team, user_id, tenant, role, source) select id, $2, $1, $5, $3 from teams
  on conflict (team, user_id) do update set role = excluded.role where mcp_membership.source = excluded.source
), events as (${eventOf('team.created', 'made', "jsonb_build_object('team', id, 'name', name)", '$2')})
select 1 from teams`;

const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** The name of a team has the form of a tenant's, and is none of our ids. */
export const isTeamName = (text: unknown): text is string =>
  typeof text === 'string' && NAME.test(text) && !text.startsWith('team_');

export const noSuchTeam = (): GoblinError => new GoblinError('not_found', 'There is no such team.');

export async function listTeams(sql: Sql, tenant: string | null, id: string | null = null): Promise<TeamRow[]> {
  return (await sql.query(LIST, [tenant, id])) as unknown as TeamRow[];
}

/** Throws `not_found` for a tenant that is not there, `invalid_request` for a name that is taken. */
export async function createTeam(sql: Sql, tenant: string, name: string, actor: string): Promise<string> {
  const id = `team_${randomBytes(9).toString('base64url')}`;
  const [row] = await sql.query<{ id: string | null; tenant: boolean }>(CREATE, [id, tenant, name, actor]);
  if (row?.id) return row.id;
  if (!row?.tenant) throw new GoblinError('not_found', 'There is no such tenant.');
  throw taken();
}

const taken = () =>
  new GoblinError('invalid_request', 'There is a team of this name already.', {
    errors: [{ path: 'name', message: 'is taken' }],
  });

/** Null as the tenant: of any. */
export async function renameTeam(
  sql: Sql,
  id: string,
  tenant: string | null,
  name: string,
  actor: string,
): Promise<void> {
  if ((await sql.query(RENAME, [id, tenant, name, actor])).length === 1) return;
  const [there] = await listTeams(sql, tenant, id);
  throw there && there.closedAt === null ? taken() : noSuchTeam();
}

export async function closeTeam(sql: Sql, id: string, tenant: string | null, actor: string): Promise<boolean> {
  return (await sql.query(CLOSE, [id, tenant, actor])).length === 1;
}

/** False when the team or the user is not there, or they are of different tenants. */
export async function joinTeam(
  sql: Sql,
  team: string,
  user: string,
  tenant: string | null,
  role: Role,
  actor: string,
): Promise<boolean> {
  return (await sql.query(JOIN, [team, user, tenant, role, actor])).length === 1;
}

export async function leaveTeam(
  sql: Sql,
  team: string,
  user: string,
  tenant: string | null,
  actor: string,
): Promise<boolean> {
  return (await sql.query(LEAVE, [team, user, tenant, actor])).length === 1;
}

/** `source` is the issuer; `names` are those of teams. */
export async function syncTeams(
  sql: Sql,
  tenant: string,
  user: string,
  source: string,
  names: readonly string[],
  role: Role,
): Promise<void> {
  await sql.query(SYNC, [tenant, user, source, JSON.stringify(names), role, randomBytes(8).toString('hex')]);
}
