/** Bodies and answers of limits, budgets and usage. */
import { Type } from '@sinclair/typebox';
import { BUDGET_SCOPES } from '../contract/limits.ts';
import { PERIODS } from '../money/periods.ts';

const closed = { additionalProperties: false };
const words = (names: readonly string[], accepts: string) =>
  Type.Union(
    names.map((name) => Type.Literal(name)),
    { accepts },
  );
const usd = (description: string) =>
  Type.Union([Type.Number({ minimum: 0, maximum: 1_000_000 }), Type.Null()], {
    accepts: 'a number of US dollars from 0 to 1,000,000',
    description,
  });
const text = (accepts: string, description: string, maxLength = 300) =>
  Type.Union([Type.String({ minLength: 1, maxLength }), Type.Null()], { accepts, description });
const Text = Type.String();
const Time = Type.String({ format: 'date-time' });
const orNull = <T extends ReturnType<typeof Type.String>>(schema: T) => Type.Union([schema, Type.Null()]);
const Usd = Type.Number();

const changeable = {
  name: Type.Optional(text('1 to 100 characters', 'What people call it.', 100)),
  hard_usd: Type.Optional(usd('What may be spent in a period: a request that may cost more than is left is refused.')),
  soft_usd: Type.Optional(usd('When this is spent it is said once in the period: as an event, and to `webhook_url`.')),
  webhook_url: Type.Optional(
    text(
      'an http or https URL without user and password',
      'Told by a signed POST when a limit is reached, as call-backs are signed.',
      2000,
    ),
  ),
};

export const BudgetBody = Type.Object(
  {
    scope: words(BUDGET_SCOPES, 'tenant, team, user, key or label'),
    match: Type.Optional(
      text(
        'whose it is',
        'The id of a team or a key; the label of a user, of which a hash is kept; `name` or `name=value` of a label. Left out: each one of the scope has its own.',
      ),
    ),
    period: words(PERIODS, 'day, month or total'),
    ...changeable,
    tenant: Type.Optional(Type.String({ minLength: 1, maxLength: 63, accepts: 'the name of a tenant' })),
  },
  closed,
);

export const BudgetChangeBody = Type.Object(changeable, {
  ...closed,
  description: 'What is left out stays; null takes it away.',
});

export const BudgetOut = Type.Object({
  id: Text,
  name: orNull(Text),
  tenant: orNull(Text),
  scope: Text,
  match: orNull(Text),
  period: Text,
  hard_usd: Type.Union([Usd, Type.Null()]),
  soft_usd: Type.Union([Usd, Type.Null()]),
  webhook_url: orNull(Text),
  source: Type.Union([Type.Literal('goblin.yaml'), Type.Literal('api')]),
  created_at: Time,
  updated_at: Time,
  usage: Type.Array(
    Type.Object({
      subject: Text,
      period_start: Text,
      renews_at: orNull(Time),
      spent_usd: Usd,
      held_usd: Usd,
      left_usd: Type.Union([Usd, Type.Null()]),
      warned_at: orNull(Time),
      exceeded_at: orNull(Time),
    }),
  ),
});

const limit = (accepts: string, maximum: number) => Type.Optional(Type.Integer({ minimum: 1, maximum, accepts }));

export const LimitsBody = Type.Object(
  {
    requests_per_minute: limit('a whole number from 1 to 1,000,000,000', 1_000_000_000),
    tokens_per_minute: limit('a whole number from 1 to 1,000,000,000,000', 1_000_000_000_000),
    concurrent: limit('a whole number from 1 to 1,000,000', 1_000_000),
  },
  closed,
);

export const LimitsOut = Type.Object({
  scope: Text,
  id: Text,
  requests_per_minute: Type.Optional(Type.Integer()),
  tokens_per_minute: Type.Optional(Type.Integer()),
  concurrent: Type.Optional(Type.Integer()),
});

export const UsageOut = Type.Object({
  from: Text,
  to: Text,
  by: Type.Array(Text),
  items: Type.Array(
    Type.Object(
      {
        requests: Type.Integer(),
        attempts: Type.Integer(),
        input_tokens: Type.Integer(),
        output_tokens: Type.Integer(),
        cached_input_tokens: Type.Integer(),
        reasoning_tokens: Type.Integer(),
        cost_usd: Usd,
        attempts_without_price: Type.Integer(),
        attempts_by_estimate: Type.Integer(),
      },
      { additionalProperties: true },
    ),
  ),
});
