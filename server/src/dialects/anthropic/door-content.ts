/** Content blocks that a caller sends: texts, images, and what only vendors of this dialect can read. */
import type { AssistantContent, ImageContent, TextContent, UserContent, VendorField } from '../../contract/call.ts';
import { isObject, type Json, stringIn, unknownFields } from '../json.ts';
import { type FieldErrors, kindOf, wrong } from '../openai/field-errors.ts';

const TEXT_FIELDS = new Set(['type', 'text']);
const IMAGE_FIELDS = new Set(['type', 'source']);
const LONGEST_URL = 8192;

/** A text, or a list of blocks. */
export function decodeContent(value: unknown, path: string, errors: FieldErrors): UserContent[] {
  if (typeof value === 'string') return [{ type: 'text', text: value }];
  const content: UserContent[] = [];
  eachBlock(value, path, errors, (block, at) => {
    const part = decodeBlock(block, at, errors);
    if (part) content.push(part);
  });
  return content;
}

export function eachBlock(
  value: unknown,
  path: string,
  errors: FieldErrors,
  take: (block: Json, at: string) => void,
): void {
  if (!Array.isArray(value)) {
    const what = value === undefined ? 'nothing' : kindOf(value);
    wrong(errors, path, `must be a text or a list of content blocks, not ${what}`);
    return;
  }
  for (let i = 0; i < value.length; i++) {
    const block: unknown = value[i];
    const at = `${path}.${i}`;
    if (isObject(block) && typeof block.type === 'string') take(block, at);
    else wrong(errors, isObject(block) ? `${at}.type` : at, 'must be a content block with a "type", such as "text"');
  }
}

/** Blocks of types to come are for vendors of this dialect; others refuse them by name. */
export function decodeBlock(block: Json, path: string, errors: FieldErrors): UserContent | null {
  switch (block.type) {
    case 'text':
      return decodeText(block, path, errors);
    case 'image':
      return decodeImage(block, path, errors);
    case 'document':
    case 'search_result':
      if (!isObject(block.source) && typeof block.source !== 'string') {
        wrong(errors, `${path}.source`, `must say where the ${block.type} is, not ${kindOf(block.source)}`);
        return null;
      }
      return readable(block) ?? foreign(block);
    default:
      return foreign(block);
  }
}

export function foreign(block: Json, name = String(block.type)): Extract<AssistantContent, { type: 'foreign' }> {
  return { type: 'foreign', name, dialect: 'anthropic', raw: block };
}

export function decodeText(block: Json, path: string, errors: FieldErrors): TextContent | null {
  if (typeof block.text !== 'string') {
    wrong(errors, `${path}.text`, `must be a text, not ${kindOf(block.text)}`);
    return null;
  }
  return withMarks<TextContent>({ type: 'text', text: block.text }, block, TEXT_FIELDS);
}

/** `cache_control`, citations and what else a block says beyond our words. */
function withMarks<T extends TextContent | ImageContent>(part: T, block: Json, known: ReadonlySet<string>): T {
  const fields = marksOf(block, known);
  if (fields) part.vendor = fields;
  return part;
}

export function marksOf(block: Json, known: ReadonlySet<string>): VendorField | null {
  const rest = unknownFields(block, known);
  return rest === null ? null : { dialect: 'anthropic', fields: rest };
}

function decodeImage(block: Json, path: string, errors: FieldErrors): UserContent | null {
  const { source } = block;
  const at = `${path}.source`;
  if (!isObject(source)) {
    wrong(errors, at, `must be an object with a "type", not ${kindOf(source)}`);
    return null;
  }
  if (source.type === 'file') return foreign(block, 'image (a file of the Files API)');
  const image = source.type === 'base64' ? fromData(source, at, errors) : fromUrl(source, at, errors);
  return image && withMarks(image, block, IMAGE_FIELDS);
}

function fromData(source: Json, path: string, errors: FieldErrors): ImageContent | null {
  const { media_type: mediaType, data } = source;
  if (typeof mediaType !== 'string' || !/^image\/[\w.+-]{1,64}$/.test(mediaType)) {
    wrong(errors, `${path}.media_type`, 'must be the type of an image, such as "image/png"');
    return null;
  }
  if (typeof data !== 'string' || data === '') {
    wrong(errors, `${path}.data`, `must be the image as Base64, not ${data === '' ? 'empty' : kindOf(data)}`);
    return null;
  }
  return { type: 'image', data, mediaType };
}

function fromUrl(source: Json, path: string, errors: FieldErrors): ImageContent | null {
  if (source.type !== 'url') {
    wrong(errors, `${path}.type`, 'must be "base64", "url" or "file"');
    return null;
  }
  const { url } = source;
  if (typeof url === 'string' && /^https?:\/\//i.test(url) && url.length <= LONGEST_URL && URL.canParse(url)) {
    return { type: 'image', url };
  }
  wrong(errors, `${path}.url`, 'must be an http or https URL');
  return null;
}

/**
 * Documents and search results that are text anyhow: every model can read them as such. The block goes along, so that
 * a vendor of this dialect gets it as it came.
 */
function readable(block: Json): TextContent | null {
  const text = block.type === 'document' ? documentText(block) : resultText(block);
  if (text === null || text.trim() === '') return null;
  return { type: 'text', text, vendor: { dialect: 'anthropic', fields: { block } } };
}

function documentText(block: Json): string | null {
  const source = isObject(block.source) ? block.source : {};
  const body =
    source.type === 'text' ? stringIn(source, 'data') : source.type === 'content' ? textIn(source.content) : null;
  return body === null ? null : joined([stringIn(block, 'title'), stringIn(block, 'context'), body]);
}

function resultText(block: Json): string | null {
  const body = textIn(block.content);
  return body === null ? null : joined([stringIn(block, 'title'), stringIn(block, 'source'), body]);
}

/** The text of a text or of a list of text blocks; null when there is anything else. */
function textIn(content: unknown): string | null {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return null;
  const texts: string[] = [];
  for (const block of content) {
    if (!isObject(block) || block.type !== 'text' || typeof block.text !== 'string') return null;
    texts.push(block.text);
  }
  return texts.join('\n');
}

function joined(parts: readonly (string | null)[]): string {
  return parts.filter((part) => part !== null && part !== '').join('\n\n');
}
