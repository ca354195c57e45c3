/** Ids of tool calls in the form that Anthropic and its clients take, and back to the vendor's own. */

const TAKEN = /^[a-zA-Z0-9_-]+$/;
/** An id of ours begins so; a vendor's own that does, is wrapped like any other that is not taken. */
const MARK = 'mcpid_';

export function shownId(id: string): string {
  if (TAKEN.test(id) && !id.startsWith(MARK)) return id;
  return MARK + Buffer.from(id).toString('base64url');
}

/** What cannot have come from `shownId` is an id like any other. */
export function vendorId(id: string): string {
  if (!id.startsWith(MARK)) return id;
  const text = id.slice(MARK.length);
  const bytes = Buffer.from(text, 'base64url');
  return text !== '' && bytes.toString('base64url') === text ? bytes.toString('utf8') : id;
}
