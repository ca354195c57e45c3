/** Messages of a call as Cohere's v2 chat takes them. */
import type { AssistantContent, ImageContent, Message, TextContent, UserContent } from '../../contract/call.ts';
import type { Notice } from '../../contract/dialect.ts';
import { unsupported } from '../asked.ts';
import { isObject, type Json, parseJson } from '../json.ts';
import { note } from '../notices.ts';
import type { Traits } from './models.ts';

/** Empty messages are refused by the API and carry nothing, so they are dropped. */
export function encodeMessages(messages: readonly Message[], traits: Traits, notices: Notice[]): Json[] {
  const out: Json[] = [];
  /** Images of tool results: a result takes only text, so they follow as a user message after the results. */
  let images: Json[] = [];
  const flush = () => {
    if (images.length > 0) out.push({ role: 'user', content: images });
    images = [];
  };
  for (const message of messages) {
    if (message.role !== 'tool') flush();
    switch (message.role) {
      case 'system':
      case 'user':
        addContent(out, message.role, contents(message.content, traits));
        break;
      case 'assistant':
        addAssistant(out, message.content, traits, notices);
        break;
      case 'tool': {
        const parts = contents(message.content, traits);
        const shown = parts.filter((part) => part.type === 'image_url');
        images.push(...shown);
        if (shown.length > 0) note(notices, 'changed', 'images in tool results follow as a user message');
        if (message.isError) note(notices, 'dropped', 'tool results cannot be marked as errors here');
        out.push({ role: 'tool', tool_call_id: message.toolCallId, content: resultText(parts) });
        break;
      }
    }
  }
  flush();
  if (out.length === 0) throw unsupported('this provider needs at least one message with content');
  if (out.at(-1)?.role === 'assistant') {
    note(notices, 'changed', 'the last assistant message is not gone on from here: the model answers anew');
  }
  return out;
}

function addContent(out: Json[], role: string, parts: readonly Json[]): void {
  const [only] = parts;
  if (only === undefined) return;
  out.push({ role, content: parts.length === 1 && only.type === 'text' ? only.text : parts });
}

function contents(parts: readonly UserContent[], traits: Traits): Json[] {
  const out: Json[] = [];
  for (const part of parts) {
    if (part.type === 'image') out.push(image(part, traits));
    else if (part.type === 'foreign') throw foreign(part.name);
    else if (part.text !== '') out.push(text(part));
  }
  return out;
}

function text(part: TextContent): Json {
  return { type: 'text', text: part.text };
}

function foreign(name: string): Error {
  return unsupported(`content of type "${name}" cannot be sent to this provider`);
}

const MEDIA_TYPES = new Set(['image/jpeg', 'image/jpg', 'image/png', 'image/gif', 'image/webp']);

function image(part: ImageContent, traits: Traits): Json {
  if (!traits.images) throw unsupported('this model reads no images');
  if (part.url === undefined && !MEDIA_TYPES.has(part.mediaType ?? '')) {
    throw unsupported(`images of type ${part.mediaType} cannot be sent to this provider; use PNG, JPEG, GIF or WebP`);
  }
  const url = part.url ?? `data:${part.mediaType};base64,${part.data}`;
  return { type: 'image_url', image_url: { url, detail: part.detail } };
}

/** A result is "a JSON object string" or text; an empty one is refused like any empty message. */
function resultText(parts: readonly Json[]): string {
  const texts = parts.filter((part) => part.type === 'text').map((part) => part.text);
  return texts.length === 0 ? '{}' : texts.join('\n');
}

/**
 * Thinking goes back as a block to the models that think. The others plan in `tool_plan`, which we show as reasoning:
 * there it goes back too, and with it what was said beside the calls.
 */
function addAssistant(out: Json[], parts: readonly AssistantContent[], traits: Traits, notices: Notice[]): void {
  const texts: string[] = [];
  const thoughts: string[] = [];
  const calls: Json[] = [];
  for (const part of parts) {
    if (part.type === 'text') texts.push(part.text);
    else if (part.type === 'foreign') throw foreign(part.name);
    else if (part.type === 'tool_call') {
      const body = { name: part.name, arguments: argumentText(part.arguments, notices) };
      calls.push({ id: part.id, type: 'function', function: body });
    } else if (part.vendor === undefined) thoughts.push(part.text);
    else note(notices, 'dropped', 'reasoning of another provider is not sent on');
  }
  const said = texts.join('');
  const thought = thoughts.join('');
  const message: Json = { role: 'assistant' };
  const thinks = traits.reasons && thought !== '';
  const plan = [thinks ? '' : thought, said].filter((piece) => piece !== '').join('\n');
  const content: Json[] = [];
  if (thinks) content.push({ type: 'thinking', thinking: thought });
  if (calls.length > 0) {
    if (plan !== '') message.tool_plan = plan;
    message.tool_calls = calls;
  } else {
    if (!thinks && thought !== '') note(notices, 'dropped', 'reasoning is not sent to a model that does not reason');
    if (said !== '') content.push({ type: 'text', text: said });
  }
  const [only] = content;
  if (only !== undefined) message.content = content.length === 1 && only.type === 'text' ? only.text : content;
  if (calls.length > 0 || only !== undefined) out.push(message);
}

/**
 * A text that must hold a JSON object. What the model once wrote wrongly is kept as it was under a name of its own: an
 * empty object would hide from the model why its call failed.
 */
function argumentText(written: string, notices: Notice[]): string {
  if (written.trim() === '') return '{}';
  const parsed = parseJson(written);
  if (parsed.ok && isObject(parsed.value)) return written;
  note(notices, 'changed', 'tool arguments that are not a JSON object are sent as {"invalid_arguments": …}');
  return JSON.stringify({ invalid_arguments: written });
}
