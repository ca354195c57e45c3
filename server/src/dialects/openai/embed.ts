/** `POST /embeddings`: texts, or lists of token numbers, to vectors. */
import type { EmbedCall } from '../../contract/call.ts';
import type { Embeddings, EncodeTarget, WireRequest } from '../../contract/dialect.ts';
import { GoblinError } from '../../contract/errors.ts';
import type { ProviderFailure } from '../../contract/part.ts';
import { quirksFor } from '../../contract/quirks.ts';
import { failed, reportedFailure, unreadable } from '../failures.ts';
import { isObject, type Json, objectIn, parseJson } from '../json.ts';
import { firstTokens } from '../tokens.ts';
import { fromBase64, vectorsIn } from '../vectors.ts';
import { pathOf } from './fields.ts';

/** The caller's own body goes along as with answers; how vectors travel is between the vendor and us. */
export function encodeEmbed(call: EmbedCall, target: EncodeTarget): WireRequest {
  const quirks = quirksFor(target.quirks, target.model);
  const own = quirks.embeddings ?? {};
  if (own.textOnly && call.inputs.some((input) => typeof input !== 'string')) {
    throw new GoblinError('unsupported_by_target', 'the provider makes vectors of texts only, not of token numbers');
  }
  const body: Json = call.native?.dialect === 'openai' ? { ...call.native.body } : {};
  body.model = target.model;
  body.input = call.inputs;
  delete body.encoding_format;
  if (own.base64) body.encoding_format = 'base64';
  delete body.dimensions;
  if (call.dimensions !== undefined) {
    if (own.dimensions === null) {
      throw new GoblinError('unsupported_by_target', 'the length of vectors cannot be chosen at this provider');
    }
    body[own.dimensions ?? 'dimensions'] = call.dimensions;
  }
  return {
    path: pathOf(quirks.paths?.embeddings ?? '/embeddings', target.model),
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    notices: [],
  };
}

export const mostInputs = ({ quirks, model }: EncodeTarget): number =>
  quirksFor(quirks, model).embeddings?.most ?? Number.POSITIVE_INFINITY;

/** All vectors in the order of the inputs, or a failure: a missing or a doubled one would be taken for another's. */
export function decodeEmbed(text: string, inputs: number): Embeddings | ProviderFailure {
  const parsed = parseJson(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  if (!parsed.ok) return unreadable(text, parsed.cut).failure;
  const failure = reportedFailure(parsed.value);
  if (failure) return failure.failure;
  const document = parsed.value;
  if (!isObject(document) || !Array.isArray(document.data)) return protocol('JSON that holds no vectors');
  if (document.data.length !== inputs) return protocol(`${document.data.length} vectors for ${inputs} inputs`);
  const inOrder: unknown[] = new Array(inputs);
  for (let at = 0; at < inputs; at++) {
    const entry: unknown = document.data[at];
    const index = isObject(entry) ? (entry.index ?? at) : null;
    if (!isObject(entry) || !isPlace(index, inputs) || index in inOrder) return protocol('vectors with wrong numbers');
    inOrder[index] = typeof entry.embedding === 'string' ? fromBase64(entry.embedding) : entry.embedding;
  }
  const vectors = vectorsIn(inOrder, inputs);
  if (vectors === null) return protocol('something else among the vectors');
  const usage = objectIn(document, 'usage');
  return { vectors, inputTokens: firstTokens(usage?.prompt_tokens, usage?.total_tokens) };
}

function isPlace(index: unknown, count: number): index is number {
  return typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < count;
}

function protocol(detail: string): ProviderFailure {
  return failed('upstream_protocol', detail).failure;
}
