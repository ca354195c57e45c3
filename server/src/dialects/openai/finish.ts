/** Why an answer ended, in the words of OpenAI and of those who follow it. */
import type { FinishReason } from '../../contract/part.ts';

const REASONS: Readonly<Record<string, FinishReason>> = {
  length: 'length',
  max_tokens: 'length',
  max_output_tokens: 'length',
  model_length: 'length',
  tool_calls: 'tool_calls',
  function_call: 'tool_calls',
  tool_use: 'tool_calls',
  content_filter: 'content_filter',
  refusal: 'content_filter',
  safety: 'content_filter',
  sensitive: 'content_filter',
};

/**
 * Null while the answer goes on. Some servers send an empty string instead of null. Words that we do not know mean
 * `stop`: the vendor said that it is done.
 */
export function finishReason(value: unknown): FinishReason | 'error' | null {
  if (typeof value !== 'string' || value === '' || value === 'null') return null;
  const word = value.toLowerCase();
  if (word === 'error') return 'error';
  return Object.hasOwn(REASONS, word) ? (REASONS[word] ?? 'stop') : 'stop';
}
