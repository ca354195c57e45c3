/** `GET /v1/models`, in the list shape of whoever asks: Anthropic's clients name a version of their API. */
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { DialectName } from '../contract/call.ts';
import type { Caller } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import type { ModelInfo, Price, Rate } from '../contract/provider.ts';
import { wrong } from './query.ts';

export interface ListedModel {
  /** `provider/model` */
  id: string;
  provider: string;
  /** Null: nothing is known of it. */
  info: ModelInfo | null;
  /** Null: not known. */
  price: Price | 'free' | null;
}

/** Anthropic's own most on a page. */
const MOST = 1000;
/** When a model came out is not known; the API says the epoch then. */
const UNKNOWN_TIME = '1970-01-01T00:00:00Z';

const shapeOf = (headers: IncomingHttpHeaders): DialectName =>
  headers['anthropic-version'] === undefined ? 'openai' : 'anthropic';

/** `list`: those that the caller may ask. */
export function modelsRoute(app: FastifyInstance, list: (caller: Caller) => Promise<ListedModel[]>): void {
  app.get(
    '/v1/models',
    {
      config: { permission: 'request:read', door: true },
      schema: {
        summary: 'The models of all configured providers',
        description: 'As Anthropic lists them when the request has the header anthropic-version, else as OpenAI does.',
        tags: ['Drop-in doors'],
      },
    },
    async (request) => {
      const models = await list(request.caller as Caller);
      return shapeOf(request.headers) === 'anthropic' ? anthropicList(models, request) : openaiList(models);
    },
  );

  // Names of models have slashes: `openai/gpt-5`, and `groq/openai/gpt-oss-20b`.
  app.get(
    '/v1/models/*',
    {
      config: { permission: 'request:read', door: true },
      schema: { summary: 'One model', tags: ['Drop-in doors'] },
    },
    async (request) => {
      const wanted = (request.params as { '*': string })['*'];
      const models = await list(request.caller as Caller);
      const found = models.find(({ id }) => id === wanted) ?? models.find((one) => bareName(one) === wanted);
      if (!found) {
        throw new GoblinError(
          'not_found',
          'No configured provider lists a model of that name; GET /v1/models has all.',
        );
      }
      return shapeOf(request.headers) === 'anthropic' ? anthropicModel(found) : openaiModel(found);
    },
  );
}

/** What the list says of a model beside its name; null in a field: not known. */
function factsOf({ info, price }: ListedModel): Record<string, unknown> {
  return {
    context_window: info?.contextWindow ?? null,
    max_output_tokens: info?.maxOutput ?? null,
    abilities: info
      ? {
          ...servedBy(info),
          tools: info.tools,
          images: info.images,
          reasoning: info.reasoning,
          json_schema: info.schema ?? null,
          prefix: info.prefix ?? null,
          system_messages: info.systemRole ?? null,
        }
      : null,
    usd_per_million_tokens: price === null ? null : price === 'free' ? FREE : ratesOf(price),
  };
}

/** As the doors go by it (routing/able.ts): what is only guessed refuses nobody, so it is not known. */
function servedBy({ chat, embeds }: ModelInfo): { chat: boolean | null; embeddings: boolean | null } {
  if (chat) return { chat: true, embeddings: embeds ?? null };
  return embeds === true ? { chat: false, embeddings: true } : { chat: null, embeddings: null };
}

const FREE = { input: 0, output: 0, cached_input: 0, cache_write: 0, version: 'free' };

function ratesOf(price: Price): Record<string, unknown> {
  // A picodollar for one token is a microdollar for a million.
  const rate = ({ base }: Rate): number => base / 1e6;
  return {
    input: rate(price.input),
    output: rate(price.output),
    cached_input: rate(price.cachedInput ?? price.input),
    cache_write: rate(price.cacheWrite ?? price.input),
    version: price.version,
  };
}

const openaiModel = (model: ListedModel): Record<string, unknown> => ({
  id: model.id,
  object: 'model',
  created: 0,
  owned_by: model.provider,
  ...factsOf(model),
});

const bareName = ({ id, provider }: ListedModel): string => id.slice(provider.length + 1);

function openaiList(models: readonly ListedModel[]): Record<string, unknown> {
  return { object: 'list', data: models.map(openaiModel) };
}

/** `limit`, `after_id` and `before_id` as the API has them; without a limit everything comes at once. */
function anthropicList(models: readonly ListedModel[], request: FastifyRequest): Record<string, unknown> {
  const { limit, after_id, before_id } = request.query as Record<string, unknown>;
  if (limit !== undefined && !(typeof limit === 'string' && /^[1-9]\d{0,3}$/.test(limit) && Number(limit) <= MOST)) {
    wrong('limit', `must be a whole number from 1 to ${MOST}`);
  }
  const size = limit === undefined ? models.length : Number(limit);
  const at = (id: unknown, name: string): number => {
    const found = models.findIndex((model) => model.id === id);
    if (found === -1) wrong(name, 'must be the id of a model in this list');
    return found;
  };
  let from = 0;
  let to = models.length;
  if (after_id !== undefined) from = at(after_id, 'after_id') + 1;
  if (before_id !== undefined) {
    to = at(before_id, 'before_id');
    from = Math.max(from, to - size);
  }
  const page = models.slice(from, Math.min(to, from + size));
  const more = before_id === undefined ? from + page.length < to : from > 0;
  return {
    data: page.map(anthropicModel),
    has_more: more,
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
  };
}

function anthropicModel(model: ListedModel): Record<string, unknown> {
  const { id, provider, info } = model;
  return {
    type: 'model',
    id,
    display_name: `${bareName(model)} (${provider})`,
    created_at: UNKNOWN_TIME,
    lifecycle: 'active',
    capabilities: null,
    max_input_tokens: info?.contextWindow ?? null,
    max_tokens: info?.maxOutput ?? null,
    x_mcp: factsOf(model),
  };
}
