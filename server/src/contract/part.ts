/** The units of an answer (parts), and the numbered messages of a stream (frames). */
import type { VendorField } from './call.ts';
import type { ErrorCode } from './errors.ts';
import type { TerminalState } from './states.ts';

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter';

/** Token counts. `inputTokens` includes cached and cache-written ones, `outputTokens` includes reasoning. */
export interface Usage {
  inputTokens: number;
  outputTokens: number;
  cachedInputTokens: number;
  cacheWriteTokens: number;
  reasoningTokens: number;
  /** US dollars, as the vendor counts them. Where a price is known, that decides. */
  costUsd?: number;
  /** `estimated` when the vendor reported nothing sane. */
  source: 'reported' | 'estimated';
}

/** What a vendor did wrong, already classed. `detail` is for our own records and never reaches a caller. */
export interface ProviderFailure {
  code: ErrorCode;
  /** HTTP status of the vendor, if there was one. */
  status?: number;
  detail: string;
  /** How long the vendor asked us to wait. */
  retryAfterMs?: number;
}

export interface TextPart {
  type: 'text';
  text: string;
}
export interface ReasoningPart {
  type: 'reasoning';
  text: string;
  /** E.g. Anthropic's signature. A part with an empty text may carry one: it belongs to the reasoning before it. */
  vendor?: VendorField;
}
export interface ToolCallPart {
  type: 'tool_call';
  /** Position among the tool calls of the answer, from 0. */
  index: number;
  /** Set on the first part of a tool call. */
  id?: string;
  name?: string;
  /** A piece of the arguments' JSON text, as it arrived; may be empty. */
  arguments: string;
  vendor?: VendorField;
}
export interface UsagePart {
  type: 'usage';
  usage: Usage;
}
/** The vendor's own terminal signal was seen. Without one an answer is never complete. */
export interface FinishPart {
  type: 'finish';
  reason: FinishReason;
}
export interface FailurePart {
  type: 'failure';
  failure: ProviderFailure;
}

export type VisiblePart = TextPart | ReasoningPart | ToolCallPart;
export type Part = VisiblePart | UsagePart | FinishPart | FailurePart;

export function isVisible(part: Part): part is VisiblePart {
  return part.type === 'text' || part.type === 'reasoning' || part.type === 'tool_call';
}

/**
 * The body of a frame, before it has its number. Field names are those of the wire. `sealed`: see `SEALED` in record.ts.
 */
export type FrameBody = (
  | { type: 'attempt'; attempt: number; provider: string; model: string; reason: string }
  | { type: 'text'; text: string }
  | { type: 'reasoning'; text: string; vendor?: VendorField }
  | { type: 'tool_call'; index: number; id?: string; name?: string; arguments: string; vendor?: VendorField }
  | { type: 'notice'; code: string; detail: string }
  | { type: 'progress'; done: number; total: number; unit: string }
  | { type: 'restart'; attempt: number; reason: string }
  | { type: 'usage'; usage: WireUsage }
  | { type: 'end'; status: TerminalState; finish_reason: FinishReason | null; error?: WireError }
) & { sealed?: string };

export type Frame = { seq: number } & FrameBody;

/** Usage as callers see it. */
export interface WireUsage {
  input_tokens: number;
  output_tokens: number;
  cached_input_tokens: number;
  reasoning_tokens: number;
  source: 'reported' | 'estimated';
}

export interface WireError {
  code: ErrorCode;
  message: string;
  upstream_status?: number;
}

export function wireUsage(usage: Usage): WireUsage {
  return {
    input_tokens: usage.inputTokens,
    output_tokens: usage.outputTokens,
    cached_input_tokens: usage.cachedInputTokens,
    reasoning_tokens: usage.reasoningTokens,
    source: usage.source,
  };
}

/** What a reader sees of a part; null for what has a frame of its own kind, or nothing to say. */
export function frameOf(part: Part): FrameBody | null {
  switch (part.type) {
    case 'text':
      return part.text === '' ? null : { type: 'text', text: part.text };
    case 'reasoning':
      if (part.vendor) return { type: 'reasoning', text: part.text, vendor: part.vendor };
      return part.text === '' ? null : { type: 'reasoning', text: part.text };
    case 'tool_call':
      return {
        type: 'tool_call',
        index: part.index,
        ...(part.id === undefined ? {} : { id: part.id }),
        ...(part.name === undefined ? {} : { name: part.name }),
        arguments: part.arguments,
        ...(part.vendor === undefined ? {} : { vendor: part.vendor }),
      };
    default:
      return null;
  }
}
