/** The Cohere v2 chat dialect, at `https://api.cohere.com`. Its door is not needed: Cohere's clients can speak OpenAI's. */
import type { Dialect } from '../../contract/dialect.ts';
import { isObject } from '../json.ts';
import { modelIds } from '../model-ids.ts';
import { createCohereDecoder } from './decoder.ts';
import { decodeCohereEmbed, encodeCohereEmbed, MOST_INPUTS } from './embed.ts';
import { encodeCohere } from './encode.ts';
import { cohereFailure } from './failure.ts';
import { cohereWhole } from './whole.ts';

export const cohere: Dialect = {
  name: 'cohere',
  framing: 'sse',
  vendor: {
    encode: encodeCohere,
    decoder: () => createCohereDecoder(),
    whole: cohereWhole,
    failure: cohereFailure,
    // 1,000 is the largest page.
    modelsPath: '/v1/models?endpoint=chat&page_size=1000',
    models: current,
    embed: { encode: encodeCohereEmbed, most: () => MOST_INPUTS, decode: decodeCohereEmbed },
  },
};

/** Deprecated models stay in the list until they are switched off. */
function current(body: unknown): string[] {
  const list = isObject(body) && Array.isArray(body.models) ? body.models : [];
  return modelIds(list.filter((model) => !isObject(model) || model.is_deprecated !== true));
}
