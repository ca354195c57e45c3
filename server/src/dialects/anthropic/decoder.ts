/**
 * Events of an Anthropic stream to parts. The terminal signal is the first non-null `stop_reason` (in
 * `message_delta`): by then every block is closed, the usage is final and only the empty `message_stop` is left, so a
 * cut between the two cuts nothing. A `message_stop` without a `stop_reason` (some compatible servers) ends it too, where
 * something was said.
 */

import type { Decoder } from '../../contract/dialect.ts';
import type { FailurePart, Part } from '../../contract/part.ts';
import { failed, notAnEvent, reportedFailure, type TailEvent } from '../failures.ts';
import { createFastText } from '../fast-text.ts';
import { isObject, type Json, objectIn, parseJson, stringIn } from '../json.ts';
import { createUsageTracker } from '../tokens.ts';
import { createBlockReader } from './blocks.ts';
import { stopReason } from './stop.ts';
import { createUsageReader, withoutOutput } from './usage.ts';

const NOTHING: readonly Part[] = Object.freeze([]);

/** `fast: false` parses every event; the tests hold both ways to the same parts. */
export function createAnthropicDecoder(options: { fast?: boolean } = {}): Decoder {
  const fast = options.fast === false ? null : createFastText();
  const blocks = createBlockReader();
  const counts = createUsageReader();
  const track = createUsageTracker();
  let usedTools = false;
  /** A block has begun. */
  let spoke = false;
  let finished = false;
  let broken = false;

  function fail(failure: FailurePart): Part[] {
    broken = true;
    return [failure];
  }

  function finish(value: unknown, parts: Part[]): void {
    blocks.end(parts);
    finished = true;
    parts.push({ type: 'finish', reason: stopReason(value, usedTools) });
  }

  function readUsage(usage: unknown, parts: Part[]): void {
    counts.read(usage);
    const part = track(counts.usage());
    if (part) parts.push(part);
  }

  function readDelta(event: Json, data: string, parts: Part[]): void {
    const delta = objectIn(event, 'delta');
    if (delta === null) return;
    blocks.delta(blockIndex(event), delta, parts);
    if (parts.length !== 1) return;
    if (delta.type === 'text_delta') fast?.arm(data, 'text', delta.text as string);
    else if (delta.type === 'thinking_delta') fast?.arm(data, 'thinking', delta.thinking as string);
  }

  function readEvent(event: Json, type: string, data: string): readonly Part[] {
    const parts: Part[] = [];
    if (finished) {
      if (type === 'message_delta') readUsage(event.usage, parts);
      return parts;
    }
    switch (type) {
      case 'message_start': {
        const message = objectIn(event, 'message');
        if (message) readUsage(withoutOutput(message.usage), parts);
        break;
      }
      case 'content_block_start': {
        const block = objectIn(event, 'content_block');
        if (block === null) break;
        spoke = true;
        if (block.type === 'tool_use') usedTools = true;
        blocks.start(blockIndex(event), block, parts);
        break;
      }
      case 'content_block_delta':
        spoke = true;
        readDelta(event, data, parts);
        break;
      case 'content_block_stop':
        blocks.stop(blockIndex(event), parts);
        break;
      case 'message_delta': {
        readUsage(event.usage, parts);
        const reason = objectIn(event, 'delta')?.stop_reason;
        if (typeof reason === 'string' && reason !== '') finish(reason, parts);
        break;
      }
      case 'message_stop':
        if (!spoke) return fail(failed('upstream_truncated', 'a message_stop without a word or a stop_reason'));
        finish(null, parts);
        break;
      default:
        return readOther(event, type, parts);
    }
    return parts;
  }

  /** `error`, and what compatible servers send instead; events of types to come are passed over, as the API asks. */
  function readOther(event: Json, type: string, parts: Part[]): readonly Part[] {
    const failure = reportedFailure(type === 'error' && !('error' in event) ? { error: event } : event);
    return failure ? fail(failure) : parts;
  }

  return {
    push(event: TailEvent) {
      if (broken || event.name === 'ping') return NOTHING;
      if (fast !== null && !finished) {
        const raw = fast.take(event.data);
        if (raw !== null) {
          const parts: Part[] = [];
          if (fast.key() === 'text') blocks.text(raw, parts);
          else blocks.thinking(raw, parts);
          const [only] = parts;
          event.alike = only !== undefined && 'text' in only && only.text === raw && fast.exact();
          return parts;
        }
        fast.disarm();
      }
      const parsed = parseJson(event.data);
      if (parsed.ok && isObject(parsed.value)) {
        return readEvent(parsed.value, stringIn(parsed.value, 'type') ?? event.name, event.data);
      }
      const word = event.data.trim();
      if (finished || word === '' || word === '[DONE]') return NOTHING;
      return fail(notAnEvent(event, word, !parsed.ok && parsed.cut));
    },
    end() {
      if (broken || finished) return NOTHING;
      return fail(failed('upstream_truncated', 'the stream ended without a stop_reason'));
    },
  };
}

function blockIndex(event: Json): number {
  return typeof event.index === 'number' ? event.index : 0;
}
