/** Ids of responses and their items. Items carry the request's id, so that ours are told from a vendor's. */

export function responseId(requestId: string): string {
  return `resp_${requestId}`;
}

/** The request that a `resp_…` id names; null when it is not one of ours. */
export function requestIdOf(id: string): string | null {
  const match = /^resp_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(id);
  return match?.[1] ?? null;
}

const OURS = /^(?:msg|rs|fc|ctc|item)_mcp_([0-9a-f-]{36})_\d{1,6}$/;

/** At most 64 characters of `[a-zA-Z0-9_-]`: OpenAI refuses other ids of items. */
export function itemId(kind: 'msg' | 'rs' | 'fc' | 'ctc' | 'item', requestId: string, place: number): string {
  return `${kind}_mcp_${requestId}_${place}`;
}

export function isOurItemId(id: unknown): boolean {
  return requestOfItem(id) !== null;
}

/** The request that an item of ours came from; null for any other id. */
export function requestOfItem(id: unknown): string | null {
  return typeof id === 'string' ? (OURS.exec(id)?.[1] ?? null) : null;
}
