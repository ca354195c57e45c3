/** The audit trail for those who may read it: by filters, exported, verified. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Caller } from '../contract/caller.ts';
import { EVENT_TYPES } from '../contract/events.ts';
import { readDayOrTime } from '../contract/time.ts';
import { isRequestId } from '../ledger/ids.ts';
import { readNumber, readQuery, wrong } from './query.ts';
import { callerIn } from './scope.ts';

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
  read(tenant: string, filter: AuditFilter): Promise<{ id: string }[]>;
  verify(): Promise<unknown>;
  /** Rejects when the event cannot be written. */
  note(caller: Caller, type: string, payload: Record<string, unknown>): Promise<void>;
}

const FIELDS = ['type', 'request_id', 'actor', 'from', 'to', 'after', 'limit', 'format', 'tenant'];
const MOST = 1000;
/** Rows that are read at once for an export. */
const PAGE = 1000;

export function auditRoutes(app: FastifyInstance, deps: AuditDeps): void {
  app.get(
    '/mcp/v1/admin/audit',
    {
      config: { permission: 'audit:read' },
      schema: {
        summary: 'The audit trail of the tenant, newest first',
        description:
          '`type` (a type, or its beginning with a star: `request.*`), `request_id`, `actor`, `from` and `to` (times), `limit`, `after` (takes `next`). Who runs the installation may name another `tenant`. `format=ndjson` exports everything that fits, one event a line.',
        tags: ['Operations'],
      },
    },
    async (request, reply) => {
      const query = readQuery(request, FIELDS);
      const caller = callerIn(request, query);
      const { tenant } = caller;
      const filter = readFilter(query, readNumber(query, 'limit', 1, MOST, 100));
      if (query.format === 'ndjson') {
        // Whoever takes all of it away leaves a trace first.
        await deps.note(caller, 'audit.exported', { filter: query });
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
}

const TYPES = Object.keys(EVENT_TYPES);

/** A type, or a beginning that at least one has. */
const isWanted = (type: string): boolean =>
  type.endsWith('*') ? TYPES.some((one) => one.startsWith(type.slice(0, -1))) : TYPES.includes(type);

function readFilter(query: Record<string, string | undefined>, limit: number): AuditFilter {
  const { type, request_id, actor, from, to, after } = query;
  if (type !== undefined && !isWanted(type)) {
    wrong('type', `must be one of ${TYPES.join(', ')}, or the beginning of one with a star, e.g. request.*`);
  }
  if (request_id !== undefined && !isRequestId(request_id)) {
    wrong('request_id', 'must be the id of a request');
  }
  for (const [name, time] of Object.entries({ from, to })) {
    if (time !== undefined && readDayOrTime(time) === null) {
      wrong(name, 'must be a time as in 2026-01-31T12:00:00Z, or a day as in 2026-01-31');
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
