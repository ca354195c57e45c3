/** `GET /v1/models`, in the list shape of whoever asks: Anthropic's clients name a version of their API. */
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { DialectName } from '../contract/call.ts';
import { wrong } from './query.ts';

export interface ListedModel {
  /** `provider/model` */
  id: string;
  provider: string;
}

/** Anthropic's own most on a page. */
const MOST = 1000;
/** When a model came out is not known; the API says the epoch then. */
const UNKNOWN_TIME = '1970-01-01T00:00:00Z';

const shapeOf = (headers: IncomingHttpHeaders): DialectName =>
  headers['anthropic-version'] === undefined ? 'openai' : 'anthropic';

export function modelsRoute(app: FastifyInstance, list: () => Promise<ListedModel[]>): void {
  app.get(
    '/v1/models',
    {
      config: { permission: 'request:read', door: (request) => shapeOf(request.headers) },
      schema: {
        summary: 'The models of all configured providers',
        description: 'As Anthropic lists them when the request has the header anthropic-version, else as OpenAI does.',
        tags: ['Drop-in doors'],
      },
    },
    async (request) => {
      const models = await list();
      return shapeOf(request.headers) === 'anthropic' ? anthropicList(models, request) : openaiList(models);
    },
  );
}

function openaiList(models: readonly ListedModel[]): Record<string, unknown> {
  return {
    object: 'list',
    data: models.map(({ id, provider }) => ({ id, object: 'model', created: 0, owned_by: provider })),
  };
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

function anthropicModel({ id, provider }: ListedModel): Record<string, unknown> {
  return {
    type: 'model',
    id,
    display_name: `${id.slice(provider.length + 1)} (${provider})`,
    created_at: UNKNOWN_TIME,
    lifecycle: 'active',
    capabilities: null,
    max_input_tokens: null,
    max_tokens: null,
  };
}
