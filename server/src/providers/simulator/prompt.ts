/** Reads what the simulator needs from a conversation, and makes words from it. Deterministic throughout. */
import { hash } from 'node:crypto';

export interface Prompt {
  /** Text of the last user message, without directives. */
  lastUser: string;
  /** The same with its directives. */
  lastUserRaw: string;
  /** Bytes of all text in the messages. */
  textBytes: number;
  images: number;
  /** Text of tool results after the last user message, null when there are none. */
  toolResult: string | null;
  /** Text of an assistant message at the very end: the answer goes on from it. */
  prefix: string;
  /** 64 hex digits, the same for the same messages whatever their orders: a fault does not change what is said. */
  digest: string;
}

const DIRECTIVE = /\s*\[\[sim\b[^\]]*\]\]/g;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Text of a message's content in the OpenAI or the Anthropic form. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  let text = '';
  for (const part of content) {
    if (isRecord(part) && typeof part.text === 'string') text += part.text;
  }
  return text;
}

function imagesIn(content: unknown): number {
  if (!Array.isArray(content)) return 0;
  return content.filter((part) => isRecord(part) && (part.type === 'image_url' || part.type === 'image')).length;
}

export function readPrompt(messages: readonly Record<string, unknown>[]): Prompt {
  let lastUserRaw = '';
  let toolResult: string | null = null;
  let textBytes = 0;
  let images = 0;
  for (const message of messages) {
    const text = textOf(message.content);
    textBytes += Buffer.byteLength(text);
    images += imagesIn(message.content);
    if (message.role === 'user') {
      lastUserRaw = text;
      toolResult = null;
    } else if (message.role === 'tool') {
      toolResult = text;
    }
  }
  const last = messages.at(-1);
  const prefix = last?.role === 'assistant' && last.tool_calls === undefined ? textOf(last.content) : '';
  // An answer that is continued belongs to the same prompt as the one that was cut.
  const asked = prefix === '' ? messages : messages.slice(0, -1);
  return {
    lastUser: lastUserRaw.replace(DIRECTIVE, '').trim(),
    lastUserRaw,
    textBytes,
    images,
    toolResult,
    prefix,
    digest: hash('sha256', JSON.stringify(asked).replace(DIRECTIVE, ''), 'hex'),
  };
}

/** The first words of a text, on one line. */
export function quote(text: string, limit = 80): string {
  const line = text
    .slice(0, 4 * limit)
    .toWellFormed()
    .replace(/\s+/g, ' ')
    .trim();
  if (line.length <= limit) return line;
  const space = line.lastIndexOf(' ', limit);
  return `${line.slice(0, space > limit / 2 ? space : limit).toWellFormed()}…`;
}

const WORDS = (
  'lantern goblins carry small bright stones under quiet hills while river water turns patient wheels of copper and ' +
  'old maps show where every tunnel bends toward morning light so careful hands count gears again before supper the ' +
  'market opens with bread salt rope and songs about clever foxes who trade riddles for honey near the northern bridge'
).split(' ');

/** Endless words from a seed: the same seed gives the same words. Each comes with its leading space. */
export function wordSource(digest: string): () => string {
  let state = Number.parseInt(digest.slice(0, 8), 16) | 1;
  let left = 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const word = WORDS[(state >>> 0) % WORDS.length] ?? 'goblin';
    const first = left <= 0;
    if (first) left = 6 + ((state >>> 8) & 7);
    left--;
    const shown = first ? word.charAt(0).toUpperCase() + word.slice(1) : word;
    return left === 0 ? ` ${shown}.` : ` ${shown}`;
  };
}

/** Words with their leading space: the simulator's tokens. */
export function tokensOf(text: string): string[] {
  return text.match(/\s*\S+|\s+$/g) ?? [];
}
