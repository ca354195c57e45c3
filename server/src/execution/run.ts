/**
 * How an answer runs: one ordered list, the same for attached and detached requests.
 *
 *   plan → (attempt → parts)* → end
 *
 * Each attempt is committed before its upstream call, but the first of an attached request, which is committed beside it.
 */

import type { Holding } from '../contract/entry.ts';
import type { ProviderFailure, Usage } from '../contract/part.ts';
import type { PlannedTarget, Provider } from '../contract/provider.ts';
import type { AttemptEnd, AttemptStart } from '../contract/record.ts';
import type { Ticket } from '../routing/book.ts';
import { namesKeys } from '../routing/keys.ts';
import { asFailure, beginningWith, hadChoice, healthOf, plus, priced, ratesOf, silent, storedPlan } from './account.ts';
import { createAssembly } from './assembly.ts';
import { createDecide } from './decide.ts';
import { createEar } from './ear.ts';
import { createEnds } from './ends.ts';
import { failureOf, withComeBack } from './failure.ts';
import { callOnce, type Once, type Place } from './once.ts';
import type { AttemptOutcome } from './outcome.ts';
import type { Run, RunDeps, RunEnd, RunInput, RunSink, StopReason } from './terms.ts';

const NOT_COVERED = 'What is left of the budget does not cover a call to the provider.';
/** Longest wait of an open connection for a vendor that asked for time before the call began. */
const OPEN_WAIT_MS = 60_000;

export function startRun(deps: RunDeps, input: RunInput, sink: RunSink): Run {
  const started = performance.now();
  const assembly = createAssembly();
  const { health } = deps;
  const providerOf = (name: string) => deps.provider(name, input.by?.tenant);
  const { after } = input;
  for (const part of after?.parts ?? []) assembly.add(part);
  let stopped: StopReason | null = null;
  /** The rule of a secret that ended the answer. */
  let blockedBy: string | null = null;
  let current: Once | null = null;
  let wakeUp: (() => void) | null = null;
  let last: AttemptStart | null = after?.start ?? null;
  let ended: AttemptEnd | null = after?.ended ?? null;
  let cost: number | null = 0;
  /** What attempts have used whose text the answer goes on from. */
  let carried: Usage | null = after?.usage ?? null;
  let prefix = after?.text ?? '';

  const decide = createDecide({
    deps,
    input,
    assembly,
    timeLeft: () => timeLeft(),
    rest,
    stopped: () => stopped !== null,
  });

  const stop = (reason: StopReason) => {
    if (stopped) return;
    stopped = reason;
    wakeUp?.();
  };

  const ear = createEar(input.answer, assembly, sink, (rule) => {
    blockedBy = rule;
    stop('blocked');
  });

  const ends = createEnds(() => {
    ear.rest();
    return {
      parts: assembly.parts(),
      text: assembly.text(),
      finishReason: null,
      usage: null,
      last,
      attempt: ended,
      costPico: cost,
      latencyMs: performance.now() - started,
    };
  });
  const halt = (reason: StopReason) => (blockedBy === null ? ends.stopped(reason) : ends.blocked(blockedBy));
  const total = deps.wheel.alarm(() => stop('timeout'));
  total.set(Math.max(0, input.totalMs));
  const deadline = deps.wheel.alarm(() => stop('expired'));
  if (input.deadlineMs !== null) deadline.set(Math.max(0, input.deadlineMs));

  const timeLeft = () => {
    const left = input.deadlineMs === null ? input.totalMs : Math.min(input.totalMs, input.deadlineMs);
    return left - (performance.now() - started);
  };

  function account(provider: Provider, start: AttemptStart, outcome: AttemptOutcome, status: AttemptEnd['status']) {
    const call = prefix === '' ? input.call : beginningWith(input.call, prefix);
    const done = priced(call, ear.heard(), provider, start, outcome, status, deps.price);
    cost = cost === null || done.costPico === null ? null : cost + done.costPico;
    return done;
  }

  async function once(place: Place, ticket: Ticket, rested = false): Promise<AttemptOutcome> {
    try {
      // While it rested, whoever ended it may not have reached this process.
      if (rested && !stopped && !(await deps.still())) stop('lost');
      if (stopped) return silent(null);
      const spoke = () => health.spoke(ticket);
      current = callOnce(deps, input, place, prefix, carried?.outputTokens ?? 0, ear, sink, spoke);
      wakeUp = current.abort;
      return await current.done;
    } catch (error) {
      return silent(asFailure(error));
    } finally {
      current = null;
    }
  }

  /** Whether a vendor's own body has something that must not be shown: it is told from its parts then. */
  async function hides(body: Buffer | null): Promise<boolean> {
    const { answer } = input;
    if (!answer || !body) return false;
    if (answer.changed) return true;
    try {
      return await answer.whole(body.toString('utf8'));
    } catch {
      // What cannot be looked at is not shown.
      return true;
    }
  }

  /** Every target rests, as its vendor asked: the attempt stands in the record and waits, if that is not too long. */
  async function onceRested(ms: number, place: Place, ticket: Ticket): Promise<AttemptOutcome> {
    if (ms >= Math.min(timeLeft(), input.requeue ? Number.POSITIVE_INFINITY : OPEN_WAIT_MS)) {
      return silent({ code: 'upstream_rate_limited', detail: 'asked for time by the provider', retryAfterMs: ms });
    }
    await rest(ms);
    return await once(place, ticket, true);
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

  /** The first that may be called at this moment: another request may just have taken the probe of one that was sick. */
  function firstOf(targets: PlannedTarget[]): PlannedTarget {
    const now = Date.now();
    const at = targets.findIndex((one) => {
      const provider = providerOf(one.provider);
      return provider !== null && health.admits(provider, one.model, now);
    });
    const [first] = targets.splice(Math.max(at, 0), 1) as [PlannedTarget];
    // Holding money for it takes a while, in which nobody else shall be told that the probe is his.
    if (at >= 0) health.claim(first.provider, first.model, now);
    return first;
  }

  async function go(): Promise<RunEnd> {
    const { targets, unwell = [], restMs: rests = 0 } = input.plan;
    const all = [...targets, ...unwell];
    const later = [...all];
    const cap = deps.attemptCap + input.unburnt;
    if (input.requeue && rests > deps.leaseMs) return ends.end(null, { requeueMs: rests });
    let target = firstOf(later);
    const restMs = target === targets[0] ? rests : 0;
    const failed = (failure: ProviderFailure) =>
      ends.failure(withComeBack({ health, provider: providerOf }, failure, all, target));
    let kind: 'first' | 'retry' | 'fallback' = 'first';
    let restart = input.restarted;
    let before = ended;
    let failure: ProviderFailure | null = null;
    for (let n = input.firstAttempt; ; n++) {
      if (stopped) return halt(stopped);
      if (n > cap) {
        return failure
          ? failed(failure)
          : ends.failed('poisoned', 'Every attempt was used up before this process took over.');
      }
      const provider = providerOf(target.provider);
      if (!provider) return ends.failed('no_provider', `The provider ${target.provider} is no longer configured.`);
      let held: Holding | null = null;
      if (input.cover) {
        const { model } = target;
        const shownBytes = Buffer.byteLength(prefix);
        try {
          held = await input.cover({ attempt: n, provider, model, spentPico: cost, shownBytes });
        } catch (error) {
          return ends.failure(asFailure(error));
        }
        if (held === null) return ends.failed('budget_exceeded', NOT_COVERED);
      }
      const now = Date.now();
      const keyRef = (kind === 'first' && target.keyRef) || health.key(provider, target.model, input.plan.seed, now);
      const start: AttemptStart = {
        attempt: n,
        provider: target.provider,
        model: target.model,
        reason: target.reason,
        ...ratesOf(input.call, provider, deps.price(provider, target.model)),
        ...(keyRef === null || !namesKeys(provider) ? {} : { keyRef }),
        ...(n === input.firstAttempt && hadChoice(input.plan) ? { plan: storedPlan(input.plan) } : {}),
        ...(held === null || held.holds.length === 0 ? {} : { holds: held.holds }),
      };
      const { conversation } = input.plan;
      const call = { provider: target.provider, model: target.model, key: keyRef, kind, conversation };
      const ticket = health.begin(call, now);
      try {
        if (!(await deps.begin(start, before, restart))) {
          held?.undo();
          health.end(ticket, null, Date.now());
          return ends.end(null);
        }
        held?.written();
      } catch (error) {
        held?.undo(error);
        health.end(ticket, null, Date.now());
        return ends.failure(asFailure(error));
      }
      last = start;
      if (stopped) {
        // Begun in the record, but nothing was sent.
        health.end(ticket, null, Date.now());
        ended = account(provider, start, silent(null), 'cancelled');
        return halt(stopped);
      }
      ended = null;
      sink.attempt(start, restart);
      restart = null;
      assembly.mark();
      const outcome =
        kind === 'first' && restMs > 0
          ? await onceRested(restMs, { provider, model: target.model, keyRef }, ticket)
          : await once({ provider, model: target.model, keyRef }, ticket);
      const success = outcome.failure === null && outcome.finishReason !== null && blockedBy === null;
      ended = account(provider, start, outcome, success ? 'succeeded' : stopped ? 'cancelled' : 'failed');
      health.end(ticket, healthOf(ended, outcome, input.stream), Date.now());
      if (success) {
        deps.observe(start, ended);
        const usage = plus(carried, ended.usage);
        return ends.end('succeeded', {
          finishReason: outcome.finishReason,
          usage,
          body: carried || (await hides(outcome.body)) ? null : outcome.body,
          vectors: outcome.vectors ?? null,
        });
      }
      if (stopped) return halt(stopped);
      deps.observe(start, ended);
      const latest = outcome.failure ?? { code: 'upstream_truncated', detail: 'the answer has no end' };
      failure = failureOf(latest, failure, prefix);
      const step = await decide(latest, target, start, later, cap);
      if (step === null) continue;
      if (step.kind === 'end') {
        if (step.why === 'cannot_continue') {
          sink.notice({ code: 'cannot_continue', detail: 'No target can go on from where the answer broke.' });
        }
        return failed(failure);
      }
      if (step.shown === 'restart') {
        restart = latest.code;
        prefix = '';
        carried = null;
        assembly.clear();
        ear.clear();
      } else if (step.shown === 'continue') {
        ear.carry();
        carried = plus(carried, ended.usage);
        prefix = assembly.text();
        const room = (input.call.maxTokens ?? Number.POSITIVE_INFINITY) - (carried?.outputTokens ?? 0);
        // As much was shown as the caller wanted to have.
        if (room <= 0) return ends.end('succeeded', { finishReason: 'length', usage: carried });
      } else ear.clear();
      before = ended;
      if (step.kind === 'next') {
        target = later.splice(step.place, 1)[0] as PlannedTarget;
        kind = 'fallback';
        deps.fellBack(start, target, latest.code);
        continue;
      }
      kind = 'retry';
      if (step.ms > 0) return ends.end(null, { requeueMs: step.ms });
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
