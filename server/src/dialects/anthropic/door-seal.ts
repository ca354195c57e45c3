/**
 * Fields of other vendors inside the signature of a thinking block. Clients of this dialect send signatures back as
 * they got them and look into none, so what another vendor must see again (encrypted reasoning, thought signatures)
 * travels there. A real signature is Base64, which has no dot: the mark cannot be mistaken for one.
 */
import type { DialectName, VendorField } from '../../contract/call.ts';
import { DANGEROUS_KEYS, isObject, parseJson } from '../json.ts';

/** The version of the form behind it. Alone it says: reasoning that nobody signed. */
const MARK = 'mcp1.';
/** Vendors' fields are flat or nearly so; a caller could send anything. */
const DEEPEST = 32;

const DIALECTS: Readonly<Record<DialectName, true>> = {
  openai: true,
  responses: true,
  anthropic: true,
  gemini: true,
  bedrock: true,
  cohere: true,
  ollama: true,
};

export const UNSIGNED = MARK;

/** `callId`: the fields belong to that tool call, which has no place for them. */
export function seal(vendor: VendorField, callId?: string): string {
  const said = callId === undefined ? [vendor.dialect, vendor.fields] : [vendor.dialect, vendor.fields, callId];
  return MARK + Buffer.from(JSON.stringify(said)).toString('base64url');
}

/** Of our making, whole or not: no vendor may get it as a signature. */
export const isSealed = (signature: string): boolean => signature.startsWith(MARK);

export interface Unsealed {
  vendor: VendorField | null;
  callId: string | null;
}

/** Null when the text is none that `seal` could have made: it came from a caller, so nothing in it is believed. */
export function unseal(signature: string): Unsealed | null {
  const text = signature.slice(MARK.length);
  if (text === '') return { vendor: null, callId: null };
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) return null;
  const parsed = parseJson(bytes.toString('utf8'));
  if (!parsed.ok || !Array.isArray(parsed.value)) return null;
  const [dialect, fields, callId] = parsed.value as unknown[];
  if (typeof dialect !== 'string' || !Object.hasOwn(DIALECTS, dialect) || !isObject(fields)) return null;
  if (callId !== undefined && typeof callId !== 'string') return null;
  if (!isHarmless(fields, 0)) return null;
  return { vendor: { dialect: dialect as DialectName, fields }, callId: callId ?? null };
}

/** The body's own check for keys that reach a prototype cannot see in here. */
function isHarmless(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (depth > DEEPEST) return false;
  for (const key of Object.keys(value)) {
    if (DANGEROUS_KEYS.includes(key) || !isHarmless((value as Record<string, unknown>)[key], depth + 1)) return false;
  }
  return true;
}
