/** Token counts as vendors report them: sane, or not there at all. */
import type { Usage, UsagePart } from '../contract/part.ts';

/** No request has 100 million tokens (the longest windows hold 10 million); above is a vendor's mistake. */
const ABSURD = 100_000_000;

/** A whole number of tokens; null for anything else (null, negative, fractions, text, the absurd). */
export function tokens(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < ABSURD ? value : null;
}

export function firstTokens(...values: readonly unknown[]): number | null {
  for (const value of values) {
    const count = tokens(value);
    if (count !== null) return count;
  }
  return null;
}

export function sameUsage(a: Usage | null, b: Usage): boolean {
  return (
    a !== null &&
    a.inputTokens === b.inputTokens &&
    a.outputTokens === b.outputTokens &&
    a.cachedInputTokens === b.cachedInputTokens &&
    a.cacheWriteTokens === b.cacheWriteTokens &&
    a.reasoningTokens === b.reasoningTokens &&
    a.costUsd === b.costUsd
  );
}

/** Remembers the last usage, so that a vendor that repeats it with every chunk does not flood the reader. */
export function createUsageTracker(): (usage: Usage | null) => UsagePart | null {
  let last: Usage | null = null;
  return (usage) => {
    if (usage === null || sameUsage(last, usage)) return null;
    last = usage;
    return { type: 'usage', usage };
  };
}
