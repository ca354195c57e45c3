/** Bodies and answers of accounts, teams, tenants, keys and sign-in. */
import { type TSchema, Type } from '@sinclair/typebox';
import { PERMISSIONS } from '../contract/caller.ts';
import { ROLE_NAMES, TEAM_ROLES, USER_ROLES } from '../identity/roles.ts';
import { IMPORTED } from '../identity/schemes.ts';

const closed = { additionalProperties: false };
const words = (list: readonly string[], accepts: string) =>
  Type.Union(
    list.map((word) => Type.Literal(word)),
    { accepts: `${accepts}: ${list.join(', ')}` },
  );

const PRINTABLE = '^[^\\u0000-\\u001f\\u007f]*$';
const Tenant = Type.String({
  pattern: '^[a-z0-9][a-z0-9_-]{0,62}$',
  accepts: 'a tenant: 1 to 63 of a-z, 0-9, hyphen and underscore, e.g. acme',
});
const Email = Type.String({
  maxLength: 254,
  pattern: '^[^\\s@\\u0000-\\u001f]{1,64}@[^\\s@\\u0000-\\u001f]{1,189}$',
  accepts: 'an e-mail address',
});
const Name = Type.String({
  minLength: 1,
  maxLength: 100,
  pattern: PRINTABLE,
  accepts: '1 to 100 printable characters',
});
const KeyName = Type.String({ pattern: '^[\\x20-\\x7e]{1,100}$', accepts: '1 to 100 printable ASCII characters' });
const Password = Type.String({ minLength: 1, maxLength: 1024, accepts: 'a text of at most 1024 characters' });
const Id = Type.String({ minLength: 1, maxLength: 63, pattern: PRINTABLE, accepts: 'an id or a name' });
const Time = Type.String({ maxLength: 40, accepts: 'a time as in 2027-01-31T12:00:00Z' });
const Models = Type.Array(Type.String({ minLength: 1, maxLength: 300 }), {
  minItems: 1,
  maxItems: 200,
  accepts: 'a list of 1 to 200 models, e.g. openai/gpt-4o-mini or anthropic/*',
});
const Scopes = Type.Array(words(Object.keys(PERMISSIONS), 'permissions'), {
  minItems: 1,
  accepts: `a list of permissions: ${Object.keys(PERMISSIONS).join(', ')}`,
});
const Nullable = <T extends TSchema>(schema: T) =>
  Type.Union([schema, Type.Null()], schema.accepts ? { accepts: schema.accepts } : {});
const Team = (more: Record<string, unknown> = {}) =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 63, accepts: 'the id or the name of a team', ...more }));

export const LoginBody = Type.Object(
  {
    email: Email,
    password: Password,
    tenant: Type.Optional(Tenant),
    team: Team(),
    cookie: Type.Optional(Type.Boolean({ accepts: 'true or false' })),
  },
  closed,
);

export const RefreshBody = Type.Object(
  {
    refresh_token: Type.Optional(Type.String({ maxLength: 100, accepts: 'a refresh token' })),
    team: Team(),
  },
  closed,
);

export const SetupBody = Type.Object(
  {
    token: Type.String({ minLength: 1, maxLength: 100, accepts: 'the set-up token that the start printed' }),
    email: Email,
    password: Password,
    tenant: Type.Optional(Tenant),
    name: Type.Optional(Name),
    cookie: Type.Optional(Type.Boolean({ accepts: 'true or false' })),
  },
  closed,
);

export const PasswordBody = Type.Object({ old: Password, new: Password }, closed);
export const LinkBody = Type.Object({ request_id: Type.String({ accepts: 'the id of a request' }) }, closed);

export const UserBody = Type.Object(
  {
    email: Email,
    tenant: Type.Optional(Tenant),
    name: Type.Optional(Name),
    role: Type.Optional(words(USER_ROLES, 'a role')),
    password: Type.Optional(Password),
  },
  closed,
);

export const UserChangeBody = Type.Object(
  {
    name: Type.Optional(Nullable(Name)),
    role: Type.Optional(words(USER_ROLES, 'a role')),
    password: Type.Optional(Password),
    disabled: Type.Optional(Type.Boolean({ accepts: 'true or false' })),
  },
  { ...closed, minProperties: 1 },
);

const TeamName = Type.String({
  pattern: '^[a-z0-9][a-z0-9_-]{0,62}$',
  accepts: 'a name: 1 to 63 of a-z, 0-9, hyphen and underscore, not beginning with team_',
});
export const TeamBody = Type.Object({ name: TeamName, tenant: Type.Optional(Tenant) }, closed);
export const TeamChangeBody = Type.Object({ name: TeamName }, closed);
export const MemberBody = Type.Object({ role: Type.Optional(words(TEAM_ROLES, 'a role in a team')) }, closed);

export const TenantBody = Type.Object({ id: Tenant, name: Type.Optional(Name) }, closed);
export const TenantChangeBody = Type.Object(
  {
    name: Type.Optional(Nullable(Name)),
    disabled: Type.Optional(Type.Boolean({ accepts: 'true or false' })),
    bodies: Type.Optional(
      Type.Union([Type.Literal('stored'), Type.Literal('encrypted'), Type.Literal('erased'), Type.Null()], {
        accepts: 'stored, encrypted, erased or null',
        description:
          'How prompts and answers rest: as they are, encrypted, or erased ten minutes after the end. Null: as goblin.yaml says.',
      }),
    ),
  },
  { ...closed, minProperties: 1 },
);

const KEY_FIELDS = {
  name: Type.Optional(KeyName),
  team: Team(),
  user: Type.Optional(Id),
  role: Type.Optional(words(ROLE_NAMES, 'a role')),
  scopes: Type.Optional(Scopes),
  models: Type.Optional(Models),
  expires_at: Type.Optional(Time),
};
export const KeyBody = Type.Object({ tenant: Type.Optional(Tenant), ...KEY_FIELDS }, closed);
export const KeyImportBody = Type.Object(
  {
    tenant: Type.Optional(Tenant),
    scheme: words(IMPORTED, 'how the hashes were made'),
    keys: Type.Array(
      Type.Object(
        {
          hash: Type.String({ maxLength: 100, accepts: 'a SHA-256 in hex or base64' }),
          last_four: Type.Optional(Type.String({ pattern: '^[\\x21-\\x7e]{1,4}$', accepts: 'up to 4 characters' })),
          ...KEY_FIELDS,
        },
        closed,
      ),
      { minItems: 1, maxItems: 1000, accepts: 'a list of 1 to 1000 keys' },
    ),
  },
  closed,
);

const Text = Type.String();
const When = Type.Union([Text, Type.Null()]);

export const UserOut = Type.Object({
  id: Text,
  tenant: Text,
  email: Text,
  name: When,
  role: Text,
  everywhere: Type.Boolean(),
  password: Type.Boolean({ description: 'Whether it can sign in with a password.' }),
  teams: Type.Array(Type.Object({ id: Text, name: Text, role: Text })),
  created_at: Text,
  seen_at: When,
  disabled_at: When,
});

export const SignedInOut = Type.Object({
  token_type: Text,
  access_token: Type.Optional(Text),
  refresh_token: Type.Optional(Text),
  expires_in: Type.Integer(),
  session_expires_at: Text,
  user: Type.Object({ id: Text, tenant: Text, email: Text, name: When, role: Text, team: When }),
});

export const MeOut = Type.Object({
  tenant: Text,
  user: Text,
  key: When,
  account: When,
  team: When,
  permissions: Type.Array(Text),
  models: Type.Union([Type.Array(Text), Type.Null()]),
  everywhere: Type.Boolean(),
});

export const MethodsOut = Type.Object({
  password: Type.Boolean(),
  set_up: Type.Boolean({ description: 'Whether nobody has an account yet.' }),
  providers: Type.Array(Type.Object({ name: Text, title: Text, start: Text })),
});

export const LinkOut = Type.Object({ token: Text, url: Text, expires_in: Type.Integer() });

export const TeamOut = Type.Object({
  id: Text,
  tenant: Text,
  name: Text,
  created_at: Text,
  closed_at: When,
  members: Type.Array(Type.Object({ user: Text, email: Text, role: Text, source: Text })),
});

export const TenantOut = Type.Object({ id: Text, name: When, bodies: When, created_at: Text, disabled_at: When });

export const KeyOut = Type.Object({
  id: Text,
  tenant: Text,
  name: When,
  last_four: Text,
  team: When,
  user: When,
  role: Text,
  scopes: Type.Array(Text),
  models: Type.Union([Type.Array(Text), Type.Null()]),
  scheme: Text,
  created_at: Text,
  expires_at: When,
  revoked_at: When,
});
export const KeyMadeOut = Type.Object({
  tenant: Text,
  id: Text,
  key: Text,
  tenant_made: Type.Boolean({ description: 'The tenant was missing, and was made along the way.' }),
});
export const KeyRevokedOut = Type.Object({ id: Text, revoked: Type.Boolean() });
export const KeysImportedOut = Type.Object({
  imported: Type.Array(Type.Object({ id: Text, hash: Text })),
  refused: Type.Array(Type.Object({ index: Type.Integer(), message: Text })),
});
export const DoneOut = Type.Object({ done: Type.Boolean() });
