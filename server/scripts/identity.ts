/** The tables about identity: roles and permissions, schemes of keys, and what `goblin.yaml` says of accounts and issuers. */
import type { TSchema } from '@sinclair/typebox';
import { PERMISSIONS, type Permission } from '../src/contract/caller.ts';
import { ALGORITHMS } from '../src/identity/issuer.ts';
import { EVERYWHERE, ROLE_NAMES, ROLES } from '../src/identity/roles.ts';
import { IMPORTED, SCHEMES } from '../src/identity/schemes.ts';
import { IdentityEntry, IssuerEntry, SignInEntry } from '../src/settings/identity.ts';
import { accepted, code, meaning, propertiesOf, table } from './tables.ts';

const IDENTITY: Readonly<Record<string, string>> = {
  public_url: 'where browsers reach the server; needed for sign-in elsewhere, which sends them back there',
  tenant: 'the tenant of who signs in, or is set up, without naming one; `main` when left out',
  access_minutes: 'how long an access token lasts; 10 when left out. What it may is looked up anew every few seconds',
  session_days: 'how long one stays signed in; 30 when left out',
  issuers: 'other issuers of tokens; see below',
};

const ISSUER: Readonly<Record<string, string>> = {
  name: 'a name for it, in addresses and in the audit trail',
  issuer: 'its name in tokens (`iss`), an https URL',
  audience: 'tokens for this audience (`aud`) are taken as credentials; left out: none are',
  jwks_url: 'where its keys are; left out: as its own document says (`/.well-known/openid-configuration`)',
  algorithms: 'how its tokens may be signed; RS256 and ES256 when left out. Secrets that are shared are none',
  tenant: 'the tenant of everybody whom it vouches for; it is made if it is missing',
  claims: 'where in a token things stand: `roles`, `teams`, `email`, `name`; a dot leads into an object',
  roles: 'which role a value of `claims.roles` gives; of several the highest',
  default_role: 'the role of who is given none; left out: he is refused',
  teams: 'which team a value of `claims.teams` means',
  sign_in: 'people sign in there; see below',
};

const SIGN_IN: Readonly<Record<string, string>> = {
  client_id: 'as what we are known there',
  client_secret_env: 'the variable with the secret of the client; left out: it has none',
  client_auth: 'how the client shows its secret; `basic` when left out',
  scopes: 'what is asked for beside `openid`; `email` and `profile` when left out',
  title: 'what the button says',
  authorization_url: 'left out: as its own document says',
  token_url: 'left out: as its own document says',
  link_by_email:
    'an account with the same e-mail address, verified there, is the same person. Only for a provider whose word you trust',
};

function fields(schema: TSchema, meanings: Readonly<Record<string, string>>): string {
  const rows = Object.entries(propertiesOf(schema)).map(([name, field]) => [
    code(name),
    takes(name, field),
    meaning(meanings, name),
  ]);
  return table(['field', 'takes', 'meaning'], rows);
}

function takes(name: string, field: TSchema): string {
  if (name === 'claims' || name === 'sign_in') return 'fields';
  if (name === 'roles') return 'pairs of texts and roles';
  if (name === 'teams') return 'pairs of texts';
  if (name === 'default_role') return 'a role';
  if (name === 'audience') return 'a text or a list of texts';
  if (name === 'algorithms') return `a list of ${ALGORITHMS.map(code).join(', ')}`;
  return accepted(field);
}

const may = (permission: Permission): string[] =>
  EVERYWHERE.includes(permission)
    ? ROLE_NAMES.map(() => '')
    : ROLE_NAMES.map((role) => (ROLES[role].includes(permission) ? 'yes' : ''));

export const IDENTITY_TABLES: Readonly<Record<string, () => string>> = {
  roles: () =>
    table(
      ['permission', 'what may be done', ...ROLE_NAMES],
      Object.entries(PERMISSIONS).map(([name, what]) => [code(name), what, ...may(name as Permission)]),
    ),
  schemes: () =>
    table(
      ['scheme', 'how the hash is made'],
      IMPORTED.map((name) => [code(name), SCHEMES[name].title]),
    ),
  identity: () => fields(IdentityEntry, IDENTITY),
  issuers: () => fields(IssuerEntry, ISSUER),
  sign_in: () => fields(SignInEntry, SIGN_IN),
};
