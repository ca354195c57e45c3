/** The OpenAI Responses dialect: vendors that speak it, and our own door for clients that speak it. */
import type { Dialect } from '../../contract/dialect.ts';
import { httpFailure } from '../failures.ts';
import { modelIds } from '../model-ids.ts';
import { openaiError } from '../openai/encoder.ts';
import { decodeResponses } from './decode.ts';
import { createResponsesDecoder } from './decoder.ts';
import { encodeResponses } from './encode.ts';
import { createResponsesEncoder } from './encoder.ts';
import { responsesWhole } from './whole.ts';

export { decodeResponses } from './decode.ts';
export { requestIdOf, responseId } from './ids.ts';
export { inputItems } from './input-items.ts';
export { askedBody, isStored, keptCall } from './kept.ts';
export { partsOfStored, withPrevious } from './previous.ts';
export { responseObject } from './record.ts';
export { namedRequests, withItems } from './references.ts';
export { createReplay, type Replay } from './replay.ts';

/** No model goes on from the beginning of an answer here: the API has no place for one. */
export const responses: Dialect = {
  name: 'responses',
  framing: 'sse',
  vendor: {
    encode: encodeResponses,
    decoder: (quirks) => createResponsesDecoder(quirks),
    whole: responsesWhole,
    failure: httpFailure,
    modelsPath: '/models',
    models: modelIds,
  },
  door: {
    decode: (body) => decodeResponses(body),
    encoder: createResponsesEncoder,
    // Errors before the stream have the same shape as in OpenAI's other API. One has a code that clients look for.
    error(code, status, message, requestId, errors) {
      const lost = code === 'not_found' && errors?.[0]?.path === 'previous_response_id';
      return openaiError(lost ? 'previous_response_not_found' : code, status, message, requestId, errors);
    },
  },
};
