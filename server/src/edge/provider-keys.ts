/** `/mcp/v1/admin/providers/…/keys`: keys of vendors. They are set and taken away; no answer shows one. */
import { Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Caller } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import { checkNames } from '../guard/secrets/named.ts';
import { refuse } from './body.ts';
import { readQuery } from './query.ts';
import { PageOut } from './schemas.ts';
import { actorOf, bodyReader, callerOf, tenantOrAll } from './scope.ts';
import { iso } from './shapes.ts';

export interface ShownKey {
  id: string;
  /** Null: of the installation. */
  tenant: string | null;
  provider: string;
  name: string;
  origin: string;
  lastFour: string;
  createdAt: number;
  createdBy: string;
  /** `unreadable`: no secret opens it. `unused`: its provider is at another address by now, or is not configured. */
  state: 'in use' | 'unreadable' | 'unused';
}

interface NamedKey {
  /** Null: of the installation. */
  tenant: string | null;
  provider: string;
  name: string;
}

export interface ProviderKeyDeps {
  /** `tenant` null: all, those of the installation among them. */
  list(tenant: string | null, provider: string | null): Promise<ShownKey[]>;
  /** In use here when it resolves. `home`: the tenant in whose trail it stands. */
  set(key: NamedKey & { value: string }, actor: string, home: string): Promise<ShownKey>;
  remove(key: NamedKey, actor: string, home: string): Promise<boolean>;
}

const TAGS = ['Providers'];
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

const KeyBody = Type.Object(
  {
    key: Type.String({
      minLength: 1,
      maxLength: 8192,
      accepts: 'the key as the vendor gave it',
      description: 'It is encrypted, and no answer ever shows it.',
    }),
    tenant: Type.Optional(
      Type.String({
        accepts: 'the name of a tenant',
        description:
          'Whose key it is. Who runs the installation and names none sets a key for all tenants without one.',
      }),
    ),
  },
  { additionalProperties: false },
);

const KeyOut = Type.Object({
  id: Type.String({ description: 'As attempts name it.' }),
  provider: Type.String(),
  name: Type.String(),
  tenant: Type.Union([Type.String(), Type.Null()], { description: 'Null: of the installation, for all tenants.' }),
  last_four: Type.String({ description: 'Of the key; empty where that would be much of it.' }),
  origin: Type.String({ description: 'The only place to which it is sent.' }),
  state: Type.String({
    description: '`in use`, `unreadable` (MCP_SECRET is another one), `unused` (the provider has moved)',
  }),
  created_at: Type.String({ format: 'date-time' }),
  created_by: Type.String(),
});

const tenantQuery = { type: 'object', properties: { tenant: { type: 'string' } } };

export function providerKeyRoutes(app: FastifyInstance, deps: ProviderKeyDeps): void {
  const readKey = bodyReader(KeyBody);
  const asked = (request: FastifyRequest) => tenantOrAll(callerOf(request), readQuery(request, ['tenant']).tenant);

  app.get(
    '/mcp/v1/admin/providers/keys',
    {
      config: { permission: 'provider:read' },
      schema: {
        summary: 'Keys of vendors that were set through the API',
        description: 'Those of the environment and of goblin.yaml are not among them.',
        tags: TAGS,
        querystring: tenantQuery,
        response: { 200: PageOut(KeyOut) },
      },
    },
    async (request) => ({ items: (await deps.list(asked(request), null)).map(keyOut), next: null }),
  );

  app.get(
    '/mcp/v1/admin/providers/:provider/keys',
    {
      config: { permission: 'provider:read' },
      schema: {
        summary: 'Keys of one vendor',
        tags: TAGS,
        querystring: tenantQuery,
        response: { 200: PageOut(KeyOut) },
      },
    },
    async (request) => {
      const { provider } = request.params as { provider: string };
      return { items: (await deps.list(asked(request), provider)).map(keyOut), next: null };
    },
  );

  app.put(
    '/mcp/v1/admin/providers/:provider/keys/:name',
    {
      config: { permission: 'provider:write' },
      schema: {
        summary: 'Set a key of a vendor',
        description:
          'In place of one of the same name. A tenant with keys of its own for a provider uses those alone, and nobody else uses them. In every process within seconds.',
        tags: TAGS,
        body: KeyBody,
        response: { 200: KeyOut },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { key, tenant } = readKey(request);
      const named = namedIn(request, tenantOrAll(caller, tenant));
      checkNames(
        { provider: named.provider, name: named.name },
        'give the key itself on standard input or as key, and here what it is called',
      );
      if (!/^[\x21-\x7e]+$/.test(key)) {
        refuse([{ path: 'key', message: 'has blanks or characters that no key has; copy the key again' }]);
      }
      return keyOut(await deps.set({ ...named, value: key }, actorOf(caller), caller.tenant));
    },
  );

  app.delete(
    '/mcp/v1/admin/providers/:provider/keys/:name',
    {
      config: { permission: 'provider:write' },
      schema: { summary: 'Take a key of a vendor away', tags: TAGS, querystring: tenantQuery },
    },
    async (request) => {
      const caller: Caller = callerOf(request);
      const named = namedIn(request, asked(request));
      if (!(await deps.remove(named, actorOf(caller), caller.tenant))) {
        throw new GoblinError('not_found', 'There is no such key.');
      }
      return { provider: named.provider, name: named.name, removed: true };
    },
  );
}

function namedIn(request: FastifyRequest, tenant: string | null): NamedKey {
  const { provider, name } = request.params as { provider: string; name: string };
  if (!NAME.test(name)) {
    refuse([{ path: 'name', message: 'must be 1 to 63 letters, digits, hyphens, dots and underscores, e.g. main' }]);
  }
  return { tenant, provider, name };
}

const keyOut = (key: ShownKey): Record<string, unknown> => ({
  id: key.id,
  provider: key.provider,
  name: key.name,
  tenant: key.tenant,
  last_four: key.lastFour,
  origin: key.origin,
  state: key.state,
  created_at: iso(key.createdAt),
  created_by: key.createdBy,
});
