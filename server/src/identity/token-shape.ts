/**
 * What a JWT looks like from outside, before any key is asked: refused here is whatever no honest issuer sends. Nothing
 * in a header ever leads to a key: keys are those of the configuration.
 */

/** A token with many groups has 4 kB; Node takes 16 kB of headers in all. */
const MOST_TOKEN = 8192;
const FORM = /^[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]+$/;
/** They would say by which key, or by which rules, a token is to be checked. */
const REFUSED_HEADERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'enc'];

export interface TokenShape {
  header: Record<string, unknown>;
  /** Not verified: only good for finding out who must verify it. */
  claims: Record<string, unknown>;
}

/** Whether it is meant to be a JWT (our keys have no dot) and is not too large to be looked at. */
export const isToken = (text: string): boolean =>
  text.startsWith('eyJ') && text.length <= MOST_TOKEN && text.includes('.');

/** Null for what cannot be a token. */
export function readShape(token: string): TokenShape | null {
  if (token.length > MOST_TOKEN || !FORM.test(token)) return null;
  const [head = '', body = ''] = token.split('.');
  const header = readObject(head);
  const claims = header && readObject(body);
  if (!header || !claims) return null;
  if (typeof header.alg !== 'string' || REFUSED_HEADERS.some((name) => Object.hasOwn(header, name))) return null;
  return { header, claims };
}

function readObject(part: string): Record<string, unknown> | null {
  const bytes = Buffer.from(part, 'base64url');
  // A second spelling of the same bytes would be a second name in every cache.
  if (bytes.toString('base64url') !== part) return null;
  const text = bytes.toString('utf8');
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value) || saysTwice(text)) return null;
    return value as Record<string, unknown>;
  } catch {
    return null;
  }
}

/**
 * Whether an object in the text has a name twice: readers differ in which of the two they take. The text is valid JSON.
 */
export function saysTwice(text: string): boolean {
  /** Names of the objects that are open; null stands for a list. */
  const open: (Set<string> | null)[] = [];
  let isName = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '"') {
      let end = at + 1;
      while (text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
      const names = open.at(-1);
      if (isName && names) {
        const name = JSON.parse(text.slice(at, end + 1)) as string;
        if (names.has(name)) return true;
        names.add(name);
      }
      isName = false;
      at = end;
    } else if (char === '{') {
      open.push(new Set());
      isName = true;
    } else if (char === '[') {
      open.push(null);
      isName = false;
    } else if (char === '}' || char === ']') {
      open.pop();
      isName = false;
    } else if (char === ',') isName = open.at(-1) !== null;
  }
  return false;
}
