/**
 * Sessions: one for each sign-in, and the refresh tokens that come of it. A refresh token is used once; whoever uses one
 * a second time ends the session, because one of the two is not who signed in.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Role } from '../contract/caller.ts';
import type { Row, Sql } from '../contract/ports.ts';
import { eventOf } from './events.ts';

const PREFIX = 'gor_';

export type SignInMethod = 'password' | 'oidc' | 'setup';

/** A session that goes on, with its account as it is now. */
export interface SessionRow extends Row {
  id: string;
  tenant: string;
  user: string;
  email: string;
  name: string | null;
  role: Role;
  everywhere: boolean;
  /** For which it acts, and what its user is there; null when he is not in it any more. */
  team: string | null;
  teamRole: Role | null;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

const COLUMNS = `s.id, s.tenant, u.id as user, u.email, u.name, u.role, u.everywhere, m.id as team, b.role as "teamRole",
  (extract(epoch from s.expires_at) * 1000)::float8 as "expiresAt"`;
const JOINED = `join mcp_user u on u.id = s.user_id join mcp_tenant t on t.id = s.tenant
  left join mcp_membership b on b.team = s.team and b.user_id = s.user_id
  left join mcp_team m on m.id = b.team and m.closed_at is null`;
/** A session that nobody refreshed for so long is over. */
const IDLE = '7 days';

const STANDS = `s.ended_at is null and s.expires_at > now() and s.seen_at > now() - interval '${IDLE}'
  and u.disabled_at is null and t.disabled_at is null`;

// Old sessions go, a few with each new one.
const FORGET = `delete from mcp_session where id in (select id from mcp_session where expires_at < now() - interval '30 days' limit 20)`;

// A new session with its first refresh token; $5 is the team that is asked for, by id or name, else the only one.
const BEGIN = `
with old as (${FORGET}), mine as (
  select m.id, m.name from mcp_membership b join mcp_team m on m.id = b.team where b.user_id = $3 and m.closed_at is null
), team as (
  select id from mine where case when $5::text is null then (select count(*) from mine) = 1 else id = $5 or name = $5 end limit 1
), made as (
  insert into mcp_session (id, tenant, user_id, team, method, expires_at)
  select $2, u.tenant, u.id, (select id from team), $4, now() + $6::int * interval '1 day' from mcp_user u
  where u.id = $3 and u.disabled_at is null and ($5::text is null or exists (select 1 from team))
  returning id, tenant, user_id, method
), token as (
  insert into mcp_refresh (hash, session) select $1, id from made
), seen as (
  update mcp_user set seen_at = now() where id in (select user_id from made)
), events as (${eventOf('session.begun', 'made', "jsonb_build_object('session', id, 'method', method)", 'user_id')})
select id from made`;

// One session, if it goes on.
const FIND = `select ${COLUMNS} from mcp_session s ${JOINED} where s.id = $1 and ${STANDS}`;

/** SQL: which of the ids in the JSON list `param` go on. */
export const standingSessions = (param: string): string =>
  `select s.id from mcp_session s ${JOINED} where s.id in (select json_array_elements_text(${param}::json)) and ${STANDS}`;

// Takes a refresh token for another one; nothing when it was used before, or its session is over.
const ROTATE = `
with used as (
  update mcp_refresh r set used_at = now() from mcp_session s
  join mcp_user u on u.id = s.user_id join mcp_tenant t on t.id = s.tenant
  where r.hash = $1 and r.used_at is null and s.id = r.session and ${STANDS} returning r.session
), made as (
  insert into mcp_refresh (hash, session) select $2, session from used returning session
), moved as (
  update mcp_session s set seen_at = now(), team = case when $3::text is null then s.team else coalesce((
    select m.id from mcp_membership b join mcp_team m on m.id = b.team
    where b.user_id = s.user_id and m.closed_at is null and (m.id = $3 or m.name = $3)), s.team) end
  from made where s.id = made.session returning s.id
)
select id from moved`;

// A refresh token that was used before: its session is over.
const REUSED = `
with over as (
  update mcp_session s set ended_at = now(), ended_by = 'reuse' from mcp_refresh r
  where r.hash = $1 and r.used_at is not null and s.id = r.session and s.ended_at is null returning s.id, s.tenant, s.user_id
), events as (${eventOf('session.reused', 'over', "jsonb_build_object('session', id)", 'user_id')})
select id from over`;

// Ends one session.
const END = `
with over as (
  update mcp_session set ended_at = now(), ended_by = $2 where id = $1 and ended_at is null returning id, tenant, user_id
), events as (${eventOf('session.ended', 'over', "jsonb_build_object('session', id, 'by', $2::text)", 'user_id')})
select id from over`;

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();

const newToken = (): string => PREFIX + randomBytes(32).toString('base64url');

export const isRefreshToken = (text: unknown): text is string =>
  typeof text === 'string' && /^gor_[A-Za-z0-9_-]{43}$/.test(text);

/** Null when the account is closed, or the team is none of its own. */
export async function beginSession(
  sql: Sql,
  user: string,
  method: SignInMethod,
  team: string | null,
  days: number,
): Promise<{ session: SessionRow; refresh: string } | null> {
  const refresh = newToken();
  const id = `ses_${randomBytes(12).toString('base64url')}`;
  const [made] = await sql.query(BEGIN, [hashOf(refresh), id, user, method, team, days]);
  const session = made ? await findSession(sql, id) : null;
  return session && { session, refresh };
}

export async function findSession(sql: Sql, id: string): Promise<SessionRow | null> {
  const [row] = await sql.query<SessionRow>(FIND, [id]);
  return row ?? null;
}

export type Rotated =
  | { session: SessionRow; refresh: string }
  /** The id of the session that is over because of it; null when the token is not known or its session was over. */
  | { reused: string | null };

/** `team`: for which it acts from now on, if its user is in it. */
export async function rotate(sql: Sql, token: string, team: string | null): Promise<Rotated> {
  const refresh = newToken();
  const [moved] = await sql.query<{ id: string }>(ROTATE, [hashOf(token), hashOf(refresh), team]);
  const session = moved ? await findSession(sql, moved.id) : null;
  if (session) return { session, refresh };
  const [over] = await sql.query<{ id: string }>(REUSED, [hashOf(token)]);
  return { reused: over?.id ?? null };
}

export async function endSession(sql: Sql, id: string, by: 'logout' | 'revoked'): Promise<boolean> {
  return (await sql.query(END, [id, by])).length === 1;
}
