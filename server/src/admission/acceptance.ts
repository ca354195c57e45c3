/** A request that was let in, as the record takes it. */
import type { AnswerCall } from '../contract/call.ts';
import { askerOf, type Caller } from '../contract/caller.ts';
import type { Admitted, Submission } from '../contract/flow.ts';
import type { Acceptance, RunPlan } from '../contract/record.ts';
import type { FailoverMode } from '../contract/states.ts';
import { keptCall } from '../dialects/index.ts';
import { storedAsker } from '../guard/policy/facts.ts';

export interface AcceptanceDeps {
  userHash(tenant: string, user: string): string;
  userKeyId: string;
}

type MakeAcceptance = (caller: Caller, id: string, submission: Submission, admitted: Admitted) => Acceptance;

export const acceptanceOf =
  (deps: AcceptanceDeps): MakeAcceptance =>
  (caller, id, submission, admitted) => ({
    id,
    keyId: caller.key,
    kind: submission.kind,
    mode: submission.mode,
    priority: submission.priority,
    taskType: submission.taskType,
    model: submission.call.model ?? null,
    userHash: deps.userHash(caller.tenant, submission.userId),
    userKeyId: deps.userKeyId,
    notBefore: submission.notBefore,
    deadlineMs: submission.deadlineMs,
    failover: failoverOf(submission, admitted.plan),
    callbackUrl: submission.callbackUrl,
    labels: submission.labels,
    idempotency: submission.idempotency,
    // What a vendor of the door's dialect gets as it came is not kept: it says everything twice, and the end user's name in clear.
    body: {
      call: recordedCall(submission.call),
      hints: submission.hints,
      metadata: submission.metadata,
      ...(caller.models ? { models: caller.models } : {}),
      ...byOf(caller),
      ...(submission.mode === 'detached' ? { asker: storedAsker(caller, submission.labels) } : {}),
      ...(submission.secrets ? { vault: submission.secrets.sealed } : {}),
      ...(submission.cache === false ? { cache: false } : {}),
      ...reservedOf(admitted),
    },
    estimatePico: admitted.estimatePico,
    priceVersion: admitted.priceVersion,
    ...(caller.team === undefined ? {} : { team: caller.team }),
    ...(admitted.entry === undefined || admitted.entry.holds.length === 0 ? {} : { holds: admitted.entry.holds }),
  });

/** What its worker must know of what was set aside. */
function reservedOf({ entry }: Admitted): { tokens?: number; inputTokens?: number } {
  return {
    ...(entry?.tokens ? { tokens: entry.tokens } : {}),
    ...(entry === undefined || entry.inputTokens === null ? {} : { inputTokens: entry.inputTokens }),
  };
}

function byOf(caller: Caller): { by?: string } {
  const by = askerOf(caller);
  return by === null ? {} : { by };
}

/** Nor is what a call for vectors has beside its texts. */
function recordedCall(whole: AnswerCall): AnswerCall {
  const { embed: _embed, ...call } = keptCall(whole);
  return call;
}

/** What the caller says; else the route; else as the mode has it: what an open stream has shown cannot be taken back. */
function failoverOf({ failover, mode }: Submission, plan: RunPlan): FailoverMode {
  if (failover !== null) return failover;
  if (mode === 'detached') return plan.failover ?? 'restart';
  return plan.failover === 'fail' ? 'fail' : 'continue';
}
