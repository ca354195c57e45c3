/** Tool calls of a Cohere answer: started, fed with pieces of their arguments, and ended, one after the other. */
import type { Part } from '../../contract/part.ts';
import { type Json, objectIn, stringIn } from '../json.ts';
import { createTextMender, type TextMender } from '../text.ts';

interface Call {
  index: number;
  /** Arguments that may still turn out to be none; null once they are shown. */
  held: string | null;
  mender: TextMender;
}

export interface CallReader {
  /** `at` is the vendor's own number of the call; `call` is its `tool_calls` object. */
  start(at: unknown, call: Json, answer: string | null, parts: Part[]): void;
  delta(at: unknown, call: Json, parts: Part[]): void;
  stop(at: unknown, parts: Part[]): void;
  /** What was still held back when the answer is complete. */
  end(parts: Part[]): void;
  used(): boolean;
}

/** A tool without parameters is called with no arguments at all, or with `null`: that is how this vendor writes `{}`. */
const NONE = 'null';

export function createCallReader(): CallReader {
  const open = new Map<unknown, Call>();
  let count = 0;

  function show(call: Call, text: string, parts: Part[]): void {
    const clean = call.mender.push(text);
    if (clean !== '') parts.push({ type: 'tool_call', index: call.index, arguments: clean });
  }

  function push(call: Call, text: string, parts: Part[]): void {
    if (call.held === null) {
      show(call, text, parts);
      return;
    }
    call.held += text;
    if (NONE.startsWith(call.held)) return;
    const first = call.held;
    call.held = null;
    show(call, first, parts);
  }

  function close(call: Call, rest: string, parts: Part[]): void {
    if (rest !== '') show(call, rest, parts);
    const torn = call.mender.end();
    if (torn !== '') parts.push({ type: 'tool_call', index: call.index, arguments: torn });
  }

  return {
    start(at, call, answer, parts) {
      const body = objectIn(call, 'function') ?? {};
      const index = count++;
      const made: Call = { index, held: '', mender: createTextMender() };
      open.set(at, made);
      const id = stringIn(call, 'id') || inventedId(answer, index);
      parts.push({ type: 'tool_call', index, id, name: stringIn(body, 'name') ?? '', arguments: '' });
      push(made, stringIn(body, 'arguments') ?? '', parts);
    },
    delta(at, call, parts) {
      const found = open.get(at);
      if (found) push(found, stringIn(objectIn(call, 'function') ?? {}, 'arguments') ?? '', parts);
    },
    stop(at, parts) {
      const found = open.get(at);
      if (!found) return;
      open.delete(at);
      const { held } = found;
      close(found, held === '' || held === NONE ? '{}' : (held ?? ''), parts);
    },
    end(parts) {
      // A call that never ended was cut: what it has is shown, and nothing is made of it.
      for (const call of open.values()) close(call, call.held ?? '', parts);
      open.clear();
    },
    used: () => count > 0,
  };
}

/** Callers send the id back with the result and want it unique in a conversation: it is made of the answer's own id. */
function inventedId(answer: string | null, index: number): string {
  const stem = (answer ?? '').replace(/[^a-zA-Z0-9]/g, '').slice(-24);
  return stem === '' ? `call_${index}` : `call_${stem}_${index}`;
}
