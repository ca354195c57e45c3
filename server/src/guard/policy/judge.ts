/** What the sets of a tenant say of one request: of each model that it could go to, and of all of them together. */
import { GoblinError } from '../../contract/errors.ts';
import type { PlannedTarget } from '../../contract/provider.ts';
import type { PolicyDecision } from '../../contract/record.ts';
import type { Facts, Target } from './facts.ts';
import type { PolicySet, Verdict } from './set.ts';
import type { Spent } from './spending.ts';

export interface PolicyQuestion extends Omit<Facts, 'findings' | 'spent'> {
  /** Asked for only when a policy looks at it. */
  findings(): readonly string[];
  /** Throws `unavailable`. */
  spent(): Spent;
  target(provider: string, model: string): Target;
}

export interface Judge {
  /** Why it may not go there; null: it may. Throws `unavailable` when that cannot be worked out. */
  forbids(provider: string, model: string): string | null;
  /** What is recorded beside a plan of these targets. */
  decision(targets: readonly Pick<PlannedTarget, 'provider' | 'model'>[]): PolicyDecision;
  /** What to throw in place of an error of planning: `policy_denied` when it was the policies that left nothing. */
  refusal(error: unknown): unknown;
}

export function createJudge(sets: readonly PolicySet[], question: PolicyQuestion): Judge {
  const facts: Facts = {
    ...question,
    findings: sets.some((set) => set.seesFindings) ? [...question.findings()].sort() : [],
    spent: sets.some((set) => set.seesSpent) ? question.spent() : null,
  };
  let denied: { set: PolicySet; verdict: Verdict } | null = null;

  return {
    forbids(provider, model) {
      const target = question.target(provider, model);
      for (const set of sets) {
        const verdict = set.decide(facts, target);
        if (verdict.allow) continue;
        denied ??= { set, verdict };
        return say(set, verdict);
      }
      return null;
    },
    decision(targets) {
      const by = new Set<string>();
      const reasons = new Set<string>();
      let redact = false;
      for (const { provider, model } of targets) {
        const target = question.target(provider, model);
        for (const set of sets) {
          const verdict = set.decide(facts, target);
          for (const id of verdict.by) by.add(id);
          if (verdict.reason !== null) reasons.add(verdict.reason);
          redact ||= verdict.redact;
        }
      }
      return {
        versions: sets.map(({ version }) => version),
        by: [...by],
        ...(reasons.size === 0 ? {} : { reason: [...reasons].join('; ') }),
        ...(redact ? { redact: true } : {}),
      };
    },
    refusal(error) {
      if (denied === null || !(error instanceof GoblinError) || error.code !== 'forbidden') return error;
      return new GoblinError('policy_denied', sentence(say(denied.set, denied.verdict)));
    },
  };
}

export function say({ version }: PolicySet, { by, reason }: Verdict): string {
  if (by.length === 0) return `no policy permits it (${version})`;
  const who = by.length === 1 ? `the policy ${by[0]} does` : `the policies ${by.join(', ')} do`;
  return `${who} not allow it (${version})${reason === null ? '' : `: ${reason}`}`;
}

const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}.`.replace(/([.!?])\.$/, '$1');
