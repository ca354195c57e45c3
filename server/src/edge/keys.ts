/** `/mcp/v1/keys`: for the operator, and so for the command line while a server runs. */
import type { FastifyInstance } from 'fastify';
import { GoblinError } from '../contract/errors.ts';
import type { KeyRow } from '../contract/record.ts';
import { parseObject, refuse } from './body.ts';
import { KeyMadeOut, KeyOut, KeyRevokedOut, PageOut } from './schemas.ts';

export interface KeyDeps {
  create(tenant: string, name: string | null): Promise<{ id: string; key: string }>;
  list(tenant: string | null): Promise<KeyRow[]>;
  revoke(id: string): Promise<boolean>;
}

export function keyRoutes(app: FastifyInstance, deps: KeyDeps): void {
  app.post(
    '/mcp/v1/keys',
    {
      config: { permission: 'admin' },
      schema: { summary: 'Make an API key; it is shown once', tags: ['Identity'], response: { 201: KeyMadeOut } },
    },
    async (request, reply) => {
      const { tenant, name, ...rest } = parseObject(request.body);
      const unknown = Object.keys(rest)[0];
      if (unknown) refuse([{ path: unknown, message: 'is not a field that is accepted here' }]);
      if (typeof tenant !== 'string') refuse([{ path: 'tenant', message: 'is required: a name, e.g. acme' }]);
      if (name !== undefined && (typeof name !== 'string' || !/^[\x20-\x7e]{1,100}$/.test(name))) {
        refuse([{ path: 'name', message: 'must be 1 to 100 printable characters' }]);
      }
      reply.code(201);
      return { tenant, ...(await deps.create(tenant, name ?? null)) };
    },
  );

  app.get(
    '/mcp/v1/keys',
    {
      config: { permission: 'admin' },
      schema: { summary: 'List API keys', tags: ['Identity'], response: { 200: PageOut(KeyOut) } },
    },
    async (request) => {
      const { tenant } = request.query as { tenant?: unknown };
      const rows = await deps.list(typeof tenant === 'string' ? tenant : null);
      return {
        items: rows.map((row) => ({
          id: row.id,
          tenant: row.tenant,
          name: row.name,
          last_four: row.lastFour,
          created_at: new Date(row.createdAt).toISOString(),
          revoked_at: row.revokedAt === null ? null : new Date(row.revokedAt).toISOString(),
        })),
        next: null,
      };
    },
  );

  app.post(
    '/mcp/v1/keys/:id/revoke',
    {
      config: { permission: 'admin' },
      schema: { summary: 'Revoke an API key for good', tags: ['Identity'], response: { 200: KeyRevokedOut } },
    },
    async (request) => {
      const { id } = request.params as { id: string };
      if (!(await deps.revoke(id)))
        throw new GoblinError('not_found', 'There is no such key, or it was revoked before.');
      return { id, revoked: true };
    },
  );
}
