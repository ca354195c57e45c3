/** Embeddings: `POST /v2/embed`. */
import type { EmbedCall } from '../../contract/call.ts';
import type { Embeddings, EncodeTarget, Notice, WireRequest } from '../../contract/dialect.ts';
import type { ProviderFailure } from '../../contract/part.ts';
import { unsupported } from '../asked.ts';
import { failed, unreadable } from '../failures.ts';
import { isObject, objectIn, parseJson } from '../json.ts';
import { note } from '../notices.ts';
import { firstTokens } from '../tokens.ts';
import { vectorsIn } from '../vectors.ts';
import { complaintIn } from './failure.ts';

/** Texts in one call. */
export const MOST_INPUTS = 96;
const INPUT_TYPES = new Set(['search_document', 'search_query', 'classification', 'clustering']);

/**
 * Cohere's vectors depend on their use: what a query is looked up among is a `search_document`. Callers of our OpenAI door
 * may name another `input_type` in their body.
 */
export function encodeCohereEmbed(call: EmbedCall, target: EncodeTarget): WireRequest {
  const notices: Notice[] = [];
  if (call.inputs.length > MOST_INPUTS) throw unsupported(`this provider takes ${MOST_INPUTS} inputs in one call`);
  const texts = call.inputs.map((input) => {
    if (typeof input === 'string') return input;
    throw unsupported('this provider takes texts, not lists of token numbers');
  });
  const asked = call.native?.body.input_type;
  const known = typeof asked === 'string' && INPUT_TYPES.has(asked);
  if (!known) note(notices, 'changed', 'input_type: "search_document" is assumed; name another one in the body');
  const body = {
    model: target.model,
    texts,
    input_type: known ? asked : 'search_document',
    embedding_types: ['float'],
    output_dimension: call.dimensions,
    // A text that is too long would lose its end and nobody would know.
    truncate: 'NONE',
  };
  return {
    path: '/v2/embed',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    notices,
  };
}

export function decodeCohereEmbed(body: string, inputs: number): Embeddings | ProviderFailure {
  const parsed = parseJson(body);
  if (!parsed.ok) return unreadable(body, parsed.cut).failure;
  const answer = isObject(parsed.value) ? parsed.value : {};
  const vectors = vectorsIn(objectIn(answer, 'embeddings')?.float, inputs);
  if (vectors === null) {
    const said = complaintIn(answer) ?? failed('upstream_protocol', `not ${inputs} vectors of one length`);
    return said.failure;
  }
  const meta = objectIn(answer, 'meta') ?? {};
  const billed = objectIn(meta, 'billed_units')?.input_tokens;
  // A text has tokens: zero is a placeholder.
  return { vectors, inputTokens: firstTokens(billed, objectIn(meta, 'tokens')?.input_tokens) || null };
}
