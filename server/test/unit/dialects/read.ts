/** Reads bytes through a parser and a decoder, and puts parts together as a reader would. */

import type { Decoder, Dialect } from '../../../src/contract/dialect.ts';
import type { Part, Usage } from '../../../src/contract/part.ts';
import { createSseParser } from '../../../src/dialects/sse.ts';

export function read(dialect: Dialect, stream: string | readonly Buffer[], decoder?: Decoder): Part[] {
  const target = decoder ?? dialect.vendor.decoder({});
  const parts: Part[] = [];
  const parser = createSseParser({ onEvent: (event) => parts.push(...target.push(event)) });
  for (const chunk of typeof stream === 'string' ? [Buffer.from(stream)] : stream) parser.push(chunk);
  parser.end();
  parts.push(...target.end());
  return parts;
}

export interface Outcome {
  text: string;
  reasoning: string;
  tools: { id?: string; name?: string; arguments: string }[];
  usage: Usage | null;
  end: string | null;
  marks: unknown[];
}

export function assemble(parts: readonly Part[]): Outcome {
  const out: Outcome = { text: '', reasoning: '', tools: [], usage: null, end: null, marks: [] };
  for (const part of parts) {
    switch (part.type) {
      case 'text':
        out.text += part.text;
        break;
      case 'reasoning':
        out.reasoning += part.text;
        if (part.vendor) out.marks.push(part.vendor);
        break;
      case 'tool_call': {
        const tool = out.tools[part.index] ?? { arguments: '' };
        out.tools[part.index] = tool;
        if (part.id !== undefined) tool.id = part.id;
        if (part.name !== undefined) tool.name = part.name;
        tool.arguments += part.arguments;
        break;
      }
      case 'usage':
        out.usage = part.usage;
        break;
      case 'finish':
        out.end = part.reason;
        break;
      case 'failure':
        out.end = part.failure.code;
        break;
    }
  }
  return out;
}
