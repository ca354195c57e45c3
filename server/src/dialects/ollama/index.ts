/** Ollama's own API, at `http://127.0.0.1:11434`. It has what the OpenAI layer lacks: the size of the context. */
import type { Dialect } from '../../contract/dialect.ts';
import { modelIds } from '../model-ids.ts';
import { createOllamaDecoder } from './decoder.ts';
import { decodeOllamaEmbed, encodeOllamaEmbed } from './embed.ts';
import { encodeOllama } from './encode.ts';
import { ollamaFailure } from './failure.ts';
import { goesOn } from './models.ts';
import { ollamaWhole } from './whole.ts';

export const ollama: Dialect = {
  name: 'ollama',
  framing: 'ndjson',
  vendor: {
    encode: encodeOllama,
    decoder: () => createOllamaDecoder(),
    whole: ollamaWhole,
    failure: ollamaFailure,
    modelsPath: '/api/tags',
    models: modelIds,
    goesOn,
    embed: { encode: encodeOllamaEmbed, decode: decodeOllamaEmbed },
  },
};
