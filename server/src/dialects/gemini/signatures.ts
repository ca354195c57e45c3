/**
 * Thought signatures: what Gemini thought, encrypted, to be sent back where it stood. One service does not read the
 * other's (a 400), so a signature remembers whether the Gemini API or Vertex AI gave it.
 */
import type { VendorField } from '../../contract/call.ts';
import type { Quirks } from '../../contract/quirks.ts';
import { isObject, type Json, objectIn } from '../json.ts';

export type Service = 'gemini' | 'vertex';

/**
 * For function calls that this service did not sign, as "Thought signatures" says it: without any signature Gemini 3
 * refuses them. Of the two documented values this is the one that Vertex AI takes too.
 */
export const SKIP_VALIDATION = 'skip_thought_signature_validator';

export function serviceOf(quirks: Quirks): Service {
  return quirks.vertex ? 'vertex' : 'gemini';
}

export function markOf(thoughtSignature: string, service: Service): VendorField {
  return { dialect: 'gemini', fields: { thoughtSignature, service } };
}

/** `foreign`: signed, but not for this service. */
export function signatureIn(vendor: VendorField | undefined, service: Service): string | 'foreign' | null {
  if (vendor?.dialect === 'gemini') {
    const { thoughtSignature, service: giver } = vendor.fields;
    if (typeof thoughtSignature !== 'string' || thoughtSignature === '') return null;
    return giver === service ? thoughtSignature : 'foreign';
  }
  return vendor?.dialect === 'openai' ? inOpenaiShape(vendor.fields, service) : null;
}

/** Where our OpenAI door puts them (`openai/google.ts`), and Google's own OpenAI layer those of tool calls. */
function inOpenaiShape(fields: Json, service: Service): string | 'foreign' | null {
  const detail = objectIn(fields, 'reasoning_detail');
  if (detail?.format === 'google-gemini-v1') {
    return detail.service === service && typeof detail.data === 'string' ? detail.data : 'foreign';
  }
  const extra = objectIn(fields, 'extra_content');
  if (extra === null) return null;
  const own = signatureOf(extra[service === 'vertex' ? 'vertex' : 'google']);
  if (own !== null) return own;
  return signatureOf(extra.google) !== null || signatureOf(extra.vertex) !== null ? 'foreign' : null;
}

function signatureOf(value: unknown): string | null {
  const signature = isObject(value) ? value.thought_signature : null;
  return typeof signature === 'string' && signature !== '' ? signature : null;
}
