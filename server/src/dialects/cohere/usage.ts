/**
 * Cohere counts twice: `billed_units`, and `tokens` with the preamble of some hundred tokens that it puts before every
 * prompt and the special tokens of the model. Only the first are charged ("How does Cohere's pricing work?"), so they are
 * the usage; the others stand in where a deployment bills nothing. `cached_tokens` counts within `tokens` and has no price
 * of its own, so it says nothing about billed ones.
 */
import type { Usage } from '../../contract/part.ts';
import { isObject, type Json, objectIn } from '../json.ts';
import { tokens } from '../tokens.ts';

export function usageIn(value: unknown): Usage | null {
  if (!isObject(value)) return null;
  const billed = counted(objectIn(value, 'billed_units'));
  if (billed) return billed;
  const all = counted(objectIn(value, 'tokens'));
  if (all === null) return null;
  const cached = tokens(value.cached_tokens) ?? 0;
  return cached <= all.inputTokens ? { ...all, cachedInputTokens: cached } : all;
}

function counted(units: Json | null): Usage | null {
  const input = tokens(units?.input_tokens);
  const output = tokens(units?.output_tokens);
  // A prompt has tokens: two zeros are a placeholder, and unknown usage must never become zero.
  if (input === null || output === null || input + output === 0) return null;
  return {
    inputTokens: input,
    outputTokens: output,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    source: 'reported',
  };
}
