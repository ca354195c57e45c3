/**
 * Events of a ConverseStream to parts. The terminal signal is `messageStop`; the usage comes after it, in `metadata`.
 * The kind of an event is in its name (see aws-eventstream.ts); exceptions come inside a stream with status 200.
 */

import type { Decoder } from '../../contract/dialect.ts';
import type { FailurePart, Part } from '../../contract/part.ts';
import { failed, notAnEvent, reportedFailure, type TailEvent } from '../failures.ts';
import { createFastText } from '../fast-text.ts';
import { isObject, type Json, objectIn, parseJson } from '../json.ts';
import { createUsageTracker } from '../tokens.ts';
import { createBlockReader } from './blocks.ts';
import { bedrockException } from './failure.ts';
import { stopReason } from './stop.ts';
import { bedrockUsage } from './usage.ts';

const NOTHING: readonly Part[] = Object.freeze([]);
const DELTA = 'contentBlockDelta';

/** `fast: false` parses every event; the tests hold both ways to the same parts. */
export function createBedrockDecoder(options: { fast?: boolean } = {}): Decoder {
  const fast = options.fast === false ? null : createFastText();
  /** What the armed shape of an event carries. */
  let armed: 'text' | 'thinking' = 'text';
  const blocks = createBlockReader();
  const track = createUsageTracker();
  let finished = false;
  let broken = false;

  function fail(failure: FailurePart): Part[] {
    broken = true;
    return [failure];
  }

  function finish(event: Json, parts: Part[]): readonly Part[] {
    blocks.end(parts);
    const reason = stopReason(event.stopReason, blocks.usedTools());
    if (reason === null)
      return [...parts, ...fail(failed('upstream_protocol', `the model's answer is broken: ${event.stopReason}`))];
    finished = true;
    parts.push({ type: 'finish', reason });
    return parts;
  }

  function readUsage(event: Json, parts: Part[]): void {
    const part = track(bedrockUsage(event.usage));
    if (part) parts.push(part);
  }

  function readDelta(event: Json, data: string, parts: Part[]): void {
    const delta = objectIn(event, 'delta');
    if (delta === null) return;
    blocks.delta(blockIndex(event), delta, parts);
    const [only] = parts;
    if (fast === null || parts.length !== 1 || (only?.type !== 'text' && only?.type !== 'reasoning')) return;
    armed = only.type === 'text' ? 'text' : 'thinking';
    const text = only.type === 'text' ? delta.text : objectIn(delta, 'reasoningContent')?.text;
    if (typeof text === 'string') fast.arm(data, 'text', text);
  }

  function readEvent(event: Json, name: string, data: string): readonly Part[] {
    const parts: Part[] = [];
    if (finished) {
      if (name === 'metadata') readUsage(event, parts);
      return parts;
    }
    switch (name) {
      case 'messageStart':
        break;
      case 'contentBlockStart':
        blocks.start(blockIndex(event), objectIn(event, 'start') ?? {}, parts);
        break;
      case DELTA:
        readDelta(event, data, parts);
        break;
      case 'contentBlockStop':
        blocks.stop(blockIndex(event), parts);
        break;
      case 'messageStop':
        return finish(event, parts);
      case 'metadata':
        readUsage(event, parts);
        break;
      default: {
        if (isException(name)) return fail(bedrockException(name, event));
        const failure = reportedFailure(event);
        if (failure) return fail(failure);
      }
    }
    return parts;
  }

  return {
    push(event: TailEvent) {
      if (broken) return NOTHING;
      if (fast !== null && !finished) {
        const raw = event.name === DELTA ? fast.take(event.data) : null;
        if (raw !== null) {
          const parts: Part[] = [];
          if (armed === 'text') blocks.text(raw, parts);
          else blocks.thinking(raw, parts);
          return parts;
        }
        fast.disarm();
      }
      const parsed = parseJson(event.data);
      if (parsed.ok && isObject(parsed.value)) return readEvent(parsed.value, event.name, event.data);
      if (finished) return NOTHING;
      if (isException(event.name)) return fail(bedrockException(event.name, { message: event.data }));
      return fail(notAnEvent(event, event.data, !parsed.ok && parsed.cut));
    },
    end() {
      if (broken || finished) return NOTHING;
      return fail(failed('upstream_truncated', 'the stream ended without a messageStop'));
    },
  };
}

/** Also exceptions that come under the name of an ordinary event, as servers that imitate Bedrock send them. */
function isException(name: string): boolean {
  return name === 'error' || name.startsWith('exception:') || /exception$/i.test(name);
}

function blockIndex(event: Json): number {
  return typeof event.contentBlockIndex === 'number' ? event.contentBlockIndex : 0;
}
