/**
 * Items that a caller names by their ids alone (`item_reference`), as clients do that leave the history to the server.
 * Ours carry the id of their request, so its record has them.
 */
import { isObject, type Json } from '../json.ts';
import { requestOfItem } from './ids.ts';

/** The requests whose records `withItems` needs, each once; empty for nearly every body. */
export function namedRequests(body: Record<string, unknown>): string[] {
  const ids = new Set<string>();
  for (const item of Array.isArray(body.input) ? body.input : []) {
    const id = isReference(item) ? requestOfItem(item.id) : null;
    if (id !== null) ids.add(id);
  }
  return [...ids];
}

/**
 * The body with the items themselves. `outputOf` gives the `output` of a request's response (`responseObject`), null
 * when the caller has no such request. What cannot be found stays a reference, which the door refuses by its path.
 */
export function withItems(
  body: Record<string, unknown>,
  outputOf: (requestId: string) => readonly Json[] | null,
): Record<string, unknown> {
  const { input } = body;
  if (!Array.isArray(input) || !input.some(isReference)) return body;
  const items = input.map((item: unknown) => {
    const request = isReference(item) ? requestOfItem(item.id) : null;
    const output = request === null ? null : outputOf(request);
    return output?.find((known) => isReference(item) && known.id === item.id) ?? item;
  });
  return { ...body, input: items };
}

function isReference(item: unknown): item is Json {
  return isObject(item) && (item.type === 'item_reference' || (item.type === undefined && !('role' in item)));
}
