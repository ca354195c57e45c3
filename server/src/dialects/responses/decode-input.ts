/** Input items to messages. Consecutive items of the assistant's side are one message, as other dialects have it. */
import type { AssistantContent, Message, ToolCallContent, UserContent, VendorField } from '../../contract/call.ts';
import { isSealed, unseal } from '../anthropic/door-seal.ts';
import { isObject, type Json, stringIn, unknownFields } from '../json.ts';
import { type FieldErrors, kindOf, wrong } from '../openai/field-errors.ts';
import { decodeAssistantContent, decodeSystemContent, decodeUserContent } from './decode-content.ts';
import { summaryText } from './native.ts';

const ROLES = 'must be "user", "assistant", "system" or "developer"';
const CALL_FIELDS = new Set(['type', 'id', 'call_id', 'name', 'arguments', 'status']);
/** Items that answer the model, or set something for the turns that follow; all others are the model's own. */
const ANSWERS = /(?:_output|_response|_update|_trigger)$|^additional_tools$/;
const LONGEST_NAME = 256;

export function decodeInput(value: unknown, errors: FieldErrors): Message[] {
  if (typeof value === 'string') return [{ role: 'user', content: [{ type: 'text', text: value }] }];
  if (!Array.isArray(value) || value.length === 0) {
    wrong(errors, 'input', 'must be a text or a list of at least one item');
    return [];
  }
  const reader = createReader(errors);
  value.forEach((item: unknown, i) => {
    reader.item(item, `input.${i}`);
  });
  return reader.end();
}

function createReader(errors: FieldErrors) {
  const messages: Message[] = [];
  /** Marks of calls, from the reasoning items that carried them. */
  const marks = new Map<string, VendorField>();

  function assistant(...parts: AssistantContent[]): void {
    const last = messages.at(-1);
    if (last?.role === 'assistant') last.content.push(...parts);
    else messages.push({ role: 'assistant', content: parts });
  }

  function message(item: Json, path: string): void {
    const at = `${path}.content`;
    switch (item.role) {
      case 'user':
        messages.push({ role: 'user', content: decodeUserContent(item.content, at, errors) });
        break;
      case 'assistant':
        assistant(...decodeAssistantContent(item.content, item.phase, at, errors));
        break;
      case 'system':
      case 'developer':
        messages.push({ role: 'system', content: decodeSystemContent(item.content, at, errors) });
        break;
      default:
        wrong(errors, `${path}.role`, ROLES);
    }
  }

  function call(item: Json, path: string): void {
    const { call_id, name } = item;
    const text = item.arguments ?? '';
    if (typeof call_id !== 'string' || call_id === '') wrong(errors, `${path}.call_id`, 'must be the id of the call');
    else if (typeof name !== 'string' || name === '' || name.length > LONGEST_NAME) {
      wrong(errors, `${path}.name`, 'must name the function');
    } else if (typeof text !== 'string') {
      wrong(errors, `${path}.arguments`, `must be JSON as a text, not ${kindOf(text)}`);
    } else {
      const part: ToolCallContent = { type: 'tool_call', id: call_id, name, arguments: text };
      const fields = unknownFields(item, CALL_FIELDS);
      if (fields) part.vendor = { dialect: 'responses', fields };
      assistant(part);
    }
  }

  function result(item: Json, path: string): void {
    const { call_id } = item;
    if (typeof call_id !== 'string' || call_id === '') {
      wrong(errors, `${path}.call_id`, 'must be the id of the call that this item answers');
      return;
    }
    const content = decodeUserContent(item.output, `${path}.output`, errors);
    messages.push({ role: 'tool', toolCallId: call_id, content });
  }

  /** What stands in `encrypted_content` is a vendor's own, or what we sealed in there: see output.ts. */
  function reasoning(item: Json, path: string): void {
    const sealed = stringIn(item, 'encrypted_content') ?? '';
    const text = summaryText(item);
    if (!isSealed(sealed)) {
      const { status: _, ...fields } = item;
      assistant({ type: 'reasoning', text, vendor: { dialect: 'responses', fields } });
      return;
    }
    const opened = unseal(sealed);
    const { vendor, callId } = opened ?? { vendor: null, callId: null };
    if (opened === null || (callId !== null && changesCall(vendor))) {
      wrong(errors, `${path}.encrypted_content`, 'was changed on its way; send it as it came, or leave the item out');
    } else if (callId === null) {
      if (vendor) assistant({ type: 'reasoning', text, vendor });
      else if (text !== '') assistant({ type: 'reasoning', text });
    } else if (vendor) marks.set(callId, merged(marks.get(callId), vendor));
  }

  function foreign(item: Json, type: string): void {
    const part = { type: 'foreign', name: type, dialect: 'responses', raw: item } as const;
    if (ANSWERS.test(type)) messages.push({ role: 'user', content: [part] satisfies UserContent[] });
    else assistant(part);
  }

  const readers: Readonly<Record<string, (item: Json, path: string) => void>> = {
    message,
    function_call: call,
    function_call_output: result,
    reasoning,
    item_reference: (_, path) =>
      wrong(errors, path, 'items are not kept by their ids; send the item itself (with "store": false clients do)'),
  };

  return {
    item(item: unknown, path: string): void {
      if (!isObject(item)) {
        wrong(errors, path, `must be an input item, not ${kindOf(item)}`);
        return;
      }
      const type = stringIn(item, 'type') ?? ('role' in item ? 'message' : 'item_reference');
      const read = Object.hasOwn(readers, type) ? readers[type] : undefined;
      if (read) read(item, path);
      else foreign(item, type);
    },
    end(): Message[] {
      if (marks.size > 0) for (const entry of messages) if (entry.role === 'assistant') entry.content.forEach(setMark);
      return messages;
    },
  };

  function setMark(part: AssistantContent): void {
    const field = part.type === 'tool_call' ? marks.get(part.id) : undefined;
    if (field && part.type === 'tool_call') part.vendor = field;
  }
}

/** Marks stand beside a call's own fields, and may not put others in their place. */
const MEANING = ['id', 'call_id', 'name', 'input', 'arguments', 'args', 'function', 'functionCall', 'toolUse', 'text'];

function changesCall(vendor: VendorField | null): boolean {
  return vendor !== null && MEANING.some((key) => Object.hasOwn(vendor.fields, key));
}

function merged(known: VendorField | undefined, more: VendorField): VendorField {
  return known?.dialect === more.dialect ? { ...more, fields: { ...known.fields, ...more.fields } } : more;
}
