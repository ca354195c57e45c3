/** OpenAI-shaped token counts, as OpenAI and those who follow it report them. */

import type { Usage } from '../../contract/part.ts';
import type { Quirks } from '../../contract/quirks.ts';
import { isObject, type Json, objectIn } from '../json.ts';
import { firstTokens, tokens } from '../tokens.ts';

/** Usage of a chunk or a whole answer; null when there is none that is sane. */
export function usageIn(document: Json, quirks: Quirks): Usage | null {
  const choice = Array.isArray(document.choices) ? document.choices[0] : null;
  return (
    readUsage(document.usage, quirks) ??
    // Groq puts it into its own field on the last chunk, Moonshot into the choice.
    readUsage(objectIn(document, 'x_groq')?.usage, quirks) ??
    readUsage(isObject(choice) ? choice.usage : null, quirks)
  );
}

function readUsage(value: unknown, quirks: Quirks): Usage | null {
  if (!isObject(value)) return null;
  const input = tokens(value.prompt_tokens);
  const completion = tokens(value.completion_tokens);
  // A prompt has tokens: two zeros are a placeholder, and unknown usage must never become zero.
  if (input === null || completion === null || input + completion === 0) return null;
  const inputDetails = objectIn(value, 'prompt_tokens_details');
  const outputDetails = objectIn(value, 'completion_tokens_details');
  const total = tokens(value.total_tokens);
  const told = firstTokens(outputDetails?.reasoning_tokens, value.reasoning_tokens) ?? 0;
  // Gemini names no reasoning at all: it is what the total has more than its parts.
  const untold = quirks.reasoningBesideOutput === true && told === 0 && total !== null ? total - input - completion : 0;
  const reasoning = told + Math.max(0, untold);
  // DeepSeek: prompt_cache_hit_tokens; Moonshot: cached_tokens.
  const cached = firstTokens(inputDetails?.cached_tokens, value.prompt_cache_hit_tokens, value.cached_tokens) ?? 0;
  const written =
    firstTokens(
      inputDetails?.cache_write_tokens,
      // Alibaba.
      inputDetails?.cache_creation_input_tokens,
      value.cache_creation_input_tokens,
    ) ?? 0;
  const beside = reasoning > 0 && isBeside(total, input, completion, reasoning, quirks);
  const output = beside ? completion + reasoning : completion;
  // Parts cannot exceed their whole: then they are not believed, and the whole is billed at its full price.
  const cachedInputTokens = cached <= input ? cached : 0;
  const cost = costIn(value);
  return {
    ...(cost === null ? {} : { costUsd: cost }),
    inputTokens: input,
    outputTokens: output,
    cachedInputTokens,
    cacheWriteTokens: cachedInputTokens + written <= input ? written : 0,
    reasoningTokens: Math.min(reasoning, output),
    source: 'reported',
  };
}

/** No call costs more, whatever it does. US dollars. */
const MOST = 10_000;

/** OpenRouter: `cost`; Perplexity: `cost.total_cost`. */
function costIn(usage: Json): number | null {
  const cost = objectIn(usage, 'cost')?.total_cost ?? usage.cost;
  return typeof cost === 'number' && cost >= 0 && cost <= MOST ? cost : null;
}

/** Whether reasoning is counted apart from the completion: the total decides if it can, else what the catalogue knows. */
function isBeside(total: number | null, input: number, completion: number, reasoning: number, quirks: Quirks): boolean {
  if (quirks.reasoningBesideOutput === 'uncounted') return true;
  if (total === input + completion) return false;
  if (total === input + completion + reasoning) return true;
  return quirks.reasoningBesideOutput === true;
}
