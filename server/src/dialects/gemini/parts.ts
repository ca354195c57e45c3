/** Pieces of a conversation as Google's `Part`s. */
import type { AssistantContent, ImageContent, Message, UserContent } from '../../contract/call.ts';
import type { Notice } from '../../contract/dialect.ts';
import { unsupported } from '../asked.ts';
import { isObject, type Json, parseJson } from '../json.ts';
import { note } from '../notices.ts';
import type { Traits } from './models.ts';
import { type Service, signatureIn } from './signatures.ts';

/** What all parts of one conversation depend on. */
export interface Surroundings {
  traits: Traits;
  service: Service;
  notices: Notice[];
}

/** "Image understanding": what Gemini reads. A GIF is not among it. */
const MEDIA_TYPES = new Set(['image/png', 'image/jpeg', 'image/webp', 'image/heic', 'image/heif']);
const BY_ENDING: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  heic: 'image/heic',
  heif: 'image/heif',
};

const OTHER_SERVICE = 'thought signatures of the Gemini API and of Vertex AI do not hold for each other';

export function userParts(content: readonly UserContent[], around: Surroundings): Json[] {
  const parts: Json[] = [];
  for (const part of content) {
    if (part.type === 'image') parts.push(imagePart(part, around));
    else if (part.type === 'foreign') parts.push(foreignPart(part));
    else if (part.text !== '') parts.push({ text: part.text });
  }
  return parts;
}

function imagePart(part: ImageContent, around: Surroundings): Json {
  if (part.url !== undefined) return { fileData: fileOf(part.url, around) };
  const mimeType = part.mediaType === 'image/jpg' ? 'image/jpeg' : part.mediaType;
  if (!MEDIA_TYPES.has(mimeType ?? '')) {
    throw unsupported(`images of type ${mimeType} cannot be sent to this provider; use PNG, JPEG, WebP, HEIC or HEIF`);
  }
  return { inlineData: { mimeType, data: part.data } };
}

/** "File input methods": from 2.5 on the API fetches public addresses itself. Vertex AI wants to be told the type. */
function fileOf(address: string, { traits, service }: Surroundings): Json {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (!traits.imageUrls) throw unsupported('this model takes no addresses of images; send the image itself');
  if (url?.protocol !== 'https:') throw unsupported('this provider fetches images from https addresses only');
  const ending = /\.([a-z]{3,4})$/i.exec(url.pathname)?.[1]?.toLowerCase() ?? '';
  const mimeType = BY_ENDING[ending];
  if (mimeType === undefined && (ending === 'gif' || service === 'vertex')) {
    throw unsupported('the type of the image cannot be read from its address; send the image itself');
  }
  return mimeType === undefined ? { fileUri: address } : { mimeType, fileUri: address };
}

function foreignPart(part: { name: string; dialect: string; raw: unknown }): Json {
  if (part.dialect === 'gemini' && isObject(part.raw)) return part.raw;
  throw unsupported(`content of type "${part.name}" cannot be sent to this provider`);
}

/**
 * Signatures of text come as marks beside it, because a stream gives them in a piece of their own; they go back on the
 * text, as an unstreamed answer has them. Summaries of thoughts are not sent back: the signature holds the thoughts.
 */
export function modelParts(content: readonly AssistantContent[], around: Surroundings): Json[] {
  const parts: Json[] = [];
  let mark: string | null = null;
  let lastText: Json | null = null;
  let thought = false;
  let signed = false;
  for (const part of content) {
    const found = part.type === 'foreign' ? null : signatureIn(part.vendor, around.service);
    const signature = found === 'foreign' ? null : found;
    if (found === 'foreign') note(around.notices, 'dropped', OTHER_SERVICE);
    signed ||= found !== null;
    if (part.type === 'reasoning') {
      thought = true;
      mark = signature ?? mark;
    } else if (part.type === 'foreign') parts.push(foreignPart(part));
    else if (part.type === 'tool_call') parts.push(callPart(part, signature, around));
    else if (part.text !== '') {
      lastText = signature === null ? { text: part.text } : { text: part.text, thoughtSignature: signature };
      parts.push(lastText);
    }
  }
  if (mark !== null && lastText !== null) lastText.thoughtSignature ??= mark;
  if (thought && !signed)
    note(around.notices, 'dropped', 'reasoning that this provider did not sign is not sent to it');
  return parts;
}

function callPart(
  part: Extract<AssistantContent, { type: 'tool_call' }>,
  signature: string | null,
  around: Surroundings,
): Json {
  const functionCall: Json = { name: part.name, args: argsOf(part.arguments, around.notices) };
  if (around.traits.third) functionCall.id = part.id;
  return signature === null ? { functionCall } : { functionCall, thoughtSignature: signature };
}

/**
 * `args` must be an object. What the model once wrote wrongly is kept as it was under a name of its own: an empty
 * object would hide from the model why its call failed.
 */
function argsOf(text: string, notices: Notice[]): Json {
  if (text.trim() === '') return {};
  const parsed = parseJson(text);
  if (parsed.ok && isObject(parsed.value)) return parsed.value;
  note(notices, 'changed', 'tool arguments that are not a JSON object are sent as {"invalid_arguments": …}');
  return { invalid_arguments: text };
}

/**
 * The result of a call; `after` holds images that must follow it, for models whose results hold only text. The text
 * stays a text, byte for byte: a parsed number would lose digits.
 */
export function resultPart(
  message: Extract<Message, { role: 'tool' }>,
  name: string,
  around: Surroundings,
): { part: Json; after: Json[] } {
  const texts: string[] = [];
  const inside: Json[] = [];
  const after: Json[] = [];
  for (const piece of message.content) {
    if (piece.type === 'text') texts.push(piece.text);
    else if (piece.type === 'foreign') texts.push(JSON.stringify(foreignPart(piece)));
    else if (around.traits.third && piece.data !== undefined) inside.push(imagePart(piece, around));
    else after.push(imagePart(piece, around));
  }
  const text = texts.join('\n');
  const functionResponse: Json = { name, response: message.isError ? { error: text } : { output: text } };
  if (around.traits.third) functionResponse.id = message.toolCallId;
  if (inside.length > 0) functionResponse.parts = inside;
  return { part: { functionResponse }, after };
}
