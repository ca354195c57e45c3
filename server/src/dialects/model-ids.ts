/** Ids in a vendor's list of models. */
import { isObject } from './json.ts';

/** `{data: [{id}]}`; Together answers with the bare list, others name it `models`. */
export function modelIds(body: unknown): string[] {
  const list = isObject(body) ? (body.data ?? body.models) : body;
  if (!Array.isArray(list)) return [];
  const ids = new Set<string>();
  for (const entry of list) {
    const id = isObject(entry) ? (entry.id ?? entry.name) : entry;
    // Gemini's OpenAI layer lists `models/gemini-…` and takes the name without.
    if (typeof id === 'string' && id !== '') ids.add(id.replace(/^models\//, ''));
  }
  return [...ids];
}
