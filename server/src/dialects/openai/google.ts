/**
 * Gemini's thought signatures in OpenAI's shape. Those of tool calls stand where Google's own OpenAI layer puts them
 * (`extra_content`), those of texts in an entry of `reasoning_details`. Both say which service of Google gave them,
 * because the other one does not read them.
 */
import type { VendorField } from '../../contract/call.ts';
import { isObject, type Json } from '../json.ts';

/** OpenRouter's name for it. `service` is ours, and tells our entries from OpenRouter's own. */
const FORMAT = 'google-gemini-v1';

/** What a tool call carries beside its function. */
export function callExtras(vendor: VendorField | undefined): Json {
  if (vendor?.dialect === 'openai') return vendor.fields;
  if (vendor?.dialect === 'responses') return { extra_content: { responses: vendor.fields } };
  if (vendor?.dialect !== 'gemini') return {};
  const { thoughtSignature, service } = vendor.fields;
  return { extra_content: { [service === 'vertex' ? 'vertex' : 'google']: { thought_signature: thoughtSignature } } };
}

export function googleDetail(fields: Json, index: number): Json {
  const { thoughtSignature, service } = fields;
  return { type: 'reasoning.encrypted', data: thoughtSignature, format: FORMAT, index, service };
}

/** An entry of our making: no vendor of this dialect knows it. */
export function isGoogleDetail(detail: unknown): boolean {
  return isObject(detail) && detail.format === FORMAT && 'service' in detail;
}

/** Only models of Google have a use for them; most others refuse fields that they do not know. */
export const takesCallExtras = (model: string): boolean => /gemini/i.test(model);
