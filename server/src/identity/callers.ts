/** From what the record knows of a credential to a `Caller`. */
import type { Caller, Permission, Role } from '../contract/caller.ts';
import type { Sql } from '../contract/ports.ts';
import type { Verified } from './claims.ts';
import type { FoundKey } from './keys.ts';
import { ALL, isPermission, permissionsOf, ROLES } from './roles.ts';
import type { SessionRow } from './sessions.ts';

/** Everybody on this machine, with authentication off. */
export const LOCAL: Caller = {
  tenant: 'local',
  user: 'local',
  key: null,
  permissions: ALL,
  everywhere: true,
  roles: ['owner'],
};

/** The command line, where keys are asked for. */
export const OPERATOR: Caller = {
  tenant: 'local',
  user: 'operator',
  key: null,
  permissions: ALL,
  everywhere: true,
  homeless: true,
  roles: ['owner'],
};

/** At most what its role may, what its scopes say, and what its account may. */
export function callerOfKey(found: FoundKey): Caller {
  const { id, tenant, team, account, role, accountRole, models, expiresAt } = found;
  const scopes = new Set(found.scopes.filter(isPermission));
  const mine = (permission: Permission) =>
    permission === 'self' ||
    (scopes.has(permission) && (accountRole === null || ROLES[accountRole].includes(permission)));
  return {
    tenant,
    user: account ?? id,
    key: id,
    permissions: new Set(ROLES[role].filter(mine)),
    roles: [role],
    ...(account === null ? {} : { account }),
    ...(team === null ? {} : { team }),
    ...(models === null ? {} : { models }),
    standing: {
      tenant,
      key: id,
      session: null,
      account,
      until: expiresAt ?? Number.POSITIVE_INFINITY,
      ended: false,
    },
  };
}

export function callerOfSession(session: SessionRow): Caller {
  const { id, tenant, user, role, everywhere, team, teamRole, expiresAt } = session;
  const roles: Role[] = teamRole === null ? [role] : [role, teamRole];
  return {
    tenant,
    user,
    key: null,
    permissions: permissionsOf(roles, everywhere),
    roles,
    account: user,
    ...(team === null ? {} : { team }),
    ...(everywhere ? { everywhere } : {}),
    standing: { tenant, key: null, session: id, account: user, until: expiresAt, ended: false },
  };
}

/** What the record knows of who another issuer vouches for. */
export interface Outsider {
  account: string | null;
  team: string | null;
}

// The account that signed in as this subject, if there is one, and the first of its teams; nothing when the tenant or the account is closed.
const OUTSIDER = `
select u.id as account, (
  select m.id from json_array_elements_text($4::json) with ordinality as n(name, place) join mcp_team m on m.name = n.name
  where m.tenant = t.id and m.closed_at is null order by n.place limit 1) as team
from mcp_tenant t left join mcp_identity i on i.tenant = t.id and i.issuer = $1 and i.subject = $2
left join mcp_user u on u.id = i.user_id
where t.id = $3 and t.disabled_at is null and (u.id is null or u.disabled_at is null)`;

export async function findOutsider(sql: Sql, { issuer, subject, teams }: Verified): Promise<Outsider | null> {
  const [row] = await sql.query(OUTSIDER, [issuer.issuer, subject, issuer.tenant, JSON.stringify(teams)]);
  return (row as unknown as Outsider | undefined) ?? null;
}

export function callerOfToken(verified: Verified, { account, team }: Outsider): Caller {
  const { issuer, subject, role, until } = verified;
  const { tenant } = issuer;
  return {
    tenant,
    user: account ?? `${issuer.name}:${subject}`,
    key: null,
    permissions: permissionsOf([role]),
    roles: [role],
    ...(account === null ? {} : { account }),
    ...(team === null ? {} : { team }),
    standing: { tenant, key: null, session: null, account, until, ended: false },
  };
}
