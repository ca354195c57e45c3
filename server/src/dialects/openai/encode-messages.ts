/** Messages of a call in OpenAI's shape. */
import type {
  AssistantContent,
  ImageContent,
  Message,
  TextContent,
  UserContent,
  VendorField,
} from '../../contract/call.ts';
import type { Notice } from '../../contract/dialect.ts';
import { GoblinError } from '../../contract/errors.ts';
import type { Json } from '../json.ts';
import { note } from '../notices.ts';
import { createDetailCollector, isOurDetail } from './message.ts';

export const FOREIGN_REASONING = 'reasoning of another provider is not sent on';

/** `takesDetails`: the provider takes Claude's signed reasoning back as `reasoning_details`. */
export function encodeMessages(messages: readonly Message[], takesDetails: boolean, notices: Notice[]): Json[] {
  const out: Json[] = [];
  /** Images of tool results: OpenAI takes only text there, so they follow as a user message after the results. */
  let images: Json[] = [];
  const flush = () => {
    if (images.length > 0) out.push({ role: 'user', content: images });
    images = [];
  };
  for (const message of messages) {
    if (message.role !== 'tool') flush();
    switch (message.role) {
      case 'system':
        out.push({ role: 'system', content: userContent(message.content) });
        break;
      case 'user':
        out.push({ role: 'user', content: userContent(message.content) });
        break;
      case 'assistant':
        out.push(assistant(message.content, takesDetails, notices));
        break;
      case 'tool': {
        const shown = message.content.filter((part) => part.type === 'image');
        images.push(...shown.map(image));
        const rest = message.content.filter((part) => part.type !== 'image');
        out.push({ role: 'tool', tool_call_id: message.toolCallId, content: userContent(rest) });
        if (shown.length > 0) note(notices, 'changed', 'images in tool results follow as a user message');
        if (message.isError) note(notices, 'dropped', 'tool results cannot be marked as errors here');
        break;
      }
    }
  }
  flush();
  return out;
}

/** One plain text is sent as a string: the form that every compatible server takes. */
function userContent(parts: readonly UserContent[]): string | Json[] {
  const [only] = parts;
  if (only === undefined) return '';
  if (parts.length === 1 && only.type === 'text' && only.vendor?.dialect !== 'openai') return only.text;
  return parts.map((part) => {
    if (part.type === 'text') return text(part);
    if (part.type === 'image') return image(part);
    return foreign(part);
  });
}

function text(part: TextContent): Json {
  return { type: 'text', text: part.text, ...own(part) };
}

function image(part: ImageContent): Json {
  const url = part.url ?? `data:${part.mediaType};base64,${part.data}`;
  return { type: 'image_url', image_url: { url, detail: part.detail }, ...own(part) };
}

function own(part: { vendor?: { dialect: string; fields: Json } }): Json {
  return part.vendor?.dialect === 'openai' ? part.vendor.fields : {};
}

function foreign(part: { name: string; dialect: string; raw: unknown }): Json {
  if (part.dialect === 'openai') return part.raw as Json;
  throw new GoblinError('unsupported_by_target', `content of type "${part.name}" cannot be sent to this provider`);
}

/** Signed or encrypted for another dialect, or an entry that we made of that. */
function isForeign(vendor: VendorField | undefined, takesDetails: boolean): boolean {
  if (vendor === undefined) return false;
  if (vendor.dialect === 'openai') return isOurDetail(vendor.fields.reasoning_detail);
  return !(vendor.dialect === 'anthropic' && takesDetails);
}

function assistant(parts: readonly AssistantContent[], takesDetails: boolean, notices: Notice[]): Json {
  const message: Json = { role: 'assistant', content: null };
  const texts: string[] = [];
  const reasoning: string[] = [];
  const details: unknown[] = [];
  const detailOf = createDetailCollector();
  const calls: Json[] = [];
  const others: Json[] = [];
  for (const part of parts) {
    if (part.type === 'text') texts.push(part.text);
    else if (part.type === 'foreign') others.push(foreign(part));
    else if (part.type === 'tool_call') {
      const call = { id: part.id, type: 'function', function: { name: part.name, arguments: part.arguments } };
      calls.push({ ...call, ...own(part) });
    } else if (isForeign(part.vendor, takesDetails)) note(notices, 'dropped', FOREIGN_REASONING);
    else {
      reasoning.push(part.text);
      const detail = detailOf(part);
      if (detail) details.push(detail);
    }
  }
  if (texts.length > 0 || (calls.length === 0 && others.length === 0)) message.content = texts.join('');
  const thought = reasoning.join('');
  if (thought !== '') message.reasoning_content = thought;
  if (details.length > 0) message.reasoning_details = details;
  // A foreign part of an assistant message is a field (`audio`) or a tool call of another type.
  for (const other of others) {
    if (other.type === 'custom') calls.push(other);
    else Object.assign(message, other);
  }
  if (calls.length > 0) message.tool_calls = calls;
  return message;
}
