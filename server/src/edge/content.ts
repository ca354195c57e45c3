/** `GET /mcp/v1/request/{id}/content`: what was asked, as it is stored. Whoever reads it leaves a trace first. */
import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { Caller } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Ledger } from '../contract/ports.ts';
import type { RequestRow } from '../contract/rows.ts';
import { erased, notFound, readId } from './query.ts';
import { callerOf } from './scope.ts';

export interface ContentDeps {
  /** As who asked sees it, and as others do: with placeholders. */
  ledger: Pick<Ledger, 'get' | 'body'>;
  masked: Pick<Ledger, 'body'>;
  content: {
    owns(caller: Caller, row: RequestRow): boolean;
    /** Rejects when no trace of it could be left: then nothing is read. */
    read(caller: Caller, request: string): Promise<void>;
  };
}

export function contentRoute(app: FastifyInstance, { ledger, masked, content }: ContentDeps): void {
  app.get(
    '/mcp/v1/request/:id/content',
    {
      config: { permission: 'request:read' },
      schema: {
        summary: 'The stored content of a request',
        description:
          'The call in our own form, with what it was sent with. What others asked is read with the permission content:read only, and that is an event of the audit trail.',
        tags: ['Requests'],
        params: { type: 'object', properties: { id: { type: 'string', format: 'uuid' } } },
        response: {
          200: Type.Object({
            request_id: Type.String(),
            call: Type.Record(Type.String(), Type.Unknown()),
            metadata: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()]),
          }),
        },
      },
    },
    async (request, reply) => {
      const id = readId(request);
      const caller = callerOf(request);
      const row = await ledger.get(caller.tenant, id);
      if (!row) throw notFound(id);
      if (row.erased) throw erased(id);
      await content.read(caller, id);
      const body = await (content.owns(caller, row) ? ledger : masked).body(caller.tenant, id);
      if (!body) throw new GoblinError('gone', 'The content is no longer kept.', { requestId: id });
      reply.header('cache-control', 'no-store');
      return { request_id: id, call: body.call, metadata: body.metadata };
    },
  );
}
