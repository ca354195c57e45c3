/**
 * Events of a Cohere v2 stream to parts. The terminal signal is `message-end`: it comes once, last, with the finish
 * reason and the usage. Citations have no place in an answer's parts and are passed over.
 */

import type { Decoder } from '../../contract/dialect.ts';
import type { FailurePart, Part } from '../../contract/part.ts';
import { failed, notAnEvent, type TailEvent } from '../failures.ts';
import { createFastText } from '../fast-text.ts';
import { isObject, type Json, objectIn, parseJson, stringIn } from '../json.ts';
import { createTextMender } from '../text.ts';
import { createUsageTracker } from '../tokens.ts';
import { complaintIn } from './failure.ts';
import { endOf } from './stop.ts';
import { createCallReader } from './tool-calls.ts';
import { usageIn } from './usage.ts';

const NOTHING: readonly Part[] = Object.freeze([]);
const DELTA = 'content-delta';

/** `fast: false` parses every event; the tests hold both ways to the same parts. */
export function createCohereDecoder(options: { fast?: boolean } = {}): Decoder {
  const fast = options.fast === false ? null : createFastText();
  const texts = createTextMender();
  const thoughts = createTextMender();
  const calls = createCallReader();
  const track = createUsageTracker();
  let answer: string | null = null;
  let finished = false;
  let broken = false;

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

  function readContent(message: Json, data: string, parts: Part[]): void {
    const content = objectIn(message, 'content');
    if (content === null) {
      show('text', message.content, parts);
      return;
    }
    show('reasoning', content.thinking, parts);
    show('text', content.text, parts);
    if (parts.length !== 1) return;
    if (typeof content.text !== 'string') fast?.arm(data, 'thinking', content.thinking as string);
    else if (typeof content.thinking !== 'string') fast?.arm(data, 'text', content.text);
  }

  function end(event: Json, parts: Part[]): readonly Part[] {
    const delta = objectIn(event, 'delta');
    const usage = track(usageIn(delta?.usage));
    if (usage) parts.push(usage);
    if (finished) return parts;
    show('reasoning', thoughts.end(), parts);
    show('text', texts.end(), parts);
    calls.end(parts);
    const reason = endOf(delta?.finish_reason, delta?.error, calls.used());
    if (typeof reason !== 'string') return fail(reason, parts);
    finished = true;
    parts.push({ type: 'finish', reason });
    return parts;
  }

  function readEvent(event: Json, type: string, data: string): readonly Part[] {
    const parts: Part[] = [];
    if (type === 'message-end') return end(event, parts);
    if (finished) return parts;
    const message = objectIn(objectIn(event, 'delta') ?? {}, 'message') ?? {};
    switch (type) {
      case 'message-start':
        answer = stringIn(event, 'id');
        break;
      case 'content-start':
      case DELTA:
        readContent(message, type === DELTA ? data : '', parts);
        break;
      case 'tool-plan-delta':
        show('reasoning', message.tool_plan, parts);
        break;
      case 'tool-call-start':
        calls.start(event.index, callIn(message), answer, parts);
        break;
      case 'tool-call-delta':
        calls.delta(event.index, callIn(message), parts);
        break;
      case 'tool-call-end':
        calls.stop(event.index, parts);
        break;
      default: {
        // Events of types to come are passed over.
        const failure = complaintIn(event);
        if (failure) return fail(failure, parts);
      }
    }
    return parts;
  }

  return {
    push(event: TailEvent) {
      if (broken) return NOTHING;
      if (fast !== null && !finished && (event.name === DELTA || event.name === '')) {
        const raw = fast.take(event.data);
        if (raw !== null) {
          const parts: Part[] = [];
          show(fast.key() === 'text' ? 'text' : 'reasoning', raw, parts);
          return parts;
        }
      }
      fast?.disarm();
      const parsed = parseJson(event.data);
      if (parsed.ok && isObject(parsed.value)) {
        const { value } = parsed;
        const named = event.name === 'error' && !('error' in value) ? { error: value } : value;
        return readEvent(named, stringIn(named, 'type') ?? event.name, event.data);
      }
      const word = event.data.trim();
      if (finished || word === '' || word === '[DONE]') return NOTHING;
      return fail(notAnEvent(event, word, !parsed.ok && parsed.cut));
    },
    end() {
      if (broken || finished) return NOTHING;
      return fail(failed('upstream_truncated', 'the stream ended without a message-end'));
    },
  };
}

/** `tool_calls` is one call in a stream; a list of one is taken for it. */
function callIn(message: Json): Json {
  const found = Array.isArray(message.tool_calls) ? message.tool_calls[0] : message.tool_calls;
  return isObject(found) ? found : {};
}
