/** Embeddings: `:batchEmbedContents` at the Gemini API; `:predict`, or `:embedContent` for newer models, at Vertex AI. */
import type { EmbedCall } from '../../contract/call.ts';
import type { Embeddings, EncodeTarget, WireRequest } from '../../contract/dialect.ts';
import type { ProviderFailure } from '../../contract/part.ts';
import { unsupported } from '../asked.ts';
import { failed, reportedFailure, unreadable } from '../failures.ts';
import { isObject, type Json, objectIn, parseJson } from '../json.ts';
import { tokens } from '../tokens.ts';
import { vectorsIn } from '../vectors.ts';
import { modelPath } from './encode.ts';
import { refined } from './failure.ts';
import { bareName } from './models.ts';

/** "BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch". */
const MOST_IN_BATCH = 100;
/** "Get text embeddings" of Vertex AI. */
const MOST_IN_PREDICTION = 250;

export function encodeEmbed(call: EmbedCall, target: EncodeTarget): WireRequest {
  const most = mostInputs(target);
  if (call.inputs.length > most) throw unsupported(`this provider embeds at most ${most} texts in one call`);
  const texts = call.inputs.map((input) => {
    if (typeof input === 'string') return input;
    throw unsupported('this provider takes texts, not lists of token numbers');
  });
  const [method, body] = target.quirks.vertex ? atVertex(texts, call, target) : atGemini(texts, call, target);
  return {
    path: `${modelPath(target.model)}:${method}`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    notices: [],
  };
}

function atGemini(texts: readonly string[], call: EmbedCall, target: EncodeTarget): [string, Json] {
  const model = modelPath(target.model).slice(1);
  const requests = texts.map((text) => ({
    model: decodeURIComponent(model),
    content: { parts: [{ text }] },
    ...(call.dimensions === undefined ? {} : { outputDimensionality: call.dimensions }),
  }));
  return ['batchEmbedContents', { requests }];
}

function atVertex(texts: readonly string[], call: EmbedCall, target: EncodeTarget): [string, Json] {
  const { dimensions } = call;
  const name = bareName(target.model);
  if (isNewer(name)) {
    const config = dimensions === undefined ? {} : { embedContentConfig: { outputDimensionality: dimensions } };
    return ['embedContent', { content: { role: 'user', parts: [{ text: texts[0] ?? '' }] }, ...config }];
  }
  const parameters = dimensions === undefined ? {} : { parameters: { outputDimensionality: dimensions } };
  return ['predict', { instances: texts.map((content) => ({ content })), ...parameters }];
}

const isNewer = (name: string): boolean => name.startsWith('gemini-') && name !== 'gemini-embedding-001';

export function mostInputs({ quirks, model }: EncodeTarget): number {
  if (!quirks.vertex) return MOST_IN_BATCH;
  return bareName(model).startsWith('gemini-') ? 1 : MOST_IN_PREDICTION;
}

/** Never throws. Vectors shorter than the model's own length are not scaled to 1: they are given as they came. */
export function decodeEmbed(body: string, inputs: number): Embeddings | ProviderFailure {
  const parsed = parseJson(body);
  if (!parsed.ok) return unreadable(body, parsed.cut).failure;
  const failure = reportedFailure(parsed.value);
  if (failure) return refined(failure).failure;
  const document = isObject(parsed.value) ? parsed.value : {};
  const items = embeddingsIn(document);
  const vectors = vectorsIn(
    items?.map((item) => (isObject(item) ? item.values : null)),
    inputs,
  );
  if (vectors === null) return failed('upstream_protocol', `JSON that does not hold ${inputs} vectors`).failure;
  return { vectors, inputTokens: tokensIn(document, items ?? []) };
}

function embeddingsIn(document: Json): unknown[] | null {
  if (Array.isArray(document.embeddings)) return document.embeddings;
  if (isObject(document.embedding)) return [document.embedding];
  if (!Array.isArray(document.predictions)) return null;
  return document.predictions.map((one) => (isObject(one) ? one.embeddings : null));
}

/** Vertex AI counts each text, newer models the call; the Gemini API may count nothing. */
function tokensIn(document: Json, items: readonly unknown[]): number | null {
  const whole = tokens(objectIn(document, 'usageMetadata')?.promptTokenCount);
  if (whole !== null) return whole > 0 ? whole : null;
  let sum = 0;
  for (const item of items) {
    const count = isObject(item) ? tokens(objectIn(item, 'statistics')?.token_count) : null;
    if (count === null) return null;
    sum += count;
  }
  return sum > 0 ? sum : null;
}
