/** Runs a claimed request to its end: parts become frames, the end is one commit. */

import type { Entry } from '../contract/entry.ts';
import { GoblinError } from '../contract/errors.ts';
import { type FrameBody, frameOf, type Part, wireUsage } from '../contract/part.ts';
import type { Bus, Ledger } from '../contract/ports.ts';
import type { Claim, RequestError, RunPlan } from '../contract/record.ts';
import { invalidCalls } from '../dialects/index.ts';
import type { AnswerShield, OpenAnswer } from '../guard/answers.ts';
import { tokensOf } from './account.ts';
import { startAnswer } from './answer.ts';
import { createFrameLog } from './frames.ts';
import type { Persist } from './persist.ts';
import { createWholeFilter } from './placeholders.ts';
import { settlementOf } from './settlement.ts';
import type { RunEnd, SharedRunDeps, StopReason } from './terms.ts';

/** How long a request that may not run yet rests in the queue, unless somebody knows better. */
const WAIT_MS = 1000;

export interface DetachedDeps {
  ledger: Ledger;
  bus: Bus;
  persist: Persist;
  /** This process. */
  owner: string;
  /** UTC day of the database, `YYYY-MM-DD`. */
  day(): string;
  run: SharedRunDeps;
  totalMs: number;
  /** Plans again: providers may have changed since the request was accepted. Throws when nothing can take it. */
  plan(claim: Claim): RunPlan | Promise<RunPlan>;
  /** Takes what it needs of limits and budgets; null: nothing limits it. Rejects when it must wait for its turn. */
  enter?(claim: Claim, plan: RunPlan): Promise<Entry | null>;
  /** What placeholders in its content stand for; null when that cannot be read. */
  openVault(tenant: string, sealed: string): ReadonlyMap<string, string> | null;
  /** Looks for secrets in answers. Left out: nobody does. */
  answers?: OpenAnswer;
  /** Told when a request went back to the queue. */
  released(): void;
  /** Told of every end, for metrics and call-backs. */
  ended(claim: Claim, end: RunEnd): void;
}

export interface DetachedRun {
  /** Resolves when nothing more is written. Never rejects. */
  done: Promise<void>;
  stop(reason: StopReason): void;
}

export function runDetached(deps: DetachedDeps, claim: Claim): DetachedRun {
  const { ledger, bus, persist } = deps;
  const { id, tenant, epoch } = claim;
  let stopEarly: StopReason | null = null;
  let stop = (reason: StopReason) => {
    stopEarly = reason;
  };

  const log = createFrameLog(
    { ledger, bus, persist, day: deps.day },
    { id, tenant, epoch, lastSeq: claim.lastSeq, onLost: () => stop('lost'), onRoom: () => resume() },
  );
  let resume = () => {};

  const mapping = claim.body.vault === undefined ? null : deps.openVault(tenant, claim.body.vault);
  let whole = mapping && createWholeFilter(mapping);
  let answer: AnswerShield | undefined;

  function show(parts: readonly Part[]): void {
    for (const part of parts) {
      const frame = frameOf(part);
      const sealed = frame && answer?.changed ? answer.sealedOf(JSON.stringify(frame)) : null;
      if (frame) log.add(sealed === null ? frame : { ...frame, sealed });
    }
  }

  async function settle(end: RunEnd): Promise<void> {
    const rest = await log.close();
    const frames: FrameBody[] = [...rest.frames];
    for (const place of invalidCalls(end.parts)) {
      frames.push({
        type: 'notice',
        code: 'invalid_arguments',
        detail: `The arguments of tool call ${place} are not JSON.`,
      });
    }
    if (end.usage) frames.push({ type: 'usage', usage: wireUsage(end.usage) });
    const state = end.state ?? 'failed';
    frames.push({
      type: 'end',
      status: state,
      finish_reason: end.finishReason,
      ...(end.error ? { error: end.error } : {}),
    });
    const callback = claim.callbackUrl !== null;
    const of = { tenant, id, epoch, owner: deps.owner, day: deps.day(), callback };
    const settlement = settlementOf(of, end, answer, { firstSeq: rest.firstSeq, frames });
    const stored = await persist(() => ledger.settle(settlement));
    if (stored) {
      bus.publish(id, { type: 'frames', frames: stored });
      deps.ended(claim, end);
    } else await money(end);
  }

  /** The state ended without us (cancel, deadline): what the attempt cost and had shown is still ours to write. */
  async function money(end: RunEnd): Promise<void> {
    const { attempt } = end;
    if (attempt) await persist(() => ledger.settleAttempt(tenant, id, epoch, attempt, end.text || null));
  }

  async function go(): Promise<void> {
    let plan: RunPlan;
    try {
      if (claim.body.call.messages.length === 0)
        throw new GoblinError('gone', 'The body of the request is no longer kept.');
      plan = await deps.plan(claim);
    } catch (error) {
      await settle(refused(error));
      return;
    }
    let entry: Entry | null = null;
    try {
      const task = claim.taskType;
      answer = deps.answers?.({ tenant, key: claim.keyId, request: id, task }, new Map(mapping ?? []));
      entry = (await deps.enter?.(claim, plan)) ?? null;
    } catch (error) {
      await wait(error);
      return;
    }
    const run = startAnswer(
      {
        ...deps.run,
        still: () => log.commit([], ledger.frames),
        begin(start, before, restart) {
          // What was held back goes with what it belongs to.
          if (restart) whole = mapping && createWholeFilter(mapping);
          else show(whole?.rest() ?? []);
          return log.commit(
            [
              ...(restart ? [{ type: 'restart', attempt: start.attempt, reason: restart } as const] : []),
              {
                type: 'attempt',
                attempt: start.attempt,
                provider: start.provider,
                model: start.model,
                reason: start.reason,
              },
            ],
            (frames) => ledger.attempt(frames, start, before),
          );
        },
      },
      {
        id,
        call: claim.body.call,
        plan,
        firstAttempt: claim.attempts + 1,
        unburnt: claim.unburnt,
        stream: true,
        failover: claim.failover,
        requeue: true,
        restarted: claim.shown ? 'a new worker took over' : null,
        hop: null,
        totalMs: deps.totalMs - claim.runningForMs,
        deadlineMs: claim.deadlineInMs,
        by: { tenant, key: claim.keyId },
        ...(claim.body.cache === false ? { cache: false } : {}),
        ...(entry === null ? {} : { cover: entry.cover }),
        ...(answer ? { answer } : {}),
      },
      {
        attempt() {},
        notice: (notice) => log.add({ type: 'notice', ...notice }),
        event: (parts) => show(whole ? whole.push(parts) : parts),
        flush: () => log.flush(),
      },
    );
    stop = run.stop;
    resume = run.resume;
    if (stopEarly) run.stop(stopEarly);
    const end = await run.done;
    show(whole?.rest() ?? []);
    entry?.end(end.state === null ? null : tokensOf(end));
    try {
      if (end.state) await settle(end);
      else if (end.requeueMs !== null) await handBack(end, end.requeueMs);
      else {
        await log.close();
        await money(end);
      }
    } finally {
      entry?.settled(id);
    }
  }

  /** Its turn comes when others have ended. */
  async function wait(error: unknown): Promise<void> {
    await log.close();
    const delayMs = (error instanceof GoblinError ? error.retryAfterMs : undefined) ?? WAIT_MS;
    const why = error instanceof GoblinError ? error.code : 'internal';
    if (await persist(() => ledger.release(tenant, id, epoch, delayMs, `waits: ${why}`, 0))) deps.released();
  }

  async function handBack(end: RunEnd, delayMs: number): Promise<void> {
    const rest = await log.close();
    const { attempt } = end;
    if (rest.frames.length > 0) {
      const write = { id, tenant, epoch, firstSeq: rest.firstSeq, day: deps.day(), frames: rest.frames };
      const stored = await persist(() => ledger.frames(write));
      if (stored) bus.publish(id, { type: 'frames', frames: stored });
    }
    if (attempt) await persist(() => ledger.settleAttempt(tenant, id, epoch, attempt, null));
    // Stopping is our doing: the attempt that it cut short is not held against the request.
    const [reason, unburnt] =
      delayMs > 0 ? ['the provider asked for a rest', 0] : ['the process stops', attempt ? 1 : 0];
    if (await persist(() => ledger.release(tenant, id, epoch, delayMs, reason, unburnt))) deps.released();
  }

  return {
    done: go().catch(() => {
      // The record refuses what is written, or the process stops: the heartbeat finds that nobody runs the request here.
    }),
    stop: (reason) => stop(reason),
  };
}

function refused(error: unknown): RunEnd {
  const known = error instanceof GoblinError ? error : new GoblinError('internal', 'The request could not be planned.');
  const requestError: RequestError = { code: known.code, message: known.detail };
  return {
    state: 'failed',
    requeueMs: null,
    error: requestError,
    retryAfterMs: null,
    parts: [],
    text: '',
    finishReason: null,
    usage: null,
    last: null,
    attempt: null,
    costPico: 0,
    latencyMs: 0,
    body: null,
    vectors: null,
  };
}
