/** Messages of a call as Converse's alternating turns. */
import type { AssistantContent, Message, UserContent, VendorField } from '../../contract/call.ts';
import type { Notice } from '../../contract/dialect.ts';
import { unsupported } from '../asked.ts';
import { isObject, type Json, parseJson } from '../json.ts';
import { note } from '../notices.ts';
import { imageBlock, reasoningBlock } from './content.ts';
import type { Traits } from './models.ts';
import { createIds, pastToolName } from './names.ts';

/** Consecutive messages of one role. Results stand apart, because they must come first in their message. */
interface Turn {
  role: 'user' | 'assistant';
  results: Json[];
  blocks: Json[];
}

export interface Conversation {
  system: Json[];
  messages: Json[];
  /** Tools that were called in it: Converse wants some declared then. */
  usedTools: ReadonlySet<string>;
  /** The answer would go on from tool results whose assistant turn shows no reasoning. */
  midToolUse: boolean;
  /** The last message is the assistant's. */
  goesOn: boolean;
}

export interface Surroundings {
  traits: Traits;
  notices: Notice[];
  /** The beginning of the answer, or empty. */
  prefix: string;
}

/** Blank text is refused everywhere, and a result must have content. */
const NO_OUTPUT = '(no output)';
/** A conversation must begin with the user. */
const BEGINNING = '(the conversation begins)';

/** System messages from anywhere go to the front: most models know no other place for them. */
export function encodeConversation(messages: readonly Message[], around: Surroundings): Conversation {
  const { traits, notices, prefix } = around;
  const ids = createIds(traits.shortIds);
  const system: Json[] = [];
  const turns: Turn[] = [];
  const usedTools = new Set<string>();
  for (const message of messages) {
    switch (message.role) {
      case 'system':
        for (const part of message.content) system.push(...textBlocks(part, traits));
        if (turns.length > 0) note(notices, 'changed', 'system messages inside the conversation moved to its front');
        break;
      case 'user':
        addTurn(turns, 'user', [], userBlocks(message.content, traits));
        break;
      case 'assistant':
        addTurn(turns, 'assistant', [], assistantBlocks(message.content, around, ids, usedTools));
        break;
      case 'tool': {
        const { results, beside } = toolResult(message, around, ids);
        addTurn(turns, 'user', results, beside);
        break;
      }
    }
  }
  if (turns.length === 0) throw unsupported('this provider needs at least one user message with content');
  if (turns[0]?.role === 'assistant') {
    turns.unshift({ role: 'user', results: [], blocks: [{ text: BEGINNING }] });
    note(notices, 'changed', 'a conversation that begins with the assistant got a user message before it');
  }
  endTurns(turns, traits, prefix);
  return {
    system: placeSystem(system, turns, traits, notices),
    messages: turns.map(({ role, results, blocks }) => ({ role, content: [...results, ...blocks] })),
    usedTools,
    midToolUse: isMidToolUse(turns),
    goesOn: turns.at(-1)?.role === 'assistant',
  };
}

function addTurn(turns: Turn[], role: Turn['role'], results: Json[], blocks: Json[]): void {
  if (results.length + blocks.length === 0) return;
  const last = turns.at(-1);
  if (last?.role === role) {
    last.results.push(...results);
    last.blocks.push(...blocks);
  } else turns.push({ role, results, blocks });
}

/** A last assistant turn is a beginning to go on from. It may not end in blanks nor with reasoning. */
function endTurns(turns: Turn[], traits: Traits, prefix: string): void {
  const begun = prefix.trimEnd();
  if (begun !== '') {
    const last = turns.at(-1);
    const open = last?.role === 'assistant' ? last.blocks.at(-1) : undefined;
    // One text, so that the model sees no seam.
    if (open !== undefined && typeof open.text === 'string') open.text += begun;
    else addTurn(turns, 'assistant', [], [{ text: begun }]);
  }
  const last = turns.at(-1);
  if (last?.role !== 'assistant') return;
  if (!traits.prefill) throw unsupported('this model cannot go on from an assistant message');
  for (let block = last.blocks.at(-1); block !== undefined; block = last.blocks.at(-1)) {
    if (typeof block.text === 'string') block.text = block.text.trimEnd();
    if ('toolUse' in block || (typeof block.text === 'string' && block.text !== '')) return;
    last.blocks.pop();
  }
  turns.pop();
}

/** Older models take no system messages: there the words stand in front of the user's first. */
function placeSystem(system: Json[], turns: readonly Turn[], traits: Traits, notices: Notice[]): Json[] {
  if (traits.system || system.length === 0) return system;
  turns[0]?.blocks.unshift(...system.filter((block) => 'text' in block));
  note(notices, 'changed', 'system messages stand in the first user message: this model takes none');
  return [];
}

function isMidToolUse(turns: readonly Turn[]): boolean {
  const last = turns.at(-1);
  const first = turns.at(-2)?.blocks[0];
  return last !== undefined && last.results.length > 0 && !(first !== undefined && 'reasoningContent' in first);
}

type Marked = { vendor?: VendorField };

/**
 * A mark of a prompt cache is a block of its own here, behind what it is on. Anthropic's `cache_control` means the same
 * (Bedrock guide, "Prompt caching"); how long it holds, only Claude can be told, from 4.5 on.
 */
export function cachePoint(part: Marked, traits: Traits): Json[] {
  const { vendor } = part;
  if (vendor?.dialect === 'bedrock' && isObject(vendor.fields.cachePoint)) {
    return [{ cachePoint: vendor.fields.cachePoint }];
  }
  const mark = vendor?.dialect === 'anthropic' ? vendor.fields.cache_control : null;
  if (!traits.cache || !isObject(mark)) return [];
  const long = mark.ttl === '1h' && traits.claude !== null && (traits.schema || traits.claude.thinking === 'adaptive');
  return [{ cachePoint: { type: 'default', ...(long ? { ttl: '1h' } : {}) } }];
}

function textBlocks(part: { text: string } & Marked, traits: Traits): Json[] {
  return part.text.trim() === '' ? [] : [{ text: part.text }, ...cachePoint(part, traits)];
}

function userBlocks(parts: readonly UserContent[], traits: Traits): Json[] {
  const blocks: Json[] = [];
  for (const part of parts) {
    if (part.type === 'text') blocks.push(...textBlocks(part, traits));
    else if (part.type === 'image') blocks.push(imageBlock(part), ...cachePoint(part, traits));
    else blocks.push(foreignBlock(part));
  }
  return blocks;
}

function foreignBlock(part: { name: string; dialect: string; raw: unknown }): Json {
  if (part.dialect === 'bedrock' && isObject(part.raw)) return part.raw;
  throw unsupported(`content of type "${part.name}" cannot be sent to this provider`);
}

/** Marks and images that the model does not take inside a result stand beside it, in the same message. */
function toolResult(
  message: Extract<Message, { role: 'tool' }>,
  around: Surroundings,
  ids: (id: string) => string,
): { results: Json[]; beside: Json[] } {
  const { traits, notices } = around;
  const content: Json[] = [];
  const marks: Json[] = [];
  const beside: Json[] = [];
  for (const block of userBlocks(message.content, traits)) {
    if ('cachePoint' in block) marks.push(block);
    else if ('image' in block && !traits.resultImages) beside.push(block);
    else content.push(block);
  }
  if (beside.length > 0) note(notices, 'changed', 'images in tool results stand beside the result');
  if (content.length === 0) content.push({ text: NO_OUTPUT });
  const result: Json = { toolUseId: ids(message.toolCallId), content };
  if (message.isError && traits.resultStatus) result.status = 'error';
  else if (message.isError) note(notices, 'dropped', 'tool results cannot be marked as errors here');
  return { results: [{ toolResult: result }, ...marks], beside };
}

function assistantBlocks(
  parts: readonly AssistantContent[],
  around: Surroundings,
  ids: (id: string) => string,
  usedTools: Set<string>,
): Json[] {
  const { traits, notices } = around;
  const blocks: Json[] = [];
  for (const part of parts) {
    if (part.type === 'text') blocks.push(...textBlocks(part, traits));
    else if (part.type === 'foreign') blocks.push(foreignBlock(part));
    else if (part.type === 'tool_call') {
      const name = pastToolName(part.name, notices);
      usedTools.add(name);
      const toolUse = { toolUseId: ids(part.id), name, input: toolInput(part.arguments, notices) };
      blocks.push({ toolUse }, ...cachePoint(part, traits));
    } else {
      const block = reasoningBlock(part, traits);
      if (block) blocks.push(block);
      else note(notices, 'dropped', 'reasoning that is not of this model is not sent back to it');
    }
  }
  return blocks;
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
