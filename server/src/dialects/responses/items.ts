/**
 * Output items of a vendor's answer to parts, from the events of a stream or from whole items. Text is shown once: by
 * its deltas, else by the `done` event, else by the finished item, whichever comes first.
 */
import type { VendorField } from '../../contract/call.ts';
import type { Part, ToolCallPart } from '../../contract/part.ts';
import { isObject, type Json, stringIn, unknownFields } from '../json.ts';
import { createTextMender, type TextMender } from '../text.ts';

type Kind = 'summary' | 'content';

interface Slot {
  /** Pieces of the item that were shown: `text 0`, `summary 1`, `arguments`. */
  said: Set<string>;
  /** Of summary and raw content only the first to come is shown: they say the same. */
  shown: Kind | null;
  call: Call | null;
}

interface Call {
  index: number;
  /** Set once the call was shown. */
  named: boolean;
  /** Arguments that came before the name did. */
  waiting: string;
  mender: TextMender;
}

/** `key` names the item among the events of one answer, `place` the piece of text within the item. */
export interface ItemReader {
  added(key: string, item: Json, parts: Part[]): void;
  text(key: string, place: number, piece: string, parts: Part[]): void;
  reasoning(key: string, kind: Kind, place: number, piece: string, parts: Part[]): void;
  input(key: string, piece: string, parts: Part[]): void;
  /** The whole of a piece, of which deltas may have come. */
  whole(key: string, kind: 'text' | 'input' | Kind, place: number, text: string, parts: Part[]): void;
  done(key: string, item: Json, parts: Part[]): void;
  /** What was still held back when the answer is complete. */
  end(parts: Part[]): void;
  usedTools(): boolean;
  /** Whether any item was seen. */
  seen(): boolean;
}

const CALL_FIELDS = new Set(['type', 'id', 'call_id', 'name', 'arguments', 'input', 'status']);

export function createItemReader(): ItemReader {
  const texts = createTextMender();
  const thoughts = createTextMender();
  const slots = new Map<string, Slot>();
  let calls = 0;

  function slotOf(key: string): Slot {
    const known = slots.get(key);
    if (known) return known;
    const slot: Slot = { said: new Set(), shown: null, call: null };
    slots.set(key, slot);
    return slot;
  }

  function text(key: string, place: number, piece: string, parts: Part[]): void {
    if (piece === '') return;
    slotOf(key).said.add(`text ${place}`);
    const clean = texts.push(piece);
    if (clean !== '') parts.push({ type: 'text', text: clean });
  }

  function reasoning(key: string, kind: Kind, place: number, piece: string, parts: Part[]): void {
    if (piece === '') return;
    const slot = slotOf(key);
    slot.shown ??= kind;
    if (slot.shown !== kind) return;
    const name = `${kind} ${place}`;
    // Parts of a summary are paragraphs.
    const gap = slot.said.size > 0 && !slot.said.has(name) ? '\n\n' : '';
    slot.said.add(name);
    const clean = thoughts.push(gap + piece);
    if (clean !== '') parts.push({ type: 'reasoning', text: clean });
  }

  function callOf(slot: Slot): Call {
    slot.call ??= { index: calls++, named: false, waiting: '', mender: createTextMender() };
    return slot.call;
  }

  function input(key: string, piece: string, parts: Part[]): void {
    if (piece === '') return;
    const slot = slotOf(key);
    const call = callOf(slot);
    slot.said.add('input 0');
    if (!call.named) {
      call.waiting += piece;
      return;
    }
    const clean = call.mender.push(piece);
    if (clean !== '') parts.push({ type: 'tool_call', index: call.index, arguments: clean });
  }

  /** Shows the call once it has its name: its first part carries id and name, as readers expect. */
  function name(slot: Slot, item: Json, parts: Part[], late: boolean): void {
    const call = callOf(slot);
    const known = stringIn(item, 'name');
    if (call.named || (!known && !late)) return;
    call.named = true;
    const part: ToolCallPart = {
      type: 'tool_call',
      index: call.index,
      id: stringIn(item, 'call_id') || stringIn(item, 'id') || `call_${call.index}`,
      name: known ?? '',
      arguments: call.mender.push(call.waiting),
    };
    call.waiting = '';
    const vendor = callMark(item);
    if (vendor) part.vendor = vendor;
    parts.push(part);
  }

  function whole(key: string, kind: 'text' | 'input' | Kind, place: number, said: string, parts: Part[]): void {
    if (slotOf(key).said.has(`${kind} ${place}`)) return;
    if (kind === 'text') text(key, place, said, parts);
    else if (kind === 'input') input(key, said, parts);
    else reasoning(key, kind, place, said, parts);
  }

  function pieces(key: string, list: unknown, kind: 'text' | Kind, parts: Part[]): void {
    if (!Array.isArray(list)) return;
    list.forEach((piece: unknown, place) => {
      const said = isObject(piece) ? (stringIn(piece, 'text') ?? stringIn(piece, 'refusal')) : null;
      if (said !== null) whole(key, kind, place, said, parts);
    });
  }

  return {
    text,
    reasoning,
    input,
    whole,
    added(key, item, parts) {
      const slot = slotOf(key);
      if (isCall(item)) {
        name(slot, item, parts, false);
        input(key, inputOf(item), parts);
      } else if (item.type === 'message') phase(item, parts);
    },
    done(key, item, parts) {
      const fresh = !slots.has(key);
      const slot = slotOf(key);
      if (isCall(item)) {
        name(slot, item, parts, true);
        whole(key, 'input', 0, inputOf(item), parts);
        const rest = slot.call?.mender.end() ?? '';
        if (rest !== '' && slot.call) parts.push({ type: 'tool_call', index: slot.call.index, arguments: rest });
      } else if (item.type === 'message') {
        if (fresh) phase(item, parts);
        pieces(key, item.content, 'text', parts);
      } else if (item.type === 'reasoning') {
        pieces(key, item.summary, 'summary', parts);
        pieces(key, item.content, 'content', parts);
        const { status: _, ...fields } = item;
        parts.push(mark(fields));
      } else if (typeof item.type === 'string') {
        // Searches, images, approvals: whoever speaks this dialect gets the item as it came.
        parts.push(mark(item));
      }
    },
    end(parts) {
      const thought = thoughts.end();
      if (thought !== '') parts.push({ type: 'reasoning', text: thought });
      const rest = texts.end();
      if (rest !== '') parts.push({ type: 'text', text: rest });
      for (const slot of slots.values()) {
        if (!slot.call) continue;
        name(slot, {}, parts, true);
        const held = slot.call.mender.end();
        if (held !== '') parts.push({ type: 'tool_call', index: slot.call.index, arguments: held });
      }
    },
    usedTools: () => calls > 0,
    seen: () => slots.size > 0,
  };
}

/** Calls that the caller answers; those of the vendor's own tools are not among them. */
function isCall(item: Json): boolean {
  return item.type === 'function_call' || item.type === 'custom_tool_call';
}

function inputOf(item: Json): string {
  return stringIn(item, item.type === 'custom_tool_call' ? 'input' : 'arguments') ?? '';
}

/** What a call says beyond our words: its namespace, its caller, that its input is free text. */
function callMark(item: Json): VendorField | null {
  const rest = unknownFields(item, CALL_FIELDS) ?? {};
  if (item.type === 'custom_tool_call') rest.type = item.type;
  return Object.keys(rest).length === 0 ? null : { dialect: 'responses', fields: rest };
}

/** OpenAI wants the phase of its messages back (`commentary`, `final_answer`): it stands before their text. */
function phase(item: Json, parts: Part[]): void {
  if (typeof item.phase === 'string') parts.push(mark({ type: 'message', phase: item.phase }));
}

/** An item of which nothing is shown, or that belongs to the reasoning before it, as it came. */
function mark(fields: Json): Part {
  return { type: 'reasoning', text: '', vendor: { dialect: 'responses', fields } };
}
