/**
 * Chunks of an OpenAI-compatible stream to parts. The terminal signal is a non-null `finish_reason`: `[DONE]` only says
 * that no more bytes come, and vendors send it after answers that broke off, or never.
 */

import type { Decoder } from '../../contract/dialect.ts';
import type { FailurePart, Part } from '../../contract/part.ts';
import type { Quirks } from '../../contract/quirks.ts';
import { failed, notAnEvent, reportedFailure, type TailEvent } from '../failures.ts';
import { createFastText } from '../fast-text.ts';
import { isObject, type Json, objectIn, parseJson, stringIn } from '../json.ts';
import { createTextMender } from '../text.ts';
import { createUsageTracker } from '../tokens.ts';
import { createContentReader } from './content.ts';
import { finishReason } from './finish.ts';
import { createThinkSplitter } from './think-tags.ts';
import { createToolCallReader } from './tool-calls.ts';
import { usageIn } from './usage.ts';

const NOTHING: readonly Part[] = Object.freeze([]);
const KEEP_ALIVES = new Set(['ping', 'heartbeat', 'keepalive', 'keep-alive']);
/** Fields of a delta that may carry anything visible; a delta with one of them alone is plain. */
const VISIBLE = [
  'content',
  'reasoning_content',
  'reasoning',
  'reasoning_details',
  'refusal',
  'tool_calls',
  'function_call',
];

/** `fast: false` parses every event; the tests hold both ways to the same parts. */
export function createOpenaiDecoder(quirks: Quirks, options: { fast?: boolean } = {}): Decoder {
  const fast = options.fast === false ? null : createFastText();
  const text = createTextMender();
  const reasoning = createTextMender();
  const tools = createToolCallReader();
  const contentIn = createContentReader();
  const track = createUsageTracker();
  /** Looks at the beginning of the text only, and is gone after it. */
  let tags = quirks.thinkTags ? createThinkSplitter() : null;
  let finished = false;
  let broken = false;
  let responseId: string | null = null;

  function fail(failure: FailurePart, before: Part[] = []): Part[] {
    broken = true;
    before.push(failure);
    return before;
  }

  function say(clean: string, parts: Part[]): void {
    if (tags === null) {
      parts.push({ type: 'text', text: clean });
      return;
    }
    tags.push(clean, parts);
    if (tags.passed()) tags = null;
  }

  function readChoice(choice: Json, data: string, parts: Part[]): void {
    const delta = objectIn(choice, 'delta') ?? objectIn(choice, 'message');
    if (delta === null) return;
    const content = contentIn(delta);
    if (content.reasoning !== '') {
      const clean = reasoning.push(content.reasoning);
      if (clean !== '') parts.push({ type: 'reasoning', text: clean });
    }
    if (content.details.length > 0) parts.push(...content.details);
    if (content.text !== '') {
      const clean = text.push(content.text);
      if (clean !== '') say(clean, parts);
    }
    if (delta.tool_calls !== undefined) tools.read(delta.tool_calls, responseId, parts);
    if (isObject(delta.function_call)) {
      tools.read([{ index: 0, function: delta.function_call }], responseId, parts);
    }
    const key = fast && plainKey(delta);
    if (key) fast.arm(data, key, delta[key] as string);
  }

  function finish(parts: Part[], value: unknown): void {
    const reason = finishReason(value);
    if (reason === null) return;
    if (reason === 'error') {
      fail(failed('upstream_unavailable', 'the vendor ended the answer with finish_reason "error"'), parts);
      return;
    }
    const rest = { reasoning: reasoning.end(), text: text.end() };
    if (rest.reasoning !== '') parts.push({ type: 'reasoning', text: rest.reasoning });
    if (rest.text !== '') say(rest.text, parts);
    tags?.end(parts);
    tools.end(parts);
    finished = true;
    parts.push({ type: 'finish', reason });
  }

  function readChunk(chunk: Json, event: TailEvent): readonly Part[] {
    const parts: Part[] = [];
    const usage = track(usageIn(chunk, quirks));
    if (usage) parts.push(usage);
    if (finished) return parts;
    const failure = failureIn(chunk, event.name);
    if (failure) return fail(failure, parts);
    responseId ??= stringIn(chunk, 'id');
    const choice = firstChoice(chunk.choices);
    if (choice === null) return parts;
    readChoice(choice, event.data, parts);
    if (usage || parts.length !== 1) fast?.disarm();
    finish(parts, choice.finish_reason);
    return parts;
  }

  return {
    push(event: TailEvent) {
      if (broken) return NOTHING;
      if (fast !== null && !finished && event.name === '') {
        const raw = fast.take(event.data);
        if (raw !== null) {
          const kind = fast.key() === 'content' ? 'text' : 'reasoning';
          const clean = (kind === 'text' ? text : reasoning).push(raw);
          if (clean === '') return NOTHING;
          event.alike = clean === raw && tags === null && fast.exact();
          if (kind === 'reasoning' || tags === null) return [{ type: kind, text: clean }];
          const parts: Part[] = [];
          say(clean, parts);
          return parts;
        }
        fast.disarm();
      }
      if (KEEP_ALIVES.has(event.name)) return NOTHING;
      const parsed = parseJson(event.data);
      if (parsed.ok && isObject(parsed.value)) return readChunk(parsed.value, event);
      const word = event.data.trim();
      if (finished || word === '' || word === '[DONE]') return NOTHING;
      return fail(notAnEvent(event, word, !parsed.ok && parsed.cut));
    },
    end() {
      if (broken || finished) return NOTHING;
      return fail(failed('upstream_truncated', 'the stream ended without a finish_reason'));
    },
  };
}

/** Only choice 0 is used: `n > 1` is refused at the door, so others are a vendor's mistake. */
function firstChoice(choices: unknown): Json | null {
  if (!Array.isArray(choices)) return null;
  for (const choice of choices) {
    if (isObject(choice) && (choice.index === 0 || choice.index === undefined || choice.index === null)) return choice;
  }
  return null;
}

function failureIn(chunk: Json, eventName: string): FailurePart | null {
  const named = eventName === 'error' && !('error' in chunk) ? { error: chunk } : chunk;
  const failure = reportedFailure(named);
  if (failure) return failure;
  const groq = objectIn(chunk, 'x_groq')?.error;
  return typeof groq === 'string' && groq !== '' ? reportedFailure({ error: groq }) : null;
}

/** The one visible field of a delta if it is text; other fields of the delta then have no effect. */
function plainKey(delta: Json): 'content' | 'reasoning_content' | 'reasoning' | null {
  let found: string | null = null;
  for (const key of VISIBLE) {
    const value = delta[key];
    if (value === undefined || value === null || value === '') continue;
    if (Array.isArray(value) && value.length === 0) continue;
    if (found !== null || typeof value !== 'string') return null;
    found = key;
  }
  return found === 'content' || found === 'reasoning_content' || found === 'reasoning' ? found : null;
}
