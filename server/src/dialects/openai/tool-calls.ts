/** Puts the fragments of streamed tool calls in order, whichever way the vendor numbers them. */
import type { Part, ToolCallPart } from '../../contract/part.ts';
import { isObject, type Json, stringIn, unknownFields } from '../json.ts';
import { createTextMender, type TextMender } from '../text.ts';

interface Slot {
  index: number;
  /** The vendor's own, which may come late or never. */
  id: string | null;
  /** Null until the call was shown. */
  name: string | null;
  /** Arguments that came before the name did. */
  waiting: string;
  mender: TextMender;
}

export interface ToolCallReader {
  read(calls: unknown, responseId: string | null, parts: Part[]): void;
  /** What was still held back when the answer is complete. */
  end(parts: Part[]): void;
}

const KNOWN = new Set(['index', 'id', 'type', 'function']);

/**
 * Seen in the field: an index with every fragment (OpenAI), the id repeated with every fragment, no index at all, and
 * several calls that all say index 0 with ids of their own (Gemini). A new id starts a new call; without ids a new
 * name does.
 */
export function createToolCallReader(): ToolCallReader {
  const slots: Slot[] = [];
  const byVendorIndex = new Map<number, Slot>();

  function open(id: string | null): Slot {
    const slot = { index: slots.length, id, name: null, waiting: '', mender: createTextMender() };
    slots.push(slot);
    return slot;
  }

  function find(index: number | null, id: string | null, name: string | null): Slot {
    let slot = index === null ? slots.at(-1) : byVendorIndex.get(index);
    if (slot && id !== null && slot.id !== id && (slot.id !== null || index === null)) {
      slot = slots.find((other) => other.id === id);
    } else if (slot && id === null && name !== null && slot.name !== null) {
      // Without an index each fragment with a name is a call of its own; with one, a repeated name is the same call.
      if (index === null || slot.name !== name) slot = undefined;
    }
    slot ??= open(id);
    if (index !== null) byVendorIndex.set(index, slot);
    slot.id ??= id;
    return slot;
  }

  function emit(
    slot: Slot,
    responseId: string | null,
    name: string | null,
    text: string,
    vendor: Json | null,
  ): ToolCallPart | null {
    const part: ToolCallPart = { type: 'tool_call', index: slot.index, arguments: '' };
    if (vendor) part.vendor = { dialect: 'openai', fields: vendor };
    if (slot.name !== null) {
      part.arguments = slot.mender.push(text);
      return part.arguments === '' && !vendor ? null : part;
    }
    slot.waiting += text;
    // A call is shown once it has its name, so that its first part carries id and name as readers expect.
    if (name === null) return null;
    slot.name = name;
    part.id = slot.id ?? inventedId(responseId, slot.index);
    part.name = name;
    part.arguments = slot.mender.push(slot.waiting);
    slot.waiting = '';
    return part;
  }

  return {
    read(calls, responseId, parts) {
      if (!Array.isArray(calls)) return;
      for (const call of calls) {
        if (!isObject(call)) continue;
        const body = isObject(call.function) ? call.function : call;
        const index = typeof call.index === 'number' ? call.index : null;
        const name = stringIn(body, 'name') || null;
        const slot = find(index, stringIn(call, 'id') || null, name);
        const part = emit(slot, responseId, name, argumentText(body.arguments), unknownFields(call, KNOWN));
        if (part) parts.push(part);
      }
    },
    end(parts) {
      for (const slot of slots) {
        if (slot.name === null) {
          const nameless = emit(slot, null, '', '', null);
          if (nameless) parts.push(nameless);
        }
        const rest = slot.mender.end();
        if (rest !== '') parts.push({ type: 'tool_call', index: slot.index, arguments: rest });
      }
    },
  };
}

/** Some servers send the arguments parsed already. */
function argumentText(value: unknown): string {
  if (typeof value === 'string') return value;
  return isObject(value) ? JSON.stringify(value) : '';
}

/**
 * For vendors that give a tool call no id. Callers send it back with the result, and vendors want it unique in a
 * conversation, so it is made of the answer's own id. At most 40 characters: OpenAI refuses longer ones.
 */
function inventedId(responseId: string | null, index: number): string {
  const answer = (responseId ?? '').replace(/[^a-zA-Z0-9]/g, '').slice(-24);
  return answer === '' ? `call_${index}` : `call_${answer}_${index}`;
}
