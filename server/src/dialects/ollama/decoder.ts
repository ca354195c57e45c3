/**
 * Lines of an Ollama answer to parts: a stream, or one JSON document in a line or many. The terminal signal is
 * `done: true`; a line with `error` is a failure, whatever the status was.
 */

import type { Decoder } from '../../contract/dialect.ts';
import type { FailurePart, FinishReason, Part } from '../../contract/part.ts';
import { failed, notAnEvent, type TailEvent, unreadable } from '../failures.ts';
import { isObject, type Json, objectIn, type Parsed, parseJson, stringIn } from '../json.ts';
import { createTextMender, mendText } from '../text.ts';
import { createUsageTracker } from '../tokens.ts';
import { parseExact } from './exact.ts';
import { complaintIn } from './failure.ts';
import { usageIn } from './usage.ts';

const NOTHING: readonly Part[] = Object.freeze([]);
/** As for one line: what a document in many lines may hold. */
const MAX_DOCUMENT_CHARS = 4 * 1024 * 1024;
/** The server put the model into memory or took it out, and answered nothing. */
const NO_ANSWER = new Set(['load', 'unload']);

export function createOllamaDecoder(options: { maxDocumentChars?: number } = {}): Decoder {
  const max = options.maxDocumentChars ?? MAX_DOCUMENT_CHARS;
  const texts = createTextMender();
  const thoughts = createTextMender();
  const track = createUsageTracker();
  let calls = 0;
  let begun = false;
  let finished = false;
  let broken = false;
  /** Lines of a document whose first line is nothing but its opening bracket; read when all of it is there. */
  let document: string[] | null = null;
  let held = 0;

  function fail(failure: FailurePart, before: Part[] = []): Part[] {
    broken = true;
    before.push(failure);
    return before;
  }

  function show(kind: 'text' | 'reasoning', piece: unknown, parts: Part[]): void {
    if (typeof piece !== 'string' || piece === '') return;
    const clean = (kind === 'text' ? texts : thoughts).push(piece);
    if (clean !== '') parts.push({ type: kind, text: clean });
  }

  function readCalls(list: unknown, stamp: string | null, parts: Part[]): void {
    if (!Array.isArray(list)) return;
    for (const call of list) {
      if (!isObject(call)) continue;
      const body = objectIn(call, 'function') ?? {};
      const index = calls++;
      parts.push({
        type: 'tool_call',
        index,
        id: stringIn(call, 'id') || inventedId(stamp, index),
        name: stringIn(body, 'name') ?? '',
        arguments: mendText(argumentText(body.arguments)),
      });
    }
  }

  function end(line: Json, parts: Part[]): readonly Part[] {
    show('reasoning', thoughts.end(), parts);
    show('text', texts.end(), parts);
    const { done_reason } = line;
    if (typeof done_reason === 'string' && NO_ANSWER.has(done_reason)) {
      return fail(failed('upstream_unavailable', `no answer: the model was only ${done_reason}ed`), parts);
    }
    finished = true;
    parts.push({ type: 'finish', reason: reasonOf(done_reason, calls > 0) });
    return parts;
  }

  function readLine(line: Json): readonly Part[] {
    begun = true;
    const parts: Part[] = [];
    if (!finished) {
      const failure = complaintIn(line);
      if (failure) return fail(failure);
      const message = objectIn(line, 'message');
      if (message) {
        show('reasoning', message.thinking, parts);
        show('text', message.content, parts);
        readCalls(message.tool_calls, stringIn(line, 'created_at'), parts);
      }
    }
    const usage = track(usageIn(line));
    if (usage) parts.push(usage);
    return finished || line.done !== true ? parts : end(line, parts);
  }

  function gather(line: string, lines: string[]): readonly Part[] {
    lines.push(line);
    held += line.length;
    if (held <= max) return NOTHING;
    document = null;
    return fail(failed('upstream_protocol', `one document is longer than ${max} characters`));
  }

  function close(): readonly Part[] {
    if (broken || finished) return NOTHING;
    return fail(failed('upstream_truncated', 'the stream ended without a line that is done'));
  }

  return {
    push(event: TailEvent) {
      if (broken) return NOTHING;
      const { data } = event;
      if (document !== null) return gather(data, document);
      if (!begun && (data.trimEnd() === '{' || data.trimEnd() === '[')) {
        document = [];
        return gather(data, document);
      }
      const parsed = parse(data);
      if (parsed.ok && isObject(parsed.value)) return readLine(parsed.value);
      if (finished) return NOTHING;
      // The first line tells whether this is a stream at all (a page of HTML, another server).
      const cut = !parsed.ok && parsed.cut && event.tail === true;
      return fail(begun ? notAnEvent(event, data, cut) : unreadable(data, cut));
    },
    end() {
      if (document === null || broken) return close();
      const body = document.join('\n');
      document = null;
      const parsed = parse(body);
      const value: unknown = parsed.ok && Array.isArray(parsed.value) ? parsed.value[0] : parsed.ok && parsed.value;
      if (!isObject(value)) return fail(unreadable(body, !parsed.ok && parsed.cut));
      return [...readLine(value), ...close()];
    },
  };
}

function parse(text: string): Parsed {
  return text.includes('"tool_calls"') ? parseExact(text) : parseJson(text);
}

function reasonOf(word: unknown, usedTools: boolean): FinishReason {
  if (word === 'length') return 'length';
  // Older servers give no reason.
  return usedTools ? 'tool_calls' : 'stop';
}

/** An object, always whole. `null` is how the server writes a call without arguments. */
function argumentText(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '{}' : JSON.stringify(value);
}

/** Older servers give no ids. Callers send them back with the result, and want them unique in a conversation. */
function inventedId(stamp: string | null, index: number): string {
  const stem = (stamp ?? '').replace(/[^0-9]/g, '').slice(0, 24);
  return stem === '' ? `call_${index}` : `call_${stem}_${index}`;
}
