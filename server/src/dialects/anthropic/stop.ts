/** Why an answer ended, in Anthropic's words. */
import type { FinishReason } from '../../contract/part.ts';

const REASONS: Readonly<Record<string, FinishReason>> = {
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
};

/** Words that we do not know (`pause_turn` and those to come) mean `stop`; no word at all, what the blocks say. */
export function stopReason(value: unknown, usedTools: boolean): FinishReason {
  if (typeof value !== 'string') return usedTools ? 'tool_calls' : 'stop';
  return Object.hasOwn(REASONS, value) ? (REASONS[value] ?? 'stop') : 'stop';
}
