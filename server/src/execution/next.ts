/**
 * After an attempt failed: another target, the same again after a rest, or the end. Pure.
 *
 * What was shown is not taken back by itself. With `continue` the next attempt goes on from it, so only a target that
 * can is asked; with `restart` it is declared void; with `fail` it stays, and the request ends.
 */
import { ERRORS } from '../contract/errors.ts';
import type { ProviderFailure } from '../contract/part.ts';
import type { FailoverMode } from '../contract/states.ts';
import { isOfKey } from '../routing/cooldowns.ts';

/** A target that may come next. */
export interface Option {
  /** It can go on from what was shown. */
  canContinue: boolean;
  /** Milliseconds until it may be called (its breaker, its keys); 0: now; infinite: when somebody acts. */
  waitMs: number;
  /** What the retry budget says; `wait`: it will be known in a moment. */
  mayRetry: 'yes' | 'wait' | 'no';
}

export interface Situation {
  failure: ProviderFailure;
  /** Something visible was shown. */
  shown: boolean;
  failover: FailoverMode;
  attempt: number;
  cap: number;
  /** The target that failed. */
  same: Option & {
    /** Another of its keys may be used now. */
    otherKey: boolean;
  };
  /** Those of the plan that were not tried yet, in their order. */
  later: readonly Option[];
  /** Milliseconds until the nearest limit. */
  timeLeft: number;
  /** How long the request may wait for breakers and budgets in all, and how long it has rested already. Milliseconds. */
  patienceMs: number;
  waitedMs: number;
}

/** What becomes of what was shown: the next attempt goes on from it, or it is void. Null: nothing was shown. */
export type Shown = 'continue' | 'restart' | null;

/** Why it ends. `cannot_continue`: something was shown, and no target can go on from it. */
export type EndReason = 'attempts' | 'final' | 'shown' | 'cannot_continue' | 'open' | 'budget' | 'time';

export type Step =
  /** The target at this place of `later`. */
  | { kind: 'next'; place: number; shown: Shown }
  /** The same target after so many milliseconds, with whatever key is free then. */
  | { kind: 'again'; ms: number; shown: Shown }
  /** No attempt yet: decide again after so many milliseconds. */
  | { kind: 'wait'; ms: number }
  | { kind: 'end'; why: EndReason };

/** Full jitter, so that many callers do not come back together: 100 ms, 200 ms, 400 ms … on average, 5 s at most. */
export function backoffMs(attempt: number, random: number): number {
  return Math.round(Math.min(5000, 200 * 2 ** (attempt - 1)) * (0.5 + random) * 0.5 + 50);
}

/** How often it is asked again whether a target is well: 150 ms on average. */
const askAgainMs = (random: number): number => Math.round(100 + 100 * random);

const end = (why: EndReason): Step => ({ kind: 'end', why });

/** `random` is from 0 to 1. */
export function nextStep(s: Situation, random: number): Step {
  const { code } = s.failure;
  const row = ERRORS[code];
  if (s.attempt >= s.cap) return end('attempts');
  if (!row.fallback && !row.retry) return end('final');
  if (s.shown && s.failover === 'fail') return end('shown');
  const shown: Shown = s.shown ? (s.failover === 'restart' ? 'restart' : 'continue') : null;
  const fits = (option: Option): boolean => shown !== 'continue' || option.canContinue;
  const later = s.later.map((option, place) => ({ ...option, place })).filter((option) => row.fallback && fits(option));
  const same = fits(s.same) ? s.same : null;
  if (shown === 'continue' && later.length === 0 && same === null) return end('cannot_continue');

  // Another key of the same target is nearer to what the caller asked for than another target.
  if (isOfKey(code) && same?.otherKey && same.waitMs === 0 && same.mayRetry === 'yes') {
    return { kind: 'again', ms: 0, shown };
  }

  const free = later.filter((option) => option.waitMs === 0);
  const next = free.find((option) => option.mayRetry === 'yes');
  if (next !== undefined) return { kind: 'next', place: next.place, shown };

  const patience = Math.min(s.patienceMs - s.waitedMs, s.timeLeft);
  const pause = askAgainMs(random);
  if (free.some((option) => option.mayRetry === 'wait') && pause < patience) return { kind: 'wait', ms: pause };

  const again = same !== null && row.retry ? sameAgain(s, patience, random) : null;
  if (again?.ms !== undefined) return { kind: 'again', ms: again.ms, shown };

  // A later target that may be called soon is better than none.
  const soonest = Math.min(...later.filter((option) => option.waitMs > 0).map((option) => option.waitMs));
  if (soonest < patience) return { kind: 'wait', ms: soonest };
  if (again?.why !== undefined) return end(again.why);
  if (free.length > 0) return end('budget');
  return end(later.length > 0 ? 'open' : shown === 'continue' ? 'cannot_continue' : 'final');
}

/** How long to rest before the same target is called again, or why it is not. */
function sameAgain(s: Situation, patience: number, random: number): { ms?: number; why?: EndReason } {
  const { code, retryAfterMs } = s.failure;
  const { mayRetry, waitMs } = s.same;
  const asked = retryAfterMs ?? backoffMs(s.attempt, random);
  if (code === 'upstream_rate_limited') {
    // Whoever limits our rate says when to come back, and is not in need of a budget. More time than is left: not waited for.
    const ms = Number.isFinite(waitMs) ? Math.max(asked, waitMs) : asked;
    return ms < s.timeLeft ? { ms } : { why: 'time' };
  }
  if (mayRetry !== 'yes') return { why: waitMs > 0 ? 'open' : 'budget' };
  if (asked >= s.timeLeft) return { why: 'time' };
  if (waitMs <= asked) return { ms: asked };
  return waitMs < patience ? { ms: waitMs } : { why: 'open' };
}
