/** Content blocks of a Converse answer to parts, from a stream or a whole message. */
import type { Part } from '../../contract/part.ts';
import { isObject, type Json, objectIn, stringIn } from '../json.ts';
import { createTextMender, type TextMender } from '../text.ts';

interface ToolBlock {
  index: number;
  spoke: boolean;
  mender: TextMender;
}

export interface BlockReader {
  start(index: number, start: Json, parts: Part[]): void;
  delta(index: number, delta: Json, parts: Part[]): void;
  stop(index: number, parts: Part[]): void;
  /** A block of a whole message. */
  whole(index: number, block: Json, parts: Part[]): void;
  /** What was still held back when the answer is complete. */
  end(parts: Part[]): void;
  text(piece: string, parts: Part[]): void;
  thinking(piece: string, parts: Part[]): void;
  /** Whether a tool of the caller was called. */
  usedTools(): boolean;
}

/**
 * Blocks that we know no part for (citations, images, results of tools that ran at the vendor) are passed over. Calls
 * of tools that run there (`server_tool_use`) are not the caller's to answer, so they are passed over too.
 */
export function createBlockReader(): BlockReader {
  const texts = createTextMender();
  const thoughts = createTextMender();
  const tools = new Map<number, ToolBlock>();
  /** Encrypted reasoning comes in pieces that are one value together. */
  const redacted = new Map<number, string>();
  let toolCount = 0;

  function text(piece: string, parts: Part[]): void {
    const clean = texts.push(piece);
    if (clean !== '') parts.push({ type: 'text', text: clean });
  }

  function thinking(piece: string, parts: Part[]): void {
    const clean = thoughts.push(piece);
    if (clean !== '') parts.push({ type: 'reasoning', text: clean });
  }

  /**
   * Only Claude signs its reasoning here, and its signature is the same on every platform, so it travels as Anthropic's
   * own field: every door knows it, and Anthropic's API takes it as well.
   */
  function sign(signature: string | null, parts: Part[]): void {
    if (!signature) return;
    parts.push({
      type: 'reasoning',
      text: '',
      vendor: { dialect: 'anthropic', fields: { type: 'thinking', signature } },
    });
  }

  function seal(redactedContent: string, parts: Part[]): void {
    if (redactedContent === '') return;
    parts.push({ type: 'reasoning', text: '', vendor: { dialect: 'bedrock', fields: { redactedContent } } });
  }

  function startTool(at: number, use: Json, parts: Part[]): ToolBlock | null {
    if (use.type === 'server_tool_use') return null;
    const tool: ToolBlock = { index: toolCount++, spoke: false, mender: createTextMender() };
    tools.set(at, tool);
    const id = stringIn(use, 'toolUseId') || `tooluse_${tool.index}`;
    parts.push({ type: 'tool_call', index: tool.index, id, name: stringIn(use, 'name') ?? '', arguments: '' });
    return tool;
  }

  function argument(tool: ToolBlock, piece: string, parts: Part[]): void {
    if (piece === '') return;
    tool.spoke = true;
    const clean = tool.mender.push(piece);
    if (clean !== '') parts.push({ type: 'tool_call', index: tool.index, arguments: clean });
  }

  function stop(at: number, parts: Part[]): void {
    const sealed = redacted.get(at);
    if (sealed !== undefined) {
      redacted.delete(at);
      seal(sealed, parts);
    }
    const tool = tools.get(at);
    if (!tool) return;
    tools.delete(at);
    // A call without arguments has none or empty fragments.
    if (!tool.spoke) argument(tool, '{}', parts);
    const rest = tool.mender.end();
    if (rest !== '') parts.push({ type: 'tool_call', index: tool.index, arguments: rest });
  }

  function reasoning(at: number, content: Json, parts: Part[]): void {
    thinking(stringIn(content, 'text') ?? '', parts);
    sign(stringIn(content, 'signature'), parts);
    const sealed = stringIn(content, 'redactedContent');
    if (sealed !== null) redacted.set(at, (redacted.get(at) ?? '') + sealed);
  }

  return {
    text,
    thinking,
    stop,
    usedTools: () => toolCount > 0,
    start(at, start, parts) {
      const use = objectIn(start, 'toolUse');
      if (use) startTool(at, use, parts);
    },
    delta(at, delta, parts) {
      if (typeof delta.text === 'string') text(delta.text, parts);
      const thought = objectIn(delta, 'reasoningContent');
      if (thought) reasoning(at, thought, parts);
      const use = objectIn(delta, 'toolUse');
      const tool = tools.get(at);
      if (use && tool) argument(tool, stringIn(use, 'input') ?? '', parts);
    },
    whole(at, block, parts) {
      if (typeof block.text === 'string') text(block.text, parts);
      const cited = objectIn(block, 'citationsContent')?.content;
      if (Array.isArray(cited))
        for (const piece of cited) if (isObject(piece)) text(stringIn(piece, 'text') ?? '', parts);
      const thought = objectIn(block, 'reasoningContent');
      if (thought) reasoning(at, { ...objectIn(thought, 'reasoningText'), ...thought }, parts);
      const use = objectIn(block, 'toolUse');
      const tool = use && startTool(at, use, parts);
      if (tool && use.input !== undefined && use.input !== null) argument(tool, JSON.stringify(use.input), parts);
      stop(at, parts);
    },
    end(parts) {
      for (const at of [...tools.keys(), ...redacted.keys()]) stop(at, parts);
      const thought = thoughts.end();
      if (thought !== '') parts.push({ type: 'reasoning', text: thought });
      const rest = texts.end();
      if (rest !== '') parts.push({ type: 'text', text: rest });
    },
  };
}
