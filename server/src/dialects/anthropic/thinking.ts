/** `reasoning_effort` as thinking, in the way of the model's generation. */
import type { Notice } from '../../contract/dialect.ts';
import type { Json } from '../json.ts';
import { note } from '../notices.ts';
import type { Traits } from './models.ts';

/** Share of `max_tokens` that a budget may take; the rest is for the answer. The shares are OpenRouter's. */
const SHARES: Readonly<Record<string, number>> = {
  minimal: 0.1,
  low: 0.2,
  medium: 0.5,
  high: 0.8,
  xhigh: 0.9,
  max: 0.9,
};
/** The API's lower bound of a budget. */
const SMALLEST_BUDGET = 1024;

export interface ThinkingInput {
  effort: string;
  traits: Traits;
  maxTokens: number;
  /** Why this call cannot have thinking switched on, if so. */
  obstacle: string | null;
}

/** Sets `thinking` and `output_config.effort`; tells whether thinking is switched on by it. */
export function setThinking(body: Json, input: ThinkingInput, notices: Notice[]): boolean {
  const { effort, traits, maxTokens, obstacle } = input;
  if (effort === 'none') {
    turnOff(body, traits, notices);
    return false;
  }
  if (!Object.hasOwn(SHARES, effort)) {
    note(notices, 'dropped', 'reasoning_effort: this provider knows none, minimal, low, medium, high, xhigh and max');
    return false;
  }
  if (traits.thinking === 'none') {
    note(notices, 'dropped', 'reasoning_effort: this model does not reason');
    return false;
  }
  if (traits.thinking === 'adaptive') {
    body.output_config = { effort: adaptiveEffort(effort, traits, notices) };
    if (obstacle !== null) {
      note(notices, 'dropped', `thinking: ${obstacle}`);
      return false;
    }
    // Newer models leave the text of their thinking out unless asked.
    body.thinking = { type: 'adaptive', display: 'summarized' };
    return true;
  }
  const budget = budgetOf(effort, maxTokens);
  if (obstacle !== null || budget === null) {
    note(notices, 'dropped', `reasoning_effort: ${obstacle ?? 'max_tokens leaves no room for it (2,048 at least)'}`);
    return false;
  }
  body.thinking = { type: 'enabled', budget_tokens: budget };
  return true;
}

/** At least 1,024 and below `max_tokens`, which is never raised: a hold of money may cover just that. */
function budgetOf(effort: string, maxTokens: number): number | null {
  if (maxTokens < 2 * SMALLEST_BUDGET) return null;
  return Math.max(SMALLEST_BUDGET, Math.floor(maxTokens * (SHARES[effort] ?? 0)));
}

function adaptiveEffort(effort: string, traits: Traits, notices: Notice[]): string {
  if (effort === 'minimal') return 'low';
  if (effort !== 'xhigh' || traits.xhigh) return effort;
  note(notices, 'changed', 'reasoning_effort: this model has no xhigh; high is asked for');
  return 'high';
}

function turnOff(body: Json, traits: Traits, notices: Notice[]): void {
  if (traits.off === 'disabled' || traits.off === 'between_tools') body.thinking = { type: traits.off };
  else if (traits.off === 'never') {
    body.output_config = { effort: 'low' };
    note(notices, 'changed', 'reasoning_effort: this model always reasons; low is asked for');
  }
}
