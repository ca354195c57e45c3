/**
 * Google's token counts (`usageMetadata`), cumulative in a stream. Thoughts stand beside the candidates, what tools of
 * theirs read stands beside the prompt, and the cached part is inside the prompt.
 */
import type { Usage } from '../../contract/part.ts';
import { isObject, type Json } from '../json.ts';
import { tokens } from '../tokens.ts';

/** `last`: the answer is over, so counts that are left out are zero or what the total says. Null when nothing is sane. */
export function usageIn(value: unknown, last: boolean): Usage | null {
  if (!isObject(value)) return null;
  const prompt = tokens(value.promptTokenCount);
  if (prompt === null || !sane(value)) return null;
  const input = prompt + (tokens(value.toolUsePromptTokenCount) ?? 0);
  const thoughts = tokens(value.thoughtsTokenCount) ?? 0;
  const output = outputIn(value, input, thoughts, last);
  if (output === null || input + output === 0) return null;
  const cached = tokens(value.cachedContentTokenCount) ?? 0;
  return {
    inputTokens: input,
    outputTokens: output,
    // A part cannot exceed its whole: then it is not believed, and the whole is billed at its full price.
    cachedInputTokens: cached <= prompt ? cached : 0,
    cacheWriteTokens: 0,
    reasoningTokens: Math.min(thoughts, output),
    source: 'reported',
  };
}

/** One absurd count makes the others doubtful: the ones before it are kept. */
function sane(value: Json): boolean {
  return ['candidatesTokenCount', 'thoughtsTokenCount', 'toolUsePromptTokenCount'].every(
    (key) => value[key] === undefined || value[key] === null || tokens(value[key]) !== null,
  );
}

/** Early events of a stream name only the prompt: that is no count of the output yet. */
function outputIn(value: Json, input: number, thoughts: number, last: boolean): number | null {
  const candidates = tokens(value.candidatesTokenCount);
  const total = tokens(value.totalTokenCount);
  if (candidates === null) {
    if (thoughts === 0 && !last) return null;
    return Math.max(thoughts, total === null ? 0 : total - input);
  }
  // Some servers count the thoughts inside the candidates; the total tells.
  return thoughts > 0 && total === input + candidates ? candidates : candidates + thoughts;
}
