/** `POST /mcp/v1/admin/secret/rotate`: what rests in the record is sealed with the current secret, step by step. */
import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { Caller } from '../contract/caller.ts';
import { bodyReader, callerOf } from './scope.ts';

export interface RotationStep {
  /** Null: that was all. */
  next: string | null;
  resealed: number;
  lost: number;
}

export interface SecretDeps {
  /** Throws `invalid_request` while a process writes with another secret. */
  step(by: Caller, after: string | null, forgetLost: boolean): Promise<RotationStep>;
}

const RotateBody = Type.Object(
  {
    after: Type.Optional(
      Type.Union([Type.String({ maxLength: 1000 }), Type.Null()], {
        accepts: 'what `next` was',
        description: 'Left out: from the beginning. What is done already is passed over.',
      }),
    ),
    forget_lost: Type.Optional(
      Type.Boolean({
        accepts: 'true or false',
        description:
          'Keys of digests that no secret opens are replaced, for good: what a user has spent so far is not found under the new ones.',
      }),
    ),
  },
  { additionalProperties: false },
);

const RotateOut = Type.Object({
  next: Type.Union([Type.String(), Type.Null()], { description: 'To be sent as `after`; null: that was all.' }),
  resealed: Type.Integer({ description: 'Rows of this step that were sealed with the current secret.' }),
  lost: Type.Integer({ description: 'Rows of this step that no secret opens.' }),
});

export function secretRoutes(app: FastifyInstance, deps: SecretDeps): void {
  const read = bodyReader(RotateBody);
  app.post(
    '/mcp/v1/admin/secret/rotate',
    {
      config: { permission: 'settings:write' },
      schema: {
        summary: 'Seal what rests in the record with the current MCP_SECRET',
        description:
          'In steps of a second; ask again with `next` until that is null. Everything else goes on meanwhile.',
        tags: ['Operations'],
        body: RotateBody,
        response: { 200: RotateOut },
      },
    },
    async (request) => {
      const { after, forget_lost: forgetLost } = read(request);
      return await deps.step(callerOf(request), after ?? null, forgetLost ?? false);
    },
  );
}
