/** The caller's own body for a vendor of the same dialect: with our edits, and without what only we understand. */
import type { AnswerCall } from '../../contract/call.ts';
import type { Notice } from '../../contract/dialect.ts';
import { isSealed, unseal } from '../anthropic/door-seal.ts';
import { isObject, type Json, stringIn } from '../json.ts';
import { note } from '../notices.ts';
import { encodeInput, FOREIGN_REASONING, reasoningItem } from './encode-input.ts';
import { isOurItemId } from './ids.ts';

/** What we do ourselves: the vendor must neither run it in its own background nor look for a turn that it never saw. */
const DONE_BY_US = ['background', 'previous_response_id', 'conversation'];

/**
 * A shallow copy. Whoever changes `call.messages` after the door must take `input` out of `call.native.body`: it is
 * then built anew, and `instructions` with it, for they are the first of the messages.
 */
export function nativeBody(call: AnswerCall, notices: Notice[]): Json {
  const body: Json = { ...call.native?.body };
  for (const field of DONE_BY_US) delete body[field];
  if (call.maxTokens !== undefined) body.max_output_tokens = call.maxTokens;
  if (body.input === undefined) {
    body.input = encodeInput(call.messages, notices);
    delete body.instructions;
  } else if (Array.isArray(body.input)) body.input = withoutOurs(body.input, notices);
  return body;
}

/**
 * Clients send the items of our answers back. Our ids mean nothing to the vendor, and an envelope is opened: the
 * vendor's own reasoning is in it as it came, another vendor's stays here.
 */
function withoutOurs(items: unknown[], notices: Notice[]): unknown[] {
  const out: unknown[] = [];
  let changed = false;
  for (const item of items) {
    const clean = isObject(item) ? cleanItem(item, notices) : item;
    changed ||= clean !== item;
    if (clean !== null) out.push(clean);
  }
  return changed ? out : items;
}

function cleanItem(item: Json, notices: Notice[]): Json | null {
  const sealed = item.type === 'reasoning' ? stringIn(item, 'encrypted_content') : null;
  if (sealed !== null && isSealed(sealed)) {
    const text = summaryText(item);
    const opened = unseal(sealed);
    const vendor = opened?.callId === null ? opened.vendor : null;
    const known = vendor ? reasoningItem({ type: 'reasoning', text, vendor }) : null;
    if (known !== null) return known;
    if (text !== '' || vendor) note(notices, 'dropped', FOREIGN_REASONING);
    return null;
  }
  if (!isOurItemId(item.id)) return item;
  const { id: _, ...rest } = item;
  return rest;
}

/** The text of a reasoning item as it was shown: our own items have one summary, and others one paragraph for each. */
export function summaryText(item: Json): string {
  const texts: string[] = [];
  for (const list of [item.summary, item.content]) {
    if (!Array.isArray(list) || texts.length > 0) continue;
    for (const piece of list) if (isObject(piece)) texts.push(stringIn(piece, 'text') ?? '');
  }
  return texts.join('\n\n');
}
