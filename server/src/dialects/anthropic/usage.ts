/** Anthropic's token counts: cached and cache-written ones stand beside `input_tokens`, and come in two halves. */
import type { Usage } from '../../contract/part.ts';
import { isObject, type Json, objectIn } from '../json.ts';
import { tokens } from '../tokens.ts';

interface Counts {
  input: number;
  output: number;
  cached: number;
  written: number;
  reasoning: number;
}

export interface UsageReader {
  /** Takes over each count that is sane. */
  read(value: unknown): void;
  /** Null until the vendor counted the output: what `message_start` says of it is a placeholder. */
  usage(): Usage | null;
}

export function createUsageReader(): UsageReader {
  const counts: Counts = { input: 0, output: 0, cached: 0, written: 0, reasoning: 0 };
  let counted = false;

  function take(key: keyof Counts, value: unknown): void {
    const count = tokens(value);
    // Zeros are placeholders of servers that know better in their other half.
    if (count !== null && (count > 0 || counts[key] === 0)) counts[key] = count;
  }

  return {
    read(value) {
      if (!isObject(value)) return;
      take('input', value.input_tokens);
      take('cached', value.cache_read_input_tokens);
      take('written', value.cache_creation_input_tokens);
      take('reasoning', objectIn(value, 'output_tokens_details')?.thinking_tokens);
      const output = tokens(value.output_tokens);
      if (output === null) return;
      counts.output = output;
      counted = true;
    },
    usage() {
      const inputTokens = counts.input + counts.cached + counts.written;
      if (!counted || inputTokens + counts.output === 0) return null;
      return {
        inputTokens,
        outputTokens: counts.output,
        cachedInputTokens: counts.cached,
        cacheWriteTokens: counts.written,
        reasoningTokens: Math.min(counts.reasoning, counts.output),
        source: 'reported',
      };
    },
  };
}

/** `message_start` has the true input and a placeholder of the output (1 or 2), which must not be billed. */
export function withoutOutput(usage: unknown): Json | null {
  if (!isObject(usage)) return null;
  const { output_tokens: _, ...rest } = usage;
  return rest;
}
