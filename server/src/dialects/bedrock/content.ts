/** Blocks with a meaning of their own: images, and reasoning that goes back to who made it. */
import type { ImageContent, ReasoningContent, VendorField } from '../../contract/call.ts';
import { unsupported } from '../asked.ts';
import type { Json } from '../json.ts';
import { sealedIn } from '../openai/bedrock.ts';
import type { Traits } from './models.ts';

const FORMATS: Readonly<Record<string, string>> = {
  'image/jpeg': 'jpeg',
  'image/jpg': 'jpeg',
  'image/png': 'png',
  'image/gif': 'gif',
  'image/webp': 'webp',
};

/** Bedrock fetches nothing from the web, and neither do we on a caller's word. */
export function imageBlock(part: ImageContent): Json {
  if (part.url !== undefined) {
    throw unsupported('this provider takes images only as data, not by their address; send them as a data: URL');
  }
  const format = FORMATS[part.mediaType ?? ''];
  if (format === undefined) {
    throw unsupported(`images of type ${part.mediaType} cannot be sent to this provider; use JPEG, PNG, GIF or WebP`);
  }
  return { image: { format, source: { bytes: part.data } } };
}

/** OpenAI's encrypted reasoning, as Bedrock hands it out: Base64 of `rsn_…`. */
const OPENAIS = /^cnNu/;

/** Null when the reasoning is another dialect's. Through OpenAI's door Bedrock's comes back inside an entry of ours. */
function ownFields(vendor: VendorField | undefined): Json | null {
  if (vendor === undefined) return {};
  if (vendor.dialect === 'anthropic' || vendor.dialect === 'bedrock') return vendor.fields;
  const redactedContent = vendor.dialect === 'openai' ? sealedIn(vendor.fields.reasoning_detail) : null;
  return redactedContent === null ? null : { redactedContent };
}

/**
 * Opaque values go back only to the family that made them: another one refuses the whole call. Claude's signature covers
 * the text byte for byte, also an empty one (`display: omitted`).
 */
export function reasoningBlock(part: ReasoningContent, traits: Traits): Json | null {
  const fields = ownFields(part.vendor);
  if (fields === null) return null;
  const { signature } = fields;
  const sealed = fields.redactedContent ?? (fields.type === 'redacted_thinking' ? fields.data : undefined);
  if (typeof sealed === 'string' && sealed !== '') {
    const fits = traits.reasoning === (OPENAIS.test(sealed) ? 'encrypted' : 'signed');
    return fits ? { reasoningContent: { redactedContent: sealed } } : null;
  }
  if (typeof signature === 'string' && signature !== '') {
    return traits.reasoning === 'signed'
      ? { reasoningContent: { reasoningText: { text: part.text, signature } } }
      : null;
  }
  if (traits.reasoning !== 'plain' || part.text.trim() === '') return null;
  return { reasoningContent: { reasoningText: { text: part.text } } };
}
