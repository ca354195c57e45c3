/** What `goblin.yaml` may say. Unknown fields are refused by name. */
import { type Static, Type } from '@sinclair/typebox';
import { BUDGET_SCOPES, LIMIT_SCOPES } from '../contract/limits.ts';
import { PERIODS } from '../money/periods.ts';
import { STRATEGIES } from '../routing/rule.ts';
import { AuditEntry } from './audit.ts';
import { GuardrailsEntry, PolicyEntry } from './guard.ts';
import { IdentityEntry } from './identity.ts';

const strict = { additionalProperties: false };
const Ms = Type.Integer({ minimum: 1, maximum: 86_400_000 });
/** `takes`: what is said of a value that fits none of them. */
const oneOrMany = (takes: string) =>
  Type.Union(
    [
      Type.String({ minLength: 1, maxLength: 300 }),
      Type.Array(Type.String({ minLength: 1, maxLength: 300 }), { minItems: 1, maxItems: 50 }),
    ],
    { takes },
  );
const Models = oneOrMany('a model or a list of models, e.g. [openai/gpt-4.1-nano]');
const Rates = Type.Object(
  {
    input: Type.Number({ minimum: 0, maximum: 1e6 }),
    output: Type.Number({ minimum: 0, maximum: 1e6 }),
    cached_input: Type.Optional(Type.Number({ minimum: 0, maximum: 1e6 })),
    cache_write: Type.Optional(Type.Number({ minimum: 0, maximum: 1e6 })),
  },
  strict,
);

const Name = Type.String({ minLength: 1, maxLength: 300 });
const Tokens = Type.Integer({ minimum: 1, maximum: 100_000_000 });
const Variable = Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' });
const Flag = Type.Optional(Type.Boolean());
const Part = Type.Optional(Type.String({ minLength: 1, maxLength: 200 }));
const words = <T extends string>(...names: T[]) => Type.Union(names.map((name) => Type.Literal(name)));

const SecretAction = words('block', 'redact', 'flag', 'allow');
const RuleActions = Type.Record(Type.String({ pattern: '^[a-z0-9_]{1,64}$' }), SecretAction);
const Kinds = Type.Object(
  {
    credential: Type.Optional(SecretAction),
    private_key: Type.Optional(SecretAction),
    pii: Type.Optional(SecretAction),
  },
  strict,
);

/** A model of a provider, with what is known of it. What is left out is as the catalogue knows it. */
export const ModelEntry = Type.Object(
  {
    id: Name,
    context: Type.Optional(Tokens),
    max_output: Type.Optional(Tokens),
    tools: Flag,
    images: Flag,
    schema: Flag,
    reasoning: Flag,
    system: Flag,
    prefix: Flag,
    chat: Flag,
    embeds: Flag,
    price: Type.Optional(Rates),
  },
  strict,
);

export const KeyEntry = Type.Object(
  {
    env: Variable,
    weight: Type.Optional(Type.Number({ minimum: 0.001, maximum: 1000 })),
    requests_per_minute: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000_000 })),
    tokens_per_minute: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000_000_000 })),
    models: Type.Optional(Type.Array(Name, { minItems: 1, maxItems: 1000 })),
  },
  strict,
);

export const ProviderEntry = Type.Object(
  {
    dialect: Type.Optional(words('openai', 'responses', 'anthropic', 'gemini', 'bedrock', 'cohere', 'ollama')),
    base_url: Type.Optional(Type.String({ minLength: 1, maxLength: 2000 })),
    region: Part,
    resource: Part,
    project: Part,
    account: Part,
    api_version: Part,
    auth: Type.Optional(
      words(
        'bearer',
        'x-api-key',
        'api-key',
        'api-subscription-key',
        'x-goog-api-key',
        'sigv4',
        'google',
        'entra',
        'none',
      ),
    ),
    key_env: Type.Optional(Variable),
    keys: Type.Optional(Type.Array(KeyEntry, { minItems: 1, maxItems: 100 })),
    models: Type.Optional(
      Type.Array(Type.Union([Name, ModelEntry], { takes: 'a name, or an entry with an id, e.g. { id: my-model }' }), {
        maxItems: 1000,
      }),
    ),
    headers: Type.Optional(Type.Record(Type.String({ pattern: '^[A-Za-z0-9-]+$' }), Type.String({ maxLength: 2000 }))),
    prefix: Type.Optional(words('trailing', 'continue_final_message', 'prefix', 'partial', 'none')),
    think_tags: Flag,
    raw: Flag,
    raw_price_usd: Type.Optional(Type.Number({ minimum: 0, maximum: 1000 })),
    free: Flag,
    enabled: Flag,
  },
  strict,
);

/** A model, a list of them, or a list and how it is used. */
const RouteEntry = Type.Union(
  [
    ...Models.anyOf,
    Type.Object(
      {
        model: Type.Optional(Models),
        models: Type.Optional(Models),
        strategy: Type.Optional(words(...STRATEGIES)),
        weights: Type.Optional(Type.Record(Name, Type.Number({ minimum: 0, maximum: 1_000_000 }))),
        failover: Type.Optional(words('continue', 'restart', 'fail')),
        cache: Flag,
      },
      strict,
    ),
  ],
  { takes: 'a model, a list of models, or an entry with model, e.g. [openai/gpt-4.1-nano]' },
);
export type RouteEntry = Static<typeof RouteEntry>;

/** What one of a scope may use, or each one. */
export const LimitEntry = Type.Object(
  {
    scope: words(...LIMIT_SCOPES),
    match: Type.Optional(oneOrMany('a text or a list of texts, e.g. [acme]')),
    requests_per_minute: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000_000 })),
    tokens_per_minute: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000_000_000 })),
    concurrent: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
  },
  strict,
);
export type LimitEntry = Static<typeof LimitEntry>;

export const BudgetEntry = Type.Object(
  {
    name: Part,
    tenant: Part,
    scope: words(...BUDGET_SCOPES),
    match: Type.Optional(Name),
    period: words(...PERIODS),
    hard_usd: Type.Optional(Type.Number({ minimum: 0, maximum: 1_000_000 })),
    soft_usd: Type.Optional(Type.Number({ minimum: 0, maximum: 1_000_000 })),
    webhook_url: Type.Optional(Type.String({ minLength: 1, maxLength: 2000 })),
  },
  strict,
);
export type BudgetEntry = Static<typeof BudgetEntry>;

export const SettingsFile = Type.Object(
  {
    providers: Type.Optional(Type.Record(Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' }), ProviderEntry)),
    aliases: Type.Optional(Type.Record(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$' }), RouteEntry)),
    tasks: Type.Optional(Type.Record(Type.String({ pattern: '^[a-z][a-z0-9_-]{0,62}$' }), RouteEntry)),
    prices: Type.Optional(Type.Record(Type.String({ pattern: '^[a-z0-9][a-z0-9-]*/.+$' }), Rates)),
    clocks: Type.Optional(
      Type.Object(
        {
          connect_ms: Type.Optional(Ms),
          headers_ms: Type.Optional(Ms),
          answer_ms: Type.Optional(Ms),
          first_token_ms: Type.Optional(Ms),
          idle_ms: Type.Optional(Ms),
          total_ms: Type.Optional(Ms),
          lease_ms: Type.Optional(Type.Integer({ minimum: 200, maximum: 3_600_000 })),
          heartbeat_ms: Type.Optional(Type.Integer({ minimum: 50, maximum: 3_600_000 })),
          drain_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: 3_600_000 })),
        },
        strict,
      ),
    ),
    breaker: Type.Optional(
      Type.Object(
        {
          consecutive: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
          rate: Type.Optional(Type.Number({ minimum: 0.01, maximum: 1 })),
          min_calls: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
          window_ms: Type.Optional(Type.Integer({ minimum: 1200, maximum: 3_600_000 })),
          open_ms: Type.Optional(Type.Integer({ minimum: 10, maximum: 3_600_000 })),
          max_open_ms: Type.Optional(Type.Integer({ minimum: 10, maximum: 3_600_000 })),
          slow_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400_000 })),
          probes: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })),
        },
        strict,
      ),
    ),
    retry_budget: Type.Optional(
      Type.Object(
        {
          ratio: Type.Optional(Type.Number({ minimum: 0, maximum: 10 })),
          reserve: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 })),
        },
        strict,
      ),
    ),
    cache: Type.Optional(
      Type.Object(
        {
          enabled: Flag,
          ttl_s: Type.Optional(Type.Integer({ minimum: 1, maximum: 86_400 })),
          max_mb: Type.Optional(Type.Integer({ minimum: 1, maximum: 16_384 })),
        },
        strict,
      ),
    ),
    limits: Type.Optional(Type.Array(LimitEntry, { maxItems: 10_000 })),
    budgets: Type.Optional(
      Type.Object(
        {
          list: Type.Optional(Type.Array(BudgetEntry, { maxItems: 10_000 })),
          unknown_price: Type.Optional(
            Type.Union(
              [
                Type.Literal('refuse'),
                Type.Object({ usd_per_million: Type.Number({ exclusiveMinimum: 0, maximum: 1e6 }) }, strict),
              ],
              { takes: 'refuse, or a price as in { usd_per_million: 10 }' },
            ),
          ),
          webhook_url: Type.Optional(Type.String({ minLength: 1, maxLength: 2000 })),
        },
        strict,
      ),
    ),
    attempts: Type.Optional(Type.Integer({ minimum: 1, maximum: 20 })),
    running_per_worker: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
    queue: Type.Optional(
      Type.Object(
        {
          per_tenant: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000_000 })),
          total: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000_000 })),
        },
        strict,
      ),
    ),
    body_bytes: Type.Optional(Type.Integer({ minimum: 1024, maximum: 1_000_000_000 })),
    frames_hours: Type.Optional(Type.Integer({ minimum: 1, maximum: 24 * 365 })),
    bodies_days: Type.Optional(Type.Integer({ minimum: 1, maximum: 3650 })),
    bodies: Type.Optional(words('stored', 'encrypted', 'erased')),
    rows_days: Type.Optional(Type.Integer({ minimum: 1, maximum: 3650 })),
    local_servers: Type.Optional(Type.Boolean()),
    simulator: Type.Optional(Type.Boolean()),
    secrets: Type.Optional(
      Type.Object(
        {
          enabled: Type.Optional(Type.Boolean()),
          rules: Type.Optional(RuleActions),
          kinds: Type.Optional(Kinds),
          answers: Type.Optional(
            Type.Object(
              {
                enabled: Type.Optional(Type.Boolean()),
                reveal: Type.Optional(Type.Boolean()),
                rules: Type.Optional(RuleActions),
                kinds: Type.Optional(Kinds),
              },
              strict,
            ),
          ),
          tasks: Type.Optional(
            Type.Record(
              Type.String({ pattern: '^[a-z][a-z0-9_-]{0,62}$' }),
              Type.Object({ rules: Type.Optional(RuleActions), kinds: Type.Optional(Kinds) }, strict),
            ),
          ),
        },
        strict,
      ),
    ),
    callbacks: Type.Optional(Type.Object({ allow_private: Type.Optional(Type.Boolean()) }, strict)),
    identity: Type.Optional(IdentityEntry),
    policies: Type.Optional(Type.Array(PolicyEntry, { maxItems: 500 })),
    policy_file: Type.Optional(Name),
    guardrails: Type.Optional(GuardrailsEntry),
    audit: Type.Optional(AuditEntry),
  },
  strict,
);
export type SettingsFile = Static<typeof SettingsFile>;
export type ProviderEntry = Static<typeof ProviderEntry>;
