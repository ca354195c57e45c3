/** Parts to an unstreamed Anthropic message. */

import type { Answer, DoorContext, Truth } from '../../contract/dialect.ts';
import type { ReasoningPart, VisiblePart } from '../../contract/part.ts';
import { isObject, type Json, parseJson } from '../json.ts';
import { anthropicUsage, ending, messageHead } from './door-events.ts';
import { shownId } from './door-ids.ts';
import { seal, UNSIGNED } from './door-seal.ts';

export function anthropicMessage(context: DoorContext, answer: Answer, truth: Truth): string {
  return JSON.stringify({
    ...messageHead(context),
    content: contentOf(answer.parts, context),
    ...ending(answer.finishReason),
    usage: anthropicUsage(answer.usage),
    x_mcp: truth,
  });
}

function contentOf(parts: readonly VisiblePart[], context: DoorContext): Json[] {
  const blocks: Json[] = [];
  const tools = new Map<number, { block: Json; text: string }>();
  /** Reasoning that may still get its signature. */
  let thinking: { type: 'thinking'; thinking: string; signature: string } | null = null;

  const think = (text: string) => {
    if (thinking) thinking.thinking += text;
    else {
      thinking = { type: 'thinking', thinking: text, signature: UNSIGNED };
      blocks.push(thinking);
    }
    return thinking;
  };
  const reason = ({ text, vendor }: ReasoningPart) => {
    if (vendor === undefined || text !== '') if (text !== '') think(text);
    if (vendor === undefined) return;
    const { type, signature, data } = vendor.fields;
    if (vendor.dialect === 'anthropic' && type === 'redacted_thinking') blocks.push({ type, data });
    else {
      const own = vendor.dialect === 'anthropic' && typeof signature === 'string';
      think('').signature = own ? signature : seal(vendor);
    }
    thinking = null;
  };

  for (const part of parts) {
    if (part.type === 'reasoning') {
      reason(part);
      continue;
    }
    thinking = null;
    const last = blocks.at(-1);
    if (part.type === 'text') {
      if (part.text === '') continue;
      if (last?.type === 'text') last.text = String(last.text) + part.text;
      else blocks.push({ type: 'text', text: part.text });
      continue;
    }
    const known = tools.get(part.index);
    if (known) {
      known.text += part.arguments;
      continue;
    }
    const id = part.id || `toolu_${context.requestId}_${part.index}`;
    if (part.vendor) blocks.push({ type: 'thinking', thinking: '', signature: seal(part.vendor, id) });
    const block: Json = { type: 'tool_use', id: shownId(id), name: part.name ?? '', input: {} };
    blocks.push(block);
    tools.set(part.index, { block, text: part.arguments });
  }
  for (const { block, text } of tools.values()) block.input = inputOf(text);
  return blocks;
}

/** What is no JSON object cannot stand here: it is kept under a name of its own, never repaired. */
function inputOf(text: string): Json {
  if (text.trim() === '') return {};
  const parsed = parseJson(text);
  return parsed.ok && isObject(parsed.value) ? parsed.value : { invalid_arguments: text };
}
