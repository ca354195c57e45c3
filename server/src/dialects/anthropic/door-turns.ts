/** Anthropic's turns to our messages: a tool result is a message of its own, and system texts stand among them. */
import type { AssistantContent, Message, TextContent, ToolCallContent, UserContent } from '../../contract/call.ts';
import { isObject, type Json } from '../json.ts';
import { type FieldErrors, kindOf, wrong } from '../openai/field-errors.ts';
import { decodeBlock, decodeContent, decodeText, eachBlock, foreign, marksOf } from './door-content.ts';
import { vendorId } from './door-ids.ts';
import { isSealed, unseal } from './door-seal.ts';

/** The API's own bound. */
const MOST_MESSAGES = 100_000;
const USE_FIELDS = new Set(['type', 'id', 'name', 'input']);
const LONGEST_NAME = 256;

export function decodeSystem(value: unknown, path: string, errors: FieldErrors): TextContent[] {
  if (typeof value === 'string') return [{ type: 'text', text: value }];
  const texts: TextContent[] = [];
  eachBlock(value, path, errors, (block, at) => {
    if (block.type !== 'text') wrong(errors, `${at}.type`, 'must be "text"');
    else {
      const text = decodeText(block, at, errors);
      if (text) texts.push(text);
    }
  });
  return texts;
}

export function decodeTurns(value: unknown, path: string, errors: FieldErrors): Message[] {
  const messages: Message[] = [];
  if (!Array.isArray(value) || value.length === 0 || value.length > MOST_MESSAGES) {
    wrong(errors, path, `must be a list of 1 to ${MOST_MESSAGES} messages`);
    return messages;
  }
  for (let i = 0; i < value.length; i++) decodeTurn(value[i], `${path}.${i}`, errors, messages);
  return messages;
}

function decodeTurn(value: unknown, path: string, errors: FieldErrors, messages: Message[]): void {
  if (!isObject(value)) {
    wrong(errors, path, `must be an object with "role" and "content", not ${kindOf(value)}`);
    return;
  }
  const at = `${path}.content`;
  switch (value.role) {
    case 'user':
      userTurn(value.content, at, errors, messages);
      break;
    case 'assistant':
      messages.push({ role: 'assistant', content: assistantTurn(value.content, at, errors) });
      break;
    case 'system':
      messages.push({ role: 'system', content: decodeSystem(value.content, at, errors) });
      break;
    default:
      wrong(errors, `${path}.role`, 'must be "user", "assistant" or "system"');
  }
}

/** Results come first in a turn; other dialects want them right behind the calls too. */
function userTurn(value: unknown, path: string, errors: FieldErrors, messages: Message[]): void {
  if (typeof value === 'string') {
    messages.push({ role: 'user', content: [{ type: 'text', text: value }] });
    return;
  }
  const rest: UserContent[] = [];
  let results = 0;
  eachBlock(value, path, errors, (block, at) => {
    if (block.type === 'tool_result') {
      results++;
      const result = toolResult(block, at, errors);
      if (result) messages.push(result);
      return;
    }
    const part = decodeBlock(block, at, errors);
    if (part) rest.push(part);
  });
  if (rest.length > 0 || results === 0) messages.push({ role: 'user', content: rest });
}

function toolResult(block: Json, path: string, errors: FieldErrors): Message | null {
  const id = block.tool_use_id;
  if (typeof id !== 'string' || id === '') {
    wrong(errors, `${path}.tool_use_id`, 'must be the id of the tool use that this result answers');
    return null;
  }
  const { content } = block;
  const parts = content === undefined || content === null ? [] : decodeContent(content, `${path}.content`, errors);
  const message: Message = { role: 'tool', toolCallId: vendorId(id), content: parts };
  if (block.is_error === true) message.isError = true;
  else if (block.is_error !== undefined && block.is_error !== null && block.is_error !== false) {
    wrong(errors, `${path}.is_error`, `must be true or false, not ${kindOf(block.is_error)}`);
  }
  // Our messages of tools have no place for a mark: it says the same on the last block inside.
  const last = parts.at(-1);
  const { cache_control } = block;
  if (cache_control && last && last.type !== 'foreign') {
    const fields = last.vendor?.fields ?? {};
    if (!('block' in fields)) last.vendor = { dialect: 'anthropic', fields: { cache_control, ...fields } };
  }
  return message;
}

function assistantTurn(value: unknown, path: string, errors: FieldErrors): AssistantContent[] {
  if (typeof value === 'string') return [{ type: 'text', text: value }];
  const content: AssistantContent[] = [];
  const carried = new Map<string, ToolCallContent['vendor']>();
  eachBlock(value, path, errors, (block, at) => {
    switch (block.type) {
      case 'text': {
        const text = decodeText(block, at, errors);
        if (text) content.push(text);
        break;
      }
      case 'thinking':
        thinking(block, at, errors, content, carried);
        break;
      case 'redacted_thinking':
        redacted(block, at, errors, content);
        break;
      case 'tool_use': {
        const call = toolUse(block, at, errors);
        if (call) content.push(call);
        break;
      }
      case 'image':
        wrong(errors, `${at}.type`, 'an assistant message takes no images');
        break;
      default:
        content.push(foreign(block));
    }
  });
  for (const part of content) {
    if (part.type !== 'tool_call') continue;
    const vendor = carried.get(part.id);
    if (vendor) part.vendor = vendor;
  }
  return content;
}

function thinking(
  block: Json,
  path: string,
  errors: FieldErrors,
  content: AssistantContent[],
  carried: Map<string, ToolCallContent['vendor']>,
): void {
  const { thinking: text, signature } = block;
  if (typeof text !== 'string') {
    wrong(errors, `${path}.thinking`, `must be a text, not ${kindOf(text)}`);
    return;
  }
  if (signature !== undefined && signature !== null && typeof signature !== 'string') {
    wrong(errors, `${path}.signature`, `must be a text, not ${kindOf(signature)}`);
    return;
  }
  if (!signature) {
    content.push({ type: 'reasoning', text });
    return;
  }
  if (!isSealed(signature)) {
    const fields = { type: 'thinking', signature };
    content.push({ type: 'reasoning', text, vendor: { dialect: 'anthropic', fields } });
    return;
  }
  const said = unseal(signature);
  if (said === null) {
    wrong(errors, `${path}.signature`, 'is not as this server gave it; send the block back unchanged, or leave it out');
    return;
  }
  const { vendor, callId } = said;
  if (callId !== null && vendor) carried.set(callId, vendor);
  else content.push(vendor ? { type: 'reasoning', text, vendor } : { type: 'reasoning', text });
}

function redacted(block: Json, path: string, errors: FieldErrors, content: AssistantContent[]): void {
  const { data } = block;
  if (typeof data !== 'string') {
    wrong(errors, `${path}.data`, `must be a text, not ${kindOf(data)}`);
    return;
  }
  const fields = { type: 'redacted_thinking', data };
  content.push({ type: 'reasoning', text: '', vendor: { dialect: 'anthropic', fields } });
}

function toolUse(block: Json, path: string, errors: FieldErrors): ToolCallContent | null {
  const { id, name, input } = block;
  if (typeof id !== 'string' || id === '') {
    wrong(errors, `${path}.id`, 'must be the id of the tool use');
    return null;
  }
  if (typeof name !== 'string' || name === '' || name.length > LONGEST_NAME) {
    wrong(errors, `${path}.name`, 'must name the tool');
    return null;
  }
  if (!isObject(input)) {
    wrong(errors, `${path}.input`, `must be an object, not ${kindOf(input)}`);
    return null;
  }
  const call: ToolCallContent = { type: 'tool_call', id: vendorId(id), name, arguments: JSON.stringify(input) };
  const marks = marksOf(block, USE_FIELDS);
  if (marks) call.vendor = marks;
  return call;
}
