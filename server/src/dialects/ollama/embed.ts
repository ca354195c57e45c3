/** Embeddings: `POST /api/embed`. */
import type { EmbedCall } from '../../contract/call.ts';
import type { Embeddings, EncodeTarget, WireRequest } from '../../contract/dialect.ts';
import type { ProviderFailure } from '../../contract/part.ts';
import { unsupported } from '../asked.ts';
import { failed, unreadable } from '../failures.ts';
import { isObject, parseJson } from '../json.ts';
import { tokens } from '../tokens.ts';
import { vectorsIn } from '../vectors.ts';
import { complaintIn } from './failure.ts';

export function encodeOllamaEmbed(call: EmbedCall, target: EncodeTarget): WireRequest {
  const input = call.inputs.map((text) => {
    if (typeof text === 'string') return text;
    throw unsupported('this provider takes texts, not lists of token numbers');
  });
  // A text that is too long would lose its end and nobody would know.
  const body = { model: target.model, input, truncate: false, dimensions: call.dimensions };
  return {
    path: '/api/embed',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    notices: [],
  };
}

export function decodeOllamaEmbed(body: string, inputs: number): Embeddings | ProviderFailure {
  const parsed = parseJson(body);
  if (!parsed.ok) return unreadable(body, parsed.cut).failure;
  const answer = isObject(parsed.value) ? parsed.value : {};
  const vectors = vectorsIn(answer.embeddings, inputs);
  if (vectors === null) {
    const said = complaintIn(answer) ?? failed('upstream_protocol', `not ${inputs} vectors of one length`);
    return said.failure;
  }
  // A text has tokens: zero is a placeholder.
  return { vectors, inputTokens: tokens(answer.prompt_eval_count) || null };
}
