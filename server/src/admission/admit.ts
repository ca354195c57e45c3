/**
 * May it run? One ordered list that every door passes; whoever refuses throws a `GoblinError`, and nothing is stored
 * but one event.
 *
 *   secrets → record → limits → guardrail → route and policy → redaction, if a policy asks for it → window → price → limits of the model → hold → queue → accept
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Caller } from '../contract/caller.ts';
import { GoblinError, mismatch } from '../contract/errors.ts';
import type { Admitted, Cancel, Receipt, Submission, Submit } from '../contract/flow.ts';
import { endedBy } from '../contract/frames.ts';
import { type Bus, CANCELS, type Ledger, type Queue } from '../contract/ports.ts';
import type { Acceptance, Accepted, RequestError, RunPlan } from '../contract/record.ts';
import type { State } from '../contract/states.ts';
import type { Guardrails } from '../guard/hook.ts';
import { estimateInputTokens } from '../money/estimate.ts';
import { type AcceptanceDeps, acceptanceOf } from './acceptance.ts';
import type { Allowance } from './allowance.ts';
import { createFit, expectedOutput, type FitDeps } from './fit.ts';
import { createSecrets, type SecretsDeps } from './secrets.ts';

export interface AdmissionDeps extends FitDeps, SecretsDeps, AcceptanceDeps {
  /** Asked before anything is chosen; true when it changed the call. Null: nobody is asked. */
  guardrail: Guardrails['before'];
  /** Waits for rules of the scanner that may have changed unseen. Null: they have not. Left out: they cannot. */
  rulesKnown?: () => Promise<void> | null;
  ledger: Ledger;
  bus: Bus;
  queue: Queue;
  newId(): string;
  plan(caller: Caller, submission: Submission): RunPlan | Promise<RunPlan>;
  /** Left out: nothing is limited. */
  allowance?: Allowance;
  /** Writes that must not be lost; see execution/persist.ts. */
  persist<T>(write: () => Promise<T>, limitMs?: number): Promise<T>;
  /** Requests that come to an end in a second, of late; null when that is not known. */
  endsPerSecond(): number | null;
  caps: { perTenant: number; total: number };
  /** Told of detached requests that were ended here. */
  ended?(state: State): void;
}

export interface Admission {
  /** Throws for every refusal. A promise only when the prompt is so long that its tokens must be counted. */
  admit(caller: Caller, submission: Submission, id: string): Admitted | Promise<Admitted>;
  acceptance(caller: Caller, id: string, submission: Submission, admitted: Admitted): Acceptance;
  /** First of all: the submission as it may be stored and sent, without the secrets of its caller. Throws `secret_blocked`. */
  shield(caller: Caller, submission: Submission, id: string): Submission | Promise<Submission>;
  submit: Submit;
  cancel: Cancel;
  /** Waits for a record that is away. Throws when it stays away, and when the process stops. */
  recordBack(): Promise<void>;
  /** Refuses everything from now on, who waits for the record among it: the process stops. Answers how many waited. */
  close(): number;
}

interface Asked {
  caller: Caller;
  submission: Submission;
  id: string;
}

export function createAdmission(deps: AdmissionDeps): Admission {
  const { ledger } = deps;
  const fit = createFit(deps);
  const secrets = createSecrets(deps);
  const makeAcceptance = acceptanceOf(deps);
  let closing = false;

  const waiting = new Set<() => void>();

  async function recordBack(): Promise<void> {
    if (closing) throw shuttingDown();
    let refuse = () => {};
    const stopped = new Promise<never>((_, reject) => {
      refuse = () => reject(shuttingDown());
    });
    waiting.add(refuse);
    try {
      if (!(await Promise.race([ledger.back(AWAY_MS), stopped]))) throw away();
    } finally {
      waiting.delete(refuse);
    }
  }

  function admit(caller: Caller, submission: Submission, id: string): Admitted | Promise<Admitted> {
    if (closing) throw shuttingDown();
    if (!caller.permissions.has('request:write')) {
      throw new GoblinError('forbidden', 'This key may not submit requests; use one that was made for it.');
    }
    // Nothing goes upstream that could not be recorded.
    if (ledger.lostFor() !== null) {
      if (submission.mode === 'detached') throw away();
      return recordBack().then(() => admit(caller, submission, id));
    }
    const inputTokens = estimateInputTokens(submission.call);
    const asked = { caller, submission, id };
    if (deps.allowance?.any()) return allowed(deps.allowance, asked, inputTokens);
    return planned(asked, inputTokens);
  }

  /** Limits come before whatever costs time, budgets when it is known what it may cost. */
  async function allowed(allowance: Allowance, asked: Asked, inputTokens: number): Promise<Admitted> {
    const { caller, submission } = asked;
    const outputTokens = expectedOutput(submission, undefined);
    const entering = await allowance.enter(caller, submission, inputTokens, outputTokens);
    try {
      return await entering.allow(submission, await planned(asked, inputTokens));
    } catch (error) {
      entering.leave();
      throw error;
    }
  }

  function planned(asked: Asked, inputTokens: number): Admitted | Promise<Admitted> {
    if (!deps.guardrail) return routed(asked, inputTokens);
    const { caller, submission } = asked;
    return deps
      .guardrail(caller, submission)
      .then((changed) => routed(asked, changed ? estimateInputTokens(submission.call) : inputTokens));
  }

  function routed({ caller, submission, id }: Asked, inputTokens: number): Admitted | Promise<Admitted> {
    const plan = deps.plan(caller, submission);
    const go = (made: RunPlan) => {
      const fitted = () => fit(submission, made, inputTokens);
      return made.policy?.redact ? secrets.redact(caller, submission, id).then(fitted) : fitted();
    };
    return plan instanceof Promise ? plan.then(go) : go(plan);
  }

  /** An answer of the record that was lost is asked for again; who has no key is told 503 and must not find it running. */
  async function accept(caller: Caller, made: Acceptance): Promise<Accepted> {
    try {
      return await deps.persist(() => ledger.accept(caller.tenant, made), ANSWER_MS);
    } catch (error) {
      if (error instanceof GoblinError && error.code === 'unavailable' && !made.idempotency) {
        // Nobody is told: the process stops, or the record refuses.
        withdraw(caller.tenant, made.id).catch(() => {});
      }
      throw error;
    }
  }

  /** A statement that had begun when the database stood still ends when that goes on, within ten seconds or not at all. */
  async function withdraw(tenant: string, id: string): Promise<void> {
    const why = { code: 'unavailable', message: 'The caller was told that it was not accepted.' } as const;
    for (const restMs of LOOKS_MS) {
      await sleep(restMs, undefined, { ref: false });
      if (await deps.persist(() => end(tenant, id, why, 'admission'), WITHDRAW_MS)) return;
    }
  }

  async function end(tenant: string, id: string, why: RequestError, actor: string): Promise<State | null> {
    const ended = await ledger.end(tenant, id, 'cancelled', why, actor);
    if (!ended) return null;
    if (ended.changed) {
      deps.bus.publish(CANCELS, { type: 'cancel', id });
      deps.bus.publish(id, endedBy(ended.frame));
      // An attached one is counted where it runs.
      if (ended.frame) deps.ended?.(ended.state);
    }
    return ended.state;
  }

  /** How long it takes until a twentieth of the queue has gone; a minute at most. */
  function full(of: 'tenant' | 'all'): GoblinError {
    const cap = of === 'tenant' ? deps.caps.perTenant : deps.caps.total;
    const rate = deps.endsPerSecond();
    const seconds = rate === null || rate <= 0 ? 10 : Math.min(60, Math.max(1, Math.ceil(cap / 20) / rate));
    return new GoblinError(
      of === 'tenant' ? 'tenant_queue_full' : 'queue_full',
      of === 'tenant'
        ? `${cap} requests of your tenant wait already; send this one again later, or raise queue.per_tenant in goblin.yaml.`
        : `${cap} requests wait already; send this one again later, or raise queue.total in goblin.yaml.`,
      { retryAfterMs: seconds * 1000 },
    );
  }

  async function submit(caller: Caller, submission: Submission): Promise<Receipt> {
    // A replay is answered even when the request would be refused by now.
    if (submission.idempotency) {
      const known = await ledger.findByIdempotencyKey(caller.tenant, submission.idempotency.key);
      const row = known && (await ledger.get(caller.tenant, known.id));
      if (known && row) {
        if (known.bodyHash !== submission.idempotency.bodyHash) throw mismatch();
        return { requestId: row.id, createdAt: row.createdAt, estimatePico: row.estimatePico, replayed: true };
      }
    }
    const id = deps.newId();
    await deps.rulesKnown?.();
    const shielded = await secrets.shield(caller, submission, id);
    const admitted = await admit(caller, shielded, id);
    const { entry } = admitted;
    const accepted = await accept(caller, makeAcceptance(caller, id, shielded, admitted)).catch((error: unknown) => {
      entry?.unrecorded(error);
      entry?.end(null);
      throw sliceGone(error) ? away() : error;
    });
    if (accepted.outcome === 'accepted') entry?.recorded();
    else {
      entry?.unrecorded();
      entry?.end(null);
    }
    if (accepted.outcome === 'mismatch') throw mismatch();
    if (accepted.outcome === 'full') throw full(accepted.of);
    if (accepted.outcome === 'late') throw away();
    if (accepted.outcome === 'accepted') deps.queue.wake();
    return {
      requestId: accepted.id,
      createdAt: accepted.createdAt,
      estimatePico: accepted.estimatePico,
      replayed: accepted.outcome === 'replayed',
      ...(entry === undefined ? {} : { headers: entry.headers }),
    };
  }

  return {
    admit,
    acceptance: makeAcceptance,
    shield: secrets.shield,
    submit,
    recordBack,
    close() {
      closing = true;
      for (const refuse of waiting) refuse();
      return waiting.size;
    },
    async cancel(caller, id) {
      const why = { code: 'cancelled', message: 'The request was cancelled.' } as const;
      const state = await end(caller.tenant, id, why, caller.key ?? caller.user);
      return state && { state };
    },
  };
}

/** How long an attached call waits for a record that is away. */
const AWAY_MS = 30_000;
/** How long a submit waits for the answer of a record that went away in the middle. */
const ANSWER_MS = 5000;
const WITHDRAW_MS = 600_000;
const LOOKS_MS = [0, 1000, 10_000];

const away = () =>
  new GoblinError('unavailable', 'The record is away, so nothing is accepted; try again in a moment.', {
    retryAfterMs: 2000,
  });

/** What was held for it is not there any more: others believed that this process was dead. */
const sliceGone = (error: unknown): boolean => (error as { sqlState?: string }).sqlState === '23503';

const shuttingDown = () =>
  new GoblinError('shutting_down', 'This process is shutting down; try again in a moment.', { retryAfterMs: 2000 });
