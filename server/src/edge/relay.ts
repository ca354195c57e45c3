/**
 * The answer of a vendor that speaks the door's own dialect: its events are sent on as they came, but for what the
 * caller did not ask for (usage), and for the last one, which carries our own facts.
 */
import type { Part, Usage } from '../contract/part.ts';
import type { Truth } from '../contract/ports.ts';

export interface Relay {
  /** The bytes to send for one event; empty when it is held back or taken out. */
  event(parts: readonly Part[], data: string): string;
  /** The last chunks and the terminal mark. */
  finish(usage: Usage, wire: Record<string, unknown>, truth: Truth): string;
}

const NULL_USAGE = ',"usage":null';

export function openaiRelay(includeUsage: boolean): Relay {
  let finishChunk: Record<string, unknown> | null = null;
  let usageChunk: Record<string, unknown> | null = null;

  return {
    event(parts, data) {
      for (const part of parts) {
        if (part.type === 'finish') {
          finishChunk = JSON.parse(data) as Record<string, unknown>;
          return '';
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
      if (parts.length > 1 && parts.some((part) => part.type === 'usage')) return withoutUsage(data);
      // Inside a JSON string every quote is escaped, so this can only be the field itself.
      const clean = !includeUsage && data.includes(NULL_USAGE) ? data.replace(NULL_USAGE, '') : data;
      // A blank line inside would end the event: between tokens a newline is as good as a blank.
      return `data: ${clean.includes('\n') ? clean.replaceAll('\n', ' ') : clean}\n\n`;
    },
    finish(_usage, wire, truth) {
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

function withoutUsage(data: string): string {
  const { usage: _usage, ...rest } = JSON.parse(data) as Record<string, unknown>;
  return `data: ${JSON.stringify(rest)}\n\n`;
}
