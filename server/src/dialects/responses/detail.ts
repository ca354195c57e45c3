/**
 * Items of this dialect in OpenAI's other shape, for callers of that door and for the record: entries of
 * `reasoning_details`, as OpenRouter hands out encrypted reasoning. `whole` is ours: it tells our entries from
 * OpenRouter's, and whether `data` is the encrypted reasoning or the whole item as JSON.
 */
import type { VendorField } from '../../contract/call.ts';
import { isObject, type Json, parseJson } from '../json.ts';

const FORMAT = 'openai-responses-v1';

export function responsesDetail(item: Json, index: number): Json {
  const common = { type: 'reasoning.encrypted', format: FORMAT, index };
  const { id, encrypted_content: data, content } = item;
  if (item.type === 'reasoning' && typeof data === 'string' && !Array.isArray(content)) {
    return { ...common, ...(typeof id === 'string' ? { id } : {}), data, whole: false };
  }
  return { ...common, data: JSON.stringify(item), whole: true };
}

/** An entry of our making: no vendor of OpenAI's other API knows it. */
export function isResponsesDetail(detail: unknown): boolean {
  return isObject(detail) && detail.format === FORMAT && typeof detail.whole === 'boolean';
}

/** The item that an entry stands for, ours or OpenRouter's; null for an entry of another format. */
export function itemOfDetail(detail: unknown, summary?: Json[]): Json | null {
  if (!isObject(detail) || detail.format !== FORMAT || typeof detail.data !== 'string') return null;
  if (detail.whole === true) {
    const parsed = parseJson(detail.data);
    return parsed.ok && isObject(parsed.value) && typeof parsed.value.type === 'string' ? parsed.value : null;
  }
  const id = typeof detail.id === 'string' ? { id: detail.id } : {};
  return { type: 'reasoning', ...id, ...(summary ? { summary } : {}), encrypted_content: detail.data };
}

/** What a call of this dialect says beyond id, name and arguments; in OpenAI's other shape it is an extra of the call. */
export function callFields(vendor: VendorField | undefined): Json {
  if (vendor?.dialect === 'responses') return vendor.fields;
  const extra = vendor?.dialect === 'openai' ? vendor.fields.extra_content : null;
  return isObject(extra) && isObject(extra.responses) ? extra.responses : {};
}
