/** `/mcp/v1/teams` and `/mcp/v1/tenants`: for whom limits, budgets and records are kept. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Caller, Role } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import { checkNames } from '../guard/secrets/named.ts';
import { mayGive } from '../identity/roles.ts';
import { isTeamName, noSuchTeam, type TeamRow } from '../identity/teams.ts';
import { noSuchTenant, type TenantChange, type TenantRow } from '../identity/tenants.ts';
import { refuse } from './body.ts';
import {
  DoneOut,
  MemberBody,
  TeamBody,
  TeamChangeBody,
  TeamOut,
  TenantBody,
  TenantChangeBody,
  TenantOut,
} from './identity-schemas.ts';
import { readQuery } from './query.ts';
import { PageOut } from './schemas.ts';
import { actorOf, bodyReader, callerOf, tenantOf, tenantOrAll, within } from './scope.ts';
import { iso } from './shapes.ts';

export interface TeamDeps {
  list(tenant: string | null, id: string | null): Promise<TeamRow[]>;
  create(tenant: string, name: string, actor: string): Promise<string>;
  rename(id: string, tenant: string | null, name: string, actor: string): Promise<void>;
  close(id: string, tenant: string | null, actor: string): Promise<boolean>;
  join(team: string, user: string, tenant: string | null, role: Role, actor: string): Promise<boolean>;
  leave(team: string, user: string, tenant: string | null, actor: string): Promise<boolean>;
}

export interface TenantDeps {
  list(tenant: string | null): Promise<TenantRow[]>;
  create(tenant: string, name: string | null, actor: string): Promise<boolean>;
  change(tenant: string, change: TenantChange, actor: string): Promise<TenantRow | null>;
}

const TAGS = ['Identity'];
const idOf = (request: FastifyRequest): string => (request.params as { id: string }).id;

export function teamRoutes(app: FastifyInstance, deps: TeamDeps): void {
  const readTeam = bodyReader(TeamBody);
  const readChange = bodyReader(TeamChangeBody);
  const readMember = bodyReader(MemberBody);

  app.get(
    '/mcp/v1/teams',
    {
      config: { permission: 'team:read' },
      schema: { summary: 'List teams with their members', tags: TAGS, response: { 200: PageOut(TeamOut) } },
    },
    async (request) => {
      const { tenant } = readQuery(request, ['tenant']);
      const rows = await deps.list(tenantOrAll(callerOf(request), tenant), null);
      return { items: rows.map(teamOut), next: null };
    },
  );

  app.get(
    '/mcp/v1/teams/:id',
    {
      config: { permission: 'team:read' },
      schema: { summary: 'One team', tags: TAGS, response: { 200: TeamOut } },
    },
    async (request) => await one(callerOf(request), idOf(request)),
  );

  app.post(
    '/mcp/v1/teams',
    {
      config: { permission: 'team:write' },
      schema: { summary: 'Make a team', tags: TAGS, body: TeamBody, response: { 201: TeamOut } },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { name, tenant } = readTeam(request);
      const id = await deps.create(tenantOf(caller, tenant), checkName(name), actorOf(caller));
      reply.code(201);
      return await one(caller, id);
    },
  );

  app.patch(
    '/mcp/v1/teams/:id',
    {
      config: { permission: 'team:write' },
      schema: { summary: 'Rename a team', tags: TAGS, body: TeamChangeBody, response: { 200: TeamOut } },
    },
    async (request) => {
      const caller = callerOf(request);
      const { name } = readChange(request);
      await deps.rename(idOf(request), within(caller), checkName(name), actorOf(caller));
      return await one(caller, idOf(request));
    },
  );

  app.delete(
    '/mcp/v1/teams/:id',
    {
      config: { permission: 'team:write' },
      schema: { summary: 'Close a team for good; its keys end', tags: TAGS, response: { 200: DoneOut } },
    },
    async (request) => {
      const caller = callerOf(request);
      if (!(await deps.close(idOf(request), within(caller), actorOf(caller)))) throw noSuchTeam();
      return { done: true };
    },
  );

  app.put(
    '/mcp/v1/teams/:id/members/:user',
    {
      config: { permission: 'team:write' },
      schema: {
        summary: 'Put a user into a team, or change what he is there',
        description:
          'Without a role he is `member`. It holds when he acts for the team, beside his role in the tenant.',
        tags: TAGS,
        body: MemberBody,
        response: { 200: TeamOut },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { id, user } = request.params as { id: string; user: string };
      const { role = 'member' } = request.body === undefined ? {} : readMember(request);
      if (!mayGive(caller.permissions, role as Role)) {
        throw new GoblinError('forbidden', `Only who may all that the role ${role} may can give it.`);
      }
      if (!(await deps.join(id, user, within(caller), role as Role, actorOf(caller)))) {
        throw new GoblinError('not_found', 'There is no such team, or no such user in its tenant.');
      }
      return await one(caller, id);
    },
  );

  app.delete(
    '/mcp/v1/teams/:id/members/:user',
    {
      config: { permission: 'team:write' },
      schema: { summary: 'Take a user out of a team', tags: TAGS, response: { 200: DoneOut } },
    },
    async (request) => {
      const caller = callerOf(request);
      const { id, user } = request.params as { id: string; user: string };
      if (!(await deps.leave(id, user, within(caller), actorOf(caller)))) {
        throw new GoblinError('not_found', 'There is no such team, or he is not in it.');
      }
      return { done: true };
    },
  );

  async function one(caller: Caller, id: string): Promise<Record<string, unknown>> {
    const [row] = await deps.list(within(caller), id);
    if (!row) throw noSuchTeam();
    return teamOut(row);
  }
}

function checkName(name: string): string {
  checkNames({ name });
  if (!isTeamName(name)) refuse([{ path: 'name', message: 'must not begin with team_' }]);
  return name;
}

export function tenantRoutes(app: FastifyInstance, deps: TenantDeps): void {
  const readTenant = bodyReader(TenantBody);
  const readChange = bodyReader(TenantChangeBody);

  app.get(
    '/mcp/v1/tenants',
    {
      config: { permission: 'tenant:read' },
      schema: {
        summary: 'My tenant; all of them for who runs the installation',
        tags: TAGS,
        response: { 200: PageOut(TenantOut) },
      },
    },
    async (request) => ({ items: (await deps.list(within(callerOf(request)))).map(tenantOut), next: null }),
  );

  app.get(
    '/mcp/v1/tenants/:id',
    {
      config: { permission: 'tenant:read' },
      schema: { summary: 'One tenant', tags: TAGS, response: { 200: TenantOut } },
    },
    async (request) => {
      const [row] = await deps.list(tenantOf(callerOf(request), idOf(request)));
      if (!row) throw noSuchTenant();
      return tenantOut(row);
    },
  );

  app.post(
    '/mcp/v1/tenants',
    {
      config: { permission: 'tenant:create' },
      schema: { summary: 'Make a tenant', tags: TAGS, body: TenantBody, response: { 201: TenantOut } },
    },
    async (request, reply) => {
      const { id, name = null } = readTenant(request);
      checkNames({ id, name });
      if (!(await deps.create(id, name, actorOf(callerOf(request))))) refuse([{ path: 'id', message: 'is taken' }]);
      const [row] = await deps.list(id);
      if (!row) throw noSuchTenant();
      reply.code(201);
      return tenantOut(row);
    },
  );

  app.patch(
    '/mcp/v1/tenants/:id',
    {
      config: { permission: 'tenant:write' },
      schema: {
        summary: 'Rename a tenant; say how its content rests; close it or open it again',
        description: 'A closed tenant’s keys and sessions do not work until it is opened again.',
        tags: TAGS,
        body: TenantChangeBody,
        response: { 200: TenantOut },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const tenant = tenantOf(caller, idOf(request));
      const change = readChange(request);
      checkNames({ name: change.name });
      // Nobody closes the door behind himself.
      if (change.disabled !== undefined && !caller.permissions.has('tenant:create')) {
        throw new GoblinError('forbidden', 'Only who runs the installation closes and opens tenants.');
      }
      const row = await deps.change(tenant, change, actorOf(caller));
      if (!row) throw noSuchTenant();
      return tenantOut(row);
    },
  );
}

function teamOut(row: TeamRow): Record<string, unknown> {
  return {
    id: row.id,
    tenant: row.tenant,
    name: row.name,
    created_at: iso(row.createdAt),
    closed_at: iso(row.closedAt),
    members: row.members,
  };
}

function tenantOut(row: TenantRow): Record<string, unknown> {
  return {
    id: row.id,
    name: row.name,
    bodies: row.bodies,
    created_at: iso(row.createdAt),
    disabled_at: iso(row.disabledAt),
  };
}
