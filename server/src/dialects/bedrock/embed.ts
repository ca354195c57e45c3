/**
 * Embeddings through `POST /model/{modelId}/invoke`, whose body is the model's own. Sources: Bedrock guide, "Amazon
 * Titan Embeddings G1 - Text", "Amazon Titan Text Embeddings V2", "Cohere Embed and Cohere Embed v4"; Nova guide,
 * "Embeddings".
 */
import type { EmbedCall } from '../../contract/call.ts';
import type { Embeddings, EncodeTarget, Notice, WireRequest } from '../../contract/dialect.ts';
import type { ProviderFailure } from '../../contract/part.ts';
import { unsupported } from '../asked.ts';
import { failed, unreadable } from '../failures.ts';
import { isObject, type Json, objectIn, parseJson } from '../json.ts';
import { note } from '../notices.ts';
import { firstTokens } from '../tokens.ts';
import { vectorsIn } from '../vectors.ts';
import { modelPath } from './encode.ts';
import { bedrockError } from './failure.ts';

/** Texts that Cohere's models take in one call; all others take one. */
const MOST_INPUTS = 96;
const INPUT_TYPES = new Set(['search_document', 'search_query', 'classification', 'clustering']);

export function encodeBedrockEmbed(call: EmbedCall, target: EncodeTarget): WireRequest {
  const notices: Notice[] = [];
  const texts = call.inputs.map((input) => {
    if (typeof input === 'string') return input;
    throw unsupported('this provider takes texts, not lists of token numbers');
  });
  return {
    path: `${modelPath(target.model)}/invoke`,
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(bodyFor(target.model.toLowerCase(), texts, call, notices)),
    notices,
  };
}

function bodyFor(model: string, texts: readonly string[], call: EmbedCall, notices: Notice[]): Json {
  const { dimensions } = call;
  if (model.includes('cohere.embed')) return cohere(model, texts, call, notices);
  const [text] = texts;
  if (text === undefined || texts.length > 1) throw unsupported('this model takes one text in a call');
  if (model.includes('titan-embed-text-v2')) return { inputText: text, dimensions };
  if (model.includes('nova') && model.includes('embed')) {
    return {
      taskType: 'SINGLE_EMBEDDING',
      singleEmbeddingParams: {
        embeddingPurpose: 'GENERIC_INDEX',
        embeddingDimension: dimensions,
        // A text that is too long would lose its end and nobody would know.
        text: { truncationMode: 'NONE', value: text },
      },
    };
  }
  if (!model.includes('titan-embed')) throw unsupported('how this model makes embeddings is not known here');
  if (dimensions !== undefined) throw unsupported('this model makes vectors of one length only; leave dimensions out');
  return { inputText: text };
}

/** Cohere's vectors depend on their use: what a query is looked up among is a `search_document`. */
function cohere(model: string, texts: readonly string[], call: EmbedCall, notices: Notice[]): Json {
  if (texts.length > MOST_INPUTS) throw unsupported(`this model takes ${MOST_INPUTS} texts in a call`);
  const sized = !/-v3/.test(model);
  if (call.dimensions !== undefined && !sized) {
    throw unsupported('this model makes vectors of one length only; leave dimensions out');
  }
  const asked = call.native?.body.input_type;
  const known = typeof asked === 'string' && INPUT_TYPES.has(asked);
  if (!known) note(notices, 'changed', 'input_type: "search_document" is assumed; name another one in the body');
  return {
    texts,
    input_type: known ? asked : 'search_document',
    embedding_types: ['float'],
    output_dimension: call.dimensions,
    truncate: 'NONE',
  };
}

export const mostInputs = ({ model }: EncodeTarget): number =>
  model.toLowerCase().includes('cohere.embed') ? MOST_INPUTS : 1;

export function decodeBedrockEmbed(body: string, inputs: number): Embeddings | ProviderFailure {
  const parsed = parseJson(body);
  if (!parsed.ok) return unreadable(body, parsed.cut).failure;
  const answer = isObject(parsed.value) ? parsed.value : {};
  const vectors = vectorsIn(listOf(answer), inputs);
  if (vectors === null) {
    const said = bedrockError(answer) ?? failed('upstream_protocol', `not ${inputs} vectors of one length`);
    return said.failure;
  }
  // Cohere's count is in a header (`x-amzn-bedrock-input-token-count`) only.
  return { vectors, inputTokens: firstTokens(answer.inputTextTokenCount, answer.inputTokenCount) };
}

/** Titan: `embedding`. Cohere: `embeddings.float`, or the bare list. Nova: a list of `{embeddingType, embedding}`. */
function listOf(answer: Json): unknown {
  if (Array.isArray(answer.embedding)) return [answer.embedding];
  const typed = objectIn(answer, 'embeddings')?.float;
  if (typed !== undefined) return typed;
  const list = answer.embeddings;
  return Array.isArray(list) ? list.map((entry) => (isObject(entry) ? entry.embedding : entry)) : null;
}
