/** Shapes of the Responses door, for the document. */
import { Type } from '@sinclair/typebox';

const Any = Type.Unknown();
const open = { additionalProperties: true };

export const ResponseBody = Type.Object(
  {
    model: Type.Optional(Type.String()),
    input: Type.Union([Type.String(), Type.Array(Any)], { description: 'A text, or a list of items.' }),
    instructions: Type.Optional(Type.String()),
    stream: Type.Optional(Type.Boolean()),
    background: Type.Optional(
      Type.Boolean({ description: 'Accepted, and run on by a worker; the response is fetched by its id.' }),
    ),
    store: Type.Optional(
      Type.Boolean({ description: 'False: the response is not found by its id. Our record has it all the same.' }),
    ),
    previous_response_id: Type.Optional(
      Type.String({ description: 'Goes on from an earlier response of the tenant, from our own record.' }),
    ),
    tools: Type.Optional(Type.Array(Any)),
    max_output_tokens: Type.Optional(Type.Integer({ minimum: 1 })),
    metadata: Type.Optional(Type.Record(Type.String(), Type.String())),
  },
  open,
);

export const ResponseOut = Type.Object(
  {
    id: Type.String({ description: '`resp_` and the id of the request.' }),
    object: Type.Literal('response'),
    created_at: Type.Integer(),
    status: Type.Union(
      ['queued', 'in_progress', 'completed', 'incomplete', 'failed', 'cancelled'].map((word) => Type.Literal(word)),
    ),
    model: Type.String(),
    output: Type.Array(Any),
    usage: Any,
    error: Any,
    x_mcp: Any,
  },
  open,
);

export const DeletedOut = Type.Object({
  id: Type.String(),
  object: Type.Literal('response'),
  deleted: Type.Literal(true),
  x_mcp: Type.Object({
    request_id: Type.String(),
    shared_texts_until: Type.Optional(
      Type.String({
        description: 'Day on which the last long texts go that are kept once for the tenant and the day.',
      }),
    ),
  }),
});

export const ItemsOut = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(Any),
  first_id: Type.Union([Type.String(), Type.Null()]),
  last_id: Type.Union([Type.String(), Type.Null()]),
  has_more: Type.Boolean(),
});

export const IdParams = Type.Object({ id: Type.String({ description: 'As in `resp_01a20720-9196-…`.' }) });
export const StreamQuery = Type.Object({
  stream: Type.Optional(Type.Boolean()),
  starting_after: Type.Optional(
    Type.Integer({ minimum: 0, description: '`sequence_number` of the last event that was read.' }),
  ),
});
export const ItemsQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  order: Type.Optional(Type.Union([Type.Literal('asc'), Type.Literal('desc')])),
  after: Type.Optional(Type.String()),
});
