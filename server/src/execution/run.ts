/**
 * How an answer runs: one ordered list, the same for attached and detached requests.
 *
 *   plan → (attempt → parts)* → end
 *
 * Each attempt is committed before its upstream call, but the first of an attached request, which is committed beside it.
 */

import type { AnswerCall } from '../contract/call.ts';
import { ERRORS, GoblinError } from '../contract/errors.ts';
import {
  type FinishReason,
  isVisible,
  type Part,
  type ProviderFailure,
  type Usage,
  type VisiblePart,
} from '../contract/part.ts';
import type { Dialect, Notice } from '../contract/ports.ts';
import type { PlannedTarget, Price, Provider } from '../contract/provider.ts';
import type { AttemptEnd, AttemptStart, RequestError } from '../contract/record.ts';
import type { FailoverMode, TerminalState } from '../contract/states.ts';
import { costOf } from '../money/cost.ts';
import { estimateUsage } from '../money/estimate.ts';
import type { Transport } from '../providers/transport.ts';
import type { Wheel } from '../providers/wheel.ts';
import { createAssembly } from './assembly.ts';
import { type AttemptOutcome, type Clocks, type RunningAttempt, startAttempt } from './attempt.ts';
import { nextStep } from './next.ts';

/** Why a run is stopped from outside. `lost`: another process owns it now; nothing more is written. */
export type StopReason = 'cancelled' | 'expired' | 'timeout' | 'left' | 'lost' | 'drain' | 'unrecorded';

export interface RunInput {
  id: string;
  call: AnswerCall;
  targets: PlannedTarget[];
  /** Number of the first attempt, after those of earlier epochs. */
  firstAttempt: number;
  stream: boolean;
  failover: FailoverMode;
  /** Whether a long rest may be spent in the queue (detached). */
  requeue: boolean;
  /** An earlier epoch has shown something: say `restart` first. */
  restarted: string | null;
  hop: string | null;
  /** Milliseconds that are left of the total limit, and of the caller's deadline. */
  totalMs: number;
  deadlineMs: number | null;
}

export interface RunSink {
  attempt(start: AttemptStart, restart: string | null): void;
  notice(notice: Notice): void;
  event(parts: readonly Part[], data: string, dialect: Dialect): void;
  flush(): boolean;
}

export interface RunDeps {
  transport: Transport;
  wheel: Wheel;
  clocks: Clocks;
  attemptCap: number;
  leaseMs: number;
  provider(name: string): Provider | null;
  price(provider: Provider, model: string): Price | null;
  maxOutput(provider: Provider, model: string): number | undefined;
  dialect(provider: Provider): Dialect;
  /** Commits the beginning of an attempt; false when the request is no longer ours. */
  begin(start: AttemptStart, before: AttemptEnd | null): Promise<boolean>;
  /** Told of every attempt that ended, for health and metrics. */
  observe(start: AttemptStart, end: AttemptEnd): void;
}

export interface RunEnd {
  /** Null: nothing may be written (`lost`), or the request goes back to the queue. */
  state: TerminalState | null;
  /** Set with `state` null: how long the request must rest before it runs again. */
  requeueMs: number | null;
  error: RequestError | null;
  retryAfterMs: number | null;
  parts: VisiblePart[];
  text: string;
  finishReason: FinishReason | null;
  usage: Usage | null;
  last: AttemptStart | null;
  attempt: AttemptEnd | null;
  /** Of all attempts of this run; null when one of them has no known price. */
  costPico: number | null;
  latencyMs: number;
  body: Buffer | null;
}

export interface Run {
  done: Promise<RunEnd>;
  stop(reason: StopReason): void;
  resume(): void;
}

export function startRun(deps: RunDeps, input: RunInput, sink: RunSink): Run {
  const started = performance.now();
  const assembly = createAssembly();
  let stopped: StopReason | null = null;
  let current: RunningAttempt | null = null;
  let wakeUp: (() => void) | null = null;
  let last: AttemptStart | null = null;
  let ended: AttemptEnd | null = null;
  let cost: number | null = 0;

  const stop = (reason: StopReason) => {
    if (stopped) return;
    stopped = reason;
    wakeUp?.();
  };
  const total = deps.wheel.alarm(() => stop('timeout'));
  total.set(Math.max(0, input.totalMs));
  const deadline = deps.wheel.alarm(() => stop('expired'));
  if (input.deadlineMs !== null) deadline.set(Math.max(0, input.deadlineMs));

  const timeLeft = () => {
    const left = input.deadlineMs === null ? input.totalMs : Math.min(input.totalMs, input.deadlineMs);
    return left - (performance.now() - started);
  };

  function end(state: TerminalState | null, more: Partial<RunEnd>): RunEnd {
    total.stop();
    deadline.stop();
    return {
      state,
      requeueMs: null,
      error: null,
      retryAfterMs: null,
      parts: assembly.parts(),
      text: assembly.text(),
      finishReason: null,
      usage: null,
      last,
      attempt: ended,
      costPico: cost,
      latencyMs: performance.now() - started,
      body: null,
      ...more,
    };
  }

  function failed(code: RequestError['code'], message: string, more: Partial<RunEnd> = {}, status?: number): RunEnd {
    return end('failed', {
      ...more,
      error: { code, message, ...(status === undefined ? {} : { upstream_status: status }) },
    });
  }

  function stoppedEnd(reason: StopReason): RunEnd {
    switch (reason) {
      case 'lost':
      case 'unrecorded':
        return end(null, {});
      case 'drain':
        return end(null, { requeueMs: 0 });
      case 'timeout':
        return failed('timeout', ERRORS.timeout.title);
      case 'expired':
        return end('expired', { error: { code: 'expired', message: ERRORS.expired.title } });
      default:
        return end('cancelled', { error: { code: 'cancelled', message: ERRORS.cancelled.title } });
    }
  }

  /** Prices one attempt. What the vendor did not report is estimated from what was shown, never zero. */
  function account(
    provider: Provider,
    start: AttemptStart,
    outcome: AttemptOutcome,
    status: AttemptEnd['status'],
  ): AttemptEnd {
    const billable = outcome.accepted;
    const usage = outcome.usage ?? (billable ? estimateUsage(input.call, assembly.shown(), assembly.pieces()) : null);
    const price = provider.free ? null : deps.price(provider, start.model);
    const costPico = provider.free || !usage ? 0 : price ? costOf(usage, price) : null;
    cost = cost === null || costPico === null ? null : cost + costPico;
    return {
      attempt: start.attempt,
      status,
      firstTokenMs: outcome.firstTokenMs,
      latencyMs: outcome.latencyMs,
      usage,
      costPico,
      priceVersion: provider.free ? 'free' : (price?.version ?? null),
      error: outcome.failure
        ? {
            code: outcome.failure.code,
            detail: outcome.failure.detail,
            ...(outcome.failure.status ? { upstream_status: outcome.failure.status } : {}),
          }
        : null,
    };
  }

  function once(provider: Provider, target: PlannedTarget): Promise<AttemptOutcome> {
    const dialect = deps.dialect(provider);
    const maxOutput = deps.maxOutput(provider, target.model);
    const request = dialect.vendor.encode(
      input.call,
      { provider: provider.name, model: target.model, quirks: provider.quirks, ...(maxOutput ? { maxOutput } : {}) },
      input.stream,
    );
    for (const notice of request.notices) sink.notice(notice);
    return new Promise((resolve) => {
      wakeUp = () => {
        if (current) resolve(current.abort());
      };
      current = startAttempt(
        deps,
        { dialect, provider, request, stream: input.stream, hop: input.hop, clocks: deps.clocks },
        {
          event(parts, data) {
            for (const part of parts) if (isVisible(part)) assembly.add(part);
            sink.event(parts, data, dialect);
          },
          flush: () => sink.flush(),
          done: resolve,
        },
      );
      if (stopped) wakeUp();
    });
  }

  function rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const alarm = deps.wheel.alarm(resolve);
      wakeUp = () => {
        alarm.stop();
        resolve();
      };
      if (stopped) wakeUp();
      else alarm.set(ms);
    });
  }

  async function go(): Promise<RunEnd> {
    let restart = input.restarted;
    let index = 0;
    let before: AttemptEnd | null = null;
    let failure: ProviderFailure | null = null;
    for (let n = input.firstAttempt; ; n++) {
      if (stopped) return stoppedEnd(stopped);
      if (n > deps.attemptCap) {
        return failure
          ? failed(
              failure.code,
              ERRORS[failure.code].title,
              { retryAfterMs: failure.retryAfterMs ?? null },
              failure.status,
            )
          : failed('poisoned', 'Every attempt was used up before this process took over.');
      }
      const target = input.targets[index] as PlannedTarget;
      const provider = deps.provider(target.provider);
      if (!provider) return failed('no_provider', `The provider ${target.provider} is no longer configured.`);
      const start: AttemptStart = { attempt: n, provider: target.provider, model: target.model, reason: target.reason };
      if (!(await deps.begin(start, before))) return end(null, {});
      if (stopped) {
        // Begun in the record, but nothing was sent.
        last = start;
        ended = account(provider, start, silent(null), 'cancelled');
        return stoppedEnd(stopped);
      }
      last = start;
      ended = null;
      sink.attempt(start, restart);
      restart = null;
      let outcome: AttemptOutcome;
      try {
        outcome = await once(provider, target);
      } catch (error) {
        outcome = silent(asFailure(error));
      }
      current = null;
      const success = outcome.failure === null && outcome.finishReason !== null;
      ended = account(provider, start, outcome, success ? 'succeeded' : stopped ? 'cancelled' : 'failed');
      if (success) {
        deps.observe(start, ended);
        return end('succeeded', { finishReason: outcome.finishReason, usage: ended.usage, body: outcome.body });
      }
      if (stopped) return stoppedEnd(stopped);
      deps.observe(start, ended);
      failure = outcome.failure ?? { code: 'upstream_truncated', detail: 'the answer has no end' };
      const shown = assembly.any();
      const step = nextStep(
        {
          failure,
          shown,
          failover: input.failover,
          attempt: n,
          cap: deps.attemptCap,
          more: input.targets.length - index - 1,
          timeLeft: timeLeft(),
        },
        Math.random(),
      );
      if (step.kind === 'end') {
        if (shown && input.failover === 'continue') {
          sink.notice({ code: 'cannot_continue', detail: 'No target can go on from where the answer broke.' });
        }
        return failed(
          failure.code,
          ERRORS[failure.code].title,
          { retryAfterMs: failure.retryAfterMs ?? null },
          failure.status,
        );
      }
      if (shown) {
        restart = failure.code;
        assembly.clear();
      }
      before = ended;
      if (step.kind === 'next') index++;
      else {
        // A rest longer than a lease is not worth a worker's place: the queue keeps it.
        if (input.requeue && step.ms > deps.leaseMs) return end(null, { requeueMs: step.ms });
        await rest(step.ms);
      }
    }
  }

  return {
    done: go().finally(() => {
      total.stop();
      deadline.stop();
    }),
    stop,
    resume: () => current?.resume(),
  };
}

function silent(failure: ProviderFailure | null): AttemptOutcome {
  return { failure, finishReason: null, usage: null, firstTokenMs: null, latencyMs: 0, accepted: false, body: null };
}

function asFailure(error: unknown): ProviderFailure {
  if (error instanceof GoblinError) return { code: error.code, detail: error.detail };
  return { code: 'internal', detail: error instanceof Error ? error.message : 'unknown' };
}
