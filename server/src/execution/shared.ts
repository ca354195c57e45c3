/**
 * A request whose answer may be another's: one that is kept, or one that is being given to the same call right now. It
 * has an attempt like any other, at the provider `cache`, which costs nothing.
 *
 *   look ─ kept, or running ──► follow it ──► end
 *     │                           │ it broke off: the next attempt is its own; what was shown is as its failover mode says
 *     └─ nothing ──► ask the vendor, and let others follow
 */
import type { AttemptEnd, AttemptStart } from '../contract/record.ts';
import { asFailure, hadChoice, storedPlan } from './account.ts';
import type { Feed, ResponseCache } from './cache.ts';
import { createEnds } from './ends.ts';
import { type Following, follow, type Heard } from './follow.ts';
import { type Leading, missed, startLead } from './lead.ts';
import { encodeTarget } from './once.ts';
import { startRun } from './run.ts';
import type { Followed, Run, RunDeps, RunEnd, RunInput, RunSink, StopReason } from './terms.ts';

/** The provider of attempts that were answered from here. No real one may have this name. */
export const CACHE = 'cache';

/** How often a request follows others, when the callers of these leave. */
const MOST_FOLLOWED = 3;

type Named = { provider: string; model: string };

const unheard = (of: Followed): Followed => ({ ...of, parts: [], text: '', usage: null });

const STOPPED: Heard = { failure: null, answer: null, usage: null, firstTokenMs: null, latencyMs: 0 };

export function startShared(
  deps: RunDeps & { cache: ResponseCache },
  input: RunInput,
  sink: RunSink,
  leading: Leading,
): Run {
  const { cache } = deps;
  const started = performance.now();
  const left = (ms: number): number => ms - (performance.now() - started);
  let stopped: StopReason | null = null;
  let last: AttemptStart | null = null;
  let followed: Followed | null = null;
  let following: Following | null = null;
  let run: Run | null = null;

  const ends = createEnds(() => ({
    parts: following?.parts() ?? [],
    text: following?.text() ?? '',
    finishReason: null,
    usage: null,
    last,
    attempt: followed?.ended ?? null,
    costPico: 0,
    latencyMs: performance.now() - started,
  }));

  const stop = (reason: StopReason): void => {
    if (stopped) return;
    stopped = reason;
    following?.stop();
    run?.stop(reason);
  };
  const total = deps.wheel.alarm(() => stop('timeout'));
  total.set(Math.max(0, input.totalMs));
  const deadline = deps.wheel.alarm(() => stop('expired'));
  if (input.deadlineMs !== null) deadline.set(Math.max(0, input.deadlineMs));
  const stopClocks = (): void => {
    total.stop();
    deadline.stop();
  };

  /** One attempt at another's answer. Null: it broke off. */
  async function take(feed: Feed, attempt: number, restart: string | null): Promise<RunEnd | null> {
    const { plan } = input;
    const start: AttemptStart = {
      attempt,
      provider: CACHE,
      model: feed.model,
      reason: reasonOf(feed),
      inputPico: 0,
      outputPico: 0,
      cache: 'hit',
      ...(attempt === input.firstAttempt && hadChoice(plan) ? { plan: storedPlan(plan) } : {}),
    };
    try {
      if (!(await deps.begin(start, followed?.ended ?? null, restart))) return ends.end(null);
    } catch (error) {
      return ends.failure(asFailure(error));
    }
    last = start;
    let heard = STOPPED;
    if (!stopped) {
      sink.attempt(start, restart);
      following = follow(feed, input.call, sink);
      heard = await following.done;
    }
    const { answer, usage } = heard;
    followed = {
      start,
      ended: endOf(attempt, heard, stopped !== null),
      parts: following?.parts() ?? [],
      text: following?.text() ?? '',
      usage,
    };
    if (answer) return ends.end('succeeded', { ...answer, usage });
    return stopped ? ends.stopped(stopped) : null;
  }

  /** The rest of the way with calls of its own. */
  function own(restarted: string | null, more: Partial<RunInput> = {}): Promise<RunEnd> {
    const firstAttempt = followed === null ? input.firstAttempt : followed.ended.attempt + 1;
    const rest: RunInput = {
      ...input,
      firstAttempt,
      unburnt: input.unburnt + firstAttempt - input.firstAttempt,
      restarted,
      totalMs: left(input.totalMs),
      deadlineMs: input.deadlineMs === null ? null : left(input.deadlineMs),
      ...(followed === null ? {} : { after: followed }),
      ...more,
    };
    stopClocks();
    cache.count('miss');
    // One that goes on from another's words is no answer of its own.
    run = followed?.parts.length
      ? startRun(deps, rest, { ...sink, attempt: (start, restart) => sink.attempt(missed(start), restart) })
      : startLead(deps, rest, sink, leading);
    if (stopped) run.stop(stopped);
    return run.done.then((end) => ({
      ...end,
      last: end.last && (end.last === last ? last : missed(end.last)),
      latencyMs: performance.now() - started,
    }));
  }

  /** What was followed broke off after something was shown, which is not taken back by itself: see next.ts. */
  async function after(broken: Followed): Promise<RunEnd> {
    const code = broken.ended.error?.code ?? 'interrupted';
    const failure = { code, detail: broken.ended.error?.detail ?? '' };
    if (input.failover === 'fail') return ends.failure(failure);
    if (input.failover === 'restart') {
      followed = unheard(broken);
      return await own(code);
    }
    const targets = input.plan.targets.filter((target) => goesOn(target, broken));
    if (targets.length > 0) return await own(null, { plan: { ...input.plan, targets } });
    sink.notice({ code: 'cannot_continue', detail: 'No target can go on from where the answer broke.' });
    return ends.failure(failure);
  }

  function goesOn(target: Named, { parts, text }: Followed): boolean {
    const provider = deps.provider(target.provider, input.by?.tenant);
    if (!provider || parts.some((part) => part.type === 'tool_call')) return false;
    // Where only thoughts were shown, the answer itself has yet to begin.
    if (text === '') return true;
    const { vendor } = deps.dialect(provider);
    return vendor.goesOn?.({ ...encodeTarget(deps, { provider, model: target.model }), prefix: text }) ?? false;
  }

  async function go(): Promise<RunEnd> {
    let restart = input.restarted;
    const most = deps.attemptCap + input.unburnt;
    for (let n = 0; n < MOST_FOLLOWED && input.firstAttempt + n <= most; n++) {
      const feed = cache.find(leading.key, input.stream);
      if (feed === null) break;
      cache.count(feed.end === null ? 'shared' : 'hit');
      const end = await take(feed, input.firstAttempt + n, restart);
      if (end !== null) return end;
      restart = null;
      if (followed !== null && followed.parts.length > 0) {
        if (input.stream) return await after(followed);
        // Who waits for the whole has been shown nothing.
        followed = unheard(followed);
        following = null;
      }
      // Whose caller has left says nothing of the vendor: somebody else may have begun anew.
      if (!feed.end || feed.end.ok || !feed.end.stopped) break;
    }
    return await own(restart);
  }

  return {
    done: go().finally(stopClocks),
    stop,
    resume() {
      if (run) run.resume();
      else following?.resume();
    },
    soFar() {
      if (run === null) {
        const parts = following?.parts() ?? [];
        return { last, parts: parts.map((part) => ({ ...part })), stopped: stopped !== null };
      }
      const so = run.soFar();
      return { ...so, last: so.last && (so.last === last ? last : missed(so.last)) };
    },
  };
}

function endOf(attempt: number, heard: Heard, stopped: boolean): AttemptEnd {
  const { answer, failure, firstTokenMs, latencyMs, usage } = heard;
  return {
    attempt,
    status: answer ? 'succeeded' : stopped ? 'cancelled' : 'failed',
    firstTokenMs,
    latencyMs,
    usage,
    costPico: 0,
    priceVersion: CACHE,
    error: failure && { code: failure.code, detail: failure.detail },
  };
}

/** Whose answer it is, and of when. */
function reasonOf({ id, provider, model, at, end }: Feed): string {
  const who = `${provider}/${model}`;
  const when = new Date(at).toISOString();
  return end === null
    ? `the same call as request ${id}, which asks ${who} since ${when}`
    : `the same call as request ${id}, which ${who} answered at ${when}`;
}
