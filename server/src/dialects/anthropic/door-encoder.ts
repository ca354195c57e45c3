/** Parts to the bytes of an Anthropic stream or message, for callers of the messages door. */
import type { VendorField } from '../../contract/call.ts';
import type { DoorContext, Encoder } from '../../contract/dialect.ts';
import type { ReasoningPart, TextPart, ToolCallPart } from '../../contract/part.ts';
import { isObject, parseJson } from '../json.ts';
import { errorEvent } from './door-error.ts';
import {
  anthropicUsage,
  blockDelta,
  blockStart,
  blockStop,
  ending,
  messageEnd,
  messageStart,
  PING,
} from './door-events.ts';
import { shownId } from './door-ids.ts';
import { anthropicMessage } from './door-message.ts';
import { seal, UNSIGNED } from './door-seal.ts';

interface Tool {
  index: number;
  /** The vendor's own. */
  id: string;
  name: string;
  arguments: string;
  vendor: VendorField | null;
}

/** The block that takes deltas now. `head` is all of a delta before its text. */
type Open =
  | { kind: 'text' | 'thinking'; index: number; head: string }
  | {
      kind: 'tool';
      index: number;
      tool: number;
      id: string;
      arguments: string;
      /** Its vendor's fields went ahead of it. */
      signed: boolean;
      /** They came when it was open already, so they follow it. */
      late: VendorField | null;
    }
  /** Begun by a vendor of this dialect, which no part of ours belongs to. */
  | { kind: 'other'; index: number };

const DELTAS = { text: ['text_delta', 'text'], thinking: ['thinking_delta', 'thinking'] } as const;

/**
 * One block is open at a time, as the API has it. What comes before the arguments of an open tool call are complete
 * waits for them: vendors of other dialects may mix the fragments of several calls.
 */
export function createAnthropicEncoder(context: DoorContext): Encoder {
  let begun = false;
  let over = false;
  let next = 0;
  let open: Open | null = null;
  const queue: (Tool | TextPart | ReasoningPart)[] = [];
  const waiting = new Map<number, Tool>();
  /** Blocks of the calls that were begun. */
  const indexOf = new Map<number, number>();

  function begin(): string {
    if (begun) return '';
    begun = true;
    return messageStart(context) + PING;
  }

  /** A block of thinking without text: it carries only a signature. */
  function carrier(signature: string): string {
    const index = next++;
    return (
      blockStart(index, { type: 'thinking', thinking: '', signature: '' }) +
      blockDelta(index, { type: 'signature_delta', signature }) +
      blockStop(index)
    );
  }

  function close(signature: string = UNSIGNED): string {
    if (open === null) return '';
    const closed = open;
    open = null;
    const signed = closed.kind === 'thinking' ? blockDelta(closed.index, { type: 'signature_delta', signature }) : '';
    const late = closed.kind === 'tool' && closed.late ? carrier(seal(closed.late, closed.id)) : '';
    return signed + blockStop(closed.index) + late;
  }

  function enter(kind: 'text' | 'thinking'): string {
    if (open?.kind === kind) return '';
    const out = close();
    const index = next++;
    open = { kind, index, head: headOf(kind, index) };
    const block = kind === 'text' ? { type: kind, text: '' } : { type: kind, thinking: '', signature: '' };
    return out + blockStart(index, block);
  }

  /** Written by hand: these are nearly all events of an answer. */
  function say(kind: 'text' | 'thinking', text: string): string {
    const entered = enter(kind);
    return open?.kind === kind ? `${entered}${open.head}${JSON.stringify(text)}}}\n\n` : entered;
  }

  function openTool({ index: tool, id, name, arguments: text, vendor }: Tool): string {
    const before = close() + (vendor ? carrier(seal(vendor, id)) : '');
    const index = next++;
    indexOf.set(tool, index);
    open = { kind: 'tool', index, tool, id, arguments: text, signed: vendor !== null, late: null };
    const block = { type: 'tool_use', id: shownId(id), name, input: {} };
    return before + blockStart(index, block) + argument(index, text);
  }

  const argument = (index: number, text: string): string =>
    text === '' ? '' : blockDelta(index, { type: 'input_json_delta', partial_json: text });

  const busy = (): boolean => open?.kind === 'tool' && !isWhole(open.arguments);

  /** Says what waits, for as long as no open call needs more; at the end of the answer none does. */
  function advance(end = false): string {
    let out = '';
    while (queue.length > 0 && (end || !busy())) {
      const later = queue.shift();
      if (later === undefined) break;
      if ('name' in later) {
        waiting.delete(later.index);
        out += openTool(later);
      } else out += later.type === 'text' ? say('text', later.text) : reasoning(later);
    }
    return out;
  }

  function toolCall(part: ToolCallPart): string {
    if (open?.kind === 'tool' && open.tool === part.index) {
      open.arguments += part.arguments;
      if (part.vendor && !open.signed) open.late ??= part.vendor;
      return argument(open.index, part.arguments) + advance();
    }
    const closed = indexOf.get(part.index);
    // What a vendor adds to arguments that were complete makes them wrong, and that must be seen.
    if (closed !== undefined) return argument(closed, part.arguments);
    const known = waiting.get(part.index);
    if (known) {
      known.arguments += part.arguments;
      known.vendor ??= part.vendor ?? null;
      return '';
    }
    const id = part.id || `toolu_${context.requestId}_${part.index}`;
    const { index, name = '', arguments: text, vendor = null } = part;
    const call = { index, id, name, arguments: text, vendor };
    waiting.set(index, call);
    queue.push(call);
    return begin() + advance();
  }

  function reasoning(part: ReasoningPart): string {
    const { text, vendor } = part;
    let out = text === '' ? '' : say('thinking', text);
    if (vendor === undefined) return out;
    const { type, signature, data } = vendor.fields;
    if (vendor.dialect === 'anthropic' && type === 'redacted_thinking') {
      out += close();
      const index = next++;
      return out + blockStart(index, { type, data }) + blockStop(index);
    }
    const own = vendor.dialect === 'anthropic' && typeof signature === 'string';
    return out + enter('thinking') + close(own ? signature : seal(vendor));
  }

  return {
    part(part) {
      if (over) return '';
      if (part.type === 'tool_call') return toolCall(part);
      if (part.text === '' && (part.type === 'text' || part.vendor === undefined)) return '';
      if (busy()) {
        queue.push(part);
        return '';
      }
      return begin() + (part.type === 'text' ? say('text', part.text) : reasoning(part));
    },
    finish(reason, usage, truth) {
      if (over) return '';
      const out = begin() + advance(true) + close();
      over = true;
      return out + messageEnd(ending(reason), anthropicUsage(usage), truth);
    },
    failure(error) {
      if (over) return '';
      over = true;
      // No block is closed and no message stopped: to a client that ignores errors the answer must look broken.
      return errorEvent(error.code, error.message, context.requestId);
    },
    whole: (answer, truth) => anthropicMessage(context, answer, truth),
    follow({ name, data }) {
      if (name === 'message_start') begun = true;
      else if (name === 'content_block_stop') open = null;
      // Of deltas only a signature changes how the block must end.
      else if (name === 'content_block_delta' && open) open = { kind: 'other', index: open.index };
      else if (name === 'content_block_start') {
        const parsed = parseJson(data);
        const said = parsed.ok && isObject(parsed.value) ? parsed.value : {};
        const index = typeof said.index === 'number' ? said.index : next;
        const { type = '', id = '' } = isObject(said.content_block) ? said.content_block : {};
        next = Math.max(next, index + 1);
        if (type === 'text' || type === 'thinking') open = { kind: type, index, head: headOf(type, index) };
        else if (type === 'tool_use') {
          // Counted as the decoder counts them. What is said here in between belongs to it.
          const tool = indexOf.size;
          indexOf.set(tool, index);
          open = { kind: 'tool', index, tool, id: String(id), arguments: '', signed: true, late: null };
        } else open = { kind: 'other', index };
      }
    },
  };
}

function headOf(kind: 'text' | 'thinking', index: number): string {
  const [type, field] = DELTAS[kind];
  const start = `{"type":"content_block_delta","index":${index},"delta":{"type":"${type}","${field}":`;
  return `event: content_block_delta\ndata: ${start}`;
}

/** Arguments are an object: nothing but its last brace can complete them. */
function isWhole(text: string): boolean {
  return text.trimEnd().endsWith('}') && parseJson(text).ok;
}
