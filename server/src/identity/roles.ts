/** Roles and what they may do: the one table. `docs/security.md` shows it, and `docs/access.md` what follows from it. */
import { PERMISSIONS, type Permission, type Role } from '../contract/caller.ts';

/** Never part of a role: only who runs the installation has them. */
export const EVERYWHERE: readonly Permission[] = ['tenant:create', 'settings:write'];

const OF_A_TENANT = (Object.keys(PERMISSIONS) as Permission[]).filter((one) => !EVERYWHERE.includes(one));

export const ROLES: Readonly<Record<Role, readonly Permission[]>> = {
  owner: OF_A_TENANT,
  admin: OF_A_TENANT.filter((one) => one !== 'tenant:write'),
  operator: [
    'self',
    'request:read',
    'request:write',
    'operations:read',
    'operations:write',
    'key:read',
    'user:read',
    'team:read',
    'policy:read',
    'budget:read',
    'provider:read',
    'settings:read',
  ],
  member: ['self', 'request:read', 'request:write'],
  viewer: ['self', 'request:read', 'operations:read'],
  // For programs: what an API key is unless said otherwise.
  service: ['self', 'request:read', 'request:write', 'operations:read'],
};

const SETS = Object.fromEntries(
  Object.entries(ROLES).map(([name, list]) => [name, new Set(list)]),
) as unknown as Record<Role, ReadonlySet<Permission>>;

export const ROLE_NAMES = Object.keys(ROLES) as Role[];
/** A person is no program. */
export const USER_ROLES: readonly Role[] = ROLE_NAMES.filter((name) => name !== 'service');
/** In a team nobody rules the tenant. */
export const TEAM_ROLES: readonly Role[] = ['operator', 'member', 'viewer'];

export const ALL: ReadonlySet<Permission> = new Set(Object.keys(PERMISSIONS) as Permission[]);

export const isRole = (text: unknown): text is Role => typeof text === 'string' && Object.hasOwn(ROLES, text);
export const isPermission = (text: unknown): text is Permission =>
  typeof text === 'string' && Object.hasOwn(PERMISSIONS, text);

/** What somebody may do who has these roles, and everything beyond if he runs the installation. */
export function permissionsOf(roles: readonly Role[], everywhere = false): ReadonlySet<Permission> {
  if (everywhere) return ALL;
  const [first] = roles;
  if (roles.length === 1 && first) return SETS[first];
  return new Set(roles.flatMap((role) => ROLES[role]));
}

/** Nobody gives what he does not have. */
export const mayGive = (has: ReadonlySet<Permission>, role: Role): boolean =>
  ROLES[role].every((permission) => has.has(permission));

/** The role that may do most; null of none. */
export function highest(roles: readonly Role[]): Role | null {
  return ROLE_NAMES.find((name) => roles.includes(name)) ?? null;
}
