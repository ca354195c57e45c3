/** `GET /mcp/v1/admin/usage`: what was used and what it cost, by day, key, model, team or task type. */
import type { FastifyInstance } from 'fastify';
import { readDay } from '../contract/time.ts';
import { USAGE_GROUPS, type UsageGroup, type UsageRow } from '../ledger/usage.ts';
import { dollars } from '../money/cost.ts';
import { UsageOut } from './budget-schemas.ts';
import { readQuery, wrong } from './query.ts';
import { callerOf, tenantOf } from './scope.ts';

export interface UsageDeps {
  usage(tenant: string, from: string, to: string, groups: readonly UsageGroup[]): Promise<UsageRow[]>;
  /** UTC day of the database. */
  today(): string;
}

const DAY_MS = 86_400_000;
/** The last four weeks and two days, when nobody says. */
const USUAL_DAYS = 30;
const MOST_DAYS = 400;
const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

export function usageRoutes(app: FastifyInstance, deps: UsageDeps): void {
  app.get(
    '/mcp/v1/admin/usage',
    {
      config: { permission: 'budget:read' },
      schema: {
        summary: 'Tokens and cost, added up',
        description:
          'Requests accepted on the UTC days `from` to `to`, with all their attempts, failed ones too. `by` is a list of `day`, `key`, `model`, `team`, `task_type`; `day,model` when left out.',
        tags: ['Budgets'],
        querystring: {
          type: 'object',
          properties: {
            from: { type: 'string', format: 'date' },
            to: { type: 'string', format: 'date' },
            by: { type: 'string' },
            tenant: { type: 'string' },
          },
        },
        response: { 200: UsageOut },
      },
    },
    async (request) => {
      const query = readQuery(request, ['from', 'to', 'by', 'tenant']);
      const to = dayOf('to', query.to ?? deps.today());
      const from = dayOf('from', query.from ?? day(to - (USUAL_DAYS - 1) * DAY_MS));
      if (from > to) wrong('from', 'must not be after to');
      if ((to - from) / DAY_MS >= MOST_DAYS) wrong('from', `must be at most ${MOST_DAYS} days before to`);
      const by = readGroups(query.by ?? 'day,model');
      const rows = await deps.usage(tenantOf(callerOf(request), query.tenant), day(from), day(to), by);
      return { from: day(from), to: day(to), by, items: rows.map(usageOut) };
    },
  );
}

function dayOf(name: string, text: string): number {
  return readDay(text) ?? wrong(name, 'must be a day, e.g. 2026-01-31');
}

function readGroups(text: string): UsageGroup[] {
  const groups = text === '' ? [] : text.split(',').map((one) => one.trim());
  const unknown = groups.find((one) => !USAGE_GROUPS.includes(one as UsageGroup));
  if (unknown !== undefined || new Set(groups).size < groups.length) {
    wrong('by', `must be a list of ${USAGE_GROUPS.join(', ')}, each once`);
  }
  return groups as UsageGroup[];
}

function usageOut(row: UsageRow): Record<string, unknown> {
  return {
    ...row.group,
    requests: row.requests,
    attempts: row.attempts,
    input_tokens: row.inputTokens,
    output_tokens: row.outputTokens,
    cached_input_tokens: row.cachedInputTokens,
    reasoning_tokens: row.reasoningTokens,
    cost_usd: dollars(row.costPico),
    attempts_without_price: row.unpriced,
    attempts_by_estimate: row.estimated,
  };
}
