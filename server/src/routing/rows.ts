/** Health as an operator sees it. */
import type { BreakerState } from './breaker.ts';
import { sayRest } from './cooldowns.ts';
import { ONLY } from './keys.ts';
import type { Records } from './records.ts';
import type { Target } from './target.ts';

/** As `GET /mcp/v1/admin/metrics` shows a target. */
export interface HealthRow {
  provider: string;
  model: string;
  state: BreakerState;
  /** The state was set by hand. */
  forced: boolean;
  /** Of the window, in all processes that were heard of. */
  calls: number;
  /** Share of the calls that failed, 0 to 1. */
  error_rate: number;
  latency_p50_ms: number | null;
  first_token_p50_ms: number | null;
  tokens_per_s: number | null;
  /** Calls that run in this process. */
  running: number;
  /** Milliseconds since the epoch; null when it is not open, or open without end. */
  open_until: number | null;
  reason: string;
}

/** A key that rests. */
export interface RestRow {
  provider: string;
  /** Null: the provider's only key. */
  key: string | null;
  /** Null: all models. */
  model: string | null;
  /** Milliseconds since the epoch; null: until somebody acts. */
  until: number | null;
  reason: string;
}

const whole = (value: number | null): number | null => (value === null ? null : Math.round(value));

function rowOf(target: Target, now: number): HealthRow {
  const { breaker, stats } = target;
  const { first: calls, second: faults } = stats.window.total(now);
  const speed = stats.speed(now);
  const state = breaker.state(now);
  const override = breaker.override(now);
  return {
    provider: target.provider,
    model: target.model,
    state,
    forced: override !== null,
    calls,
    error_rate: calls === 0 ? 0 : faults / calls,
    latency_p50_ms: whole(speed.latencyMs),
    first_token_p50_ms: whole(speed.firstTokenMs),
    tokens_per_s: speed.tokensPerS === null ? null : Math.round(speed.tokensPerS * 10) / 10,
    running: target.load,
    open_until: state === 'open' ? (override === null ? breaker.record.until : override.until) : null,
    reason: target.sick(now) ?? breaker.say(now),
  };
}

export const healthRows = ({ targets }: Records, now: number): HealthRow[] =>
  [...targets.values()].map((target) => rowOf(target, now));

export function restRows({ cooldowns }: Records, now: number): RestRow[] {
  return cooldowns.resting(now).map(([name, rest]) => {
    const hash = name.indexOf('#');
    const space = name.indexOf(' ', hash);
    const key = name.slice(hash + 1, space === -1 ? undefined : space);
    return {
      provider: name.slice(0, hash),
      key: key === ONLY ? null : key,
      model: space === -1 ? null : name.slice(space + 1),
      until: rest.until,
      reason: sayRest(rest, now),
    };
  });
}
