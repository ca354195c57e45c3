/** Parts to an OpenAI-shaped assistant message, for whole answers and stored results. */
import type { ReasoningPart, VisiblePart } from '../../contract/part.ts';
import { isObject, type Json } from '../json.ts';
import { isResponsesDetail, responsesDetail } from '../responses/detail.ts';
import { bedrockDetail, sealedIn } from './bedrock.ts';
import { decodeReasoning } from './decode-reasoning.ts';
import { callExtras, googleDetail, isGoogleDetail } from './google.ts';

/** OpenRouter's name for Anthropic's blocks; clients that know `reasoning_details` send them back unchanged. */
export const ANTHROPIC_FORMAT = 'anthropic-claude-v1';

interface ToolCall {
  id: string;
  type: 'function';
  function: { name: string; arguments: string };
  invalid_arguments?: true;
}

/**
 * `{ role, content, reasoning_content?, reasoning_details?, tool_calls? }`. Arguments that are not JSON (cut short, or
 * the model's mistake) stay as they are and their call says `invalid_arguments: true`: they are never repaired.
 */
export function openaiMessage(parts: readonly VisiblePart[]): Record<string, unknown> {
  const text: string[] = [];
  const reasoning: string[] = [];
  const details = createDetailCollector();
  const detailList: Json[] = [];
  const calls: ToolCall[] = [];
  for (const part of parts) {
    if (part.type === 'text') text.push(part.text);
    else if (part.type === 'reasoning') {
      reasoning.push(part.text);
      const detail = details(part);
      if (detail) detailList.push(detail);
    } else addFragment(calls, part);
  }
  const toolCalls = calls.filter((call) => call !== undefined);
  for (const call of toolCalls) if (!isJson(call.function.arguments)) call.invalid_arguments = true;
  const content = text.join('');
  const thought = reasoning.join('');
  const message: Record<string, unknown> = {
    role: 'assistant',
    content: content === '' && toolCalls.length > 0 ? null : content,
  };
  if (thought !== '') message.reasoning_content = thought;
  if (detailList.length > 0) message.reasoning_details = detailList;
  if (toolCalls.length > 0) message.tool_calls = toolCalls;
  return message;
}

/** Places of the tool calls whose arguments are not JSON. */
export function invalidCalls(parts: readonly VisiblePart[]): number[] {
  const calls: ToolCall[] = [];
  for (const part of parts) if (part.type === 'tool_call') addFragment(calls, part);
  const places: number[] = [];
  calls.forEach((call, place) => {
    if (!isJson(call.function.arguments)) places.push(place);
  });
  return places;
}

function addFragment(calls: ToolCall[], part: Extract<VisiblePart, { type: 'tool_call' }>): void {
  const known = calls[part.index];
  const call = known ?? { id: '', type: 'function', function: { name: '', arguments: '' } };
  if (!known) calls[part.index] = call;
  if (part.id !== undefined) call.id = part.id;
  if (part.name !== undefined) call.function.name = part.name;
  call.function.arguments += part.arguments;
  Object.assign(call, callExtras(part.vendor));
}

/**
 * Yields the `reasoning_details` entry that a reasoning part completes. Anthropic's signature belongs to the text
 * before it, so that text goes into the entry: whoever sends the entry back sends all that the signature covers.
 */
export function createDetailCollector(): (part: ReasoningPart) => Json | null {
  let text = '';
  let index = 0;
  return (part) => {
    text += part.text;
    if (part.vendor === undefined) return null;
    const { dialect, fields } = part.vendor;
    const block = text;
    text = '';
    if (dialect === 'openai') return isObject(fields.reasoning_detail) ? fields.reasoning_detail : null;
    if (dialect === 'gemini') return googleDetail(fields, index++);
    if (dialect === 'responses') return responsesDetail(fields, index++);
    if (dialect === 'bedrock' && 'redactedContent' in fields) return bedrockDetail(fields, index++);
    const common = { format: ANTHROPIC_FORMAT, index: index++ };
    if (fields.type === 'redacted_thinking') return { type: 'reasoning.encrypted', data: fields.data, ...common };
    return { type: 'reasoning.text', text: block, signature: fields.signature, ...common };
  };
}

/** An entry of our making, of another dialect's reasoning: no vendor of this dialect knows it. */
export function isOurDetail(detail: unknown): boolean {
  return isGoogleDetail(detail) || isResponsesDetail(detail) || sealedIn(detail) !== null;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The way back from `openaiMessage`: what a recorded message says, as parts. */
export function partsOfMessage(message: Record<string, unknown>): VisiblePart[] {
  const parts: VisiblePart[] = reasoningOf(message);
  if (typeof message.content === 'string' && message.content !== '')
    parts.push({ type: 'text', text: message.content });
  const calls = Array.isArray(message.tool_calls) ? message.tool_calls : [];
  calls.forEach((call: { id?: string; function?: { name?: string; arguments?: string } }, index: number) => {
    parts.push({
      type: 'tool_call',
      index,
      ...(call.id === undefined ? {} : { id: call.id }),
      ...(call.function?.name === undefined ? {} : { name: call.function.name }),
      arguments: call.function?.arguments ?? '',
    });
  });
  return parts;
}

/** With its signatures, where these cover all that was thought: what was shown must be told again in full. */
function reasoningOf(message: Record<string, unknown>): ReasoningPart[] {
  const plain = typeof message.reasoning_content === 'string' ? message.reasoning_content : '';
  const signed: ReasoningPart[] = [];
  for (const part of decodeReasoning(message, '', [])) if (part.type === 'reasoning') signed.push(part);
  if (signed.map(({ text }) => text).join('') === plain) return signed;
  return plain === '' ? [] : [{ type: 'reasoning', text: plain }];
}
