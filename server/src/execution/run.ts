/**
 * How an answer runs: one ordered list, the same for attached and detached requests.
 *
 *   plan → (attempt → parts)* → end
 *
 * Each attempt is committed before its upstream call, but the first of an attached request, which is committed beside it.
 */

import { ERRORS } from '../contract/errors.ts';
import { isVisible, type ProviderFailure } from '../contract/part.ts';
import type { PlannedTarget, Provider } from '../contract/provider.ts';
import type { AttemptEnd, AttemptStart, RequestError, StoredPlan } from '../contract/record.ts';
import type { TerminalState } from '../contract/states.ts';
import { asFailure, priced, ratesOf, silent } from './account.ts';
import { createAssembly } from './assembly.ts';
import { startAttempt } from './attempt.ts';
import { nextStep } from './next.ts';
import type { AttemptOutcome, RunningAttempt } from './outcome.ts';
import type { Run, RunDeps, RunEnd, RunInput, RunSink, StopReason } from './terms.ts';

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

  function account(
    provider: Provider,
    start: AttemptStart,
    outcome: AttemptOutcome,
    status: AttemptEnd['status'],
  ): AttemptEnd {
    const done = priced(input.call, assembly, provider, start, outcome, status, deps.price);
    cost = cost === null || done.costPico === null ? null : cost + done.costPico;
    return done;
  }

  function once(provider: Provider, target: PlannedTarget): Promise<AttemptOutcome> {
    const dialect = deps.dialect(provider);
    const maxOutput = deps.maxOutput(provider, target.model);
    const reasons = deps.reasons(provider, target.model);
    const request = dialect.vendor.encode(
      input.call,
      {
        provider: provider.name,
        model: target.model,
        quirks: provider.quirks,
        ...(maxOutput ? { maxOutput } : {}),
        ...(reasons === undefined ? {} : { reasons }),
      },
      input.stream,
    );
    if (input.pass?.dialect === dialect.name) request.headers = { ...request.headers, ...input.pass.headers };
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
    const { targets } = input.plan;
    const cap = deps.attemptCap + input.unburnt;
    let restart = input.restarted;
    let index = 0;
    let before: AttemptEnd | null = null;
    let failure: ProviderFailure | null = null;
    for (let n = input.firstAttempt; ; n++) {
      if (stopped) return stoppedEnd(stopped);
      if (n > cap) {
        return failure
          ? failed(
              failure.code,
              ERRORS[failure.code].title,
              { retryAfterMs: failure.retryAfterMs ?? null },
              failure.status,
            )
          : failed('poisoned', 'Every attempt was used up before this process took over.');
      }
      const target = targets[index] as PlannedTarget;
      const provider = deps.provider(target.provider);
      if (!provider) return failed('no_provider', `The provider ${target.provider} is no longer configured.`);
      const start: AttemptStart = {
        attempt: n,
        provider: target.provider,
        model: target.model,
        reason: target.reason,
        ...ratesOf(input.call, provider, deps.price(provider, target.model)),
        ...(n === input.firstAttempt && hadChoice(input.plan) ? { plan: input.plan } : {}),
      };
      let begun: boolean;
      try {
        begun = await deps.begin(start, before, restart);
      } catch (error) {
        const known = asFailure(error);
        return failed(known.code, ERRORS[known.code].title, { retryAfterMs: known.retryAfterMs ?? null });
      }
      if (!begun) return end(null, {});
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
          cap,
          more: targets.length - index - 1,
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
    soFar: () => ({ last, parts: assembly.parts().map((part) => ({ ...part })), stopped: stopped !== null }),
  };
}

/** A plan of one target says no more than its attempt does. */
const hadChoice = (plan: StoredPlan): boolean => plan.targets.length > 1 || plan.dropped.length > 0;
