/** What `goblin.yaml` says of accounts and of other issuers. */
import { type Static, Type } from '@sinclair/typebox';
import type { Role } from '../contract/caller.ts';
import { ALGORITHMS, type Issuer, isSafeUrl, OUR_ISSUER } from '../identity/issuer.ts';
import { ROLE_NAMES } from '../identity/roles.ts';
import { isTeamName } from '../identity/teams.ts';

const strict = { additionalProperties: false };
const words = <T extends string>(...names: T[]) => Type.Union(names.map((name) => Type.Literal(name)));
const Url = Type.String({ minLength: 1, maxLength: 2000 });
const Text = Type.String({ minLength: 1, maxLength: 300 });
const Tenant = Type.String({ pattern: '^[a-z0-9][a-z0-9_-]{0,62}$' });
const Variable = Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' });
const RoleName = words(...ROLE_NAMES);

export const SignInEntry = Type.Object(
  {
    client_id: Text,
    client_secret_env: Type.Optional(Variable),
    client_auth: Type.Optional(words('basic', 'post')),
    scopes: Type.Optional(Type.Array(Text, { minItems: 1, maxItems: 50 })),
    title: Type.Optional(Text),
    authorization_url: Type.Optional(Url),
    token_url: Type.Optional(Url),
    link_by_email: Type.Optional(Type.Boolean()),
  },
  strict,
);

export const IssuerEntry = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' }),
    issuer: Url,
    audience: Type.Optional(
      Type.Union([Text, Type.Array(Text, { minItems: 1, maxItems: 20 })], {
        takes: 'a text or a list of texts, e.g. goblin',
      }),
    ),
    jwks_url: Type.Optional(Url),
    algorithms: Type.Optional(Type.Array(words(...ALGORITHMS), { minItems: 1, maxItems: 10 })),
    tenant: Tenant,
    claims: Type.Optional(
      Type.Object(
        {
          roles: Type.Optional(Text),
          teams: Type.Optional(Text),
          email: Type.Optional(Text),
          name: Type.Optional(Text),
        },
        strict,
      ),
    ),
    roles: Type.Optional(Type.Record(Text, RoleName)),
    default_role: Type.Optional(RoleName),
    teams: Type.Optional(Type.Record(Text, Text)),
    sign_in: Type.Optional(SignInEntry),
  },
  strict,
);

export const IdentityEntry = Type.Object(
  {
    public_url: Type.Optional(Url),
    tenant: Type.Optional(Tenant),
    access_minutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 60 })),
    session_days: Type.Optional(Type.Integer({ minimum: 1, maximum: 365 })),
    issuers: Type.Optional(Type.Array(IssuerEntry, { maxItems: 50 })),
  },
  strict,
);
type IdentityEntry = Static<typeof IdentityEntry>;

export interface IdentitySettings {
  /** Where browsers reach us; null: only needed for sign-in at another provider. */
  publicUrl: string | null;
  /** Of whoever names none. */
  tenant: string;
  accessMinutes: number;
  sessionDays: number;
  /** The secret of a client is read from the variable that `secretEnv` names. */
  issuers: readonly (Issuer & { secretEnv: string | null })[];
}

type Refuse = (message: string) => never;

/** Calls `refuse` when an entry contradicts itself. */
export function readIdentity(entry: IdentityEntry | undefined, refuse: Refuse): IdentitySettings {
  const { public_url: publicUrl, tenant = 'main', access_minutes = 10, session_days = 30, issuers = [] } = entry ?? {};
  if (
    publicUrl !== undefined &&
    (!isSafeUrl(publicUrl) || new URL(publicUrl).pathname !== '/' || new URL(publicUrl).search !== '')
  ) {
    refuse(
      'identity.public_url is where browsers reach this server, with https and without a path, e.g. https://goblin.example.com.',
    );
  }
  const read = issuers.map((one, at) => readIssuer(one, `identity.issuers.${at}`, refuse));
  for (const [at, one] of read.entries()) {
    const same = read.slice(0, at).find((other) => other.name === one.name);
    if (same) refuse(`identity.issuers.${at}.name is ${one.name}, which another one has already.`);
    if (one.signIn && publicUrl === undefined) {
      refuse(`identity.issuers.${at}.sign_in needs identity.public_url: the provider sends browsers back there.`);
    }
  }
  return {
    publicUrl: publicUrl === undefined ? null : new URL(publicUrl).origin,
    tenant,
    accessMinutes: access_minutes,
    sessionDays: session_days,
    issuers: read,
  };
}

function readIssuer(
  entry: Static<typeof IssuerEntry>,
  path: string,
  refuse: Refuse,
): Issuer & { secretEnv: string | null } {
  const { sign_in: signIn, audience, claims = {}, roles = {}, teams = {} } = entry;
  const urls: [string, string | undefined][] = [
    ['issuer', entry.issuer],
    ['jwks_url', entry.jwks_url],
    ['sign_in.authorization_url', signIn?.authorization_url],
    ['sign_in.token_url', signIn?.token_url],
  ];
  for (const [name, url] of urls) {
    if (url !== undefined && !isSafeUrl(url))
      refuse(`${path}.${name} must be an https URL (http only for this machine).`);
  }
  if (entry.issuer === OUR_ISSUER) refuse(`${path}.issuer is our own name.`);
  if (audience === undefined && !signIn) {
    refuse(`${path} has neither audience (tokens that are sent to us) nor sign_in (browsers that are sent to it).`);
  }
  if (Object.keys(roles).length > 0 && claims.roles === undefined) {
    refuse(`${path}.roles says what values mean, but not of which claim: set claims.roles, e.g. groups.`);
  }
  if (Object.keys(teams).length > 0 && claims.teams === undefined) {
    refuse(`${path}.teams says what values mean, but not of which claim: set claims.teams, e.g. groups.`);
  }
  if (Object.keys(roles).length === 0 && entry.default_role === undefined) {
    refuse(`${path} gives nobody a role: set roles, or default_role.`);
  }
  for (const team of Object.values(teams)) {
    if (!isTeamName(team))
      refuse(`${path}.teams names ${JSON.stringify(team)}, which cannot be a team, e.g. research.`);
  }
  return {
    name: entry.name,
    issuer: entry.issuer,
    audience: audience === undefined ? null : [audience].flat(),
    jwksUrl: entry.jwks_url ?? null,
    algorithms: entry.algorithms ?? ['RS256', 'ES256'],
    tenant: entry.tenant,
    claims: {
      roles: claims.roles ?? null,
      teams: claims.teams ?? null,
      email: claims.email ?? 'email',
      name: claims.name ?? 'name',
    },
    roles: roles as Record<string, Role>,
    defaultRole: entry.default_role ?? null,
    teams,
    secretEnv: signIn?.client_secret_env ?? null,
    signIn: signIn
      ? {
          clientId: signIn.client_id,
          clientSecret: null,
          clientAuth: signIn.client_auth ?? 'basic',
          scopes: [...new Set(['openid', ...(signIn.scopes ?? ['email', 'profile'])])],
          title: signIn.title ?? entry.name,
          authorizationUrl: signIn.authorization_url ?? null,
          tokenUrl: signIn.token_url ?? null,
          linkByEmail: signIn.link_by_email ?? false,
        }
      : null,
  };
}
