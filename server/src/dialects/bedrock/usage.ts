/**
 * Converse's token counts. `inputTokens` are those that were neither read from the cache nor written to it: "total
 * input tokens = inputTokens + cacheReadInputTokens + cacheWriteInputTokens" (Bedrock guide, "Prompt caching"). How many
 * of the output were reasoning is not reported. Streams of OpenAI's GPT-5.6 have been seen to count what they cached
 * twice; nothing in the event tells them apart.
 */
import type { Usage } from '../../contract/part.ts';
import { isObject } from '../json.ts';
import { tokens } from '../tokens.ts';

export function bedrockUsage(value: unknown): Usage | null {
  if (!isObject(value)) return null;
  const input = tokens(value.inputTokens);
  const output = tokens(value.outputTokens);
  const cached = tokens(value.cacheReadInputTokens) ?? 0;
  const written = tokens(value.cacheWriteInputTokens) ?? 0;
  if (input === null || output === null || input + output + cached + written === 0) return null;
  return {
    inputTokens: input + cached + written,
    outputTokens: output,
    cachedInputTokens: cached,
    cacheWriteTokens: written,
    reasoningTokens: 0,
    source: 'reported',
  };
}
