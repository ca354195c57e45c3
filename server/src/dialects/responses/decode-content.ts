/** The content of messages and of results of calls, in both shapes: a text, or a list of parts. */
import type { AssistantContent, ImageContent, TextContent, UserContent } from '../../contract/call.ts';
import { isObject, type Json, unknownFields } from '../json.ts';
import { imageOf, URL_RULE } from '../openai/decode-messages.ts';
import { type FieldErrors, kindOf, wrong } from '../openai/field-errors.ts';

const TEXT_FIELDS = new Set(['type', 'text', 'annotations', 'logprobs']);
const IMAGE_FIELDS = new Set(['type', 'image_url', 'detail', 'file_id']);
const TEXTS = new Set(['input_text', 'output_text', 'text']);

function listOf(value: unknown, path: string, errors: FieldErrors): unknown[] | null {
  if (Array.isArray(value)) return value;
  wrong(errors, path, `must be a text or a list of content parts, not ${kindOf(value)}`);
  return null;
}

export function decodeUserContent(value: unknown, path: string, errors: FieldErrors): UserContent[] {
  if (typeof value === 'string') return [{ type: 'text', text: value }];
  const parts: UserContent[] = [];
  (listOf(value, path, errors) ?? []).forEach((entry, i) => {
    const part = decodePart(entry, `${path}.${i}`, errors);
    if (part) parts.push(part);
  });
  return parts;
}

export function decodeSystemContent(value: unknown, path: string, errors: FieldErrors): TextContent[] {
  const texts: TextContent[] = [];
  for (const part of decodeUserContent(value, path, errors)) {
    if (part.type === 'text') texts.push(part);
    else wrong(errors, path, 'a system message takes only text');
  }
  return texts;
}

/** `phase` rides on the texts of its message. */
export function decodeAssistantContent(
  value: unknown,
  phase: unknown,
  path: string,
  errors: FieldErrors,
): AssistantContent[] {
  const parts: AssistantContent[] = [];
  if (typeof value === 'string') parts.push({ type: 'text', text: value });
  else {
    (listOf(value, path, errors) ?? []).forEach((entry, i) => {
      if (isObject(entry) && entry.type === 'refusal' && typeof entry.refusal === 'string') {
        parts.push({ type: 'text', text: entry.refusal });
        return;
      }
      const part = decodePart(entry, `${path}.${i}`, errors);
      if (part?.type === 'image') wrong(errors, `${path}.${i}.type`, 'an assistant message takes no images');
      else if (part) parts.push(part);
    });
  }
  if (typeof phase !== 'string') return parts;
  for (const part of parts) {
    if (part.type === 'text') part.vendor = { dialect: 'responses', fields: { ...part.vendor?.fields, phase } };
  }
  return parts;
}

function decodePart(value: unknown, path: string, errors: FieldErrors): UserContent | null {
  if (!isObject(value) || typeof value.type !== 'string') {
    wrong(
      errors,
      isObject(value) ? `${path}.type` : path,
      'must be a content part with a "type", such as "input_text"',
    );
    return null;
  }
  if (TEXTS.has(value.type)) {
    if (typeof value.text === 'string') return withVendor({ type: 'text', text: value.text }, value, TEXT_FIELDS);
    wrong(errors, `${path}.text`, `must be a text, not ${kindOf(value.text)}`);
    return null;
  }
  // A picture that lies at the vendor, a file, audio, and what comes next: for vendors of this dialect alone.
  if (value.type !== 'input_image' || (typeof value.file_id === 'string' && !value.image_url)) {
    return { type: 'foreign', name: value.type, dialect: 'responses', raw: value };
  }
  return decodeImage(value, path, errors);
}

function decodeImage(part: Json, path: string, errors: FieldErrors): ImageContent | null {
  const image = typeof part.image_url === 'string' ? imageOf(part.image_url) : null;
  if (image === null) {
    wrong(errors, `${path}.image_url`, URL_RULE);
    return null;
  }
  if (typeof part.detail === 'string') image.detail = part.detail;
  return withVendor(image, part, IMAGE_FIELDS);
}

function withVendor<T extends TextContent | ImageContent>(part: T, value: Json, known: ReadonlySet<string>): T {
  const fields = unknownFields(value, known);
  if (fields) part.vendor = { dialect: 'responses', fields };
  return part;
}
