/** The most that a call can cost: what is held for it under a budget. */
import type { DetailedPrice } from '../catalogue/prices.ts';
import type { AnswerCall } from '../contract/call.ts';
import type { Rate } from '../contract/provider.ts';
import { type InputSize, inputSize } from './estimate.ts';

/** A token has a byte at least; what a vendor puts around messages and tools has no such bound, so these are generous. */
const MOST_PER_MESSAGE = 16;
const MOST_FRAME = 64;
/** The hidden instructions for tools; Anthropic's page of tool use names up to 804. */
const MOST_FOR_TOOLS = 1_000;
/** Anthropic's largest pictures have 4,784. A picture has no bound that all vendors keep. */
const MOST_PER_PICTURE = 5_000;
/** How much more tokens another vendor's tokenizer makes of the same text than the one we count with. */
const OTHER_TOKENIZER = 1.5;

/** More tokens than a vendor will count in the text of a prompt, without counting them. */
export function mostInput(call: AnswerCall, shownBytes = 0): number {
  const size = inputSize(call);
  return size.bytes + shownBytes + besideText(call, size);
}

/** The same, closer, when `counted` tokens are what our own tokenizer makes of the text. */
export function mostCounted(call: AnswerCall, counted: number): number {
  const size = inputSize(call);
  return Math.min(size.bytes, Math.ceil(counted * OTHER_TOKENIZER)) + besideText(call, size);
}

function besideText(call: AnswerCall, { pictures }: InputSize): number {
  const tools = call.tools === undefined || call.tools.length === 0 ? 0 : MOST_FOR_TOOLS;
  return MOST_FRAME + tools + pictures * MOST_PER_PICTURE + call.messages.length * MOST_PER_MESSAGE;
}

/** The dearest of a rate that a call with up to this many input tokens can come to. */
function dearest(rate: Rate | undefined, inputTokens: number): number {
  if (rate === undefined) return 0;
  let most = rate.base;
  for (const tier of rate.tiers ?? []) if (inputTokens > tier.start) most = Math.max(most, tier.rate);
  return most;
}

/** Picodollars: no usage within these tokens costs more, however it is split into cached, written and reasoned ones. */
export function worstCost(price: DetailedPrice, inputTokens: number, outputTokens: number): number {
  const { input, cachedInput, cacheWrite, output, reasoning, perCall = 0 } = price;
  const inputRate = Math.max(...[input, cachedInput, cacheWrite].map((rate) => dearest(rate, inputTokens)));
  const outputRate = Math.max(...[output, reasoning].map((rate) => dearest(rate, inputTokens)));
  const cost = Math.ceil(inputTokens * inputRate + outputTokens * outputRate + perCall);
  return Math.min(cost, Number.MAX_SAFE_INTEGER);
}
