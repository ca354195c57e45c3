/**
 * Runs a request while its caller waits. The record's first row is committed beside the first upstream call; nothing
 * of the answer leaves before that commit. The end is written behind the answer, bounded by the ledger's own limits.
 */

import type { DialectName } from '../contract/call.ts';
import type { Caller } from '../contract/caller.ts';
import type { Entry } from '../contract/entry.ts';
import { GoblinError, mismatch } from '../contract/errors.ts';
import type { AnswerListener, AttachedHandle, AttachedInput, AttachedOutcome } from '../contract/flow.ts';
import type { Bus, Ledger } from '../contract/ports.ts';
import type { Acceptance, AttemptStart, RunPlan } from '../contract/record.ts';
import type { AnswerShield } from '../guard/answers.ts';
import type { Alarm, Wheel } from '../providers/wheel.ts';
import { tokensOf } from './account.ts';
import { startAnswer } from './answer.ts';
import { createAudience } from './audience.ts';
import type { Persist } from './persist.ts';
import { settlementOf } from './settlement.ts';
import type { RunEnd, SharedRunDeps, StopReason } from './terms.ts';
import { asRecorded, failedBefore, refusalOf, STOPPED, toOutcome } from './told.ts';

/** A commit that takes longer than this voids the call that was begun beside it. */
const COMMIT_MS = 5000;
/** How long another attempt waits for a record that is away. */
const AWAY_MS = 30_000;

/** Where a running request stands in its process. */
export interface Place {
  /** The record has it: from now on the heartbeat compares. */
  recorded(): void;
  leave(): void;
}

export interface AttachedDeps {
  ledger: Ledger;
  bus: Bus;
  persist: Persist;
  wheel: Wheel;
  owner: string;
  /** UTC day of the database, `YYYY-MM-DD`. */
  day(): string;
  run: SharedRunDeps;
  totalMs: number;
  /** Registers a running request, so that cancel and shutdown find it. */
  register(id: string, stop: (reason: StopReason) => void): Place;
  ended(taskType: string, end: RunEnd): void;
}

/** The call was closed because its first row came too late: nothing was shown. */
const VOIDED = {
  state: 'failed',
  error: { code: 'unavailable', message: 'The record did not answer in time.' },
} as const;

/** How long an answer whose caller left runs on, so that a retry with the same idempotency key can have it. */
const LEFT_WITH_KEY_MS = 30_000;

export function runAttached(
  deps: AttachedDeps,
  caller: Caller,
  input: AttachedInput,
  acceptance: Acceptance,
  plan: RunPlan,
  hop: string | null,
  entry: Entry | null = null,
  answer: AnswerShield | undefined = undefined,
): AttachedHandle {
  const { ledger } = deps;
  const audience = createAudience(input.listener);
  const id = acceptance.id;
  const tenant = caller.tenant;
  let committed = false;
  let voided: GoblinError | null = null;
  let sameAs: string | null = null;
  /** The dialect of the vendor that speaks. */
  let spoken: DialectName | null = null;
  let pendingFlush = false;
  let outcome: AttachedOutcome | null = null;
  let delivered = false;
  let opened: Promise<boolean> = Promise.resolve(false);
  let begun = false;
  const keep = acceptance.idempotency !== null;
  // Whose money is held is called when the hold is in the record, so that nothing is spent that nobody counts.
  const committedBeside = !keep && (acceptance.holds === undefined || acceptance.holds.length === 0);

  /** Nothing of this call may be shown. The answer may have come before its record: then there is nothing left to stop. */
  function refuse(error: GoblinError): void {
    voided ??= error;
    run.stop('unrecorded');
    if (outcome) tellRefusal();
  }

  function tellRefusal(): void {
    if (delivered || !voided) return;
    delivered = true;
    audience.done({ ...failedBefore(voided), sameAs });
  }

  const late = deps.wheel.alarm(() =>
    refuse(
      new GoblinError('unavailable', 'The record did not answer in time; try again in a moment.', {
        retryAfterMs: 1000,
      }),
    ),
  );

  /** Commits acceptance, claim and first attempt in one. */
  async function open(start: AttemptStart): Promise<boolean> {
    begun = true;
    late.set(COMMIT_MS);
    const opening = { ...acceptance, owner: deps.owner, attempt: start };
    try {
      const accepted = await deps.persist(() => ledger.open(tenant, opening), COMMIT_MS);
      late.stop();
      if (accepted.outcome === 'accepted') entry?.recorded();
      else entry?.unrecorded();
      if (voided) return accepted.outcome === 'accepted';
      if (accepted.outcome !== 'accepted') {
        if (accepted.outcome === 'replayed') sameAs = accepted.id;
        refuse(mismatch());
        return false;
      }
      committed = true;
      place.recorded();
      audience.recorded();
      if (pendingFlush && !audience.flush()) pendingFlush = false;
      deliver();
      return true;
    } catch (error) {
      late.stop();
      entry?.unrecorded(error);
      refuse(
        error instanceof GoblinError
          ? error
          : new GoblinError('unavailable', 'The record cannot be written; try again in a moment.', {
              retryAfterMs: 1000,
            }),
      );
      return false;
    }
  }

  function deliver(): void {
    if (!outcome || !committed || delivered) return;
    delivered = true;
    audience.done(outcome);
  }

  /** Writes no frame, and says whether the request is still ours. */
  const nothing = () => ({ id, tenant, epoch: 1, firstSeq: 1, day: deps.day(), frames: [] });

  const run = startAnswer(
    {
      ...deps.run,
      still: () =>
        opened.then(
          (ours) => ours && deps.persist(() => ledger.frames(nothing()), AWAY_MS).then((frames) => frames !== null),
        ),
      begin(start, before) {
        if (start.attempt === 1) {
          opened = open(start);
          return committedBeside ? Promise.resolve(true) : opened;
        }
        // A vendor may fail sooner than the row of its call is committed.
        return opened.then(
          (ours) =>
            ours &&
            deps.persist(() => ledger.attempt(nothing(), start, before), AWAY_MS).then((frames) => frames !== null),
        );
      },
    },
    {
      id,
      call: input.submission.call,
      plan,
      firstAttempt: 1,
      unburnt: 0,
      stream: input.stream,
      failover: acceptance.failover,
      requeue: false,
      restarted: null,
      hop,
      ...(input.passHeaders ? { pass: { dialect: input.door, headers: input.passHeaders } } : {}),
      totalMs: deps.totalMs,
      deadlineMs: input.submission.deadlineMs,
      by: { tenant, key: caller.key },
      ...(input.submission.cache === false ? { cache: false } : {}),
      ...(entry === null ? {} : { cover: entry.cover }),
      ...(answer ? { answer } : {}),
    },
    {
      attempt(start, restart) {
        audience.attempt(start, restart);
      },
      notice: audience.notice,
      event(parts, data, dialect) {
        spoken = dialect.name;
        audience.event(parts, dialect.name === input.door ? data : null);
      },
      flush() {
        if (committed) return audience.flush();
        pendingFlush = true;
        return true;
      },
    },
  );
  const place = deps.register(id, run.stop);

  void run.done.then(async (ran) => {
    const end = begun && !voided ? await asRecorded(ran, () => ledger.get(tenant, id)) : ran;
    entry?.end(tokensOf(end));
    // It came to its end before anything of it was written: it is refused, and there is no record of it.
    if (!begun) voided ??= refusalOf(end);
    if (voided) tellRefusal();
    else {
      outcome = toOutcome(end, spoken === input.door, keep);
      deliver();
      deps.ended(acceptance.taskType, end);
    }
    try {
      // The end may come before the beginning is committed.
      if (!(await opened)) return;
      const over = voided ? { ...end, ...VOIDED } : end.state === null ? { ...end, ...STOPPED } : end;
      const callback = acceptance.callbackUrl !== null;
      const of = { tenant, id, epoch: 1, owner: deps.owner, day: deps.day(), callback, keep };
      const settlement = settlementOf(of, over, answer);
      const { attempt } = end;
      if (await deps.persist(() => ledger.settle(settlement))) deps.bus.publish(id, { type: 'ended' });
      else if (attempt) await deps.persist(() => ledger.settleAttempt(tenant, id, 1, attempt, end.text || null));
    } catch {
      // The record refuses, or the process stops: the request ends by its lease and is charged by estimate.
    } finally {
      entry?.settled(id);
      place.leave();
      input.over?.();
    }
  });

  let gone: Alarm | null = null;

  function leave(listener: AnswerListener): void {
    if (!audience.remove(listener)) return;
    run.resume();
    if (!audience.empty()) return;
    // Nobody can come back with a key that was revoked.
    if (acceptance.idempotency === null || caller.standing?.ended) run.stop('left');
    else {
      gone ??= deps.wheel.alarm(() => run.stop('left'));
      gone.set(LEFT_WITH_KEY_MS);
    }
  }

  return {
    requestId: id,
    leave: () => leave(input.listener),
    resume: () => run.resume(),
    join(listener) {
      const { last, parts, stopped } = run.soFar();
      if (delivered || voided || stopped) return null;
      if (last) listener.attempt(last, null);
      if (committed) listener.recorded();
      if (parts.length > 0) listener.event(parts, null);
      audience.add(listener);
      gone?.stop();
      if (committed) listener.flush();
      return { requestId: id, leave: () => leave(listener), resume: () => run.resume(), join: () => null };
    },
  };
}
