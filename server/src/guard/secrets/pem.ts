/** Private keys in armour: PEM of all kinds, OpenSSH, PGP, SSH2, PuTTY. */
import type { HandMatcher } from './rule.ts';
import { NOTHING } from './rule.ts';

/** The longest that is taken for one key, in characters; a 16,384-bit RSA key has 13,000. */
export const MAX_KEY = 65_536;
const HEADER =
  /(?:-----BEGIN (?:[A-Z0-9][A-Z0-9 ]{0,40} )?PRIVATE KEY(?: BLOCK)?-----|---- BEGIN SSH2 (?:ENCRYPTED )?PRIVATE KEY ----|PuTTY-User-Key-File-[1-9]: )/y;
/** The longest header. */
const HEADER_LENGTH = 80;

/**
 * From the header to the end of its end line. One that is cut off before that is a finding as far as its body goes,
 * if that has 40 characters of base64 in a row; less is talk about keys. Every character is read once: another header ends the search.
 */
export const privateKey: HandMatcher = (text, hit, final) => {
  HEADER.lastIndex = hit;
  const header = HEADER.exec(text)?.[0];
  if (!header)
    return final || text.length - hit >= HEADER_LENGTH ? NOTHING : { match: null, open: headerOpen(text, hit) };
  const putty = header.startsWith('PuTTY');
  const marker = putty ? 'Private-MAC: ' : header.startsWith('-----') ? '-----' : '---- ';
  const body = hit + header.length;
  const limit = Math.min(text.length, hit + MAX_KEY);
  let at = body;
  let comment = false;
  for (; at < limit; at++) {
    const code = text.charCodeAt(at);
    if (code === 10) comment = text.startsWith('Comment:', at + 1);
    if (code === 45 && !putty && text.startsWith(marker, at)) break;
    if (code === 80 && putty && (text.startsWith(marker, at) || text.startsWith('PuTTY-User', at))) break;
    if (!isBody(code, putty || comment) && !isMargin(text, at)) break;
  }
  if (at >= text.length && !final && text.length - hit < MAX_KEY) return { match: null, open: hit };
  if (text.startsWith(marker, at)) {
    // `-----END … KEY-----`, or PuTTY's hexadecimal MAC: to the end of its line.
    let end = at + marker.length;
    while (end < text.length && end - at < 100 && isMark(text.charCodeAt(end))) end++;
    if (end === text.length && end - at < 100 && !final && !/END .{1,80}(?:-----|----)$/.test(text.slice(at, end))) {
      return { match: null, open: hit };
    }
    const mark = text.slice(at, end);
    const closed = putty || /END [A-Z0-9 ]*KEY/.test(mark);
    if (closed && /[A-Za-z0-9+/=]{24}/.test(text.slice(body, at)))
      return { match: { start: hit, from: hit, to: closing(text, at, end, putty) }, open: -1 };
  } else if (!final && couldMark(text, at, marker)) {
    return { match: null, open: hit };
  }
  const seen = text.slice(body, at).trimEnd();
  const long = putty ? /Private-Lines: [\s\S]{60}/.test(seen) : /[A-Za-z0-9+/=]{40}/.test(seen);
  return long ? { match: { start: hit, from: hit, to: body + seen.length }, open: -1 } : NOTHING;
};

function headerOpen(text: string, hit: number): number {
  const tail = text.slice(hit);
  return /^(?:-{1,5}$|-{4,5} ?(?:B|$)[A-Z0-9 ]*-{0,5}$|P[A-Za-z-]*[1-9]?:?$)/.test(tail) ? hit : -1;
}

/** A marker that the text's end cuts in two. */
function couldMark(text: string, at: number, marker: string): boolean {
  return text.length - at < marker.length && marker.startsWith(text.slice(at));
}

/** The end of the end line's own hyphens. */
function closing(text: string, at: number, end: number, putty: boolean): number {
  if (putty) return end;
  const found = /END [A-Z0-9 ]*KEY(?: BLOCK)?-{0,5}(?: ----)?/.exec(text.slice(at, end));
  return found ? at + found.index + found[0].length : end;
}

function isMark(code: number): boolean {
  return (
    (code >= 65 && code <= 90) ||
    (code >= 48 && code <= 57) ||
    (code >= 97 && code <= 102) ||
    code === 32 ||
    code === 45
  );
}

/** What quoting a key puts around its lines: "> " of mail, "| " of tables, "# " of comments, quotes of code. */
function isMargin(text: string, at: number): boolean {
  const quote = text[at] === '"' || text[at] === "'" || text[at] === '`';
  if (!quote && !'>|#*'.includes(text.charAt(at))) return false;
  let before = at;
  while (before > 0 && at - before < 12 && ' \t>|#*+'.includes(text.charAt(before - 1))) before--;
  if (before === 0 || text[before - 1] === '\n') return true;
  if (!quote) return false;
  let after = at + 1;
  while (after < text.length && after - at < 12 && ' \t+,\\r'.includes(text.charAt(after))) after++;
  return after === text.length || text[after] === '\n' || text[after] === '\r';
}

/** Base64, white space, the headers of a key ("Proc-Type: 4,ENCRYPTED"), and the escapes of JSON between its lines. */
function isBody(code: number, printable: boolean): boolean {
  if ((code >= 47 && code <= 58) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122)) return true;
  if (code === 32 || code === 10 || code === 13 || code === 9 || code === 40 || code === 41) return true;
  if (code === 43 || code === 61 || code === 44 || code === 45 || code === 92 || code === 46) return true;
  return printable && code > 32 && code < 127;
}
