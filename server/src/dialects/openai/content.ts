/** The visible content of a delta or a message: text and reasoning, in all the shapes that vendors give them. */
import type { ReasoningPart } from '../../contract/part.ts';
import { isObject, type Json, stringIn } from '../json.ts';

export interface Content {
  text: string;
  reasoning: string;
  /** OpenRouter's `reasoning_details` that carry more than their text. */
  details: ReasoningPart[];
}

const NO_DETAILS: readonly unknown[] = [];

/** One reader per answer: a signature covers the reasoning of the chunks before it. */
export function createContentReader(): (message: Json) => Content {
  const details = createDetailReader();
  return (message) => readContent(message, details);
}

function readContent(message: Json, details: DetailReader): Content {
  const content: Content = {
    text: '',
    // Vendors that send both names repeat the same text in them.
    reasoning: stringIn(message, 'reasoning_content') || stringIn(message, 'reasoning') || '',
    details: [],
  };
  if (typeof message.content === 'string') content.text = message.content;
  else if (Array.isArray(message.content)) readParts(message.content, content);
  // A refusal is the model's answer to the caller, so it is shown.
  if (typeof message.refusal === 'string') content.text += message.refusal;
  details(Array.isArray(message.reasoning_details) ? message.reasoning_details : NO_DETAILS, content);
  return content;
}

/** Mistral's reasoning models: `[{type: "thinking", thinking: [{type: "text", …}]}, {type: "text", …}]`. */
function readParts(parts: readonly unknown[], content: Content): void {
  for (const part of parts) {
    if (!isObject(part)) continue;
    if (part.type === 'text' && typeof part.text === 'string') content.text += part.text;
    else if (part.type === 'refusal' && typeof part.refusal === 'string') content.text += part.refusal;
    else if (part.type === 'thinking') content.reasoning += thinkingText(part.thinking);
  }
}

function thinkingText(thinking: unknown): string {
  if (typeof thinking === 'string') return thinking;
  if (!Array.isArray(thinking)) return '';
  return thinking.map((part) => (isObject(part) && typeof part.text === 'string' ? part.text : '')).join('');
}

type DetailReader = (details: readonly unknown[], content: Content) => void;

/** Signatures and encrypted blocks must come back to the vendor with all that they cover; other text needs no copy. */
function createDetailReader(): DetailReader {
  let covered = '';
  /** The vendor also sends the text by itself; its details then only repeat it, at once or later. */
  let plain = false;
  return (details, content) => {
    if (content.reasoning !== '') plain = true;
    let shown = '';
    for (const detail of details) {
      if (!isObject(detail)) continue;
      const text = stringIn(detail, 'text') ?? stringIn(detail, 'summary') ?? '';
      shown += text;
      covered += text;
      const signed = typeof detail.signature === 'string' && detail.signature !== '';
      if (!signed && detail.type !== 'reasoning.encrypted') continue;
      const whole = signed ? { ...detail, text: covered } : detail;
      covered = '';
      content.details.push({
        type: 'reasoning',
        text: '',
        vendor: { dialect: 'openai', fields: { reasoning_detail: whole } },
      });
    }
    if (!plain) content.reasoning = shown;
  };
}
