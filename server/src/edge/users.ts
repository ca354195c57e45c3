/** `/mcp/v1/users`: accounts. */
import type { FastifyInstance } from 'fastify';
import type { Caller, Role } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import { checkNames } from '../guard/secrets/named.ts';
import { mayGive } from '../identity/roles.ts';
import { type NewUser, noSuchUser, type TargetUser, type UserChange, type UserRow } from '../identity/users.ts';
import { checkPassword } from './auth.ts';
import { UserBody, UserChangeBody, UserOut } from './identity-schemas.ts';
import { readNumber, readQuery } from './query.ts';
import { PageOut } from './schemas.ts';
import { actorOf, bodyReader, callerOf, tenantOf, tenantOrAll, within } from './scope.ts';
import { iso } from './shapes.ts';

export interface UserDeps {
  list(tenant: string | null, page: { id?: string; after?: string | null; limit?: number }): Promise<UserRow[]>;
  /** `password` in clear; null: signs in elsewhere. */
  create(user: NewUser, makeTenant: boolean): Promise<string>;
  change(id: string, change: UserChange, actor: string, check: (user: TargetUser) => void): Promise<void>;
}

const TAGS = ['Identity'];

export function userRoutes(app: FastifyInstance, deps: UserDeps): void {
  const readUser = bodyReader(UserBody);
  const readChange = bodyReader(UserChangeBody);

  app.get(
    '/mcp/v1/users',
    {
      config: { permission: 'user:read' },
      schema: { summary: 'List accounts', tags: TAGS, response: { 200: PageOut(UserOut) } },
    },
    async (request) => {
      const query = readQuery(request, ['tenant', 'after', 'limit']);
      const limit = readNumber(query, 'limit', 1, 200, 100);
      const tenant = tenantOrAll(callerOf(request), query.tenant);
      const rows = await deps.list(tenant, { after: query.after ?? null, limit: limit + 1 });
      const page = rows.slice(0, limit);
      return { items: page.map(userOut), next: rows.length > limit ? (page.at(-1)?.id ?? null) : null };
    },
  );

  app.get(
    '/mcp/v1/users/:id',
    {
      config: { permission: 'user:read' },
      schema: { summary: 'One account', tags: TAGS, response: { 200: UserOut } },
    },
    async (request) => userOut(await one(callerOf(request), (request.params as { id: string }).id)),
  );

  app.post(
    '/mcp/v1/users',
    {
      config: { permission: 'user:write' },
      schema: {
        summary: 'Make an account',
        description: 'Without a password it signs in at another provider only. Without a role it is `member`.',
        tags: TAGS,
        body: UserBody,
        response: { 201: UserOut },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { email, tenant: asked, name = null, role = 'member', password } = readUser(request);
      const tenant = tenantOf(caller, asked);
      checkNames({ name, tenant });
      checkGive(caller, role as Role);
      if (password !== undefined) checkPassword('password', password, email);
      const user = { tenant, email, name, role: role as Role, password: password ?? null, actor: actorOf(caller) };
      const id = await deps.create(user, caller.everywhere ?? false);
      reply.code(201);
      return userOut(await one(caller, id));
    },
  );

  app.patch(
    '/mcp/v1/users/:id',
    {
      config: { permission: 'user:write' },
      schema: {
        summary: 'Change an account: name, role, password, closed or not',
        description: 'A new password, and closing it, end all its sessions; its keys end with a closed account.',
        tags: TAGS,
        body: UserChangeBody,
        response: { 200: UserOut },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { id } = request.params as { id: string };
      const { role, ...rest } = readChange(request);
      checkNames({ name: rest.name });
      const change: UserChange = { ...rest, ...(role === undefined ? {} : { role: role as Role }) };
      if (change.role) checkGive(caller, change.role);
      if (change.password !== undefined) checkPassword('password', change.password, null);
      await deps.change(id, change, actorOf(caller), (user) => {
        // Before anything is said of it.
        if (!caller.everywhere && user.tenant !== caller.tenant) throw noSuchUser();
        if ((user.everywhere && !caller.everywhere) || !mayGive(caller.permissions, user.role)) {
          throw new GoblinError('forbidden', 'Only who may all that this account may can change it.');
        }
      });
      return userOut(await one(caller, id));
    },
  );

  async function one(caller: Caller, id: string): Promise<UserRow> {
    const [row] = await deps.list(within(caller), { id });
    if (!row) throw noSuchUser();
    return row;
  }
}

function checkGive(caller: Caller, role: Role): void {
  if (mayGive(caller.permissions, role)) return;
  throw new GoblinError('forbidden', `Only who may all that the role ${role} may can give it.`);
}

function userOut(row: UserRow): Record<string, unknown> {
  return {
    id: row.id,
    tenant: row.tenant,
    email: row.email,
    name: row.name,
    role: row.role,
    everywhere: row.everywhere,
    password: row.password,
    teams: row.teams,
    created_at: iso(row.createdAt),
    seen_at: iso(row.seenAt),
    disabled_at: iso(row.disabledAt),
  };
}
