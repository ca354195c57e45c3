/** After an attempt failed: another target, the same again after a rest, or the end. Pure. */
import { ERRORS } from '../contract/errors.ts';
import type { ProviderFailure } from '../contract/part.ts';
import type { FailoverMode } from '../contract/states.ts';

export interface Situation {
  failure: ProviderFailure;
  /** Something visible was shown by this attempt. */
  shown: boolean;
  failover: FailoverMode;
  attempt: number;
  cap: number;
  /** Targets of the plan that were not tried yet. */
  more: number;
  /** Milliseconds until the nearest limit. */
  timeLeft: number;
}

export type Step = { kind: 'next' } | { kind: 'again'; ms: number } | { kind: 'end' };

/** Full jitter, so that many callers do not come back together: 100 ms, 200 ms, 400 ms … on average, 5 s at most. */
export function backoffMs(attempt: number, random: number): number {
  return Math.round(Math.min(5000, 200 * 2 ** (attempt - 1)) * (0.5 + random) * 0.5 + 50);
}

export function nextStep(s: Situation, random: number): Step {
  const row = ERRORS[s.failure.code];
  if (s.attempt >= s.cap) return { kind: 'end' };
  if (s.shown && s.failover !== 'restart') return { kind: 'end' };
  if (s.more > 0 && row.fallback) return { kind: 'next' };
  if (!row.retry) return { kind: 'end' };
  const ms = s.failure.retryAfterMs ?? backoffMs(s.attempt, random);
  // A vendor that asks for more time than is left is not waited for.
  if (ms >= s.timeLeft) return { kind: 'end' };
  return { kind: 'again', ms };
}
