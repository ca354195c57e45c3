/** Reasoning that a caller sends back: `reasoning_content`, and `reasoning_details` in OpenRouter's convention. */
import type { AssistantContent, ReasoningContent } from '../../contract/call.ts';
import { isObject, type Json, stringIn } from '../json.ts';
import { type FieldErrors, kindOf, wrong } from './field-errors.ts';

/**
 * Details win over the plain text, because they carry the signatures and the text that these cover. Entries in an
 * Anthropic `format` become Anthropic's own blocks again, byte for byte; others go back to OpenAI's dialect only.
 */
export function decodeReasoning(message: Json, path: string, errors: FieldErrors): AssistantContent[] {
  const { reasoning_content, reasoning, reasoning_details } = message;
  const plain = firstText(reasoning_content, reasoning);
  if (plain === null) {
    wrong(errors, `${path}.reasoning_content`, `must be a text, not ${kindOf(reasoning_content)}`);
    return [];
  }
  if (reasoning_details === undefined || reasoning_details === null) return plainReasoning(plain);
  if (!Array.isArray(reasoning_details)) {
    wrong(errors, `${path}.reasoning_details`, `must be a list, not ${kindOf(reasoning_details)}`);
    return [];
  }
  const parts: ReasoningContent[] = [];
  reasoning_details.forEach((detail, i) => {
    if (isObject(detail)) parts.push(decodeDetail(detail));
    else wrong(errors, `${path}.reasoning_details.${i}`, `must be an object, not ${kindOf(detail)}`);
  });
  if (plain !== '' && parts.every((part) => part.text === '')) return withPlainText(parts, plain);
  return parts;
}

function firstText(...values: unknown[]): string | null {
  for (const value of values) {
    if (value === undefined || value === null || value === '') continue;
    return typeof value === 'string' ? value : null;
  }
  return '';
}

function plainReasoning(text: string): ReasoningContent[] {
  return text === '' ? [] : [{ type: 'reasoning', text }];
}

/** Details without text: the plain text is that of the one signed block, or stands beside them. */
function withPlainText(parts: ReasoningContent[], plain: string): ReasoningContent[] {
  const signed = parts.filter((part) => part.vendor?.fields.type === 'thinking');
  const [only] = signed;
  if (signed.length === 1 && only) {
    only.text = plain;
    return parts;
  }
  return [{ type: 'reasoning', text: plain }, ...parts];
}

function decodeDetail(detail: Json): ReasoningContent {
  const text = stringIn(detail, 'text') ?? stringIn(detail, 'summary') ?? '';
  const format = stringIn(detail, 'format');
  const signature = stringIn(detail, 'signature');
  const data = stringIn(detail, 'data');
  // Without a format OpenRouter's clients take a detail to be Anthropic's.
  const anthropic = format === null ? signature !== null : format.startsWith('anthropic');
  if (anthropic && detail.type === 'reasoning.encrypted' && data !== null) {
    return {
      type: 'reasoning',
      text: '',
      vendor: { dialect: 'anthropic', fields: { type: 'redacted_thinking', data } },
    };
  }
  if (anthropic && signature !== null && signature !== '') {
    return { type: 'reasoning', text, vendor: { dialect: 'anthropic', fields: { type: 'thinking', signature } } };
  }
  if (signature === null && data === null) return { type: 'reasoning', text };
  return { type: 'reasoning', text, vendor: { dialect: 'openai', fields: { reasoning_detail: detail } } };
}
