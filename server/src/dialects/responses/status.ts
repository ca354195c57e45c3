/** How a response of a vendor ended. */
import type { FailurePart, FinishPart } from '../../contract/part.ts';
import { failed, reportedFailure } from '../failures.ts';
import { type Json, objectIn, stringIn } from '../json.ts';

const ENDS: ReadonlySet<string> = new Set(['completed', 'incomplete', 'failed', 'cancelled']);

/**
 * From `status`, or from the event's name where that says no end (`event`). `usedTools`: the answer calls
 * functions, which this API does not say in any other way. A response that still runs has no end.
 */
export function endOf(response: Json, event: string, usedTools: boolean): FinishPart | FailurePart {
  const status = stringIn(response, 'status') ?? '';
  switch (ENDS.has(status) ? status : event) {
    case 'completed':
      return { type: 'finish', reason: usedTools ? 'tool_calls' : 'stop' };
    case 'incomplete': {
      const reason = objectIn(response, 'incomplete_details')?.reason;
      return { type: 'finish', reason: reason === 'content_filter' ? 'content_filter' : 'length' };
    }
    case 'failed':
      return (
        reportedFailure({ error: response.error }) ??
        failed('upstream_unavailable', 'the vendor failed without saying why')
      );
    case 'cancelled':
      return failed('upstream_unavailable', 'the vendor cancelled the response');
    default:
      return failed('upstream_truncated', 'the response has no end');
  }
}
