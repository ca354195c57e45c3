/**
 * The answer of a vendor that speaks the door's own dialect: its events are sent on as they came, but for what the
 * caller did not ask for (usage), and for the last one, which carries our own facts.
 */

import type { Encoder, Truth } from '../contract/dialect.ts';
import { type FinishReason, isVisible, type Part, type Usage } from '../contract/part.ts';

export interface Relay {
  /** Another attempt begins. `shown`: what came before it was sent, and this one goes on from there. */
  attempt(shown: boolean): void;
  /** The bytes to send for one event; empty when it is held back or taken out. */
  event(parts: readonly Part[], data: string): string;
  /** The last chunks and the terminal mark. */
  finish(reason: FinishReason, usage: Usage, wire: Record<string, unknown>, truth: Truth): string;
}

const NULL_USAGE = ',"usage":null';

export function openaiRelay(includeUsage: boolean, encoder: () => Encoder): Relay {
  let finishChunk: Record<string, unknown> | null = null;
  let usageChunk: Record<string, unknown> | null = null;

  /** What came in a shape that clients stumble over is said again in the regular one. */
  const again = (parts: readonly Part[]): string =>
    parts
      .filter(isVisible)
      .map((part) => encoder().part(part))
      .join('');

  return {
    attempt() {
      finishChunk = null;
      usageChunk = null;
    },
    event(parts, data) {
      for (const part of parts) {
        if (part.type === 'finish') {
          const chunk = JSON.parse(data) as Record<string, unknown>;
          finishChunk = isRegular(chunk)
            ? chunk
            : { ...chunk, choices: [{ index: 0, delta: {}, finish_reason: part.reason }] };
          return finishChunk === chunk ? '' : again(parts);
        }
        if (part.type === 'usage' && parts.length === 1) {
          const chunk = JSON.parse(data) as Record<string, unknown>;
          // Usage in a chunk of its own closes the stream; in any other chunk it is only taken out.
          if (Array.isArray(chunk.choices) && chunk.choices.length === 0) usageChunk = chunk;
          return '';
        }
      }
      // After the terminal signal the vendor has nothing more to say to the caller.
      if (finishChunk || (parts.length === 0 && !data.includes('"choices"'))) return '';
      if (!looksRegular(parts, data) && !isRegular(JSON.parse(data))) return again(parts);
      if (parts.length > 1 && parts.some((part) => part.type === 'usage')) return withoutUsage(data);
      // Inside a JSON string every quote is escaped, so this can only be the field itself.
      const clean = !includeUsage && data.includes(NULL_USAGE) ? data.replace(NULL_USAGE, '') : data;
      // A blank line inside would end the event: between tokens a newline is as good as a blank.
      return `data: ${clean.includes('\n') ? clean.replaceAll('\n', ' ') : clean}\n\n`;
    },
    finish(_reason, _usage, wire, truth) {
      const last = finishChunk ?? { choices: [] };
      if (!includeUsage) {
        const { usage: _usage, ...rest } = last;
        return `data: ${JSON.stringify({ ...rest, x_mcp: truth })}\n\ndata: [DONE]\n\n`;
      }
      const { usage: _inline, ...rest } = last;
      const base = usageChunk ?? {
        id: last.id,
        object: last.object,
        created: last.created,
        model: last.model,
        choices: [],
      };
      const closing = { ...base, usage: usageChunk?.usage ?? wire, x_mcp: truth };
      return `data: ${JSON.stringify({ ...rest, usage: null })}\n\ndata: ${JSON.stringify(closing)}\n\ndata: [DONE]\n\n`;
    },
  };
}

/** One plain text delta of the first choice, told by its words alone; nearly all events are. */
function looksRegular(parts: readonly Part[], data: string): boolean {
  return (
    parts.length === 1 &&
    parts[0]?.type === 'text' &&
    PLAIN.every((sign) => data.includes(sign)) &&
    !data.includes('"index":1')
  );
}
const PLAIN = ['"delta":{', '"content":"'];

/** What every client of the dialect understands: one choice, number 0, a delta of strings, numbered tool calls. */
function isRegular(chunk: unknown): boolean {
  const { choices } = chunk as { choices?: unknown };
  if (!Array.isArray(choices) || choices.length > 1) return false;
  if (choices.length === 0) return true;
  const { index, delta } = choices[0] as { index?: unknown; delta?: Record<string, unknown> };
  if ((index !== undefined && index !== 0) || typeof delta !== 'object' || delta === null) return false;
  if (delta.content !== undefined && delta.content !== null && typeof delta.content !== 'string') return false;
  if (delta.tool_calls === undefined || delta.tool_calls === null) return true;
  if (!Array.isArray(delta.tool_calls)) return false;
  return delta.tool_calls.every(
    (call: { index?: unknown; function?: { arguments?: unknown } }) =>
      Number.isInteger(call.index) &&
      (call.function?.arguments === undefined || typeof call.function.arguments === 'string'),
  );
}

function withoutUsage(data: string): string {
  const { usage: _usage, ...rest } = JSON.parse(data) as Record<string, unknown>;
  return `data: ${JSON.stringify(rest)}\n\n`;
}
