/**
 * Parts of an answer to output items, and the events that tell how they grow. In what order, and with which fields, is
 * what the official SDK's own accumulator demands of a stream (`openai`, internal/responses/response-accumulator).
 *
 * What another vendor must see again travels in `encrypted_content`, sealed: the one field that clients return as it
 * came. Marks of a tool call (thought signatures) have a reasoning item of their own for it, before the call.
 */
import type { VendorField } from '../../contract/call.ts';
import type { ReasoningPart, ToolCallPart, VisiblePart } from '../../contract/part.ts';
import { seal, UNSIGNED } from '../anthropic/door-seal.ts';
import { isObject, type Json } from '../json.ts';
import { itemId } from './ids.ts';

/** `fields` is JSON text without its braces. */
export type Emit = (type: string, fields: string) => void;

export interface Output {
  /** In their final form only after `close`. */
  readonly items: readonly Json[];
  part(part: VisiblePart): void;
  /** The answer is over: `incomplete` when it was cut short. */
  close(status: 'completed' | 'incomplete'): void;
}

/** An item that still grows. `at` are the fields that every event about it has. */
interface Open {
  item: Json;
  index: number;
  at: string;
  text: string;
}

interface Call extends Open {
  custom: boolean;
}

export function createOutput(requestId: string, emit: Emit): Output {
  const items: Json[] = [];
  const calls = new Map<number, Call>();
  let message: Open | null = null;
  let thought: Open | null = null;
  /** Of the next message, if its vendor names one. */
  let phase: unknown;

  function open(item: Json): Open {
    const index = items.push(item) - 1;
    emit('response.output_item.added', `"output_index":${index},"item":${JSON.stringify(item)}`);
    return { item, index, at: `"item_id":${JSON.stringify(item.id)},"output_index":${index}`, text: '' };
  }

  function done({ item, index }: Open): void {
    emit('response.output_item.done', `"output_index":${index},"item":${JSON.stringify(item)}`);
  }

  function text(piece: string): void {
    if (piece === '') return;
    closeThought(null);
    if (message === null) {
      const id = itemId('msg', requestId, items.length);
      const named = typeof phase === 'string' ? { phase } : {};
      message = open({ id, type: 'message', status: 'in_progress', role: 'assistant', content: [], ...named });
      message.at += ',"content_index":0';
      phase = undefined;
      emit('response.content_part.added', `${message.at},"part":${JSON.stringify(outputText(''))}`);
    }
    message.text += piece;
    emit('response.output_text.delta', `${message.at},"delta":${JSON.stringify(piece)},"logprobs":[]`);
  }

  function closeMessage(status: string): void {
    if (message === null) return;
    const { item, at, text: said } = message;
    const part = outputText(said);
    emit('response.output_text.done', `${at},"text":${JSON.stringify(said)},"logprobs":[]`);
    emit('response.content_part.done', `${at},"part":${JSON.stringify(part)}`);
    item.content = [part];
    item.status = status;
    done(message);
    message = null;
  }

  function openThought(): Open {
    closeMessage('completed');
    thought ??= open({ id: itemId('rs', requestId, items.length), type: 'reasoning', summary: [] });
    return thought;
  }

  function think(piece: string): void {
    if (piece === '') return;
    const at = openThought();
    if (at.text === '') {
      at.at += ',"summary_index":0';
      emit('response.reasoning_summary_part.added', `${at.at},"part":${JSON.stringify(summaryText(''))}`);
    }
    at.text += piece;
    emit('response.reasoning_summary_text.delta', `${at.at},"delta":${JSON.stringify(piece)}`);
  }

  function closeThought(sealed: string | null): void {
    if (thought === null) return;
    const { item, at, text: said } = thought;
    if (said !== '') {
      const part = summaryText(said);
      emit('response.reasoning_summary_text.done', `${at},"text":${JSON.stringify(said)}`);
      emit('response.reasoning_summary_part.done', `${at},"part":${JSON.stringify(part)}`);
      item.summary = [part];
    }
    // Never empty: clients that keep no history at the server leave reasoning out that has nothing to send back.
    item.encrypted_content = sealed ?? UNSIGNED;
    done(thought);
    thought = null;
  }

  function reasoning(part: ReasoningPart): void {
    think(part.text);
    const { vendor } = part;
    if (vendor === undefined) return;
    const kind = vendor.dialect === 'responses' ? vendor.fields.type : 'reasoning';
    if (kind === 'reasoning') {
      const said = openThought().text;
      closeThought(seal(lean(vendor, said)));
    } else if (kind === 'message') {
      closeThought(null);
      closeMessage('completed');
      phase = vendor.fields.phase;
    } else passOn(vendor.fields);
  }

  /** An item of the vendor's own tools, as it came. */
  function passOn(item: Json): void {
    closeThought(null);
    closeMessage('completed');
    const id = typeof item.id === 'string' && item.id !== '' ? item.id : itemId('item', requestId, items.length);
    done(open({ ...item, id }));
  }

  function toolCall(part: ToolCallPart): void {
    const { vendor } = part;
    const marked = vendor !== undefined && vendor.dialect !== 'responses';
    const known = calls.get(part.index);
    const callId = known ? String(known.item.call_id) : (part.id ?? `call_${requestId}_${part.index}`);
    if (marked || !known) {
      closeThought(null);
      closeMessage('completed');
    }
    if (marked) {
      openThought();
      closeThought(seal(vendor, callId));
    }
    const call = known ?? openCall(part, callId);
    if (part.arguments === '') return;
    call.text += part.arguments;
    const type = call.custom ? 'response.custom_tool_call_input.delta' : 'response.function_call_arguments.delta';
    emit(type, `${call.at},"delta":${JSON.stringify(part.arguments)}`);
  }

  function openCall(part: ToolCallPart, callId: string): Call {
    const fields = part.vendor?.dialect === 'responses' ? part.vendor.fields : {};
    const custom = fields.type === 'custom_tool_call';
    const item: Json = {
      id: itemId(custom ? 'ctc' : 'fc', requestId, items.length),
      type: 'function_call',
      status: 'in_progress',
      call_id: callId,
      name: part.name ?? '',
      [custom ? 'input' : 'arguments']: '',
      ...fields,
    };
    const call = { ...open(item), custom };
    calls.set(part.index, call);
    return call;
  }

  /** Calls stay open to the end: vendors may mix the fragments of several. */
  function closeCall(call: Call, status: string): void {
    const { item, at, text: said, custom } = call;
    const field = custom ? 'input' : 'arguments';
    const type = custom ? 'response.custom_tool_call_input.done' : 'response.function_call_arguments.done';
    emit(type, `${at},"${field}":${JSON.stringify(said)}`);
    item[field] = said;
    item.status = status;
    done(call);
  }

  return {
    items,
    part(part) {
      if (part.type === 'text') text(part.text);
      else if (part.type === 'reasoning') reasoning(part);
      else toolCall(part);
    },
    close(status) {
      closeThought(null);
      closeMessage(status);
      // What was cut short is the last thing that the model wrote.
      const last = [...calls.keys()].at(-1);
      const cut = status === 'incomplete' && items.at(-1)?.call_id !== undefined;
      for (const [index, call] of calls) closeCall(call, cut && index === last ? 'incomplete' : 'completed');
      calls.clear();
    },
  };
}

function outputText(text: string): Json {
  return { type: 'output_text', annotations: [], logprobs: [], text };
}

function summaryText(text: string): Json {
  return { type: 'summary_text', text };
}

/** A vendor's reasoning item without the summary that stands beside it anyway. */
function lean(vendor: VendorField, said: string): VendorField {
  const { summary, ...rest } = vendor.fields;
  if (vendor.dialect !== 'responses' || !Array.isArray(summary) || summary.length > 1) return vendor;
  const [only] = summary;
  return (isObject(only) ? only.text : '') === said ? { dialect: 'responses', fields: rest } : vendor;
}
