/** Reading JSON that somebody else wrote: nothing about its shape is taken for granted. */

export type Json = Record<string, unknown>;

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object's field, itself an object, else null. */
export function objectIn(value: Json, key: string): Json | null {
  const found = value[key];
  return isObject(found) ? found : null;
}

export function stringIn(value: Json, key: string): string | null {
  const found = value[key];
  return typeof found === 'string' ? found : null;
}

/** `cut` tells a document that ends too early from text that was never JSON. */
export type Parsed = { ok: true; value: unknown } | { ok: false; cut: boolean };

export function parseJson(text: string): Parsed {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (error) {
    return { ok: false, cut: isCut(text, error instanceof Error ? error.message : '') };
  }
}

/** V8 names the position of what it did not expect: at the end of the text, the text was cut. */
function isCut(text: string, message: string): boolean {
  if (!/^[\s]*[{["]/.test(text)) return false;
  if (message.includes('end of JSON input')) return true;
  const at = /at position (\d+)/.exec(message);
  return at !== null && Number(at[1]) >= text.trimEnd().length;
}

/** Keys that could reach a prototype when somebody copies them one by one. */
export const DANGEROUS_KEYS: readonly string[] = ['__proto__', 'constructor', 'prototype'];

/** The fields of `value` that are not in `known`, null when there are none. They travel in a `VendorField`. */
export function unknownFields(value: Json, known: ReadonlySet<string>): Json | null {
  let rest: Json | null = null;
  for (const key in value) {
    if (known.has(key) || value[key] === null || value[key] === undefined || DANGEROUS_KEYS.includes(key)) continue;
    rest ??= {};
    rest[key] = value[key];
  }
  return rest;
}
