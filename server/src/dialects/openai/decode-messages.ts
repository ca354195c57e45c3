/** OpenAI-shaped messages to ours. */
import type { AssistantContent, ImageContent, Message, TextContent, UserContent } from '../../contract/call.ts';
import { isObject, type Json, unknownFields } from '../json.ts';
import { decodeReasoning } from './decode-reasoning.ts';
import { type FieldErrors, kindOf, wrong } from './field-errors.ts';

const ROLES = 'must be "system", "developer", "user", "assistant" or "tool"';
const TEXT_FIELDS = new Set(['type', 'text']);
const IMAGE_FIELDS = new Set(['type', 'image_url']);
const CALL_FIELDS = new Set(['id', 'type', 'function', 'index', 'invalid_arguments']);

export function decodeMessages(value: unknown, path: string, errors: FieldErrors): Message[] {
  if (!Array.isArray(value) || value.length === 0) {
    wrong(errors, path, 'must be a list of at least one message');
    return [];
  }
  const messages: Message[] = [];
  for (let i = 0; i < value.length; i++) {
    const message = decodeMessage(value[i], `${path}.${i}`, errors);
    if (message) messages.push(message);
  }
  return messages;
}

function decodeMessage(value: unknown, path: string, errors: FieldErrors): Message | null {
  if (!isObject(value)) {
    wrong(errors, path, `must be an object with "role" and "content", not ${kindOf(value)}`);
    return null;
  }
  switch (value.role) {
    case 'user':
      return { role: 'user', content: decodeContent(value.content, `${path}.content`, errors) };
    case 'assistant':
      return { role: 'assistant', content: decodeAssistant(value, path, errors) };
    case 'system':
    case 'developer':
      return { role: 'system', content: decodeTexts(value.content, `${path}.content`, errors) };
    case 'tool':
      return decodeToolResult(value, path, errors);
    case 'function':
      // OpenAI's older form: the result names the function, not the call.
      return {
        role: 'tool',
        toolCallId: legacyId(value.name),
        content: decodeContent(value.content ?? '', path, errors),
      };
    default:
      wrong(errors, `${path}.role`, ROLES);
      return null;
  }
}

function decodeToolResult(value: Json, path: string, errors: FieldErrors): Message | null {
  const id = value.tool_call_id;
  if (typeof id !== 'string' || id === '') {
    wrong(errors, `${path}.tool_call_id`, 'must be the id of the tool call that this message answers');
    return null;
  }
  const content = decodeContent(value.content, `${path}.content`, errors);
  const message: Message = { role: 'tool', toolCallId: id, content };
  if (value.is_error === true) message.isError = true;
  return message;
}

function decodeTexts(value: unknown, path: string, errors: FieldErrors): TextContent[] {
  const texts: TextContent[] = [];
  for (const part of decodeContent(value, path, errors)) {
    if (part.type === 'text') texts.push(part);
    else wrong(errors, path, 'a system message takes only text');
  }
  return texts;
}

function decodeContent(value: unknown, path: string, errors: FieldErrors): UserContent[] {
  if (typeof value === 'string') return [{ type: 'text', text: value }];
  if (!Array.isArray(value)) {
    wrong(errors, path, `must be a text or a list of content parts, not ${kindOf(value)}`);
    return [];
  }
  const parts: UserContent[] = [];
  for (let i = 0; i < value.length; i++) {
    const part = decodePart(value[i], `${path}.${i}`, errors);
    if (part) parts.push(part);
  }
  return parts;
}

function decodePart(value: unknown, path: string, errors: FieldErrors): UserContent | null {
  if (!isObject(value) || typeof value.type !== 'string') {
    wrong(errors, isObject(value) ? `${path}.type` : path, 'must be a content part with a "type", such as "text"');
    return null;
  }
  if (value.type === 'text') {
    if (typeof value.text !== 'string') {
      wrong(errors, `${path}.text`, `must be a text, not ${kindOf(value.text)}`);
      return null;
    }
    return withVendor({ type: 'text', text: value.text }, value, TEXT_FIELDS);
  }
  if (value.type === 'image_url') return decodeImage(value, `${path}.image_url`, errors);
  // Audio, files, and what OpenAI adds next: whoever speaks this dialect gets it as it came, others refuse it.
  return { type: 'foreign', name: value.type, dialect: 'openai', raw: value };
}

export const URL_RULE = 'must be an http or https URL, or a data URL such as "data:image/png;base64,…"';

function decodeImage(part: Json, path: string, errors: FieldErrors): ImageContent | null {
  const spec = part.image_url;
  if (!isObject(spec) || typeof spec.url !== 'string') {
    wrong(errors, isObject(spec) ? `${path}.url` : path, isObject(spec) ? URL_RULE : 'must be an object with a "url"');
    return null;
  }
  const image = imageOf(spec.url);
  if (image === null) {
    wrong(errors, `${path}.url`, URL_RULE);
    return null;
  }
  if (typeof spec.detail === 'string') image.detail = spec.detail;
  return withVendor(image, part, IMAGE_FIELDS);
}

/** By position, not by a pattern: the data may be megabytes. */
export function imageOf(url: string): ImageContent | null {
  if (/^https?:\/\//i.test(url)) return url.length <= 8192 && URL.canParse(url) ? { type: 'image', url } : null;
  if (!/^data:/i.test(url)) return null;
  const comma = url.slice(0, 256).indexOf(',');
  const [mediaType, ...options] = url.slice(5, Math.max(comma, 5)).toLowerCase().split(';');
  if (comma === -1 || comma + 1 === url.length || !mediaType || !options.includes('base64')) return null;
  return mediaType.startsWith('image/') ? { type: 'image', data: url.slice(comma + 1), mediaType } : null;
}

/** Keeps what the part says beyond our words. `cache_control` is Anthropic's mark, in OpenRouter's place for it. */
function withVendor<T extends TextContent | ImageContent>(part: T, value: Json, known: ReadonlySet<string>): T {
  const rest = unknownFields(value, known);
  if (rest === null) return part;
  const { cache_control } = rest;
  part.vendor =
    cache_control === undefined
      ? { dialect: 'openai', fields: rest }
      : { dialect: 'anthropic', fields: { cache_control } };
  return part;
}

function decodeAssistant(value: Json, path: string, errors: FieldErrors): AssistantContent[] {
  const parts: AssistantContent[] = decodeReasoning(value, path, errors);
  const { content, refusal, audio } = value;
  if (typeof content === 'string') parts.push({ type: 'text', text: content });
  else if (Array.isArray(content)) decodeAssistantParts(content, `${path}.content`, errors, parts);
  else if (content !== undefined && content !== null) {
    wrong(errors, `${path}.content`, `must be a text, a list of content parts or null, not ${kindOf(content)}`);
  }
  if (typeof refusal === 'string' && refusal !== '') parts.push({ type: 'text', text: refusal });
  if (isObject(audio)) parts.push({ type: 'foreign', name: 'audio', dialect: 'openai', raw: { audio } });
  if (Array.isArray(value.tool_calls)) {
    for (let i = 0; i < value.tool_calls.length; i++) {
      decodeToolCall(value.tool_calls[i], `${path}.tool_calls.${i}`, errors, parts);
    }
  } else if (value.tool_calls !== undefined && value.tool_calls !== null) {
    wrong(errors, `${path}.tool_calls`, `must be a list, not ${kindOf(value.tool_calls)}`);
  } else if (isObject(value.function_call)) {
    const { name } = value.function_call;
    decodeToolCall({ id: legacyId(name), type: 'function', function: value.function_call }, path, errors, parts);
  }
  return parts;
}

function decodeAssistantParts(list: unknown[], path: string, errors: FieldErrors, parts: AssistantContent[]): void {
  for (let i = 0; i < list.length; i++) {
    const value: unknown = list[i];
    if (isObject(value) && value.type === 'refusal' && typeof value.refusal === 'string') {
      parts.push({ type: 'text', text: value.refusal });
      continue;
    }
    const part = decodePart(value, `${path}.${i}`, errors);
    if (part?.type === 'image') wrong(errors, `${path}.${i}.type`, 'an assistant message takes no images');
    else if (part) parts.push(part);
  }
}

function decodeToolCall(value: unknown, path: string, errors: FieldErrors, parts: AssistantContent[]): void {
  if (!isObject(value) || typeof value.id !== 'string' || value.id === '') {
    wrong(errors, isObject(value) ? `${path}.id` : path, 'must be a tool call with an "id"');
    return;
  }
  if (value.type === 'custom') {
    parts.push({ type: 'foreign', name: 'custom tool call', dialect: 'openai', raw: value });
    return;
  }
  const body = value.function;
  if (!isObject(body) || typeof body.name !== 'string' || body.name === '' || body.name.length > 256) {
    wrong(errors, isObject(body) ? `${path}.function.name` : `${path}.function`, 'must name the function');
    return;
  }
  const text = body.arguments ?? '';
  if (typeof text !== 'string') {
    wrong(errors, `${path}.function.arguments`, `must be JSON as a text, not ${kindOf(text)}`);
    return;
  }
  const call: AssistantContent = { type: 'tool_call', id: value.id, name: body.name, arguments: text };
  const rest = unknownFields(value, CALL_FIELDS);
  if (rest) call.vendor = { dialect: 'openai', fields: rest };
  parts.push(call);
}

function legacyId(name: unknown): string {
  return `call_${typeof name === 'string' ? name : 'function'}`;
}
