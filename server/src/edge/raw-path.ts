/**
 * Where a raw call goes: a path that cannot leave the base URL of its provider, whatever a vendor's own servers, or a
 * proxy in between, make of it. What is not plainly a path below is refused, never repaired.
 */
import { GoblinError } from '../contract/errors.ts';

export interface RawPlace {
  provider: string;
  /** Begins with a slash; the query included. */
  path: string;
}

const START = '/mcp/v1/raw/';
const PROVIDER = /^[a-z0-9][a-z0-9-]{0,62}$/;
/** What a segment may have in it (RFC 3986, `pchar`). */
const SEGMENT = /^(?:[\w.~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+$/;
const QUERY = /^[!-~]*$/;
/** Names under which vendors take a key in the address. */
const CREDENTIALS = new Set(
  'key api_key api-key apikey access_token accesstoken oauth_token auth authorization token subscription-key sig'.split(
    ' ',
  ),
);

const wrong = (what: string): GoblinError =>
  new GoblinError('invalid_request', `The path after the provider ${what}.`, {
    errors: [{ path: 'path', message: what }],
  });

/** Reads the address as it came, undecoded. Throws `not_found` and `invalid_request`. */
export function rawPlaceOf(url: string): RawPlace {
  const rest = url.startsWith(START) ? url.slice(START.length) : '';
  const slash = rest.indexOf('/');
  const provider = rest.slice(0, slash === -1 ? 0 : slash);
  if (!PROVIDER.test(provider)) {
    throw new GoblinError('not_found', 'Name a provider, and a path of its API, after /mcp/v1/raw/.');
  }
  const whole = rest.slice(slash);
  const mark = whole.indexOf('?');
  const path = mark === -1 ? whole : whole.slice(0, mark);
  checkPath(path);
  if (mark !== -1) checkQuery(whole.slice(mark + 1));
  return { provider, path: whole };
}

function checkPath(path: string): void {
  const segments = path.slice(1).split('/');
  // One slash at the end is a path of its own to some.
  if (segments.length > 1 && segments.at(-1) === '') segments.pop();
  for (const segment of segments) {
    if (segment === '') throw wrong('must have something between its slashes');
    if (!SEGMENT.test(segment)) throw wrong('has a character that must be percent-encoded');
    const plain = decoded(segment);
    // Some compare after normalising, where a full-width dot is a dot.
    for (const form of [plain, plain.normalize('NFKC')]) {
      if (/[/\\]/.test(form)) throw wrong('must not have encoded slashes or backslashes');
      // Whoever decodes twice would see something else than was checked.
      if (form.includes('%')) throw wrong('must not be encoded twice');
      if (CONTROL.test(form)) throw wrong('must not have control characters');
      if (/^\s*\.{1,2}\s*(;.*)?$/.test(form)) throw wrong('must not go up or stay in place (. or ..)');
    }
  }
}

/** C0, DEL, C1. */
const CONTROL = /\p{Cc}/u;

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw wrong('must be UTF-8 where it is percent-encoded');
  }
}

/** The provider's own key goes along: another one in the address would be the caller's, or a way to use both. */
function checkQuery(query: string): void {
  if (!QUERY.test(query) || /[#\\]/.test(query))
    throw wrong('has a query with characters that must be percent-encoded');
  for (const name of new URLSearchParams(query).keys()) {
    const plain = name.normalize('NFKC').trim().toLowerCase();
    if (CREDENTIALS.has(plain) || plain.startsWith('x-amz-') || plain.startsWith('x-goog-')) {
      throw wrong(`has a query with ${JSON.stringify(name.slice(0, 40))}; credentials are added here, leave them out`);
    }
  }
}
