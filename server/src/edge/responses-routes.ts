/** What is done with a response once it has an id: look, stream, cancel, erase, list its input. */
import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Cancel } from '../contract/flow.ts';
import { isTerminal } from '../contract/states.ts';
import { inputItems } from '../dialects/index.ts';
import { eraseSettled } from './erasure.ts';
import { readNumber, readQuery, wrong } from './query.ts';
import { type Found, type Json, noResponse, type ResponseRecord } from './responses-record.ts';
import { DeletedOut, IdParams, ItemsOut, ItemsQuery, ResponseOut, StreamQuery } from './responses-schemas.ts';
import { openStream, type ResponseStreamDeps } from './responses-stream.ts';
import { callerOf } from './scope.ts';
import type { Shown } from './shown.ts';

export interface ResponseRoutesDeps extends ResponseStreamDeps {
  record: ResponseRecord;
  cancel: Cancel;
  /** Before stored content is shown. Rejects when the caller may not read it, or no trace of it could be left. */
  readContent(caller: Caller, request: string): Promise<void>;
  /** Leaves a trace when the answer is to what somebody else has asked; rejects when that cannot be done. */
  shown: Shown;
  /** For how long bodies are kept. */
  bodiesDays: number;
}

const LAST_NUMBER = 1_000_000_000;
const DAY_MS = 86_400_000;

export function responseRoutes(app: FastifyInstance, deps: ResponseRoutesDeps): void {
  const { ledger, record } = deps;
  const common = { tags: ['Drop-in doors'], params: IdParams };
  const reads = { permission: 'request:read', door: true } as const;
  const writes = { permission: 'request:write', door: true } as const;

  async function find(request: FastifyRequest, res: ServerResponse): Promise<Found> {
    const found = await record.find(callerOf(request), idOf(request), res);
    if (!found) throw noResponse(idOf(request));
    return found;
  }

  async function show(request: FastifyRequest, reply: FastifyReply, found: Found): Promise<Json> {
    const response = await record.object(callerOf(request), found);
    if (!response) throw noResponse(idOf(request));
    reply.header('x-mcp-request-id', found.row.id);
    return response;
  }

  app.get(
    '/v1/responses/:id',
    {
      config: reads,
      schema: {
        ...common,
        summary: 'A response by its id',
        description:
          'Also one that was answered on its connection. `stream=true` is for those that run in the background; `starting_after` goes on behind an event.',
        querystring: StreamQuery,
        response: { 200: ResponseOut },
      },
    },
    async (request, reply) => {
      const query = readQuery({ query: withoutIncludes(request.query) }, ['stream', 'starting_after']);
      const { stream = 'false' } = query;
      if (stream !== 'true' && stream !== 'false') wrong('stream', 'must be true or false');
      const after = readNumber(query, 'starting_after', 0, LAST_NUMBER, -1);
      const found = await find(request, reply.raw);
      if (!found.own) await deps.shown(callerOf(request), found.row, stream === 'true' ? 'stream' : 'result');
      if (stream === 'false') return await show(request, reply, found);
      const start = await openStream(deps, callerOf(request), found, after < 0 ? null : after);
      reply.hijack();
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) reply.raw.setHeader(name, value);
      start(reply.raw);
      return reply;
    },
  );

  app.post(
    '/v1/responses/:id/cancel',
    {
      config: writes,
      schema: {
        ...common,
        summary: 'Cancel a response',
        description: 'Final at once. A response that has ended stays as it is.',
        response: { 200: ResponseOut },
      },
    },
    async (request, reply) => {
      const { row } = await find(request, reply.raw);
      await deps.cancel(callerOf(request), row.id);
      return await show(request, reply, await find(request, reply.raw));
    },
  );

  app.delete(
    '/v1/responses/:id',
    {
      config: writes,
      schema: {
        ...common,
        summary: 'Erase the content of a response',
        description:
          'What was asked, what was answered, and the stream; it is not found any more. That it was, what it cost and when stays in the record.',
        response: { 200: DeletedOut },
      },
    },
    async (request, reply) => {
      const { row, own } = await find(request, reply.raw);
      if (!own && !callerOf(request).permissions.has('content:read')) throw notYours();
      if (!isTerminal(row.state)) throw wrongState('still runs; cancel it first');
      const erased = await eraseSettled(ledger, callerOf(request), row.id);
      reply.header('x-mcp-request-id', row.id);
      const until = new Date(row.createdAt + (deps.bodiesDays + 1) * DAY_MS).toISOString().slice(0, 10);
      return {
        id: idOf(request),
        object: 'response',
        deleted: true,
        x_mcp: { request_id: row.id, ...(erased.shared ? { shared_texts_until: until } : {}) },
      };
    },
  );

  app.get(
    '/v1/responses/:id/input_items',
    {
      config: reads,
      schema: {
        ...common,
        summary: 'What a response was made from',
        description: 'With the items of the responses before it; newest first, unless `order=asc`.',
        querystring: ItemsQuery,
        response: { 200: ItemsOut },
      },
    },
    async (request, reply) => {
      const query = readQuery({ query: withoutIncludes(request.query) }, ['limit', 'order', 'after']);
      const limit = readNumber(query, 'limit', 1, 100, 20);
      const { order = 'desc', after } = query;
      if (order !== 'asc' && order !== 'desc') wrong('order', 'must be asc or desc');
      const { row, call, own } = await find(request, reply.raw);
      if (!own) await deps.readContent(callerOf(request), row.id);
      const items = inputItems(call, row.id);
      if (order === 'desc') items.reverse();
      const at = after === undefined ? -1 : items.findIndex(({ id }) => id === after);
      if (after !== undefined && at === -1) wrong('after', 'must be the id of an item of this list');
      const data = items.slice(at + 1, at + 1 + limit);
      reply.header('x-mcp-request-id', row.id);
      return {
        object: 'list',
        data,
        first_id: data.at(0)?.id ?? null,
        last_id: data.at(-1)?.id ?? null,
        has_more: at + 1 + limit < items.length,
      };
    },
  );

  // Other addresses of OpenAI's below this one (`/compact`, `/input_tokens`) are not there, whatever the method.
  app.post('/v1/responses/:id', { config: writes, schema: { hide: true } }, () => {
    throw new GoblinError('not_found', 'There is nothing at this address; see /docs for those that exist.');
  });
}

const idOf = (request: FastifyRequest): string => (request.params as { id: string }).id;

function wrongState(message: string): GoblinError {
  return new GoblinError('invalid_request', `The response ${message}.`, { errors: [{ path: 'id', message }] });
}

const notYours = (): GoblinError =>
  new GoblinError('forbidden', 'To erase what others have asked needs the permission content:read.');

/** What the SDKs may ask for in addition is in the answer anyway, or is of no use here. */
function withoutIncludes(query: unknown): Record<string, unknown> {
  const entries = Object.entries(query as Record<string, unknown>);
  return Object.fromEntries(entries.filter(([name]) => !/^include(?:\[\d*\]|_obfuscation)?$/.test(name)));
}
