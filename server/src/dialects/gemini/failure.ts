/** What Google's errors mean beyond their status (`google.rpc.Status`). */
import type { ErrorCode } from '../../contract/errors.ts';
import type { FailurePart, ProviderFailure } from '../../contract/part.ts';
import { httpFailure } from '../failures.ts';
import { isObject, parseJson } from '../json.ts';

/** Classes that the rules for all vendors give and these make finer. */
const MEANINGS: readonly [RegExp, ErrorCode][] = [
  // Another target answers what this one cannot read.
  [/thought.?signature|ending with a model turn/i, 'unsupported_by_target'],
  [/token count.{0,80}(model only supports|supports? (only )?up to)/i, 'upstream_context_too_long'],
  [/(credits?|balance) (is|are) depleted|spending cap/i, 'upstream_quota'],
  [/reported as leaked|has been suspended/i, 'upstream_unauthorized'],
  // Countries, and accounts without billing: 400 by status, but nothing is wrong with the request.
  [/failed_precondition|user location is not supported/i, 'upstream_forbidden'],
];
const COARSE: readonly ErrorCode[] = ['upstream_rejected', 'upstream_forbidden', 'upstream_rate_limited'];

export function geminiFailure(
  status: number,
  headers: Record<string, string>,
  body: string,
  now: number,
): ProviderFailure {
  const failure = refine(httpFailure(status, headers, body, now));
  // Google's `RetryInfo` names seconds even when the quota of the day is used up.
  if (failure.code === 'upstream_rate_limited' && isDailyLimit(body)) {
    return { ...failure, retryAfterMs: Math.max(failure.retryAfterMs ?? 0, untilPacificMidnight(now)) };
  }
  return failure;
}

/** The same for an error inside a 200. */
export function refined(part: FailurePart): FailurePart {
  return { type: 'failure', failure: refine(part.failure) };
}

function refine(failure: ProviderFailure): ProviderFailure {
  if (!COARSE.includes(failure.code)) return failure;
  for (const [words, code] of MEANINGS) if (words.test(failure.detail)) return { ...failure, code };
  return failure;
}

function isDailyLimit(body: string): boolean {
  const parsed = parseJson(body);
  const root = parsed.ok && Array.isArray(parsed.value) ? parsed.value[0] : parsed.ok ? parsed.value : null;
  const error = isObject(root) ? root.error : null;
  const details = isObject(error) && Array.isArray(error.details) ? error.details : [];
  return details.some(
    (detail) =>
      isObject(detail) &&
      Array.isArray(detail.violations) &&
      detail.violations.some((one) => isObject(one) && /PerDay/.test(String(one.quotaId))),
  );
}

/** Limits per day start anew at midnight Pacific time ("Rate limits"). An hour off on the days when the clocks change. */
function untilPacificMidnight(now: number): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: 'America/Los_Angeles',
    hourCycle: 'h23',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(now);
  const read = (type: string) => Number(parts.find((part) => part.type === type)?.value ?? 0);
  return 86_400_000 - ((read('hour') * 60 + read('minute')) * 60 + read('second')) * 1000;
}
