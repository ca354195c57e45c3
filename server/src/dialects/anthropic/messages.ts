/** Messages of a call as Anthropic's alternating turns. */
import type { AssistantContent, ImageContent, Message, TextContent, UserContent } from '../../contract/call.ts';
import type { Notice } from '../../contract/dialect.ts';
import { GoblinError } from '../../contract/errors.ts';
import { isObject, type Json, parseJson } from '../json.ts';
import { note } from '../notices.ts';
import type { Traits } from './models.ts';
import { textBefore } from './prefix.ts';

/** Consecutive messages of one role. Results stand apart, because they must come first in their message. */
interface Turn {
  role: 'user' | 'assistant';
  results: Json[];
  blocks: Json[];
}

export interface Conversation {
  system: Json[];
  turns: Json[];
  /** The answer would go on from tool results whose assistant turn shows no thinking. */
  midToolUse: boolean;
}

/**
 * System messages from anywhere go to the front, as Anthropic's own OpenAI endpoint does it. Empty texts are refused
 * by the API and carry nothing, so they are dropped, and with them messages that are then empty. `prefix`: the beginning
 * of the answer, see `EncodeTarget.prefix`.
 */
export function encodeConversation(
  messages: readonly Message[],
  traits: Traits,
  notices: Notice[],
  prefix = '',
): Conversation {
  const system: Json[] = [];
  const turns: Turn[] = [];
  for (const message of messages) {
    switch (message.role) {
      case 'system':
        system.push(...message.content.filter((part) => part.text.trim() !== '').map(textBlock));
        if (turns.length > 0) note(notices, 'changed', 'system messages inside the conversation moved to its front');
        break;
      case 'user':
        addTurn(turns, 'user', [], userBlocks(message.content));
        break;
      case 'assistant':
        addTurn(turns, 'assistant', [], assistantBlocks(message.content, traits, notices));
        break;
      case 'tool':
        addTurn(turns, 'user', [toolResult(message)], []);
        break;
    }
  }
  if (turns.length === 0) throw unsupported('this provider needs at least one user message with content');
  if (prefix === '') endTurn(turns, traits);
  else beginAnswer(turns, prefix, traits);
  return { system, turns: turns.map(turnMessage), midToolUse: isMidToolUse(turns) };
}

function addTurn(turns: Turn[], role: Turn['role'], results: Json[], blocks: Json[]): void {
  if (results.length + blocks.length === 0) return;
  const last = turns.at(-1);
  if (last?.role === role) {
    last.results.push(...results);
    last.blocks.push(...blocks);
  } else turns.push({ role, results, blocks });
}

function turnMessage(turn: Turn): Json {
  const content = [...turn.results, ...turn.blocks];
  const [only] = content;
  const plain = content.length === 1 && only?.type === 'text' && !('cache_control' in only);
  return { role: turn.role, content: plain ? only.text : content };
}

/** A last assistant turn is a prefill: it may not end in white space nor with thinking, and newer models take none. */
function endTurn(turns: Turn[], traits: Traits): void {
  const last = turns.at(-1);
  if (last?.role !== 'assistant') return;
  if (!traits.prefill) throw unsupported('this model cannot go on from an assistant message');
  for (let block = last.blocks.at(-1); block !== undefined; block = last.blocks.at(-1)) {
    if (block.type === 'text') block.text = String(block.text).trimEnd();
    if (block.type === 'tool_use' || (block.type === 'text' && block.text !== '')) return;
    last.blocks.pop();
  }
  turns.pop();
}

function beginAnswer(turns: Turn[], prefix: string, traits: Traits): void {
  const last = turns.at(-1);
  const blocks = last?.role === 'assistant' ? last.blocks : [];
  const begun = textBefore(blocks, prefix, traits).filter(isObject);
  if (last?.role === 'assistant') last.blocks = begun;
  else if (begun.length > 0) turns.push({ role: 'assistant', results: [], blocks: begun });
}

function isMidToolUse(turns: readonly Turn[]): boolean {
  const last = turns.at(-1);
  const first = turns.at(-2)?.blocks[0]?.type;
  return last !== undefined && last.results.length > 0 && first !== 'thinking' && first !== 'redacted_thinking';
}

function userBlocks(parts: readonly UserContent[]): Json[] {
  const blocks: Json[] = [];
  for (const part of parts) {
    if (part.type === 'image') blocks.push(imageBlock(part));
    else if (part.type === 'foreign') blocks.push(foreignBlock(part));
    else if (part.text.trim() !== '') blocks.push(textBlock(part));
  }
  return blocks;
}

/** A document that other dialects read as text goes back as the block that it was. */
function textBlock(part: TextContent): Json {
  const fields = own(part);
  return isObject(fields.block) ? fields.block : { type: 'text', text: part.text, ...fields };
}

/** Marks of this dialect (`cache_control`) ride on their block. */
function own(part: { vendor?: { dialect: string; fields: Json } }): Json {
  return part.vendor?.dialect === 'anthropic' ? part.vendor.fields : {};
}

const MEDIA_TYPES = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp']);

function imageBlock(part: ImageContent): Json {
  if (part.url !== undefined) return { type: 'image', source: { type: 'url', url: part.url }, ...own(part) };
  const media_type = part.mediaType === 'image/jpg' ? 'image/jpeg' : part.mediaType;
  if (!MEDIA_TYPES.has(media_type ?? '')) {
    throw unsupported(`images of type ${media_type} cannot be sent to this provider; use JPEG, PNG, GIF or WebP`);
  }
  return { type: 'image', source: { type: 'base64', media_type, data: part.data }, ...own(part) };
}

function foreignBlock(part: { name: string; dialect: string; raw: unknown }): Json {
  if (part.dialect === 'anthropic' && isObject(part.raw)) return part.raw;
  throw unsupported(`content of type "${part.name}" cannot be sent to this provider`);
}

function toolResult(message: Extract<Message, { role: 'tool' }>): Json {
  const block: Json = { type: 'tool_result', tool_use_id: toolId(message.toolCallId) };
  const content = userBlocks(message.content);
  const [only] = content;
  if (content.length === 1 && only?.type === 'text' && !('cache_control' in only)) block.content = only.text;
  else if (content.length > 0) block.content = content;
  if (message.isError) block.is_error = true;
  return block;
}

function assistantBlocks(parts: readonly AssistantContent[], traits: Traits, notices: Notice[]): Json[] {
  const blocks: Json[] = [];
  for (const part of parts) {
    if (part.type === 'text') {
      if (part.text.trim() !== '') blocks.push(textBlock(part));
    } else if (part.type === 'tool_call') {
      const input = toolInput(part.arguments, notices);
      blocks.push({ type: 'tool_use', id: toolId(part.id), name: part.name, input, ...own(part) });
    } else if (part.type === 'foreign') blocks.push(foreignBlock(part));
    else {
      const block = traits.thinking === 'none' ? null : thinkingBlock(part);
      if (block) blocks.push(block);
      else note(notices, 'dropped', 'reasoning that this model did not sign is not sent back to it');
    }
  }
  return blocks;
}

/** Byte for byte as it came: the API checks the signature, also of thinking whose text is empty (`display: omitted`). */
function thinkingBlock(part: Extract<AssistantContent, { type: 'reasoning' }>): Json | null {
  if (part.vendor?.dialect !== 'anthropic') return null;
  const { type, signature, data } = part.vendor.fields;
  if (type === 'redacted_thinking') return typeof data === 'string' ? { type, data } : null;
  return typeof signature === 'string' && signature !== ''
    ? { type: 'thinking', thinking: part.text, signature }
    : null;
}

/**
 * `input` must be an object. What the model once wrote wrongly is kept as it was under a name of its own: an empty
 * object would hide from the model why its call failed.
 */
function toolInput(text: string, notices: Notice[]): Json {
  if (text.trim() === '') return {};
  const parsed = parseJson(text);
  if (parsed.ok && isObject(parsed.value)) return parsed.value;
  note(notices, 'changed', 'tool arguments that are not a JSON object are sent as {"invalid_arguments": …}');
  return { invalid_arguments: text };
}

/** Ids of other vendors may have characters that Anthropic refuses; calls and results change alike. */
function toolId(id: string): string {
  return id.replace(/[^a-zA-Z0-9_-]/g, '_');
}

export function unsupported(detail: string): GoblinError {
  return new GoblinError('unsupported_by_target', detail);
}
