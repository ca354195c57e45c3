/** What the claims of a token mean here: a role, teams, a name. */
import type { JWTPayload } from 'jose';
import type { Role } from '../contract/caller.ts';
import type { Issuer } from './issuer.ts';
import type { Refusal } from './refusals.ts';
import { highest } from './roles.ts';

export interface Verified {
  issuer: Issuer;
  subject: string;
  role: Role;
  /** Names of teams. */
  teams: readonly string[];
  email: string | null;
  emailVerified: boolean;
  name: string | null;
  /** Milliseconds since the epoch. */
  until: number;
}

const MOST_GROUPS = 1000;

/** A word when the claims give no role, or make no sense. */
export function readClaims(issuer: Issuer, payload: JWTPayload): Verified | Refusal {
  const { sub, exp } = payload;
  if (typeof sub !== 'string' || !/^[\x20-\x7e]{1,255}$/.test(sub)) return 'subject';
  if (typeof exp !== 'number') return 'claims';
  const claims = payload as Record<string, unknown>;
  const said = (name: string | null) => (name === null ? [] : listOf(claimOf(claims, name), name));
  const mapped = <T>(names: readonly string[], to: Readonly<Record<string, T>>): T[] =>
    names.flatMap((name) => (Object.hasOwn(to, name) ? [to[name] as T] : []));
  const role = highest(mapped(said(issuer.claims.roles), issuer.roles)) ?? issuer.defaultRole;
  if (role === null) return 'role';
  const email = claimOf(claims, issuer.claims.email);
  const name = claimOf(claims, issuer.claims.name);
  return {
    issuer,
    subject: sub,
    role,
    teams: [...new Set(mapped(said(issuer.claims.teams), issuer.teams))],
    email: typeof email === 'string' ? email : null,
    emailVerified: claims.email_verified === true,
    name: typeof name === 'string' ? name.slice(0, 100) : null,
    until: exp * 1000,
  };
}

function claimOf(claims: Record<string, unknown>, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

/** A list, or one text; scopes stand in one text with spaces (RFC 8693). */
function listOf(value: unknown, name: string): string[] {
  const list = typeof value === 'string' ? (name === 'scope' || name === 'scp' ? value.split(' ') : [value]) : value;
  return Array.isArray(list) ? list.slice(0, MOST_GROUPS).filter((one): one is string => typeof one === 'string') : [];
}
