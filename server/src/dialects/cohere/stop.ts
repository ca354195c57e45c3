/** Why an answer ended, in Cohere's words (`ChatFinishReason`). */
import type { FailurePart, FinishReason } from '../../contract/part.ts';
import { failed, reportedFailure } from '../failures.ts';

const REASONS: Readonly<Record<string, FinishReason>> = {
  COMPLETE: 'stop',
  STOP_SEQUENCE: 'stop',
  MAX_TOKENS: 'length',
  TOOL_CALL: 'tool_calls',
};

/**
 * `ERROR` (and what v1 knew of its kind) and `TIMEOUT` are failures, and so is any end that comes with an error text.
 * Words that we do not know, and no word at all, mean what the answer holds.
 */
export function endOf(word: unknown, error: unknown, usedTools: boolean): FinishReason | FailurePart {
  const reason = typeof word === 'string' ? word.toUpperCase() : '';
  if (reason === 'ERROR_TOXIC') return failed('content_filter', 'the vendor ended the answer with ERROR_TOXIC');
  if (reason === 'TIMEOUT') return failed('upstream_timeout', 'the vendor ended the answer with TIMEOUT');
  if (reason.startsWith('ERROR') || (typeof error === 'string' && error !== '')) {
    const said = reportedFailure({ error });
    return said ?? failed('upstream_unavailable', `the vendor ended the answer with ${reason}`);
  }
  if (Object.hasOwn(REASONS, reason)) return REASONS[reason] ?? 'stop';
  return usedTools ? 'tool_calls' : 'stop';
}
