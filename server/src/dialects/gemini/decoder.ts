/**
 * Events of a Gemini stream to parts: each one is a whole `GenerateContentResponse` with the next piece. The terminal
 * signal is a candidate's `finishReason`; nothing but the end of the connection comes after it.
 */

import type { Decoder } from '../../contract/dialect.ts';
import type { FailurePart, Part, ToolCallPart } from '../../contract/part.ts';
import type { Quirks } from '../../contract/quirks.ts';
import { failed, notAnEvent, reportedFailure, type TailEvent } from '../failures.ts';
import { isObject, type Json, objectIn, parseJson, stringIn } from '../json.ts';
import { createTextMender } from '../text.ts';
import { createUsageTracker } from '../tokens.ts';
import { refined } from './failure.ts';
import { blockIn, endOf, reasonIn } from './finish.ts';
import { markOf, serviceOf } from './signatures.ts';
import { usageIn } from './usage.ts';

const NOTHING: readonly Part[] = Object.freeze([]);

export interface GeminiDecoder extends Decoder {
  /** One response, already parsed. */
  read(response: Json): readonly Part[];
}

export function createGeminiDecoder(quirks: Quirks): GeminiDecoder {
  const service = serviceOf(quirks);
  const text = createTextMender();
  const thoughts = createTextMender();
  const track = createUsageTracker();
  let responseId: string | null = null;
  let calls = 0;
  let spoke = false;
  /**
   * A `STOP` before the first word. Proxies in front of other models put it on empty events (CLIProxyAPI#5651), and
   * Gemini itself ends an answer of no words with it, so what comes next decides.
   */
  let stopped = false;
  let finished = false;
  let broken = false;

  function fail(failure: FailurePart, before: Part[] = []): Part[] {
    broken = true;
    before.push(failure);
    return before;
  }

  function finish(word: string, parts: Part[]): void {
    const end = endOf(word, calls);
    if (typeof end !== 'string') {
      fail(end, parts);
      return;
    }
    const thought = thoughts.end();
    if (thought !== '') parts.push({ type: 'reasoning', text: thought });
    const rest = text.end();
    if (rest !== '') parts.push({ type: 'text', text: rest });
    finished = true;
    parts.push({ type: 'finish', reason: end });
  }

  /** Ours for a call that has none. Callers send it back, and it should be the only one of its name in a conversation. */
  function inventedId(index: number): string {
    const answer = (responseId ?? '').replace(/[^a-zA-Z0-9]/g, '').slice(-24);
    return answer === '' ? `call_${index}` : `call_${answer}_${index}`;
  }

  function readCall(call: Json, signature: string | null): ToolCallPart | FailurePart {
    const name = stringIn(call, 'name');
    if (!name) return failed('upstream_protocol', 'a function call without a name');
    // Vertex AI can send arguments in pieces; that was not asked for, and half of them would pass for all.
    if ('partialArgs' in call || call.willContinue === true) {
      return failed('upstream_protocol', 'arguments of a function call in pieces');
    }
    const index = calls++;
    const args = isObject(call.args) ? JSON.stringify(call.args) : '{}';
    const part: ToolCallPart = {
      type: 'tool_call',
      index,
      id: stringIn(call, 'id') || inventedId(index),
      name,
      arguments: args,
    };
    if (signature) part.vendor = markOf(signature, service);
    return part;
  }

  /** Parts of other kinds (code that Google ran, calls of its own tools) are not asked for and carry no answer. */
  function readPart(part: Json, parts: Part[]): void {
    const signature = stringIn(part, 'thoughtSignature');
    const call = objectIn(part, 'functionCall');
    if (call !== null) {
      const read = readCall(call, signature);
      if (read.type === 'failure') fail(read, parts);
      else parts.push(read);
      return;
    }
    if ('inlineData' in part || 'fileData' in part) {
      fail(failed('unsupported_by_target', 'the answer holds an image or a file'), parts);
      return;
    }
    const piece = stringIn(part, 'text') ?? '';
    const thought = part.thought === true;
    const clean = (thought ? thoughts : text).push(piece);
    if (clean !== '') parts.push({ type: thought ? 'reasoning' : 'text', text: clean });
    if (piece !== '') spoke = true;
    if (signature) parts.push({ type: 'reasoning', text: '', vendor: markOf(signature, service) });
  }

  function readCandidate(candidate: Json, parts: Part[]): void {
    const content = objectIn(candidate, 'content');
    const pieces = content !== null && Array.isArray(content.parts) ? content.parts : [];
    for (const piece of pieces) {
      if (isObject(piece)) readPart(piece, parts);
      if (broken) return;
    }
    if (calls > 0) spoke = true;
    if (pieces.length > 0) stopped = false;
    const word = reasonIn(candidate.finishReason);
    if (word === null) return;
    if (word === 'STOP' && !spoke) stopped = true;
    else finish(word, parts);
  }

  function read(response: Json): readonly Part[] {
    const parts: Part[] = [];
    if (broken) return NOTHING;
    const candidate = firstCandidate(response.candidates);
    const block = candidate === null ? blockIn(objectIn(response, 'promptFeedback')?.blockReason) : null;
    const last = finished || stopped || block !== null || (candidate !== null && 'finishReason' in candidate);
    const usage = track(usageIn(response.usageMetadata, last));
    if (usage) parts.push(usage);
    if (finished) return parts;
    const failure = reportedFailure(response);
    if (failure) return fail(refined(failure), parts);
    responseId ??= stringIn(response, 'responseId');
    if (block !== null) return fail(failed('content_filter', `the prompt was blocked (${block})`), parts);
    if (candidate !== null) readCandidate(candidate, parts);
    return parts;
  }

  return {
    read,
    push(event: TailEvent) {
      if (broken) return NOTHING;
      const parsed = parseJson(event.data);
      if (parsed.ok && isObject(parsed.value)) {
        const named = event.name === 'error' && !('error' in parsed.value);
        return read(named ? { error: parsed.value } : parsed.value);
      }
      // Errors inside a stream may come in a list, as they do when none was asked for.
      if (parsed.ok && Array.isArray(parsed.value) && !finished) {
        const failure = reportedFailure(parsed.value);
        if (failure) return fail(refined(failure));
      }
      const word = event.data.trim();
      if (finished || word === '' || word === '[DONE]') return NOTHING;
      return fail(notAnEvent(event, word, !parsed.ok && parsed.cut));
    },
    end() {
      if (broken || finished) return NOTHING;
      const parts: Part[] = [];
      if (stopped) finish('STOP', parts);
      else fail(failed('upstream_truncated', 'the stream ended without a finishReason'), parts);
      return parts;
    },
  };
}

/** One candidate is asked for. */
function firstCandidate(candidates: unknown): Json | null {
  if (!Array.isArray(candidates)) return null;
  for (const candidate of candidates) {
    if (isObject(candidate) && (candidate.index === 0 || typeof candidate.index !== 'number')) return candidate;
  }
  return null;
}
