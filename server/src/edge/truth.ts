/** What an answer says of itself beside what its dialect knows: the field `x_mcp`. */
import type { Truth } from '../contract/dialect.ts';
import type { AttachedOutcome } from '../contract/flow.ts';
import { invalidCalls } from '../dialects/index.ts';
import { dollars } from '../money/cost.ts';

/** Tool calls whose arguments are not JSON are named here too: in a stream there is no other place to mark them. */
export function truthOf(id: string, outcome: AttachedOutcome): Truth {
  const invalid = invalidCalls(outcome.parts);
  return {
    request_id: id,
    provider: outcome.provider,
    model: outcome.model,
    attempts: outcome.attempts,
    cost_usd: dollars(outcome.costPico),
    ...(outcome.priceReason ? { cost_reason: outcome.priceReason } : {}),
    ...(invalid.length > 0 ? { invalid_tool_calls: invalid } : {}),
  };
}
