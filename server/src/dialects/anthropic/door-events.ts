/** The events of an Anthropic stream as text, each ready to be written. */

import type { DoorContext, Truth } from '../../contract/dialect.ts';
import type { FinishReason, Usage } from '../../contract/part.ts';
import type { Json } from '../json.ts';

/** Every event is named, and its data repeats the name. */
export function event(name: string, fields: Json): string {
  return `event: ${name}\ndata: ${JSON.stringify({ type: name, ...fields })}\n\n`;
}

const STOP: Readonly<Record<FinishReason, string>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  content_filter: 'refusal',
};

/** The fields of a message that say how it ended. */
export function ending(reason: FinishReason): Json {
  return { stop_reason: STOP[reason], stop_sequence: null, stop_details: null, container: null };
}

/** Cached tokens stand beside `input_tokens` here, not inside. */
export function anthropicUsage(usage: Usage): Json {
  return {
    input_tokens: Math.max(0, usage.inputTokens - usage.cachedInputTokens - usage.cacheWriteTokens),
    cache_creation_input_tokens: usage.cacheWriteTokens,
    cache_read_input_tokens: usage.cachedInputTokens,
    output_tokens: usage.outputTokens,
    output_tokens_details: { thinking_tokens: usage.reasoningTokens },
    server_tool_use: null,
  };
}

export function messageHead(context: DoorContext): Json {
  return { id: `msg_${context.requestId}`, type: 'message', role: 'assistant', model: context.model };
}

/** What the vendor counts is known at the end only: until then an estimate of the input stands here. */
export function messageStart(context: DoorContext): string {
  const usage = {
    input_tokens: context.inputTokens ?? 0,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: 0,
  };
  const message = {
    ...messageHead(context),
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    container: null,
    usage,
  };
  return event('message_start', { message });
}

export const PING = event('ping', {});

export const blockStart = (index: number, content_block: Json): string =>
  event('content_block_start', { index, content_block });

export const blockDelta = (index: number, delta: Json): string => event('content_block_delta', { index, delta });

export const blockStop = (index: number): string => event('content_block_stop', { index });

/** `rest`: what a vendor of this dialect says besides. */
export function messageEnd(delta: Json, usage: Json, truth: Truth, rest: Json = {}): string {
  return event('message_delta', { delta, usage, ...rest, x_mcp: truth }) + event('message_stop', {});
}
