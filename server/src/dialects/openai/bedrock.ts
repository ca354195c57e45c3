/** Reasoning that a model behind Bedrock encrypted, in OpenAI's shape: an entry of `reasoning_details` of our making. */
import { isObject, type Json } from '../json.ts';

const FORMAT = 'bedrock-converse-v1';

export function bedrockDetail(fields: Json, index: number): Json {
  return { type: 'reasoning.encrypted', data: fields.redactedContent, format: FORMAT, index };
}

/** What Bedrock gave, when the entry is one of these. */
export function sealedIn(detail: unknown): string | null {
  return isObject(detail) && detail.format === FORMAT && typeof detail.data === 'string' ? detail.data : null;
}
