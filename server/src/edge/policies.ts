/** `/mcp/v1/admin/policies`: what a tenant's policies are, were, and would do. */
import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { checkNames } from '../guard/secrets/named.ts';
import { readQuery } from './query.ts';
import { actorOf, bodyReader, callerOf, isOwn, tenantOf } from './scope.ts';
import { ChangedOut, changedOf, readVersion, SavedOut } from './versioned.ts';

const closed = { additionalProperties: false };
const Policy = Type.Object(
  {
    id: Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$',
      accepts: '1 to 100 letters, digits, dots, hyphens and underscores',
    }),
    cedar: Type.String({ minLength: 1, maxLength: 20_000, accepts: 'the text of a policy in Cedar' }),
  },
  closed,
);
const List = Type.Array(Policy, { maxItems: 500, accepts: 'a list of policies, 500 at most' });
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
    policies: List,
  },
  closed,
);

const TestBody = Type.Object(
  {
    tenant: Tenant,
    since_ms: Type.Integer({
      minimum: 1000,
      maximum: 400 * 86_400_000,
      accepts: 'a number of milliseconds, 400 days at most',
      description: 'How far back.',
    }),
    policies: Type.Optional(List),
  },
  { ...closed, description: 'Without `policies`, those in force are tried.' },
);

const PoliciesOut = Type.Object({
  tenant: Type.String(),
  version: Type.Integer(),
  policies: Type.Array(Type.Object({ id: Type.String(), cedar: Type.String() })),
  ...ChangedOut,
  /** Of `goblin.yaml`: they hold beside those of the tenant. */
  installation: Type.Array(Type.Object({ id: Type.String(), cedar: Type.String() })),
});
const TestOut = Type.Object({
  requests: Type.Integer(),
  truncated: Type.Boolean(),
  changed: Type.Array(Type.Record(Type.String(), Type.Unknown())),
});

export interface PolicyTextOut {
  id: string;
  cedar: string;
}

export interface TriedPolicies {
  requests: number;
  /** There were more, which were not looked at. */
  truncated: boolean;
  changed: Record<string, unknown>[];
}

export interface PolicyAdmin {
  installation: readonly PolicyTextOut[];
  /** Null: the tenant has none, or not that version. */
  read(
    tenant: string,
    version: number | null,
  ): Promise<{ version: number; policies: readonly PolicyTextOut[]; actor: string; createdAt: number } | null>;
  /** Throws `invalid_request` with every fault. Answers the new version. `own`: it is the tenant of who saves. */
  save(
    tenant: string,
    policies: readonly PolicyTextOut[],
    actor: string,
    expected: number | null,
    own: boolean,
  ): Promise<number>;
  test(tenant: string, sinceMs: number, policies: readonly PolicyTextOut[] | null): Promise<TriedPolicies>;
}

const TAGS = ['Policies'];
const PATH = '/mcp/v1/admin/policies';

export function policyRoutes(app: FastifyInstance, deps: PolicyAdmin): void {
  const readPut = bodyReader(PutBody);
  const readTest = bodyReader(TestBody);

  app.get(
    PATH,
    {
      config: { permission: 'policy:read' },
      schema: {
        summary: 'Policies of a tenant',
        description: 'The newest version, or the one that `version` names. None yet: version 0.',
        tags: TAGS,
        response: { 200: PoliciesOut },
      },
    },
    async (request) => {
      const query = readQuery(request, ['tenant', 'version']);
      const tenant = tenantOf(callerOf(request), query.tenant);
      const found = await readVersion(query.version, (version) => deps.read(tenant, version));
      return {
        tenant,
        version: found?.version ?? 0,
        policies: found?.policies ?? [],
        ...changedOf(found),
        installation: deps.installation,
      };
    },
  );

  app.put(
    PATH,
    {
      config: { permission: 'policy:write' },
      schema: {
        summary: 'Replace the policies of a tenant',
        description:
          'They are checked against the schema, and become a new version; earlier ones stay readable. In force within five seconds in all processes. An empty list: permissions alone decide, within what the installation allows.',
        tags: TAGS,
        body: PutBody,
        response: { 200: SavedOut },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { tenant: asked, version: expected, policies } = readPut(request);
      checkNames(Object.fromEntries(policies.map(({ id }, index) => [`policies.${index}.id`, id])));
      const tenant = tenantOf(caller, asked);
      const own = isOwn(caller, tenant);
      const version = await deps.save(tenant, policies, actorOf(caller), expected ?? null, own);
      return { tenant, version };
    },
  );

  app.post(
    `${PATH}/test`,
    {
      config: { permission: 'policy:read' },
      schema: {
        summary: 'Try policies on past requests',
        description:
          'Nothing is changed. Answers what they would decide in another way than was decided: by those in force, or, without `policies`, by the fact that the request ran.',
        tags: TAGS,
        body: TestBody,
        response: { 200: TestOut },
      },
    },
    async (request) => {
      const { tenant, since_ms: sinceMs, policies } = readTest(request);
      return { ...(await deps.test(tenantOf(callerOf(request), tenant), sinceMs, policies ?? null)) };
    },
  );
}
