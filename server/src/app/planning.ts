/** Plans of requests: what is asked for, what may be, and how the vendors are. */
import type { Caller } from '../contract/caller.ts';
import type { Submission } from '../contract/flow.ts';
import type { Claim, RunPlan } from '../contract/record.ts';
import type { Shield } from '../guard/shield.ts';
import { allows } from '../identity/models.ts';
import type { TenantBodies } from '../identity/tenant-bodies.ts';
import { inputBounds } from '../money/estimate.ts';
import type { HealthBook } from '../routing/book.ts';
import type { Plan } from '../routing/plan.ts';
import { type PlanRequest, seedOf } from '../routing/request.ts';
import { stickOf } from '../routing/stick.ts';
import type { Live } from './live.ts';
import { judged, type PolicyRoom, refuseUnredacted, underPolicy } from './policy.ts';

export interface Planning {
  /** When it is let in. Throws `policy_denied`, `no_provider` … */
  plan(caller: Caller, submission: Submission): RunPlan | Promise<RunPlan>;
  /** When a request that waited begins: by what holds now. */
  again(claim: Claim): RunPlan | Promise<RunPlan>;
}

export interface PlanningDeps {
  live: Live;
  health: HealthBook;
  policy: PolicyRoom;
  strict: Shield;
  bodiesOf: TenantBodies['of'];
}

export function createPlanning({ live, health, policy, strict, bodiesOf }: PlanningDeps): Planning {
  const planRequest = (
    tenant: string,
    submission: Pick<Submission, 'call' | 'taskType' | 'hints'>,
    models: readonly string[] | undefined,
  ): PlanRequest & { random: number } => {
    const { call } = submission;
    const at = Date.now();
    return {
      ...(call.model === undefined ? {} : { model: call.model }),
      taskType: submission.taskType,
      hints: submission.hints,
      needs: {
        tools: call.tools !== undefined && call.tools.length > 0,
        images: call.messages.some((message) => message.content.some((content) => content.type === 'image')),
        inputTokens: inputBounds(call),
        ...(call.maxTokens === undefined ? {} : { maxTokens: call.maxTokens }),
        ...(call.kind === 'embed' ? { embeds: true } : {}),
      },
      at,
      health: health.snapshot(at),
      conversation: call.kind === 'embed' ? null : stickOf(call, tenant),
      random: Math.random(),
      ...(models === undefined
        ? {}
        : {
            forbids: (provider: string, model: string) =>
              allows(models, provider, model) ? null : 'the key is not for this model',
          }),
    };
  };
  const runPlan = (tenant: string, request: PlanRequest, plan: Plan): RunPlan => ({
    ...plan,
    // What is to be gone in ten minutes is not kept for others.
    ...(bodiesOf(tenant) === 'erased' ? { cache: false } : {}),
    conversation: request.conversation ?? null,
    seed: seedOf(request),
  });

  function first(caller: Caller, submission: Submission): RunPlan | Promise<RunPlan> {
    const judge = policy.ofCaller(caller, submission);
    const request = judged(planRequest(caller.tenant, submission, caller.models), judge);
    const plan = underPolicy(judge, () => live.of(caller.tenant).plan(request));
    return plan instanceof Promise
      ? plan.then((late) => runPlan(caller.tenant, request, late))
      : runPlan(caller.tenant, request, plan);
  }

  function again(claim: Claim): RunPlan {
    const { call, hints, models } = claim.body;
    const judge = policy.ofClaim(claim);
    const request = judged(planRequest(claim.tenant, { call, taskType: claim.taskType, hints }, models), judge);
    return refuseUnredacted(
      strict,
      claim,
      runPlan(
        claim.tenant,
        request,
        underPolicy(judge, () => live.of(claim.tenant).planNow(request)),
      ),
    );
  }

  return {
    plan(caller, submission) {
      const ready = policy.ready(caller.tenant);
      return ready === null ? first(caller, submission) : ready.then(() => first(caller, submission));
    },
    again(claim) {
      const ready = policy.ready(claim.tenant);
      return ready === null ? again(claim) : ready.then(() => again(claim));
    },
  };
}
