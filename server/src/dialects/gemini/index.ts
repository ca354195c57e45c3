/** The Gemini dialect (`generateContent`): the Gemini API, and Vertex AI with `quirks.vertex`. */
import type { Dialect } from '../../contract/dialect.ts';
import { isObject } from '../json.ts';
import { createGeminiDecoder } from './decoder.ts';
import { decodeEmbed, encodeEmbed, mostInputs } from './embed.ts';
import { encodeGemini } from './encode.ts';
import { geminiFailure } from './failure.ts';
import { traitsOf } from './models.ts';
import { geminiWhole } from './whole.ts';

/** What we can call; the list also has models for video, music and speech. */
const METHODS = new Set(['generateContent', 'embedContent', 'batchEmbedContents', 'predict']);

export const gemini: Dialect = {
  name: 'gemini',
  framing: 'sse',
  vendor: {
    encode: encodeGemini,
    decoder: (quirks) => createGeminiDecoder(quirks),
    whole: geminiWhole,
    failure: geminiFailure,
    // Without a size a page has 50.
    modelsPath: '/models?pageSize=1000',
    models: listedModels,
    goesOn: (target) => traitsOf(target.model).prefill === 'continues',
    embed: { encode: encodeEmbed, most: mostInputs, decode: decodeEmbed },
  },
};

/** `{models: [{name: "models/x", supportedGenerationMethods}]}`; Vertex AI has `publisherModels` and longer names. */
function listedModels(body: unknown): string[] {
  const list = isObject(body) ? (body.models ?? body.publisherModels) : null;
  if (!Array.isArray(list)) return [];
  const ids = new Set<string>();
  for (const model of list) {
    if (!isObject(model) || typeof model.name !== 'string') continue;
    const methods = model.supportedGenerationMethods;
    if (Array.isArray(methods) && !methods.some((method) => METHODS.has(method))) continue;
    const id = model.name.startsWith('tunedModels/') ? model.name : model.name.slice(model.name.lastIndexOf('/') + 1);
    if (id !== '') ids.add(id);
  }
  return [...ids];
}
