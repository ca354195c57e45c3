/**
 * One attempt of one call, or of several, one after the other: all of them succeed, or the attempt fails as the first that does.
 * What those before it have cost is counted all the same.
 */
import type { Dialect, WireRequest } from '../contract/dialect.ts';
import type { Usage } from '../contract/part.ts';
import { plus } from './account.ts';
import { startAttempt } from './attempt.ts';
import type { AttemptInput, AttemptListener, AttemptOutcome, RunningAttempt } from './outcome.ts';

export interface Batch {
  dialect: Dialect;
  request: WireRequest;
}

/** `batches`: one at least. */
export function startBatches(
  deps: Parameters<typeof startAttempt>[0],
  common: Omit<AttemptInput, 'dialect' | 'request'>,
  batches: readonly [Batch, ...Batch[]],
  listener: AttemptListener,
): RunningAttempt {
  const started = performance.now();
  const [first, ...rest] = batches;
  const several = rest.length > 0;
  let usage: Usage | null = null;
  /** The vendor took a call and has not said what it cost: then all are charged by estimate. */
  let untold = false;
  let accepted = false;

  /** With what the calls before have come to. */
  function joined(outcome: AttemptOutcome): AttemptOutcome {
    accepted ||= outcome.accepted;
    usage = plus(usage, outcome.usage);
    if (outcome.accepted && outcome.usage === null) untold = true;
    const latencyMs = performance.now() - started;
    return { ...outcome, usage: untold ? null : usage, accepted, latencyMs, body: several ? null : outcome.body };
  }

  function start(batch: Batch): RunningAttempt {
    return startAttempt(
      deps,
      { ...common, ...batch },
      {
        event(parts, data, alike) {
          if (rest.length === 0) listener.event(parts, data, alike);
        },
        flush: () => listener.flush(),
        done(outcome) {
          const told = joined(outcome);
          const next = outcome.failure === null ? rest.shift() : undefined;
          if (next === undefined) listener.done(told);
          else current = start(next);
        },
      },
    );
  }

  let current = start(first);
  return { abort: () => joined(current.abort()), resume: () => current.resume() };
}
