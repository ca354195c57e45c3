/** The audit trail for those who may read it: by filters, exported, verified; and the receipt of one request. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Caller } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Ledger } from '../contract/ports.ts';
import { isTerminal } from '../contract/states.ts';
import { isRequestId } from '../ledger/ids.ts';
import { dollars } from '../money/cost.ts';
import { notFound, readId, readNumber, readQuery, wrong } from './query.ts';
import { attemptOut, requestOut } from './shapes.ts';

export interface AuditFilter {
  type?: string;
  requestId?: string;
  actor?: string;
  from?: string;
  to?: string;
  before?: number;
  limit: number;
}

export interface AuditDeps {
  ledger: Ledger;
  read(tenant: string, filter: AuditFilter): Promise<{ id: string }[]>;
  verify(): Promise<unknown>;
  /** Rejects when the event cannot be written. */
  note(caller: Caller, type: string, payload: Record<string, unknown>): Promise<void>;
  prove(tenant: string, requestId: string): Promise<unknown[]>;
  /** Adds the signature of this installation. */
  sign(receipt: Record<string, unknown>): Record<string, unknown>;
  now(): number;
}

const FIELDS = ['type', 'request_id', 'actor', 'from', 'to', 'after', 'limit', 'format'];
const MOST = 1000;
/** Rows that are read at once for an export. */
const PAGE = 1000;

export function auditRoutes(app: FastifyInstance, deps: AuditDeps): void {
  const { ledger } = deps;

  app.get(
    '/mcp/v1/admin/audit',
    {
      config: { permission: 'audit:read' },
      schema: {
        summary: 'The audit trail of the tenant, newest first',
        description:
          '`type` (a type, or its beginning with a star: `request.*`), `request_id`, `actor`, `from` and `to` (times), `limit`, `after` (takes `next`). `format=ndjson` exports everything that fits, one event a line.',
        tags: ['Operations'],
      },
    },
    async (request, reply) => {
      const { tenant } = request.caller as Caller;
      const query = readQuery(request, FIELDS);
      const filter = readFilter(query, readNumber(query, 'limit', 1, MOST, 100));
      if (query.format === 'ndjson') {
        // Whoever takes all of it away leaves a trace first.
        await deps.note(request.caller as Caller, 'audit.exported', { filter: query });
        return await exported(tenant, filter, reply);
      }
      if (query.format !== undefined && query.format !== 'json') wrong('format', 'must be json or ndjson');
      const events = await deps.read(tenant, { ...filter, limit: filter.limit + 1 });
      const items = events.slice(0, filter.limit);
      return { items, next: events.length > filter.limit ? (items.at(-1)?.id ?? null) : null };
    },
  );

  /** Page by page, as fast as the reader takes it. */
  async function exported(tenant: string, filter: AuditFilter, reply: FastifyReply): Promise<FastifyReply> {
    async function* lines(): AsyncGenerator<string> {
      let before = filter.before;
      for (;;) {
        const page = await deps.read(tenant, { ...filter, ...(before === undefined ? {} : { before }), limit: PAGE });
        if (page.length > 0) yield `${page.map((event) => JSON.stringify(event)).join('\n')}\n`;
        const last = page.at(-1);
        if (page.length < PAGE || !last) return;
        before = Number(last.id);
      }
    }
    const { Readable } = await import('node:stream');
    return reply.header('content-type', 'application/x-ndjson').send(Readable.from(lines()));
  }

  app.get(
    '/mcp/v1/admin/audit/verify',
    {
      config: { permission: 'audit:read' },
      schema: {
        summary: 'Checks the whole chain: signatures, order, every event',
        description: 'Reads all of the trail. `findings` is empty when nothing was changed.',
        tags: ['Operations'],
      },
    },
    async () => await deps.verify(),
  );

  app.get(
    '/mcp/v1/request/:id/receipt',
    {
      config: { permission: 'request:read' },
      schema: {
        summary: 'A signed receipt: plan, attempts, prices, and the proof of every event',
        description: 'Can be verified offline with `server/scripts/verify-receipt.mjs`. 409 while the request runs.',
        tags: ['Requests'],
        params: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
      },
    },
    async (request) => {
      const { tenant } = request.caller as Caller;
      const id = readId(request);
      const row = await ledger.get(tenant, id);
      if (!row) throw notFound(id);
      if (!isTerminal(row.state)) {
        throw new GoblinError('not_finished', 'The request has not ended yet; ask again when it has.', {
          requestId: id,
          retryAfterMs: 1000,
        });
      }
      const [attempts, result, events] = await Promise.all([
        ledger.attempts(tenant, id),
        ledger.result(tenant, id),
        deps.prove(tenant, id),
      ]);
      return deps.sign({
        v: 1,
        issued_at: new Date(deps.now()).toISOString(),
        tenant,
        request: requestOut(row),
        plan: row.plan,
        attempts: attempts.map(attemptOut),
        result: result && {
          provider: result.provider,
          model: result.model,
          finish_reason: result.finishReason,
          cost_usd: dollars(result.costPico),
          price_version: result.priceVersion,
        },
        events,
      });
    },
  );
}

function readFilter(query: Record<string, string | undefined>, limit: number): AuditFilter {
  const { type, request_id, actor, from, to, after } = query;
  if (request_id !== undefined && !isRequestId(request_id)) {
    wrong('request_id', 'must be the id of a request');
  }
  for (const [name, time] of Object.entries({ from, to })) {
    if (
      time !== undefined &&
      !(/^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(time) && !Number.isNaN(Date.parse(time)))
    ) {
      wrong(name, 'must be a time as in 2026-01-31T12:00:00Z');
    }
  }
  if (after !== undefined && !/^[1-9]\d{0,15}$/.test(after)) wrong('after', 'must be what `next` was');
  return {
    limit,
    ...(type === undefined ? {} : { type }),
    ...(request_id === undefined ? {} : { requestId: request_id }),
    ...(actor === undefined ? {} : { actor }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(after === undefined ? {} : { before: Number(after) }),
  };
}
