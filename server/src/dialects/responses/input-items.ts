/** The input of a recorded call as items, for `GET /v1/responses/{id}/input_items`. */
import type { AnswerCall, AssistantContent } from '../../contract/call.ts';
import type { VisiblePart } from '../../contract/part.ts';
import { isObject, type Json } from '../json.ts';
import { encodeInput } from './encode-input.ts';
import { isOurItemId, itemId } from './ids.ts';
import { createOutput } from './output.ts';
import { instructionsOf } from './previous.ts';

/** No answer has as many items: ids of what was asked begin here, so that both can be told by their ids. */
const FIRST = 100_000;

/**
 * All that the model was given beside `instructions`, what earlier responses held included. Pure: the same record gives
 * the same ids.
 */
export function inputItems(call: AnswerCall, requestId: string): Json[] {
  const items: Json[] = [];
  for (const message of call.messages.slice(instructionsOf(call))) {
    if (message.role === 'assistant') items.push(...assistantItems(message.content, requestId));
    else items.push(...encodeInput([message], []).map(asStored));
  }
  return items.map((item, place) => ({ ...item, id: idOf(item, requestId, FIRST + place) }));
}

function idOf(item: Json, requestId: string, place: number): string {
  const { id, type } = item;
  if (typeof id === 'string' && id !== '' && !isOurItemId(id)) return id;
  const kind = { message: 'msg', reasoning: 'rs', function_call: 'fc', custom_tool_call: 'ctc' } as const;
  return itemId(kind[type as keyof typeof kind] ?? 'item', requestId, place);
}

/** As an answer shows them: what a vendor must see again goes along, sealed. */
function assistantItems(content: readonly AssistantContent[], requestId: string): Json[] {
  const items: Json[] = [];
  let output = createOutput(requestId, () => {});
  const flush = () => {
    output.close('completed');
    items.push(...output.items);
    output = createOutput(requestId, () => {});
  };
  let calls = 0;
  for (const part of content) {
    if (part.type === 'foreign') {
      flush();
      if (isObject(part.raw)) items.push(part.raw);
    } else if (part.type === 'tool_call') output.part({ ...part, index: calls++ });
    else output.part(part satisfies VisiblePart);
  }
  flush();
  return items;
}

/** Plain texts and left-out types are short forms that only requests have. */
function asStored(item: Json): Json {
  if (item.type === 'function_call_output') return { ...item, status: 'completed' };
  if (item.type !== undefined && item.type !== 'message') return item;
  const { content } = item;
  return {
    type: 'message',
    status: 'completed',
    ...item,
    content: typeof content === 'string' ? [{ type: 'input_text', text: content }] : content,
  };
}
