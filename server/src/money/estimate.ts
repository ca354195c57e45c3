/** Guesses by size, for the hot path: no tokenizer, no copy of the text. */
import type { AnswerCall, AssistantContent, UserContent } from '../contract/call.ts';
import type { Usage } from '../contract/part.ts';
import type { Price } from '../contract/provider.ts';
import { costOf } from './cost.ts';

/** English prose has 4.2 bytes a token, code 3 to 4, Chinese 3 (one character). */
const BYTES_PER_TOKEN = 4;
/** The densest prose of any language stays below this; runs of blanks are denser still, and nobody sends those. */
const MOST_BYTES_PER_TOKEN = 24;
/** What vendors charge for an image of usual size: 85 to 1,600 tokens. Audio and files are guessed alike. */
const TOKENS_PER_IMAGE = 1_000;
/** Role and separators around each message. */
const TOKENS_PER_MESSAGE = 4;

export interface InputSize {
  /** UTF-8 bytes of all text: messages, tools, the schema of the answer. */
  bytes: number;
  /** Images and other content that is not text. */
  pictures: number;
}

const json = (value: unknown): number => (value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value) ?? ''));

function addContent(size: InputSize, content: readonly (UserContent | AssistantContent)[]): void {
  for (const item of content) {
    switch (item.type) {
      case 'text':
      case 'reasoning':
        size.bytes += Buffer.byteLength(item.text);
        break;
      case 'tool_call':
        size.bytes += Buffer.byteLength(item.name) + Buffer.byteLength(item.arguments);
        break;
      default:
        size.pictures += 1;
    }
  }
}

export function inputSize(call: AnswerCall): InputSize {
  const size: InputSize = { bytes: 0, pictures: 0 };
  for (const message of call.messages) addContent(size, message.content);
  for (const tool of call.tools ?? []) {
    size.bytes += Buffer.byteLength(tool.name) + Buffer.byteLength(tool.description ?? '') + json(tool.parameters);
  }
  if (call.responseFormat?.type === 'json_schema') size.bytes += json(call.responseFormat.schema);
  for (const list of call.embed?.tokens ?? []) size.bytes += list.length * BYTES_PER_TOKEN;
  return size;
}

function likely(size: InputSize, call: AnswerCall): number {
  // Each text to be embedded has a token at least.
  if (call.kind === 'embed') return Math.max(Math.ceil(size.bytes / BYTES_PER_TOKEN), call.messages.length);
  return Math.ceil(size.bytes / BYTES_PER_TOKEN) + besideText(size, call);
}

/** Texts to make vectors of have no frame around them. */
function besideText({ pictures }: InputSize, call: AnswerCall): number {
  return pictures * TOKENS_PER_IMAGE + (call.kind === 'embed' ? 0 : call.messages.length * TOKENS_PER_MESSAGE);
}

/** What a prompt costs in tokens besides its text: images, other content, the frame of each message. */
export const tokensBesideText = (call: AnswerCall): number => besideText(inputSize(call), call);

/** About how many tokens a vendor will count. Below 2 µs for a small call. */
export const estimateInputTokens = (call: AnswerCall): number => likely(inputSize(call), call);

/**
 * Between how many tokens the text can have at all, without counting: a token has a byte at least. `likely` is the
 * estimate, images included. What routing wants to know. Of a call for vectors: the bounds of its longest text, because
 * a model reads each for itself.
 */
export function inputBounds(call: AnswerCall): { least: number; likely: number; most: number } {
  if (call.kind === 'embed') return longestBounds(call);
  const size = inputSize(call);
  return { least: Math.floor(size.bytes / MOST_BYTES_PER_TOKEN), likely: likely(size, call), most: size.bytes };
}

function longestBounds({ messages, embed }: AnswerCall): { least: number; likely: number; most: number } {
  // Lists of token numbers have been counted by the caller.
  const tokens = (embed?.tokens ?? []).reduce((most, list) => Math.max(most, list.length), 0);
  const bytes = messages.reduce((most, { content }) => {
    const size: InputSize = { bytes: 0, pictures: 0 };
    addContent(size, content);
    return Math.max(most, size.bytes);
  }, 0);
  return {
    least: Math.max(tokens, Math.floor(bytes / MOST_BYTES_PER_TOKEN)),
    likely: Math.max(tokens, Math.ceil(bytes / BYTES_PER_TOKEN)),
    most: Math.max(tokens, bytes),
  };
}

/** Picodollars, if the input has this many tokens and the output as many as it may. */
export function estimateCost(inputTokens: number, maxOutput: number, price: Price): number {
  return costOf(
    {
      inputTokens,
      outputTokens: maxOutput,
      cachedInputTokens: 0,
      cacheWriteTokens: 0,
      reasoningTokens: 0,
      source: 'estimated',
    },
    price,
  );
}

/**
 * Usage of an answer whose vendor reported none. `shown` is the UTF-8 size of all visible parts. Pass the number of
 * their events too where it is known: each carried a token at least, so it corrects the guess upwards. Never zero when
 * something was shown.
 */
export function estimateUsage(call: AnswerCall, shown: number, events = 0): Usage {
  return {
    inputTokens: estimateInputTokens(call),
    outputTokens: Math.max(Math.ceil(shown / BYTES_PER_TOKEN), events),
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    source: 'estimated',
  };
}
