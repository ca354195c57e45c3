/** Messages of a call as Ollama takes them: the content is one text, images stand beside it, arguments are objects. */
import type { AssistantContent, ImageContent, Message, UserContent } from '../../contract/call.ts';
import type { Notice } from '../../contract/dialect.ts';
import { unsupported } from '../asked.ts';
import { isObject, type Json } from '../json.ts';
import { note } from '../notices.ts';
import { parseExact } from './exact.ts';

export function encodeMessages(messages: readonly Message[], notices: Notice[]): Json[] {
  const out: Json[] = [];
  /** Names of the tools that were called, by the id of the call: templates of older models know no ids. */
  const names = new Map<string, string>();
  /** Images of tool results follow as a user message after the results. */
  let images: string[] = [];
  const flush = () => {
    if (images.length > 0) out.push({ role: 'user', content: '', images });
    images = [];
  };
  for (const message of messages) {
    if (message.role !== 'tool') flush();
    switch (message.role) {
      case 'system':
        out.push({ role: 'system', content: textOf(message.content) });
        break;
      case 'user': {
        const shown = imagesOf(message.content);
        out.push({ role: 'user', content: textOf(message.content), ...(shown.length > 0 ? { images: shown } : {}) });
        break;
      }
      case 'assistant':
        for (const part of message.content) if (part.type === 'tool_call') names.set(part.id, part.name);
        out.push(assistant(message.content, notices));
        break;
      case 'tool': {
        const shown = imagesOf(message.content);
        images.push(...shown);
        if (shown.length > 0) note(notices, 'changed', 'images in tool results follow as a user message');
        if (message.isError) note(notices, 'dropped', 'tool results cannot be marked as errors here');
        out.push({
          role: 'tool',
          tool_name: names.get(message.toolCallId),
          tool_call_id: message.toolCallId,
          content: textOf(message.content),
        });
        break;
      }
    }
  }
  flush();
  if (out.length === 0) throw unsupported('this provider needs at least one message');
  return out;
}

function textOf(parts: readonly UserContent[]): string {
  const texts: string[] = [];
  for (const part of parts) {
    if (part.type === 'text') texts.push(part.text);
    else if (part.type === 'foreign') throw foreign(part.name);
  }
  return texts.join('\n');
}

function imagesOf(parts: readonly UserContent[]): string[] {
  return parts.filter((part) => part.type === 'image').map(imageData);
}

function imageData(image: ImageContent): string {
  if (image.data !== undefined) return image.data;
  throw unsupported('this provider loads no images by URL; send them as data URLs');
}

function foreign(name: string): Error {
  return unsupported(`content of type "${name}" cannot be sent to this provider`);
}

function assistant(parts: readonly AssistantContent[], notices: Notice[]): Json {
  const texts: string[] = [];
  const thoughts: string[] = [];
  const calls: Json[] = [];
  for (const part of parts) {
    if (part.type === 'text') texts.push(part.text);
    else if (part.type === 'foreign') throw foreign(part.name);
    else if (part.type === 'tool_call') {
      const body = { index: calls.length, name: part.name, arguments: argumentsOf(part.arguments, notices) };
      calls.push({ id: part.id, type: 'function', function: body });
    } else if (part.vendor === undefined) thoughts.push(part.text);
    else note(notices, 'dropped', 'reasoning of another provider is not sent on');
  }
  const message: Json = { role: 'assistant', content: texts.join('') };
  const thought = thoughts.join('');
  if (thought !== '') message.thinking = thought;
  if (calls.length > 0) message.tool_calls = calls;
  return message;
}

/**
 * Must be an object. What the model once wrote wrongly is kept as it was under a name of its own: an empty object would
 * hide from the model why its call failed.
 */
function argumentsOf(written: string, notices: Notice[]): unknown {
  if (written.trim() === '') return {};
  const parsed = parseExact(written);
  if (parsed.ok && isObject(parsed.value) && !/^\s*[-\d]/.test(written)) return parsed.value;
  note(notices, 'changed', 'tool arguments that are not a JSON object are sent as {"invalid_arguments": …}');
  return { invalid_arguments: written };
}

/** Sets the beginning of the answer as the last message, joined to what the caller himself began. */
export function goOn(messages: Json[], prefix: string): void {
  const last = messages.at(-1);
  if (last?.role !== 'assistant') {
    messages.push({ role: 'assistant', content: prefix });
    return;
  }
  if (last.tool_calls !== undefined) throw unsupported('this provider cannot go on from a message with tool calls');
  last.content = `${last.content}${prefix}`;
}
