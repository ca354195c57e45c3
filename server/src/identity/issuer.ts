/** An issuer of tokens that the configuration trusts, and for what. */
import type { Role } from '../contract/caller.ts';

/** Asymmetric ones only: a public key must never be taken for a shared secret. */
export const ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA'.split(' ');

export interface SignIn {
  clientId: string;
  clientSecret: string | null;
  /** How the client shows its secret. */
  clientAuth: 'basic' | 'post';
  scopes: readonly string[];
  title: string;
  /** Null: as the issuer's own document says. */
  authorizationUrl: string | null;
  tokenUrl: string | null;
  /** Whether an account with the same, verified, e-mail address is taken for the same person. */
  linkByEmail: boolean;
}

export interface Issuer {
  name: string;
  /** As it stands in the claim `iss`. */
  issuer: string;
  /** Of tokens that are sent to us as credentials; null: they are not taken, only sign-in is. */
  audience: readonly string[] | null;
  /** Null: as the issuer's own document says. */
  jwksUrl: string | null;
  algorithms: readonly string[];
  tenant: string;
  /** Names of claims; dots lead into objects, unless a claim has the whole name. */
  claims: { roles: string | null; teams: string | null; email: string; name: string };
  roles: Readonly<Record<string, Role>>;
  /** Null: whoever is given no role is refused. */
  defaultRole: Role | null;
  /** Names of teams by what the claim says. */
  teams: Readonly<Record<string, string>>;
  signIn: SignIn | null;
}

/** Of our own tokens: no issuer of the configuration may have our name. */
export const OUR_ISSUER = 'urn:goblin:mcp';

/** TLS, unless it is on this machine. */
export function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, hash } = new URL(text);
  if (username !== '' || password !== '' || hash !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname));
}
