/** What one attempt comes to: its usage, its price, its error. Every attempt is priced. */
import type { AnswerCall } from '../contract/call.ts';
import { GoblinError } from '../contract/errors.ts';
import type { ProviderFailure, Usage } from '../contract/part.ts';
import type { Price, Provider } from '../contract/provider.ts';
import type { AttemptEnd, AttemptStart, StoredPlan } from '../contract/record.ts';
import { scrub } from '../guard/secrets/scrub.ts';
import { costOf } from '../money/cost.ts';
import { estimateUsage } from '../money/estimate.ts';
import type { Assembly } from './assembly.ts';
import type { AttemptOutcome } from './outcome.ts';
import type { RunEnd } from './terms.ts';

/** What the vendor did not report is estimated from what was shown, never zero; what it never took costs nothing. */
export function priced(
  call: AnswerCall,
  said: Pick<Assembly, 'shown' | 'pieces'>,
  provider: Provider,
  start: AttemptStart,
  outcome: AttemptOutcome,
  status: AttemptEnd['status'],
  priceOf: (provider: Provider, model: string) => Price | null,
): AttemptEnd {
  const usage = outcome.usage ?? (outcome.accepted ? estimateUsage(call, said.shown(), said.pieces()) : null);
  const price = provider.free ? null : priceOf(provider, start.model);
  return {
    attempt: start.attempt,
    status,
    firstTokenMs: outcome.firstTokenMs,
    latencyMs: outcome.latencyMs,
    usage,
    costPico: provider.free || !usage ? 0 : price ? costOf(usage, price) : null,
    priceVersion: provider.free ? 'free' : (price?.version ?? null),
    error: outcome.failure
      ? {
          code: outcome.failure.code,
          // A vendor's own words, which may repeat what it was sent.
          detail: scrub(outcome.failure.detail),
          ...(outcome.failure.status ? { upstream_status: outcome.failure.status } : {}),
        }
      : null,
  };
}

/** By what an attempt is charged if nobody will report on it: its input by estimate, and each token of its answer. */
export function ratesOf(
  call: AnswerCall,
  provider: Provider,
  price: Price | null,
): Pick<AttemptStart, 'inputPico' | 'outputPico'> {
  if (provider.free) return { inputPico: 0, outputPico: 0 };
  if (!price) return { inputPico: null, outputPico: null };
  const usage = estimateUsage(call, 0);
  const inputPico = costOf(usage, price);
  return { inputPico, outputPico: costOf({ ...usage, outputTokens: 1 }, price) - inputPico };
}

/** An attempt of which nothing came. */
export function silent(failure: ProviderFailure | null): AttemptOutcome {
  return { failure, finishReason: null, usage: null, firstTokenMs: null, latencyMs: 0, accepted: false, body: null };
}

export function asFailure(error: unknown): ProviderFailure {
  if (error instanceof GoblinError) return { code: error.code, detail: error.detail };
  return { code: 'internal', detail: error instanceof Error ? error.message : 'unknown' };
}

/** The call with what was shown of its answer: what a target reads that goes on from there. */
export const beginningWith = (call: AnswerCall, prefix: string): AnswerCall => ({
  ...call,
  messages: [...call.messages, { role: 'assistant', content: [{ type: 'text', text: prefix }] }],
});

/** Usage of all attempts that an answer is made of. */
export function plus(a: Usage | null, b: Usage | null): Usage | null {
  if (a === null || b === null) return a ?? b;
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cachedInputTokens: a.cachedInputTokens + b.cachedInputTokens,
    cacheWriteTokens: a.cacheWriteTokens + b.cacheWriteTokens,
    reasoningTokens: a.reasoningTokens + b.reasoningTokens,
    source: a.source === 'reported' && b.source === 'reported' ? 'reported' : 'estimated',
  };
}

/** A plan of one target says no more than its attempt does. */
export const hadChoice = (plan: StoredPlan): boolean =>
  plan.targets.length > 1 || plan.dropped.length > 0 || plan.policy !== undefined;

/** What of a plan is recorded. */
export const storedPlan = ({ targets, dropped, policy }: StoredPlan): StoredPlan => ({
  targets,
  dropped,
  ...(policy === undefined ? {} : { policy }),
});

/** Tokens that vendors counted; null: none was called. An answer out of the cache costs none. */
export function tokensOf({ attempt, last, usage }: RunEnd): number | null {
  if (last?.cache === 'hit') return 0;
  const used = usage ?? attempt?.usage ?? null;
  return used === null ? null : used.inputTokens + used.outputTokens;
}

/** What is learnt of the target. */
export function healthOf(ended: AttemptEnd, outcome: AttemptOutcome, streamed: boolean) {
  const { usage } = outcome;
  return {
    code: ended.status === 'cancelled' ? ('cancelled' as const) : (ended.error?.code ?? null),
    ...(outcome.failure?.retryAfterMs === undefined ? {} : { retryAfterMs: outcome.failure.retryAfterMs }),
    firstTokenMs: outcome.firstTokenMs,
    latencyMs: outcome.latencyMs,
    tokens: usage ? usage.inputTokens + usage.outputTokens : null,
    outputTokens: usage?.outputTokens ?? null,
    streamed,
  };
}
