/** Why an answer ended, in Converse's words. */
import type { FinishReason } from '../../contract/part.ts';

const REASONS: Readonly<Record<string, FinishReason>> = {
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  guardrail_intervened: 'content_filter',
  content_filtered: 'content_filter',
  // What Claude says itself, should it come through unchanged.
  refusal: 'content_filter',
};

/**
 * Null: what the model wrote is broken, so the answer is none (`malformed_model_output`, `malformed_tool_use`). Words
 * that we do not know mean `stop`; no word at all, what the blocks say.
 */
export function stopReason(value: unknown, usedTools: boolean): FinishReason | null {
  if (typeof value !== 'string' || value === '') return usedTools ? 'tool_calls' : 'stop';
  if (value.startsWith('malformed_')) return null;
  return Object.hasOwn(REASONS, value) ? (REASONS[value] ?? 'stop') : 'stop';
}
