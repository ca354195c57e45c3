/** The OpenAI chat completions dialect: vendors that speak it, and our own door for clients that speak it. */
import type { Dialect } from '../../contract/dialect.ts';
import { httpFailure } from '../failures.ts';
import { modelIds } from '../model-ids.ts';
import { decodeOpenai } from './decode.ts';
import { createOpenaiDecoder } from './decoder.ts';
import { decodeEmbed, encodeEmbed, mostInputs } from './embed.ts';
import { encodeOpenai } from './encode.ts';
import { createOpenaiEncoder, openaiError } from './encoder.ts';
import { goesOn } from './prefix.ts';
import { openaiWhole } from './whole.ts';

export const openai: Dialect = {
  name: 'openai',
  framing: 'sse',
  vendor: {
    encode: encodeOpenai,
    decoder: (quirks) => createOpenaiDecoder(quirks),
    whole: openaiWhole,
    failure: httpFailure,
    modelsPath: '/models',
    models: modelIds,
    goesOn,
    embed: { encode: encodeEmbed, most: mostInputs, decode: decodeEmbed },
  },
  door: {
    decode: decodeOpenai,
    encoder: createOpenaiEncoder,
    error: openaiError,
  },
};
