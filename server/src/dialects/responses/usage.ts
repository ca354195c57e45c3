/** Token counts in the words of the Responses API. */

import type { Usage } from '../../contract/part.ts';
import type { Quirks } from '../../contract/quirks.ts';
import { isObject, type Json } from '../json.ts';
import { usageIn } from '../openai/usage.ts';

/** Usage of a response object; null when there is none that is sane. The rules are those of OpenAI's other API. */
export function responseUsage(response: Json, quirks: Quirks): Usage | null {
  const { usage } = response;
  if (!isObject(usage)) return null;
  return usageIn(
    {
      usage: {
        prompt_tokens: usage.input_tokens,
        completion_tokens: usage.output_tokens,
        total_tokens: usage.total_tokens,
        prompt_tokens_details: usage.input_tokens_details,
        completion_tokens_details: usage.output_tokens_details,
      },
    },
    quirks,
  );
}

export function encodeUsage(usage: Usage): Json {
  return {
    input_tokens: usage.inputTokens,
    input_tokens_details: { cached_tokens: usage.cachedInputTokens, cache_write_tokens: usage.cacheWriteTokens },
    output_tokens: usage.outputTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
    total_tokens: usage.inputTokens + usage.outputTokens,
  };
}
