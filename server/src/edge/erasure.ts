/** What was asked and answered is taken out of the record: of one request, or of everything that a user has asked. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { Caller } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Ledger } from '../contract/ports.ts';
import type { Erased } from '../contract/record.ts';
import { isTerminal } from '../contract/states.ts';
import type { Erasure } from '../ledger/erase-user.ts';
import { notFound, readId, readQuery } from './query.ts';
import { actorOf, callerOf, isOwn, tenantOf, tenantOrAll } from './scope.ts';
import { iso } from './shapes.ts';

export interface ErasureRoutesDeps {
  ledger: Pick<Ledger, 'get'>;
  /**
   * `who`: an account by id or address, what callers give as `user_id`, or its hash. `asked` null: of the tenant in which
   * there is such an account, else of `own`. Throws `invalid_request` when there are several, or `own` is null and there is none.
   */
  order(asked: string | null, own: string | null, who: string, actor: string): Promise<Erasure>;
  get(tenant: string, id: number): Promise<Erasure | null>;
  /** Null for an unknown id. */
  erase(tenant: string, id: string, actor: string): Promise<Erased | null>;
}

export interface RequestEraserDeps {
  /** Rejects with `forbidden` for what others have asked, without a right of its own. */
  mayErase(caller: Caller, request: string): Promise<void>;
}

const ErasureOut = Type.Object({
  erasure_id: Type.Integer(),
  status: Type.Union([Type.Literal('running'), Type.Literal('done')]),
  counts: Type.Record(Type.String(), Type.Integer()),
  created_at: Type.String(),
  done_at: Type.Union([Type.String(), Type.Null()]),
  links: Type.Object({ self: Type.String() }),
});

/** After an end its runner has five seconds to write what it cost. */
const SETTLED_MS = 7000;
const LOOK_MS = 250;
/** As long as a `user_id` may be. */
const LONGEST_NAME = 256;

/** Of a request that is over: waits until its money is settled. */
export async function eraseSettled(
  deps: Pick<ErasureRoutesDeps, 'erase'>,
  caller: Caller,
  id: string,
): Promise<Extract<Erased, { outcome: 'erased' }>> {
  for (const until = performance.now() + SETTLED_MS; ; await sleep(LOOK_MS)) {
    const erased = await deps.erase(caller.tenant, id, actorOf(caller));
    if (erased?.outcome === 'erased') return erased;
    if (performance.now() > until) {
      throw new GoblinError('unavailable', 'What the request cost is still being written; try again in a moment.', {
        retryAfterMs: 2000,
      });
    }
  }
}

export function erasureRoutes(app: FastifyInstance, deps: ErasureRoutesDeps & RequestEraserDeps): void {
  app.delete(
    '/mcp/v1/request/:id',
    {
      config: { permission: 'request:write' },
      schema: {
        summary: 'Erase the content of a request that is over',
        description:
          'What was asked, what was answered, and its stream, which are 410 from then on. That it was, what it cost and when stays in the record. What others have asked is erased with the permission content:read only.',
        tags: ['Requests'],
        params: { type: 'object', properties: { id: { type: 'string', format: 'uuid' } } },
        response: { 200: Type.Object({ request_id: Type.String(), erased: Type.Literal(true) }) },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const id = readId(request);
      const row = await deps.ledger.get(caller.tenant, id);
      if (!row) throw notFound(id);
      await deps.mayErase(caller, id);
      if (!isTerminal(row.state)) {
        throw new GoblinError('not_finished', 'The request still runs; cancel it first.', {
          requestId: id,
          retryAfterMs: 1000,
        });
      }
      await eraseSettled(deps, caller, id);
      return { request_id: id, erased: true };
    },
  );

  app.delete(
    '/mcp/v1/users/:id/data',
    {
      config: { permission: 'user:write' },
      schema: {
        summary: 'Erase everything that a user has asked',
        description:
          '`id` is an account (its id or address), what callers give as `user_id`, or the hash of it. Whatever of it still runs is cancelled. Rows and money stay, content does not; ask at `links.self` whether it is done.',
        tags: ['Identity'],
        params: { type: 'object', properties: { id: { type: 'string' } } },
        querystring: { type: 'object', properties: { tenant: { type: 'string' } } },
        response: { 202: ErasureOut },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const tenant = tenantOrAll(caller, readQuery(request, ['tenant']).tenant);
      const { id } = request.params as { id: string };
      if (id === '' || id.length > LONGEST_NAME) {
        throw new GoblinError('invalid_request', 'A user has 1 to 256 characters.', {
          errors: [{ path: 'id', message: 'must have 1 to 256 characters' }],
        });
      }
      reply.code(202);
      const own = caller.homeless ? null : caller.tenant;
      return erasureOut(await deps.order(tenant, own, id, actorOf(caller)), caller);
    },
  );

  app.get(
    '/mcp/v1/erasures/:id',
    {
      config: { permission: 'user:write' },
      schema: {
        summary: 'How far an erasure is',
        tags: ['Identity'],
        params: { type: 'object', properties: { id: { type: 'string' } } },
        querystring: { type: 'object', properties: { tenant: { type: 'string' } } },
        response: { 200: ErasureOut },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const tenant = tenantOf(caller, readQuery(request, ['tenant']).tenant);
      const { id } = request.params as { id: string };
      const found = /^[1-9]\d{0,14}$/.test(id) ? await deps.get(tenant, Number(id)) : null;
      if (!found) throw new GoblinError('not_found', 'There is no such erasure.');
      return erasureOut(found, caller);
    },
  );
}

function erasureOut(of: Erasure, caller: Caller): Record<string, unknown> {
  const elsewhere = isOwn(caller, of.tenant) ? '' : `?tenant=${encodeURIComponent(of.tenant)}`;
  const self = `/mcp/v1/erasures/${of.id}${elsewhere}`;
  return {
    erasure_id: of.id,
    status: of.step === 'done' ? 'done' : 'running',
    counts: of.counts,
    created_at: iso(of.createdAt),
    done_at: iso(of.doneAt),
    links: { self },
  };
}
