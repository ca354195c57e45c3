/** What comes after a failure: decided by `nextStep`, and anew when a wait is over. */
import type { ProviderFailure } from '../contract/part.ts';
import type { PlannedTarget, Provider } from '../contract/provider.ts';
import type { AttemptStart } from '../contract/record.ts';
import type { Assembly } from './assembly.ts';
import { nextStep, type Option, type Step } from './next.ts';
import { encodeTarget } from './once.ts';
import type { RunDeps, RunInput } from './terms.ts';

/**
 * How long a request waits in all for breakers, budgets and rests: while somebody waits for it, and while nobody does. A
 * stream has its headers after ten seconds: until then a failure has a status of its own.
 */
const PATIENCE_MS = { attached: 8000, detached: 120_000 };

/** `again` with `ms` above 0: the queue keeps it for so long. */
export type Decision = Exclude<Step, { kind: 'wait' }>;

export interface DecideDeps {
  deps: RunDeps;
  input: RunInput;
  assembly: Assembly;
  timeLeft(): number;
  rest(ms: number): Promise<void>;
  stopped(): boolean;
}

/** Null: the run was stopped meanwhile. */
export type Decide = (
  failure: ProviderFailure,
  target: PlannedTarget,
  start: AttemptStart,
  later: readonly PlannedTarget[],
  cap: number,
) => Promise<Decision | null>;

export function createDecide({ deps, input, assembly, timeLeft, rest, stopped }: DecideDeps): Decide {
  const { health } = deps;
  let waitedMs = 0;

  /** What stands for and against a target as the next one. */
  function option(target: PlannedTarget, kind: 'retry' | 'fallback', now: number): Option {
    const provider = deps.provider(target.provider, input.by?.tenant);
    if (!provider) return { canContinue: false, waitMs: Number.POSITIVE_INFINITY, mayRetry: 'no' };
    return {
      canContinue: canContinue(provider, target.model),
      waitMs: health.waitMs(provider, target.model, now),
      mayRetry: health.mayRetry(target.provider, target.model, kind, now),
    };
  }

  function canContinue(provider: Provider, model: string): boolean {
    if (!assembly.isText()) return false;
    // Where only thoughts were shown, the answer itself has yet to begin.
    if (assembly.text() === '') return true;
    const { goesOn } = deps.dialect(provider).vendor;
    return goesOn?.({ ...encodeTarget(deps, { provider, model }), prefix: assembly.text() }) ?? false;
  }

  function mayRepeat(target: PlannedTarget, { code }: ProviderFailure): boolean {
    const { waitMs, mayRetry } = option(target, 'retry', Date.now());
    // Who limits our rate is in no need of a budget; a key that is out for good is the last resort that it was before.
    if (code === 'upstream_rate_limited') return waitMs === 0 || waitMs === Number.POSITIVE_INFINITY;
    return waitMs === 0 && mayRetry === 'yes';
  }

  /** Many were told at the same moment that a probe is due, and each begins a moment after it was decided. */
  function claimed(step: Decision, target: PlannedTarget | undefined, now: number): Decision {
    if (target) health.claim(target.provider, target.model, now);
    return step;
  }

  return async (first, target, start, later, cap) => {
    let failure = first;
    for (;;) {
      const now = Date.now();
      const provider = deps.provider(target.provider, input.by?.tenant);
      const other = provider && health.key(provider, target.model, input.plan.seed, now);
      const step = nextStep(
        {
          failure,
          shown: assembly.any(),
          failover: input.failover,
          attempt: start.attempt,
          cap,
          same: {
            ...option(target, 'retry', now),
            otherKey: other !== null && start.keyRef !== undefined && other !== start.keyRef,
          },
          later: later.map((one) => option(one, 'fallback', now)),
          timeLeft: timeLeft(),
          patienceMs: input.requeue ? PATIENCE_MS.detached : PATIENCE_MS.attached,
          waitedMs,
        },
        Math.random(),
      );
      if (step.kind === 'end') return step;
      if (step.kind === 'next') return claimed(step, later[step.place], now);
      if (step.kind === 'again') {
        if (step.ms === 0) return claimed(step, target, now);
        // A rest longer than a lease is not worth a worker's place: the queue keeps it.
        if (input.requeue && step.ms > deps.leaseMs) return step;
      }
      await rest(step.ms);
      if (stopped()) return null;
      waitedMs += step.ms;
      // Others have been told the same meanwhile: who comes too late decides anew.
      if (step.kind === 'again') {
        if (mayRepeat(target, failure)) return claimed({ ...step, ms: 0 }, target, Date.now());
        // What the vendor asked for is waited out by now.
        const { retryAfterMs: _waited, ...rest } = failure;
        failure = rest;
      }
    }
  };
}
