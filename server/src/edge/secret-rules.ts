/** `/mcp/v1/admin/secret-rules`: what is looked for in a tenant's requests and answers, and what is done about it. */
import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { patternFaults } from '../guard/secrets/document.ts';
import { checkNames } from '../guard/secrets/named.ts';
import { readQuery } from './query.ts';
import { actorOf, bodyReader, callerOf, isOwn, tenantOf } from './scope.ts';
import { ChangedOut, changedOf, readVersion, SavedOut } from './versioned.ts';

const closed = { additionalProperties: false };
const ACTIONS = ['block', 'redact', 'flag', 'allow'] as const;
const KINDS = ['credential', 'private_key', 'pii'] as const;
const oneOf = <T extends string>(names: readonly T[]) =>
  Type.Union(
    names.map((name) => Type.Literal(name)),
    { accepts: `one of ${names.join(', ')}` },
  );
const Action = oneOf(ACTIONS);
const Kind = oneOf(KINDS);

const Rule = Type.Object(
  {
    id: Type.String({
      pattern: '^[a-z][a-z0-9_]{0,47}$',
      accepts: '1 to 48 of a-z, digits and underscores, beginning with a letter',
    }),
    description: Type.Optional(Type.String({ maxLength: 200, accepts: 'a text of at most 200 characters' })),
    kind: Type.Optional(Kind),
    pattern: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1000,
        accepts: 'a pattern of at most 1000 characters',
        description: 'In the syntax of RE2, every repeat with an end.',
      }),
    ),
    ignore_case: Type.Optional(Type.Boolean({ accepts: 'true or false' })),
    literals: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 64, accepts: 'a text of at most 64 characters' }), {
        maxItems: 32,
        accepts: 'a list of at most 32 texts',
        description: 'With a pattern: it is tried only in texts that have one of these. Without: these are found.',
      }),
    ),
    action: Type.Optional(Action),
  },
  closed,
);
const RuleActions = Type.Record(Type.String({ pattern: '^[a-z0-9_]{1,64}$' }), Action, {
  maxProperties: 1000,
  accepts: 'an object of actions by the ids of rules',
});
const KindActions = Type.Object(
  { credential: Type.Optional(Action), private_key: Type.Optional(Action), pii: Type.Optional(Action) },
  closed,
);
const Some = { rules: Type.Optional(RuleActions), kinds: Type.Optional(KindActions) };
const Actions = Type.Object(
  {
    ...Some,
    tasks: Type.Optional(
      Type.Record(Type.String({ pattern: '^[a-z][a-z0-9_-]{0,62}$' }), Type.Object(Some, closed), {
        maxProperties: 100,
        accepts: 'an object of actions by task types',
      }),
    ),
  },
  { ...closed, description: 'What is said of a task comes before what is said of all, rules before kinds.' },
);
const Tenant = Type.Optional(Type.String({ minLength: 1, maxLength: 63, accepts: 'the name of a tenant' }));

const PutBody = Type.Object(
  {
    tenant: Tenant,
    version: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1_000_000_000,
        accepts: 'the version that was read, 0 for none',
        description: 'The version that was changed: if it is not the newest any more, nothing is saved.',
      }),
    ),
    rules: Type.Array(Rule, { maxItems: 100, accepts: 'a list of rules, 100 at most' }),
    actions: Type.Optional(Actions),
  },
  closed,
);

const Said = Type.Record(Type.String(), Type.Unknown());
const RulesOut = Type.Object({
  tenant: Type.String(),
  version: Type.Integer(),
  rules: Type.Array(Type.Record(Type.String(), Type.Unknown())),
  actions: Said,
  ...ChangedOut,
  /** Of `goblin.yaml`: what it says cannot be weakened. */
  installation: Type.Object({ enabled: Type.Boolean(), actions: Said }),
  /** All rules that there are for the tenant, with what is done about what they find when nothing is said of the task. */
  in_force: Type.Array(
    Type.Object({
      id: Type.String(),
      description: Type.String(),
      kind: Type.String(),
      action: Type.String(),
      own: Type.Boolean(),
    }),
  ),
});

type RulesBody = Pick<(typeof PutBody)['static'], 'rules'> & {
  actions: NonNullable<(typeof PutBody)['static']['actions']>;
};

export interface SecretRuleAdmin {
  installation: { enabled: boolean; actions: Record<string, unknown> };
  /** Null: the tenant has none, or not that version. */
  read(
    tenant: string,
    version: number | null,
  ): Promise<{ version: number; document: RulesBody; actor: string; createdAt: number } | null>;
  /** Throws `invalid_request` with every fault. Answers the new version. `own`: it is the tenant of who saves. */
  save(tenant: string, document: RulesBody, actor: string, expected: number | null, own: boolean): Promise<number>;
  inForce(tenant: string): (typeof RulesOut)['static']['in_force'];
}

const TAGS = ['Secrets'];
const PATH = '/mcp/v1/admin/secret-rules';

export function secretRuleRoutes(app: FastifyInstance, deps: SecretRuleAdmin): void {
  const readPut = bodyReader(PutBody, ({ rules }) => patternFaults(rules));

  app.get(
    PATH,
    {
      config: { permission: 'policy:read' },
      schema: {
        summary: 'Rules of the scanner for a tenant',
        description:
          'Its own rules and actions: the newest version, or the one that `version` names. None yet: version 0. `in_force` has all rules as they hold now.',
        tags: TAGS,
        response: { 200: RulesOut },
      },
    },
    async (request) => {
      const query = readQuery(request, ['tenant', 'version']);
      const tenant = tenantOf(callerOf(request), query.tenant);
      const found = await readVersion(query.version, (version) => deps.read(tenant, version));
      return {
        tenant,
        version: found?.version ?? 0,
        rules: found?.document.rules ?? [],
        actions: found?.document.actions ?? {},
        ...changedOf(found),
        installation: deps.installation,
        in_force: deps.inForce(tenant),
      };
    },
  );

  app.put(
    PATH,
    {
      config: { permission: 'policy:write' },
      schema: {
        summary: 'Replace the rules and actions of a tenant',
        description:
          'Unsafe patterns are refused with the place and the reason. A new version; earlier ones stay readable. In force within five seconds in all processes. Empty: what the installation says.',
        tags: TAGS,
        body: PutBody,
        response: { 200: SavedOut },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { tenant: asked, version: expected, rules, actions = {} } = readPut(request);
      checkNames(Object.fromEntries(rules.map(({ id }, index) => [`rules.${index}.id`, id])));
      const tenant = tenantOf(caller, asked);
      const own = isOwn(caller, tenant);
      const version = await deps.save(tenant, { rules, actions }, actorOf(caller), expected ?? null, own);
      return { tenant, version };
    },
  );
}
