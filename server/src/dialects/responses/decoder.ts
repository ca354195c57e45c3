/**
 * Events of a Responses stream to parts. The terminal signal is `response.completed` or `response.incomplete` (and
 * `response.done`, as some servers call both): the other events say only what a piece of the answer became.
 */

import type { Decoder } from '../../contract/dialect.ts';
import type { FailurePart, Part } from '../../contract/part.ts';
import type { Quirks } from '../../contract/quirks.ts';
import { failed, notAnEvent, reportedFailure, type TailEvent } from '../failures.ts';
import { isObject, type Json, objectIn, parseJson, stringIn } from '../json.ts';
import { createUsageTracker } from '../tokens.ts';
import { createDeltaText } from './delta-text.ts';
import { createItemReader } from './items.ts';
import { endOf } from './status.ts';
import { responseUsage } from './usage.ts';

const NOTHING: readonly Part[] = Object.freeze([]);
const KEEP_ALIVES = new Set(['ping', 'heartbeat', 'keepalive', 'keep-alive']);
const TEXT_DELTA = 'response.output_text.delta';
const ENDS: Readonly<Record<string, string>> = {
  'response.completed': 'completed',
  'response.done': 'completed',
  'response.incomplete': 'incomplete',
  'response.failed': 'failed',
  'response.cancelled': 'cancelled',
};

/** Events that say a piece as a whole: of what it is, and in which field. */
const WHOLES: Readonly<Record<string, readonly ['text' | 'input' | 'summary' | 'content', string]>> = {
  'response.output_text.done': ['text', 'text'],
  'response.refusal.done': ['text', 'refusal'],
  'response.reasoning_summary_text.done': ['summary', 'text'],
  'response.reasoning_text.done': ['content', 'text'],
  'response.reasoning.done': ['content', 'text'],
  'response.function_call_arguments.done': ['input', 'arguments'],
  'response.custom_tool_call_input.done': ['input', 'input'],
};

/** `fast: false` parses every event; the tests hold both ways to the same parts. */
export function createResponsesDecoder(quirks: Quirks, options: { fast?: boolean } = {}): Decoder {
  const fast = options.fast === false ? null : createDeltaText();
  const items = createItemReader();
  const track = createUsageTracker();
  let finished = false;
  let broken = false;
  /** Of the event that the fast way has learnt: those that it takes belong to the same text. */
  let learnt = { key: '', place: 0 };
  let lastKey = '';

  function fail(failure: FailurePart, before: Part[] = []): Part[] {
    broken = true;
    before.push(failure);
    return before;
  }

  /** The index is steady; some servers give an item another id with every event. */
  function keyOf(event: Json): string {
    const { output_index } = event;
    const id = stringIn(event, 'item_id') ?? stringIn(objectIn(event, 'item') ?? {}, 'id');
    const key = typeof output_index === 'number' ? `#${output_index}` : (id ?? lastKey);
    lastKey = key;
    return key;
  }

  function readEnd(response: Json, event: string, parts: Part[]): void {
    const { output } = response;
    // A server that sends no events of items says everything at the end.
    if (!items.seen() && Array.isArray(output)) {
      output.forEach((item: unknown, place) => {
        if (isObject(item)) items.done(`#${place}`, item, parts);
      });
    }
    items.end(parts);
    const end = endOf(response, event, items.usedTools());
    if (end.type === 'failure') fail(end, parts);
    else {
      finished = true;
      parts.push(end);
    }
  }

  function readDelta(event: Json, type: string, data: string, parts: Part[]): void {
    const piece = stringIn(event, 'delta') ?? '';
    const key = keyOf(event);
    const place = placeIn(event);
    switch (type) {
      case TEXT_DELTA:
        items.text(key, place, piece, parts);
        if (parts.length === 1) {
          learnt = { key, place };
          fast?.learn(data, piece);
        }
        break;
      case 'response.refusal.delta':
        // A refusal is the model's answer to the caller, so it is shown.
        items.text(key, place, piece, parts);
        break;
      case 'response.reasoning_summary_text.delta':
        items.reasoning(key, 'summary', place, piece, parts);
        break;
      case 'response.reasoning_text.delta':
      case 'response.reasoning.delta':
        items.reasoning(key, 'content', place, piece, parts);
        break;
      case 'response.function_call_arguments.delta':
      case 'response.custom_tool_call_input.delta':
        items.input(key, piece, parts);
        break;
    }
  }

  function readDone(event: Json, type: string, parts: Part[]): void {
    const whole = Object.hasOwn(WHOLES, type) ? WHOLES[type] : undefined;
    if (whole === undefined) return;
    const [kind, field] = whole;
    items.whole(keyOf(event), kind, placeIn(event), stringIn(event, field) ?? '', parts);
  }

  function readEvent(event: Json, { name, data }: TailEvent): readonly Part[] {
    const type = stringIn(event, 'type') ?? name;
    const parts: Part[] = [];
    const response = objectIn(event, 'response');
    const usage = response && track(responseUsage(response, quirks));
    if (usage) parts.push(usage);
    if (finished) return parts;
    const end = Object.hasOwn(ENDS, type) ? ENDS[type] : undefined;
    if (end !== undefined) {
      readEnd(response ?? event, end, parts);
      return parts;
    }
    const item = objectIn(event, 'item');
    if (type === 'response.output_item.added') {
      if (item) items.added(keyOf(event), item, parts);
    } else if (type === 'response.output_item.done') {
      if (item) items.done(keyOf(event), item, parts);
    } else if (type.endsWith('.delta')) readDelta(event, type, data, parts);
    else if (type.endsWith('.done')) readDone(event, type, parts);
    else {
      const named = type === 'error' || name === 'error';
      const failure = reportedFailure(named && !('error' in event) ? { error: event } : event);
      if (failure) return fail(failure, parts);
    }
    return parts;
  }

  return {
    push(event: TailEvent) {
      if (broken || KEEP_ALIVES.has(event.name)) return NOTHING;
      if (fast !== null && !finished && (event.name === TEXT_DELTA || event.name === '')) {
        const raw = fast.take(event.data);
        if (raw !== null) {
          const parts: Part[] = [];
          lastKey = learnt.key;
          items.text(learnt.key, learnt.place, raw, parts);
          return parts;
        }
      }
      const parsed = parseJson(event.data);
      if (parsed.ok && isObject(parsed.value)) {
        return readEvent(parsed.value, event);
      }
      const word = event.data.trim();
      if (finished || word === '' || word === '[DONE]') return NOTHING;
      return fail(notAnEvent(event, word, !parsed.ok && parsed.cut));
    },
    end() {
      if (broken || finished) return NOTHING;
      return fail(failed('upstream_truncated', 'the stream ended without response.completed'));
    },
  };
}

/** Which piece of its item an event is about. */
function placeIn(event: Json): number {
  const place = event.content_index ?? event.summary_index;
  return typeof place === 'number' ? place : 0;
}
