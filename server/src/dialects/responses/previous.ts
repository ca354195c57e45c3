/** A turn that goes on from an earlier response: what was asked and answered before stands in front of it. */
import type {
  AnswerCall,
  AssistantContent,
  Message,
  ReasoningContent,
  ToolCallContent,
  VendorField,
} from '../../contract/call.ts';
import type { VisiblePart } from '../../contract/part.ts';
import { decodeMessages } from '../openai/decode-fields.ts';
import { callFields, isResponsesDetail, itemOfDetail } from './detail.ts';

/**
 * `previous` is the earlier call, `answer` what came of it (`partsOfStored`). Its instructions are not carried over: a
 * turn has those that it brings. The items are built anew for a vendor of this dialect, so `input` leaves the caller's
 * own body.
 */
export function withPrevious(call: AnswerCall, previous: AnswerCall, answer: readonly VisiblePart[]): AnswerCall {
  const own = instructionsOf(call);
  const { input: _, previous_response_id: __, ...body } = call.native?.body ?? {};
  const said = contentOf(answer);
  const messages: Message[] = [
    ...call.messages.slice(0, own),
    ...previous.messages.slice(instructionsOf(previous)),
    ...(said.length === 0 ? [] : [{ role: 'assistant' as const, content: said }]),
    ...call.messages.slice(own),
  ];
  return {
    ...call,
    messages,
    native: { ...call.native, dialect: 'responses', body },
  };
}

/** How many of the first messages are the call's `instructions` (decode.ts puts them there). */
export function instructionsOf(call: AnswerCall): number {
  const { native } = call;
  const text = native?.dialect === 'responses' ? native.body.instructions : null;
  return typeof text === 'string' && text !== '' ? 1 : 0;
}

/** Parts of an answer as the content of an assistant message; fragments of one call become one. */
export function contentOf(parts: readonly VisiblePart[]): AssistantContent[] {
  const content: AssistantContent[] = [];
  const calls = new Map<number, ToolCallContent>();
  for (const part of parts) {
    const last = content.at(-1);
    if (part.type === 'tool_call') {
      const known = calls.get(part.index);
      if (known) known.arguments += part.arguments;
      const call = known ?? {
        type: 'tool_call',
        id: part.id ?? `call_${part.index}`,
        name: part.name ?? '',
        arguments: part.arguments,
      };
      if (part.vendor) call.vendor = joined(call.vendor, part.vendor);
      if (known) continue;
      calls.set(part.index, call);
      content.push(call);
    } else if (last?.type === part.type && (last.type === 'text' || (last.vendor === undefined && !isItem(part)))) {
      // A signature belongs to the text before it.
      last.text += part.text;
      if (part.type === 'reasoning' && part.vendor) last.vendor = part.vendor;
    } else content.push({ ...part });
  }
  return content.filter((part) => !('text' in part) || part.text !== '' || part.vendor !== undefined);
}

/** A mark of this dialect that is an item of its own, such as a search. */
function isItem(part: VisiblePart): boolean {
  if (part.type !== 'reasoning' || part.vendor?.dialect !== 'responses') return false;
  return part.vendor.fields.type !== 'reasoning';
}

function joined(known: VendorField | undefined, more: VendorField): VendorField {
  return known?.dialect === more.dialect ? { ...more, fields: { ...known.fields, ...more.fields } } : more;
}

/** A recorded message (`mcp_result.message`) as parts, with all that vendors want back. */
export function partsOfStored(message: Record<string, unknown>): VisiblePart[] {
  const [decoded] = decodeMessages([{ ...message, role: 'assistant' }], 'message', []);
  if (decoded?.role !== 'assistant') return [];
  const parts: VisiblePart[] = [];
  let calls = 0;
  for (const part of decoded.content) {
    if (part.type === 'tool_call') parts.push({ ...part, ...callMarks(part), index: calls++ });
    else if (part.type === 'reasoning') parts.push(asItem(part));
    else if (part.type === 'text') parts.push({ type: 'text', text: part.text });
  }
  return parts;
}

/** Items of this dialect stand in the record as entries of `reasoning_details`. */
function asItem(part: ReasoningContent): ReasoningContent {
  const detail = part.vendor?.dialect === 'openai' ? part.vendor.fields.reasoning_detail : null;
  const fields = isResponsesDetail(detail) ? itemOfDetail(detail) : null;
  return fields === null ? part : { ...part, vendor: { dialect: 'responses', fields } };
}

function callMarks(part: ToolCallContent): { vendor?: VendorField } {
  const fields = callFields(part.vendor);
  return Object.keys(fields).length === 0 ? {} : { vendor: { dialect: 'responses', fields } };
}
