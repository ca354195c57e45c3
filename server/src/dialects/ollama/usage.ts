/** Ollama's token counts, on the last line. Counts of zero are left out there, and so are those that nobody made. */
import type { Usage } from '../../contract/part.ts';
import type { Json } from '../json.ts';
import { tokens } from '../tokens.ts';

/** `prompt_eval_count` holds the cached ones. Null unless both counts are there: unknown usage must never become zero. */
export function usageIn(line: Json): Usage | null {
  const input = tokens(line.prompt_eval_count);
  const output = tokens(line.eval_count);
  if (input === null || output === null || input + output === 0) return null;
  const cached = tokens(line.prompt_eval_cached_count) ?? 0;
  return {
    inputTokens: input,
    outputTokens: output,
    cachedInputTokens: cached <= input ? cached : 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    source: 'reported',
  };
}
