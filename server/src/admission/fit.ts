/** Does the prompt fit, and what may the answer cost: the steps of admission that need a plan. */
import { GoblinError } from '../contract/errors.ts';
import type { Admitted, Submission } from '../contract/flow.ts';
import type { ModelInfo, PlannedTarget, Price } from '../contract/provider.ts';
import type { RunPlan } from '../contract/record.ts';
import { estimateCost } from '../money/estimate.ts';
import { fitsWindow } from '../money/tokens.ts';

export interface FitDeps {
  info(target: PlannedTarget): ModelInfo | null;
  /** Null: not known. */
  price(target: PlannedTarget): Price | 'free' | null;
}

/** Throws `context_too_long`. A promise only when the prompt is so long that its tokens must be counted. */
export type Fit = (submission: Submission, plan: RunPlan, inputTokens: number) => Admitted | Promise<Admitted>;

export function createFit(deps: FitDeps): Fit {
  const windowOf = (target: PlannedTarget): number | null => deps.info(target)?.contextWindow ?? null;

  function finish(submission: Submission, plan: RunPlan, inputTokens: number): Admitted {
    const first = plan.targets[0] as PlannedTarget;
    const price = deps.price(first);
    const maxOutput = deps.info(first)?.maxOutput ?? undefined;
    return {
      plan,
      inputTokens,
      estimatePico:
        price === 'free' ? 0 : price ? estimateCost(inputTokens, expectedOutput(submission, maxOutput), price) : null,
      priceVersion: price === 'free' ? 'free' : (price?.version ?? null),
    };
  }

  async function fitting(submission: Submission, plan: RunPlan, inputTokens: number): Promise<Admitted> {
    const counted = new Map<number, boolean>();
    async function fits(target: PlannedTarget): Promise<boolean> {
      const window = windowOf(target);
      if (window === null) return true;
      const known = counted.get(window) ?? (await fitsWindow(submission.call, window));
      counted.set(window, known);
      return known;
    }
    const targets: PlannedTarget[] = [];
    const unwell: PlannedTarget[] = [];
    const dropped = [...plan.dropped];
    for (const target of plan.targets) {
      const { provider, model } = target;
      if (await fits(target)) targets.push(target);
      else dropped.push({ provider, model, reason: 'the prompt is longer than it can read' });
    }
    for (const target of plan.unwell ?? []) if (await fits(target)) unwell.push(target);
    if (targets.length === 0) {
      const largest = Math.max(...plan.targets.map((target) => windowOf(target) ?? 0));
      throw new GoblinError(
        'context_too_long',
        `The prompt has more than the ${largest.toLocaleString('en-US')} tokens that the model can read; shorten it or choose a model with a larger window.`,
      );
    }
    return finish(submission, { ...plan, targets, dropped, unwell }, inputTokens);
  }

  return (submission, plan, inputTokens) => {
    /** The estimate is far below every window nearly always: then nothing is counted. */
    const isFar = (target: PlannedTarget): boolean => {
      const window = windowOf(target);
      return window === null || inputTokens * 2 < window;
    };
    return plan.targets.every(isFar) && (plan.unwell ?? []).every(isFar)
      ? finish(submission, plan, inputTokens)
      : fitting(submission, plan, inputTokens);
  };
}

/** What an answer usually comes to when nobody bounds it. Tokens. */
const USUAL_OUTPUT = 500;

export function expectedOutput(submission: Submission, maxOutput: number | undefined): number {
  if (submission.kind === 'embed') return 0;
  return Math.min(submission.call.maxTokens ?? USUAL_OUTPUT, maxOutput ?? Number.POSITIVE_INFINITY);
}
