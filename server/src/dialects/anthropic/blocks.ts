/** Content blocks of an Anthropic answer to parts, from a stream or a whole message. */
import type { Part } from '../../contract/part.ts';
import { isObject, type Json, stringIn } from '../json.ts';
import { createTextMender, type TextMender } from '../text.ts';

interface ToolBlock {
  index: number;
  /** The input that came with the start of the block; used when no fragments follow. */
  input: string;
  spoke: boolean;
  mender: TextMender;
}

export interface BlockReader {
  start(index: number, block: Json, parts: Part[]): void;
  delta(index: number, delta: Json, parts: Part[]): void;
  stop(index: number, parts: Part[]): void;
  /** What was still held back when the answer is complete. */
  end(parts: Part[]): void;
  text(piece: string, parts: Part[]): void;
  thinking(piece: string, parts: Part[]): void;
}

/** Blocks of types that we do not know (server tools, citations) have no parts; `tool_use` ones count from 0. */
export function createBlockReader(): BlockReader {
  const texts = createTextMender();
  const thoughts = createTextMender();
  const tools = new Map<number, ToolBlock>();
  let toolCount = 0;

  function text(piece: string, parts: Part[]): void {
    const clean = texts.push(piece);
    if (clean !== '') parts.push({ type: 'text', text: clean });
  }

  function thinking(piece: string, parts: Part[]): void {
    const clean = thoughts.push(piece);
    if (clean !== '') parts.push({ type: 'reasoning', text: clean });
  }

  /** Vendor fields come back to the API byte for byte on the next turn. */
  function mark(fields: Json, parts: Part[]): void {
    parts.push({ type: 'reasoning', text: '', vendor: { dialect: 'anthropic', fields } });
  }

  function startTool(at: number, block: Json, parts: Part[]): void {
    const tool: ToolBlock = {
      index: toolCount++,
      input: isObject(block.input) ? JSON.stringify(block.input) : '{}',
      spoke: false,
      mender: createTextMender(),
    };
    tools.set(at, tool);
    const id = stringIn(block, 'id') || `toolu_${tool.index}`;
    parts.push({ type: 'tool_call', index: tool.index, id, name: stringIn(block, 'name') ?? '', arguments: '' });
  }

  function argument(tool: ToolBlock, piece: string, parts: Part[]): void {
    if (piece === '') return;
    tool.spoke = true;
    const clean = tool.mender.push(piece);
    if (clean !== '') parts.push({ type: 'tool_call', index: tool.index, arguments: clean });
  }

  return {
    text,
    thinking,
    start(index, block, parts) {
      if (block.type === 'text') text(stringIn(block, 'text') ?? '', parts);
      else if (block.type === 'thinking') {
        thinking(stringIn(block, 'thinking') ?? '', parts);
        const signature = stringIn(block, 'signature');
        if (signature) mark({ type: 'thinking', signature }, parts);
      } else if (block.type === 'redacted_thinking') mark({ type: 'redacted_thinking', data: block.data }, parts);
      else if (block.type === 'tool_use') startTool(index, block, parts);
    },
    delta(index, delta, parts) {
      switch (delta.type) {
        case 'text_delta':
          text(stringIn(delta, 'text') ?? '', parts);
          break;
        case 'thinking_delta':
          thinking(stringIn(delta, 'thinking') ?? '', parts);
          break;
        case 'signature_delta':
          if (typeof delta.signature === 'string') mark({ type: 'thinking', signature: delta.signature }, parts);
          break;
        case 'input_json_delta': {
          const tool = tools.get(index);
          if (tool) argument(tool, stringIn(delta, 'partial_json') ?? '', parts);
          break;
        }
      }
    },
    stop(index, parts) {
      const tool = tools.get(index);
      if (!tool) return;
      tools.delete(index);
      // A tool without arguments sends no fragments; its `input: {}` is what the model wrote.
      if (!tool.spoke) argument(tool, tool.input, parts);
      const rest = tool.mender.end();
      if (rest !== '') parts.push({ type: 'tool_call', index: tool.index, arguments: rest });
    },
    end(parts) {
      const thought = thoughts.end();
      if (thought !== '') parts.push({ type: 'reasoning', text: thought });
      const rest = texts.end();
      if (rest !== '') parts.push({ type: 'text', text: rest });
    },
  };
}
