/** The bodies and answers of our own API: checked against, and the source of the OpenAPI document. */
import { Type } from '@sinclair/typebox';

const closed = { additionalProperties: false };
const text = (most: number, accepts: string, description: string) =>
  Type.String({ minLength: 1, maxLength: most, accepts, description });

const PLAIN = '^[^\\u0000-\\u001f\\u007f]*$';

export const SubmitBody = Type.Object(
  {
    prompt: Type.Optional(
      Type.String({
        minLength: 1,
        accepts: 'a text that is not empty',
        description: 'What to ask. Required unless `messages` is given.',
      }),
    ),
    messages: Type.Optional(
      Type.Array(Type.Unknown(), {
        minItems: 1,
        accepts: 'a list of messages in OpenAI style',
        description: 'OpenAI-style messages, with images and tools. Stands for `prompt`.',
      }),
    ),
    system: Type.Optional(Type.String({ accepts: 'a text', description: 'Instructions before the conversation.' })),
    user_id: Type.Optional(text(512, 'a text of 1 to 512 characters', 'Labels an end user. Stored only as a hash.')),
    task_type: Type.Optional(
      text(
        63,
        'the name of a task type',
        'Chooses a route: chat (default), summarize, extract, classify, translate, code, or one that goblin.yaml names.',
      ),
    ),
    model: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 300,
        pattern: '^[\\x21-\\x7e]+$',
        accepts: 'a model name, e.g. openai/gpt-4o-mini, gpt-4o-mini or auto',
        description: '`provider/model`, a bare name, an alias, or `auto` (default).',
      }),
    ),
    provider_hint: Type.Optional(
      Type.Union(
        [
          Type.String({ minLength: 1, maxLength: 63 }),
          Type.Array(Type.String({ minLength: 1, maxLength: 63 }), { maxItems: 20 }),
        ],
        { accepts: 'a provider name or a list of up to 20', description: 'Providers to prefer, in order.' },
      ),
    ),
    priority: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 9,
        accepts: 'a whole number from 0 to 9',
        description: '9 goes first. Default 5.',
      }),
    ),
    max_tokens: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000_000,
        accepts: 'a whole number from 1',
        description: 'Upper bound of the answer, in tokens.',
      }),
    ),
    temperature: Type.Optional(Type.Number({ minimum: 0, maximum: 2, accepts: 'a number from 0 to 2' })),
    top_p: Type.Optional(Type.Number({ minimum: 0, maximum: 1, accepts: 'a number from 0 to 1' })),
    stop: Type.Optional(
      Type.Unknown({
        accepts: 'a text or a list of texts',
        description: 'A text or up to 16 texts that end the answer.',
      }),
    ),
    seed: Type.Optional(
      Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER, accepts: 'a whole number' }),
    ),
    tools: Type.Optional(
      Type.Unknown({ accepts: 'a list of tools in OpenAI style', description: 'OpenAI-style tools.' }),
    ),
    tool_choice: Type.Optional(Type.Unknown({ accepts: 'auto, none, required or a named tool' })),
    parallel_tool_calls: Type.Optional(Type.Boolean({ accepts: 'true or false' })),
    response_format: Type.Optional(Type.Unknown({ accepts: 'text, json_object or json_schema in OpenAI style' })),
    reasoning_effort: Type.Optional(
      Type.String({ pattern: '^[a-z]{1,20}$', accepts: 'low, medium, high or another word that the model knows' }),
    ),
    deadline_ms: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 31_536_000_000,
        accepts: 'a whole number of milliseconds from 1',
        description: 'Counted from acceptance; then the request ends `expired`.',
      }),
    ),
    not_before: Type.Optional(
      Type.String({
        maxLength: 40,
        accepts: 'a time as in 2026-01-31T12:00:00Z',
        description: 'The request waits in the queue until then.',
      }),
    ),
    failover: Type.Optional(
      Type.Union([Type.Literal('continue'), Type.Literal('restart'), Type.Literal('fail')], {
        accepts: 'continue, restart or fail',
        description: 'What happens when a provider breaks after the answer began. Default `restart`.',
      }),
    ),
    callback_url: Type.Optional(
      text(2000, 'an http or https URL', 'Gets a signed POST (Standard Webhooks) at the end.'),
    ),
    labels: Type.Optional(
      Type.Record(
        Type.String({ minLength: 1, maxLength: 63, pattern: PLAIN }),
        Type.String({ maxLength: 255, pattern: PLAIN }),
        { maxProperties: 32, accepts: 'up to 32 pairs of short texts' },
      ),
    ),
    metadata: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        accepts: 'a JSON object',
        description: 'Kept with the request, not interpreted. 16 kB at most.',
      }),
    ),
  },
  { ...closed, $id: 'SubmitBody' },
);

const Nullable = <T extends ReturnType<typeof Type.String | typeof Type.Number>>(schema: T) =>
  Type.Union([schema, Type.Null()]);
const Links = Type.Object({ self: Type.String(), result: Type.String(), stream: Type.String(), cancel: Type.String() });
const UsageOut = Type.Object({
  input_tokens: Type.Integer(),
  output_tokens: Type.Integer(),
  cached_input_tokens: Type.Integer(),
  reasoning_tokens: Type.Integer(),
  source: Type.Union([Type.Literal('reported'), Type.Literal('estimated')]),
});
const Status = Type.String({ enum: ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'expired', 'blocked'] });

export const ReceiptOut = Type.Object({
  request_id: Type.String({ format: 'uuid' }),
  status: Status,
  created_at: Type.String({ format: 'date-time' }),
  estimated_cost_usd: Nullable(Type.Number()),
  links: Links,
});

const AttemptOut = Type.Object({
  attempt: Type.Integer(),
  provider: Type.String(),
  model: Type.String(),
  status: Type.String(),
  started_at: Type.String(),
  first_token_ms: Nullable(Type.Number()),
  latency_ms: Nullable(Type.Number()),
  usage: Type.Union([UsageOut, Type.Null()]),
  cost_usd: Nullable(Type.Number()),
  error: Type.Unknown(),
  reason: Type.String(),
  key: Type.Optional(Type.String({ description: 'Which of the keys of the provider, when it has several.' })),
});

const Choice = Type.Array(Type.Object({ provider: Type.String(), model: Type.String(), reason: Type.String() }));

const PolicyDecision = Type.Object(
  {
    versions: Type.Array(Type.String()),
    by: Type.Array(Type.String()),
    reason: Type.Optional(Type.String()),
    redact: Type.Optional(Type.Boolean()),
  },
  { description: 'Which versions of policies let it in, which of them decided, and why.' },
);

export const RequestOut = Type.Object({
  request_id: Type.String(),
  status: Status,
  task_type: Type.String(),
  priority: Type.Integer(),
  model: Nullable(Type.String()),
  created_at: Type.String(),
  started_at: Nullable(Type.String()),
  finished_at: Nullable(Type.String()),
  estimated_cost_usd: Nullable(Type.Number()),
  cost_usd: Nullable(Type.Number()),
  attempts: Type.Optional(Type.Array(AttemptOut)),
  plan: Type.Optional(
    Type.Union(
      [Type.Object({ targets: Choice, dropped: Choice, policy: Type.Optional(PolicyDecision) }), Type.Null()],
      {
        description:
          'Where it could go, in order, and what was left out. Null before it runs, and where there was no choice.',
      },
    ),
  ),
  error: Type.Unknown(),
});

export const ResultOut = Type.Object({
  request_id: Type.String(),
  status: Status,
  text: Type.String(),
  message: Type.Record(Type.String(), Type.Unknown()),
  finish_reason: Type.String(),
  provider: Type.String(),
  model: Type.String(),
  usage: UsageOut,
  cost_usd: Nullable(Type.Number()),
  price_version: Nullable(Type.String()),
  latency_ms: Type.Integer(),
});

export const ProblemOut = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String(),
    detail: Type.String(),
    request_id: Type.Optional(Type.String()),
    errors: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
  },
  { description: 'application/problem+json' },
);

export const PageOut = <T extends ReturnType<typeof Type.Object>>(item: T) =>
  Type.Object({ items: Type.Array(item), next: Nullable(Type.String()) });

const Text = Type.String();
export const HealthOut = Type.Object({ status: Text });
export const ReadyOut = Type.Object({ status: Text, missing: Type.Array(Text) });
export const CancelOut = Type.Object({ request_id: Text, status: Status });
export const EventOut = Type.Object({
  id: Type.Integer(),
  at: Text,
  type: Text,
  payload: Type.Record(Text, Type.Unknown()),
});
export const MetricsOut = Type.Object({
  status: Text,
  /** Null while the database is away. */
  queue: Type.Union([
    Type.Object({ depth: Type.Integer(), running: Type.Integer(), oldest_age_ms: Type.Integer() }),
    Type.Null(),
  ]),
  database: Type.Object({
    driver: Text,
    pool: Type.Record(Text, Type.Integer()),
    latency_ms: Nullable(Type.Number()),
    away_ms: Nullable(Type.Number()),
  }),
  redis: Type.Unknown(),
  workers: Type.Array(Type.Record(Text, Type.Unknown())),
  providers: Type.Array(Type.Record(Text, Type.Unknown())),
  cache: Type.Unknown({ description: 'Of the response cache of this process; null when it is off.' }),
  audit_stream: Type.Unknown({ description: 'How far the trail was told to `audit.stream`; null without one.' }),
  requests: Type.Record(Text, Type.Integer()),
  process: Type.Record(Text, Type.Unknown()),
});
export const IdempotencyHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({ maxLength: 255, description: 'The same key and body give the same answer.' }),
  ),
});
