/** `/mcp/v1/keys`: API keys. */
import type { FastifyInstance } from 'fastify';
import type { Caller } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import type { KeyRow, MadeKey, NewKey } from '../identity/keys.ts';
import { type KeyFields, readKeyFields } from '../identity/new-key.ts';
import { mayGive } from '../identity/roles.ts';
import { readHash, type Scheme } from '../identity/schemes.ts';
import { refuse } from './body.ts';
import { KeyBody, KeyImportBody, KeyMadeOut, KeyOut, KeyRevokedOut, KeysImportedOut } from './identity-schemas.ts';
import { readQuery } from './query.ts';
import { PageOut } from './schemas.ts';
import { actorOf, bodyReader, callerOf, tenantOf, tenantOrAll, within } from './scope.ts';
import { iso } from './shapes.ts';

export interface KeyDeps {
  create(key: NewKey): Promise<MadeKey>;
  list(tenant: string | null, id: string | null): Promise<KeyRow[]>;
  revoke(id: string, tenant: string | null, actor: string): Promise<boolean>;
  now(): number;
}

const TAGS = ['Identity'];

export function keyRoutes(app: FastifyInstance, deps: KeyDeps): void {
  const readKey = bodyReader(KeyBody);
  const readImport = bodyReader(KeyImportBody);

  app.post(
    '/mcp/v1/keys',
    {
      config: { permission: 'key:write' },
      schema: {
        summary: 'Make an API key; it is shown once',
        description:
          'Without a role it is `service`. `scopes` leave it less than its role, `models` bind it to some models, `user` to an account that it ends with.',
        tags: TAGS,
        body: KeyBody,
        response: { 201: KeyMadeOut },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { tenant: asked, ...fields } = readKey(request);
      const tenant = tenantOf(caller, asked);
      const key = newKey(caller, tenant, fields, '');
      const { id, key: text, tenantMade } = await deps.create({ ...key, makeTenant: caller.everywhere ?? false });
      reply.code(201).header('cache-control', 'no-store');
      return { tenant, id, key: text, tenant_made: tenantMade };
    },
  );

  app.post(
    '/mcp/v1/keys/import',
    {
      config: { permission: 'key:write' },
      schema: {
        summary: 'Take over keys of another gateway by their hashes',
        tags: TAGS,
        body: KeyImportBody,
        response: { 200: KeysImportedOut },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { tenant: asked, scheme, keys } = readImport(request);
      const tenant = tenantOf(caller, asked);
      const wanted = keys.map(({ hash, last_four: lastFour = '', ...fields }, index) => {
        const bytes = readHash(hash);
        if (!bytes) refuse([{ path: `keys.${index}.hash`, message: 'must be a SHA-256 in hex or base64' }]);
        const imported = { scheme: scheme as Scheme, hash: bytes, lastFour };
        return {
          ...newKey(caller, tenant, fields, `keys.${index}.`),
          imported,
          makeTenant: caller.everywhere ?? false,
        };
      });
      const made: { id: string; hash: string }[] = [];
      const refused: { index: number; message: string }[] = [];
      for (const [index, key] of wanted.entries()) {
        try {
          made.push({ id: (await deps.create(key)).id, hash: key.imported.hash.toString('hex') });
        } catch (error) {
          if (!(error instanceof GoblinError) || error.code === 'unavailable') throw error;
          refused.push({ index, message: error.detail });
        }
      }
      return { imported: made, refused };
    },
  );

  app.get(
    '/mcp/v1/keys',
    {
      config: { permission: 'key:read' },
      schema: { summary: 'List API keys', tags: TAGS, response: { 200: PageOut(KeyOut) } },
    },
    async (request) => {
      const { tenant } = readQuery(request, ['tenant']);
      const rows = await deps.list(tenantOrAll(callerOf(request), tenant), null);
      return { items: rows.map(keyOut), next: null };
    },
  );

  app.get(
    '/mcp/v1/keys/:id',
    {
      config: { permission: 'key:read' },
      schema: { summary: 'One API key', tags: TAGS, response: { 200: KeyOut } },
    },
    async (request) => {
      const { id } = request.params as { id: string };
      const [row] = await deps.list(within(callerOf(request)), id);
      if (!row) throw new GoblinError('not_found', 'There is no such key.');
      return keyOut(row);
    },
  );

  app.post(
    '/mcp/v1/keys/:id/revoke',
    {
      config: { permission: 'key:write' },
      schema: { summary: 'Revoke an API key for good', tags: TAGS, response: { 200: KeyRevokedOut } },
    },
    async (request) => {
      const { id } = request.params as { id: string };
      const caller = callerOf(request);
      if (!(await deps.revoke(id, within(caller), actorOf(caller))))
        throw new GoblinError('not_found', 'There is no such key, or it was revoked before.');
      return { id, revoked: true };
    },
  );

  /** Nobody gives more than he has. Throws `invalid_request` and `forbidden`. */
  function newKey(caller: Caller, tenant: string, fields: KeyFields, at: string): NewKey {
    const key = readKeyFields(fields, at, deps.now());
    if (!mayGive(caller.permissions, key.role)) {
      throw new GoblinError('forbidden', `Only who may all that the role ${key.role} may can make a key with it.`);
    }
    // A key that is bound to models makes no key that is not.
    return { ...key, tenant, models: key.models ?? caller.models ?? null, actor: actorOf(caller) };
  }
}

function keyOut(row: KeyRow): Record<string, unknown> {
  return {
    id: row.id,
    tenant: row.tenant,
    name: row.name,
    last_four: row.lastFour,
    team: row.team,
    user: row.account,
    role: row.role,
    scopes: row.scopes,
    models: row.models,
    scheme: row.scheme,
    created_at: iso(row.createdAt),
    expires_at: iso(row.expiresAt),
    revoked_at: iso(row.revokedAt),
  };
}
