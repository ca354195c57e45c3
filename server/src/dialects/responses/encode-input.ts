/** Messages of a call as input items. */
import type {
  AssistantContent,
  ForeignContent,
  Message,
  ReasoningContent,
  ToolCallContent,
  UserContent,
} from '../../contract/call.ts';
import type { Notice } from '../../contract/dialect.ts';
import { unsupported } from '../asked.ts';
import { isObject, type Json, stringIn } from '../json.ts';
import { note } from '../notices.ts';
import { callFields, itemOfDetail } from './detail.ts';

export const FOREIGN_REASONING = 'reasoning of another provider is not sent on';
/** OpenAI refuses longer ids of calls. Calls and their results change alike. */
const LONGEST_CALL_ID = 64;

export function encodeInput(messages: readonly Message[], notices: Notice[]): Json[] {
  const items: Json[] = [];
  for (const message of messages) {
    switch (message.role) {
      case 'system':
        items.push({ role: 'system', content: plainOr(message.content) });
        break;
      case 'user':
        items.push(...userItems(message.content));
        break;
      case 'assistant':
        items.push(...assistantItems(message.content, notices));
        break;
      case 'tool':
        if (message.isError) note(notices, 'dropped', 'tool results cannot be marked as errors here');
        items.push({
          type: 'function_call_output',
          call_id: callId(message.toolCallId),
          output: plainOr(message.content),
        });
        break;
    }
  }
  return items;
}

/** One plain text is sent as a string: the form that every compatible server takes. */
function plainOr(parts: readonly UserContent[]): string | Json[] {
  const [only] = parts;
  if (only === undefined) return '';
  if (parts.length === 1 && only.type === 'text' && own(only) === null) return only.text;
  return parts.map(contentPart);
}

/** Items that only this dialect has (results of its own tools) stand among the messages of the user. */
function userItems(parts: readonly UserContent[]): Json[] {
  const items: Json[] = [];
  let content: UserContent[] = [];
  const flush = () => {
    if (content.length > 0) items.push({ role: 'user', content: plainOr(content) });
    content = [];
  };
  for (const part of parts) {
    const item = part.type === 'foreign' ? foreignItem(part) : null;
    if (item === null) content.push(part);
    else {
      flush();
      items.push(item);
    }
  }
  flush();
  return parts.length === 0 ? [{ role: 'user', content: '' }] : items;
}

function contentPart(part: UserContent): Json {
  if (part.type === 'text') return { type: 'input_text', text: part.text, ...own(part) };
  if (part.type === 'image') {
    const image_url = part.url ?? `data:${part.mediaType};base64,${part.data}`;
    return { type: 'input_image', image_url, detail: part.detail, ...own(part) };
  }
  const raw = isObject(part.raw) ? part.raw : {};
  if (part.dialect === 'responses') return raw;
  // OpenAI's other API has the same files in another wrapping.
  if (part.dialect === 'openai' && part.name === 'file' && isObject(raw.file)) {
    const { filename, file_data, file_id } = raw.file;
    return { type: 'input_file', filename, file_data, file_id };
  }
  throw unsupported(`content of type "${part.name}" cannot be sent to this provider`);
}

function own(part: { vendor?: { dialect: string; fields: Json } }): Json | null {
  return part.vendor?.dialect === 'responses' ? part.vendor.fields : null;
}

/** A foreign part that is an item of its own, not a piece of a message. */
function foreignItem(part: ForeignContent): Json | null {
  if (part.dialect !== 'responses' || !isObject(part.raw)) return null;
  const type = stringIn(part.raw, 'type') ?? '';
  return type.startsWith('input_') ? null : part.raw;
}

function assistantItems(parts: readonly AssistantContent[], notices: Notice[]): Json[] {
  const items: Json[] = [];
  let thought = '';
  let phase: unknown;
  let message: { phase: unknown; content: Json[] } | null = null;
  const flush = () => {
    if (message) items.push(assistantMessage(message));
    message = null;
  };
  const forget = () => {
    if (thought !== '') note(notices, 'dropped', FOREIGN_REASONING);
    thought = '';
  };
  for (const part of parts) {
    if (part.type === 'reasoning') {
      flush();
      if (part.vendor === undefined) {
        // What covers it may follow in a part of its own.
        thought += part.text;
        continue;
      }
      const item = reasoningItem({ ...part, text: thought + part.text });
      if (item === null || item.type === 'reasoning') thought = '';
      if (item === null) note(notices, 'dropped', FOREIGN_REASONING);
      else if (item.type === 'message') phase = item.phase;
      else items.push(item);
      continue;
    }
    forget();
    if (part.type === 'text') {
      const { phase: named, ...rest } = own(part) ?? {};
      const at = named ?? phase;
      if (message && message.phase !== at) flush();
      message ??= { phase: at, content: [] };
      message.content.push({ type: 'output_text', text: part.text, ...rest });
      continue;
    }
    flush();
    phase = undefined;
    items.push(part.type === 'tool_call' ? callItem(part) : assistantForeign(part));
  }
  forget();
  flush();
  return items;
}

function assistantMessage({ phase, content }: { phase: unknown; content: Json[] }): Json {
  const [only] = content;
  const plain = content.length === 1 && only && Object.keys(only).length === 2;
  return {
    role: 'assistant',
    content: plain ? only.text : content,
    ...(typeof phase === 'string' ? { type: 'message', phase } : {}),
  };
}

/** Null for reasoning that no vendor of this dialect made: it cannot read another's signatures. */
export function reasoningItem(part: ReasoningContent): Json | null {
  const fields = part.vendor?.fields ?? {};
  if (part.vendor?.dialect === 'responses') {
    if (fields.type !== 'reasoning') return typeof fields.type === 'string' ? fields : null;
    return { summary: summaryOf(part.text), ...fields };
  }
  return part.vendor?.dialect === 'openai' ? itemOfDetail(fields.reasoning_detail, summaryOf(part.text)) : null;
}

function summaryOf(text: string): Json[] {
  return text === '' ? [] : [{ type: 'summary_text', text }];
}

function callItem(part: ToolCallContent): Json {
  const fields = callFields(part.vendor);
  const custom = fields.type === 'custom_tool_call';
  return {
    type: 'function_call',
    call_id: callId(part.id),
    name: part.name,
    [custom ? 'input' : 'arguments']: part.arguments,
    ...fields,
  };
}

function assistantForeign(part: ForeignContent): Json {
  if (part.dialect === 'responses' && isObject(part.raw)) return part.raw;
  throw unsupported(`content of type "${part.name}" cannot be sent to this provider`);
}

function callId(id: string): string {
  return id.length <= LONGEST_CALL_ID ? id : id.slice(-LONGEST_CALL_ID);
}
