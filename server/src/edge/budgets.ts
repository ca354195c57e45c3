/** `/mcp/v1/admin/budgets` and `/mcp/v1/admin/limits`: what may be spent and how fast, and how it stands. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Caller } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Budget, BudgetScope, StoredScope } from '../contract/limits.ts';
import { hookProblem } from '../guard/egress.ts';
import { checkNames } from '../guard/secrets/named.ts';
import type { BudgetChange, BudgetRow, BudgetUse } from '../ledger/budgets.ts';
import type { LimitsRow } from '../ledger/rules.ts';
import { dollars } from '../money/cost.ts';
import { budgetProblems, picoOf } from '../money/sense.ts';
import { refuse } from './body.ts';
import { BudgetBody, BudgetChangeBody, BudgetOut, LimitsBody, LimitsOut } from './budget-schemas.ts';
import { readQuery } from './query.ts';
import { PageOut } from './schemas.ts';
import { actorOf, bodyReader, callerOf, tenantOf } from './scope.ts';
import { iso } from './shapes.ts';

export interface BudgetDeps {
  list(tenant: string, id: string | null): Promise<BudgetRow[]>;
  /** Whether a key or a team of that id is in the tenant; of others nobody knows. */
  there(tenant: string, scope: BudgetScope, match: string): Promise<boolean>;
  create(budget: Omit<Budget, 'id' | 'source'> & { tenant: string }, actor: string): Promise<string>;
  change(tenant: string, id: string, change: BudgetChange, actor: string): Promise<boolean>;
  remove(tenant: string, id: string, actor: string): Promise<boolean>;
  userHash(tenant: string, user: string): string;
  limits(tenant: string): Promise<LimitsRow[]>;
  setLimits(
    tenant: string,
    scope: StoredScope,
    id: string,
    limits: Record<string, number> | null,
    actor: string,
  ): Promise<boolean>;
}

const TAGS = ['Budgets'];
const idOf = (request: FastifyRequest): string => (request.params as { id: string }).id;
const noSuchBudget = () => new GoblinError('not_found', 'There is no such budget.');

export function budgetRoutes(app: FastifyInstance, deps: BudgetDeps): void {
  const readBudget = bodyReader(BudgetBody);
  const readChange = bodyReader(BudgetChangeBody);

  const tenantIn = (request: FastifyRequest): string =>
    tenantOf(callerOf(request), readQuery(request, ['tenant']).tenant);

  async function one(tenant: string, id: string): Promise<BudgetRow> {
    const [row] = await deps.list(tenant, id);
    if (!row) throw noSuchBudget();
    return row;
  }

  /** Those of the file are changed there. */
  async function own(tenant: string, id: string): Promise<BudgetRow> {
    const row = await one(tenant, id);
    if (row.source === 'api') return row;
    throw new GoblinError('invalid_request', 'This budget stands in goblin.yaml; change it there, and start again.');
  }

  app.get(
    '/mcp/v1/admin/budgets',
    {
      config: { permission: 'budget:read' },
      schema: {
        summary: 'Budgets, and what is spent of them in the periods that run',
        description: 'Those of goblin.yaml too. `usage` has a hundred entries at most, the dearest first.',
        tags: TAGS,
        querystring: { type: 'object', properties: { tenant: { type: 'string' } } },
        response: { 200: PageOut(BudgetOut) },
      },
    },
    async (request) => {
      const rows = await deps.list(tenantIn(request), null);
      return { items: rows.map((row) => budgetOut(row, callerOf(request))), next: null };
    },
  );

  app.get(
    '/mcp/v1/admin/budgets/:id',
    {
      config: { permission: 'budget:read' },
      schema: { summary: 'One budget', tags: TAGS, response: { 200: BudgetOut } },
    },
    async (request) => budgetOut(await one(tenantIn(request), idOf(request)), callerOf(request)),
  );

  app.post(
    '/mcp/v1/admin/budgets',
    {
      config: { permission: 'budget:write' },
      schema: {
        summary: 'Make a budget',
        description:
          'It holds within a second in every process. One for a day or a month counts what that period has cost already.',
        tags: TAGS,
        body: BudgetBody,
        response: { 201: BudgetOut },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const body = readBudget(request);
      checkNames({ name: body.name, ...(body.scope === 'user' ? {} : { match: body.match }) });
      const tenant = tenantOf(caller, body.tenant);
      const problems = budgetProblems(body, hookProblem);
      if (problems.length > 0) refuse(problems);
      const scope = body.scope as BudgetScope;
      const match = await matchOf(tenant, scope, body.match ?? null);
      const id = await deps.create(
        {
          tenant,
          scope,
          match,
          name: body.name ?? null,
          period: body.period as Budget['period'],
          hardPico: amount(body.hard_usd),
          softPico: amount(body.soft_usd),
          webhookUrl: body.webhook_url ?? null,
        },
        actorOf(caller),
      );
      reply.code(201);
      return budgetOut(await one(tenant, id), caller);
    },
  );

  async function matchOf(tenant: string, scope: BudgetScope, match: string | null): Promise<string | null> {
    if (scope === 'tenant') {
      if (match !== null && match !== tenant)
        refuse([{ path: 'match', message: 'must be left out: name a tenant by tenant' }]);
      return tenant;
    }
    if (match === null) return null;
    if (scope === 'user') return deps.userHash(tenant, match);
    if (!(await deps.there(tenant, scope, match))) {
      refuse([
        { path: 'match', message: `must be the id of a ${scope} of the tenant ${tenant}; there is none like that` },
      ]);
    }
    return match;
  }

  app.patch(
    '/mcp/v1/admin/budgets/:id',
    {
      config: { permission: 'budget:write' },
      schema: {
        summary: 'Change a budget',
        description: 'Whose it is and for how long stays: for that make another one.',
        tags: TAGS,
        body: BudgetChangeBody,
        response: { 200: BudgetOut },
      },
    },
    async (request) => {
      const tenant = tenantIn(request);
      const id = idOf(request);
      const row = await own(tenant, id);
      const body = readChange(request);
      checkNames({ name: body.name });
      const now = {
        name: body.name === undefined ? row.name : body.name,
        hard_usd: body.hard_usd === undefined ? dollars(row.hardPico) : body.hard_usd,
        soft_usd: body.soft_usd === undefined ? dollars(row.softPico) : body.soft_usd,
        webhook_url: body.webhook_url === undefined ? row.webhookUrl : body.webhook_url,
      };
      const { scope, match, period } = row;
      const problems = budgetProblems({ ...now, scope, match, period }, hookProblem);
      if (problems.length > 0) refuse(problems);
      const { name, webhook_url: webhookUrl } = now;
      const change = { name, webhookUrl, hardPico: amount(now.hard_usd), softPico: amount(now.soft_usd) };
      if (!(await deps.change(tenant, id, change, actorOf(callerOf(request))))) throw noSuchBudget();
      return budgetOut(await one(tenant, id), callerOf(request));
    },
  );

  app.delete(
    '/mcp/v1/admin/budgets/:id',
    {
      config: { permission: 'budget:write' },
      schema: { summary: 'Take a budget away', tags: TAGS },
    },
    async (request) => {
      const tenant = tenantIn(request);
      const id = idOf(request);
      await own(tenant, id);
      if (!(await deps.remove(tenant, id, actorOf(callerOf(request))))) throw noSuchBudget();
      return { id, removed: true };
    },
  );

  limitRoutes(app, deps, tenantIn);
}

const SCOPES: readonly StoredScope[] = ['key', 'team', 'tenant', 'account'];

function limitRoutes(app: FastifyInstance, deps: BudgetDeps, tenantIn: (request: FastifyRequest) => string): void {
  const readLimits = bodyReader(LimitsBody);

  /** The scope, checked. */
  function named(request: FastifyRequest): { scope: StoredScope; id: string } {
    const { scope, id } = request.params as { scope: string; id: string };
    if (SCOPES.includes(scope as StoredScope)) return { scope: scope as StoredScope, id };
    throw new GoblinError('not_found', `Limits may be set for ${SCOPES.join(', ')}; others stand in goblin.yaml.`);
  }

  async function set(request: FastifyRequest, limits: Record<string, number> | null): Promise<Record<string, unknown>> {
    const { scope, id } = named(request);
    const actor = actorOf(callerOf(request));
    if (!(await deps.setLimits(tenantIn(request), scope, id, limits, actor))) {
      throw new GoblinError('not_found', `There is no such ${scope}.`);
    }
    return { scope, id, ...limits };
  }

  app.get(
    '/mcp/v1/admin/limits',
    {
      config: { permission: 'budget:read' },
      schema: {
        summary: 'Rate limits of keys, teams, accounts and the tenant',
        description: 'Those of goblin.yaml stand there alone.',
        tags: TAGS,
        response: { 200: PageOut(LimitsOut) },
      },
    },
    async (request) => {
      const rows = await deps.limits(tenantIn(request));
      return { items: rows.map(({ scope, subject, limits }) => ({ scope, id: subject, ...limits })), next: null };
    },
  );

  app.put(
    '/mcp/v1/admin/limits/:scope/:id',
    {
      config: { permission: 'budget:write' },
      schema: {
        summary: 'Set rate limits of one key, team, account or tenant',
        description: 'They win over those of goblin.yaml, field by field, and hold within a second in every process.',
        tags: TAGS,
        body: LimitsBody,
        response: { 200: LimitsOut },
      },
    },
    async (request) => {
      const limits = readLimits(request) as Record<string, number>;
      if (Object.keys(limits).length === 0) {
        refuse([{ path: '', message: 'must have requests_per_minute, tokens_per_minute or concurrent' }]);
      }
      return await set(request, limits);
    },
  );

  app.delete(
    '/mcp/v1/admin/limits/:scope/:id',
    {
      config: { permission: 'budget:write' },
      schema: { summary: 'Take rate limits away; those of goblin.yaml go on', tags: TAGS },
    },
    async (request) => ({ ...(await set(request, null)), removed: true }),
  );
}

const amount = (usd: number | null | undefined): number | null =>
  usd === undefined || usd === null ? null : picoOf(usd);

/** Whom a budget of all tenants tells is for those who run the installation. */
function budgetOut(row: BudgetRow, caller: Caller): Record<string, unknown> {
  const { id, name, tenant, scope, match, period, hardPico, softPico, webhookUrl, source, createdAt, updatedAt, use } =
    row;
  return {
    id,
    name,
    tenant,
    scope,
    match,
    period,
    hard_usd: dollars(hardPico),
    soft_usd: dollars(softPico),
    webhook_url: tenant === null && !caller.everywhere ? null : webhookUrl,
    source: source === 'file' ? 'goblin.yaml' : 'api',
    created_at: iso(createdAt),
    updated_at: iso(updatedAt),
    usage: use.map((one) => useOut(one, hardPico)),
  };
}

function useOut(use: BudgetUse, hardPico: number | null): Record<string, unknown> {
  return {
    subject: use.subject,
    period_start: use.starts,
    renews_at: iso(use.endsMs),
    spent_usd: dollars(use.spentPico),
    held_usd: dollars(use.heldPico),
    left_usd: hardPico === null ? null : dollars(Math.max(0, hardPico - use.spentPico - use.heldPico)),
    warned_at: iso(use.warnedAt),
    exceeded_at: iso(use.exceededAt),
  };
}
