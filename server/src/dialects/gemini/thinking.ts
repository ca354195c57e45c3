/** `reasoning_effort` as thinking, in the way of the model's generation. */

import type { Notice } from '../../contract/dialect.ts';
import { EFFORTS } from '../../contract/quirks.ts';
import type { Json } from '../json.ts';
import { note } from '../notices.ts';
import type { Level, Traits } from './models.ts';

/** Google's own table for its OpenAI layer ("OpenAI compatibility"). Tokens. */
const BUDGETS: Readonly<Record<string, number>> = {
  minimal: 1024,
  low: 1024,
  medium: 8192,
  high: 24_576,
  xhigh: 24_576,
  max: 24_576,
};
/** Share of `maxOutputTokens` that thoughts may take, which are counted in it; the rest is for the answer. */
const SHARES: Readonly<Record<string, number>> = { minimal: 0.1, low: 0.2, medium: 0.5 };
const LARGEST_SHARE = 0.8;
const LEVELS: Readonly<Record<string, Level>> = {
  none: 'minimal',
  minimal: 'minimal',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'high',
  max: 'high',
};

/** `thinkingConfig` for an effort; null when nothing of it can be said to this model. */
export function thinkingFor(
  effort: string,
  traits: Traits,
  maxTokens: number | undefined,
  notices: Notice[],
): Json | null {
  if (!EFFORTS.some((word) => word === effort)) {
    note(notices, 'dropped', `reasoning_effort: this provider knows ${EFFORTS.join(', ')}`);
    return null;
  }
  if (traits.thinking === 'none') {
    if (effort !== 'none') note(notices, 'dropped', 'reasoning_effort: this model does not let its reasoning be set');
    return null;
  }
  return traits.thinking === 'level' ? byLevel(effort, traits, notices) : byBudget(effort, traits, maxTokens, notices);
}

function byLevel(effort: string, traits: Traits, notices: Notice[]): Json {
  const wanted = LEVELS[effort] ?? 'high';
  const level = traits.levels.includes(wanted) ? wanted : wanted === 'minimal' ? 'low' : 'high';
  if (level !== effort) note(notices, 'changed', `reasoning_effort: ${level} is the nearest that this model has`);
  return { thinkingLevel: level.toUpperCase(), includeThoughts: effort !== 'none' };
}

function byBudget(effort: string, traits: Traits, maxTokens: number | undefined, notices: Notice[]): Json {
  const { smallestBudget, canTurnOff } = traits;
  const room = maxTokens === undefined ? Infinity : Math.floor(maxTokens * (SHARES[effort] ?? LARGEST_SHARE));
  const budget = effort === 'none' ? 0 : Math.min(BUDGETS[effort] ?? 0, room);
  if (budget >= smallestBudget) return { thinkingBudget: budget, includeThoughts: true };
  if (!canTurnOff) {
    note(notices, 'changed', `reasoning_effort: this model reasons with ${smallestBudget} tokens at least`);
    return { thinkingBudget: smallestBudget, includeThoughts: effort !== 'none' };
  }
  if (effort !== 'none') note(notices, 'dropped', 'reasoning_effort: max_tokens leaves no room for it');
  return { thinkingBudget: 0 };
}
