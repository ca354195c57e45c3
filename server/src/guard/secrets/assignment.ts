/**
 * Finds `name = value` in all its spellings (environment files, JSON, YAML, XML, code, headers, flags, "the password
 * is …"), and asks the name and the value whether it is a secret. Reads a bounded stretch, every character once.
 */
import { isRun } from './chars.ts';
import { entropy } from './checks.ts';
import { isExample } from './examples.ts';
import { type Name, nameOf as readName } from './names.ts';
import { cutOff, parsePattern } from './pattern.ts';
import { placeholderAt } from './placeholder.ts';
import type { HandMatcher, Rule, Verdict } from './rule.ts';
import { NOTHING } from './rule.ts';
import type { Form } from './values.ts';
import { isSecret } from './values.ts';

/** Characters that a name may have on either side of the word that was found. */
const NAME_SIDE = 64;
const MAX_QUOTED = 300;
/** Session tokens of AWS have up to a thousand characters. */
const MAX_BARE = 1280;
/** So long is no value that has no digit, or none that has other signs than base64. */
const LONG_WORD = 128;
const LONG_BARE = 300;
const MOST_NAMES = 500;
/** What all values of vendors have in common. */
const SHAPED = /^[\w+/=.:-]{14,1280}$/;

const CLOSE = '(?:\\\\{0,3}["\'`]|[\\])]){0,3}';
/** From the end of the name to the value; the name of the group says which spelling it is. */
const TYPE = "(?:[Ss]tring|&(?:'static )?str|str|[Tt]ext|[Ss]ecure[Ss]tring|[Ss]ecret[Ss]tr|[Cc]har[Ss]equence|any)";
const OPERATOR = '(?:[?+!~|.]?={1,3}>?|:{1,3}=?|：)';
/** A value may stand in the next line if it is indented: YAML blocks, wrapped code. */
const NEXT_LINE = '(?:(?:[|>][-+]?)?[ \\t]{0,3}\\r?\\n[ \\t]{1,20})?';
const SEPARATOR =
  `(?<typed>[ \\t]{0,3}:?[ \\t]{1,3}${TYPE}[ \\t]{1,4}:?=[ \\t]{0,4}(?=["'\`]))` +
  `|(?<assign>${CLOSE}[ \\t]{0,8}${OPERATOR}[ \\t]{0,8}${NEXT_LINE})` +
  `|(?<value>${CLOSE}[\\s,]{1,24}["']?[vV]alue["']?\\s{0,3}[:=]\\s{0,8})` +
  `|(?<list>${CLOSE}[ \\t]{0,4},\\s{0,8})` +
  `|(?<call>\\([ \\t]{0,3})` +
  `|(?<element>>\\s{0,20})` +
  `|(?<words>[ \\t]{1,4}(?:is|was|ist|est|es|è|é|lautet)(?:[ \\t]{0,2}:)?[ \\t]{1,4})` +
  // "the password for the portal is …", and a name alone on its line with the value on one of the next.
  `|(?<about>[ \\t]for(?:[ \\t][\\w.@-]{1,24}){1,4}[ \\t]{0,2}(?:[ \\t](?:is|was|ist|=)|:)[ \\t]{1,4})` +
  `|(?<line>:?[ \\t]{0,2}\\r?\\n(?:[ \\t]{0,4}\\r?\\n){0,2}[ \\t]{0,8})` +
  // Variables of Terraform.
  `|(?<block>"[ \\t]{0,2}\\{\\s{0,8}(?:[a-z]{1,12}[ \\t]{0,12}=[^\\n{}]{0,80}\\n\\s{0,8}){0,4}default[ \\t]{0,12}=[ \\t]{0,4})` +
  `|(?<flag>[ \\t]{1,4})`;
const separator = new RegExp(SEPARATOR, 'y');
const separatorCut = new RegExp(cutOff(parsePattern(SEPARATOR)), 'y');
const opening = /[bBrRfFuUL@$]{0,2}(\\{0,7})("""|["'`])/y;
const openingCut = new RegExp(cutOff(parsePattern('[bBrRfFuUL@$]{0,2}\\\\{0,7}"""')), 'y');
const scheme =
  /(?:Bearer|Basic|Token|ApiKey|Api-Key|Digest|Negotiate|OAuth|Bot|Key|SSWS|GenieKey|Splunk|Zoho-oauthtoken|AWS4-HMAC-SHA256|GoogleLogin auth=)[ \t]{1,4}/iy;

/** A rule for values of one vendor, which its name announces and whose form is known. */
export interface NamedRule extends Rule {
  names: readonly string[];
  shape: RegExp;
}

export interface AssignmentRules {
  password: Rule;
  secret: Rule;
  header: Rule;
  vendors: readonly NamedRule[];
}

export function createAssignment(rules: AssignmentRules): HandMatcher {
  const vendors = rules.vendors.flatMap((rule) => rule.names.map((name) => ({ name, rule })));
  const anyVendor = new RegExp(vendors.map(({ name }) => name).join('|'));
  /** Few names make up most of a text. */
  const known = new Map<string, Name | null>();

  function nameOf(name: string): Name | null {
    let found = known.get(name);
    if (found === undefined) {
      found = readName(name);
      if (known.size >= MOST_NAMES) known.clear();
      known.set(name, found);
    }
    return found;
  }

  return (text, hit, final) => {
    /** Shown may be what comes before the value, and never a part of it. */
    const open: Verdict = final ? NOTHING : { match: null, open: text.length };
    let start = hit;
    while (start > 0 && hit - start < NAME_SIDE && isName(text.charCodeAt(start - 1))) start--;
    let stop = hit;
    while (stop < text.length && stop - hit < NAME_SIDE && isName(text.charCodeAt(stop))) stop++;
    if (stop === text.length) return open;
    // In a path, e.g. `/etc/passwd`, it is no name of a value.
    if (stop - hit === NAME_SIDE || hit - start === NAME_SIDE || text[start - 1] === '/') return NOTHING;
    while (stop > hit && !isNameEnd(text.charCodeAt(stop - 1))) stop--;

    if (!mayFollow(text, start, stop)) return NOTHING;
    separator.lastIndex = stop;
    const groups = separator.exec(text)?.groups;
    if (!final && isCut(separatorCut, text, stop)) {
      return groups && groups.flag === undefined ? { match: null, open: separator.lastIndex } : open;
    }
    if (!groups) return NOTHING;
    let at = separator.lastIndex;
    const held: Verdict = final ? NOTHING : { match: null, open: at };
    if (groups.element !== undefined && text[start - 1] !== '<') return NOTHING;
    if (groups.flag !== undefined && !isFlag(text, start)) return NOTHING;

    const ours = inPlaceholder(text, start);
    if (ours !== null) return ours === '' ? held : NOTHING;
    opening.lastIndex = at;
    const quote = opening.exec(text);
    if (!final && isCut(openingCut, text, at)) return held;
    if (!quote && (groups.call !== undefined || groups.typed !== undefined)) return NOTHING;
    if (quote) at = opening.lastIndex;
    const element = groups.element !== undefined;
    let value = quote ? quotedEnd(text, at, `${quote[1] ?? ''}${quote[2] ?? ''}`, final) : bareEnd(text, at, element);
    scheme.lastIndex = at;
    const schemed = scheme.exec(text);
    if (schemed) {
      at = scheme.lastIndex;
      if (!quote || value < at) value = bareEnd(text, at, false);
    }
    if (value < 0) return NOTHING;
    if (value >= text.length && !final) return held;
    // Cut between "Bearer" and its token.
    if (!final && !schemed && /^[ \t]{0,4}$/.test(text.slice(value))) return held;
    let end = value;
    while (end > at && text.charCodeAt(end - 1) <= 32) end--;
    if (!quote) while (end > at && '.,:;'.includes(text.charAt(end - 1))) end--;

    const name = text.slice(start, stop);
    const rule = judge(name, text.slice(at, end), {
      scheme: schemed?.[0].trim().toLowerCase() ?? '',
      quoted: quote !== null || element,
      code: groups.list !== undefined || /[ \t]=|=[ \t]/.test(groups.assign ?? ''),
      list: groups.list !== undefined,
      line: groups.line !== undefined,
      tight: groups.assign === '=',
    });
    return rule ? { match: { start: hit, from: at, to: end, rule }, open: -1 } : NOTHING;
  };

  function judge(
    name: string,
    value: string,
    form: Form & { scheme: string; list: boolean; line: boolean },
  ): Rule | null {
    if (form.scheme !== '') return isCredential(form.scheme, value, form) ? rules.header : null;
    const kind = nameOf(name);
    const lower = name.toLowerCase();
    const some = SHAPED.test(value) && anyVendor.test(lower);
    for (const { name: vendor, rule } of some ? vendors : []) {
      if (!lower.includes(vendor)) continue;
      // A name that says nothing of a secret must be the vendor's, and nothing else.
      if (!kind && lower.replace(/[^a-z0-9]/g, '') !== vendor.replace(/[^a-z0-9]/g, '')) continue;
      if (rule.shape.test(value) && entropy(value) >= 2.8 && !isExample(value)) return rule;
    }
    if (!kind || !isSecret(kind, value, form)) return null;
    if (form.line && (!kind.clear || kind.noun === 'password' || !isLoneToken(value))) return null;
    // After a comma most things are the next thing.
    if (form.list && (!kind.clear || (!form.quoted && !/^[\w+/-]{16,}={0,2}$/.test(value)))) return null;
    return kind.noun === 'password' ? rules.password : rules.secret;
  }
}

function isCredential(scheme: string, value: string, form: Form): boolean {
  if (scheme === 'basic') {
    const decoded = /^[A-Za-z0-9+/_-]{6,}={0,2}$/.test(value) ? Buffer.from(value, 'base64').toString('latin1') : '';
    return /^[\x20-\x7e]{1,128}:[\x20-\x7e]*$/.test(decoded);
  }
  return isSecret({ noun: 'token', clear: true }, value, form);
}

/** Alone on a line, nothing but the value says that it is one. */
function isLoneToken(value: string): boolean {
  return /^[\w+/.~-]{20,}={0,2}$/.test(value) && /\d/.test(value) && /[A-Za-z]/.test(value) && entropy(value) >= 3.6;
}

function isCut(pattern: RegExp, text: string, at: number): boolean {
  pattern.lastIndex = at;
  return pattern.test(text);
}

/** The placeholder of ours that a name is in: `[[secret:password:…]]` looks like an assignment. */
function inPlaceholder(text: string, start: number): string | null {
  const at = text.slice(Math.max(0, start - 80), start).lastIndexOf('[[') + Math.max(0, start - 80);
  if (!text.startsWith('[[', at)) return null;
  const found = placeholderAt(text, at);
  return found !== null && found !== '' && at + found.length <= start ? null : found;
}

/** Long flags, whose hyphens were read as part of the name, and Docker's `ENV name value`. */
function isFlag(text: string, start: number): boolean {
  return text.startsWith('--', start) || /\bENV[ \t]$/.test(text.slice(Math.max(0, start - 5), start));
}

/** Where a quoted value ends; where a bare one would, when its quote does not come in the same line. */
function quotedEnd(text: string, at: number, quote: string, final: boolean): number {
  const sign = quote.charCodeAt(quote.length - 1);
  const escaped = quote.charCodeAt(0) === 92;
  const limit = Math.min(text.length, at + MAX_QUOTED);
  for (let place = at; place < limit; place++) {
    const code = text.charCodeAt(place);
    if (code === 10 && quote.length < 3) return bareEnd(text, at, false);
    if (code === 92 && !escaped) place++;
    else if ((code === 92 || code === sign) && (text.startsWith(quote, place) || (escaped && code === sign)))
      return place;
  }
  return limit < at + MAX_QUOTED && !final ? text.length : bareEnd(text, at, false);
}

function bareEnd(text: string, at: number, element: boolean): number {
  let digits = false;
  for (let place = at; place < text.length; place++) {
    const code = text.charCodeAt(place);
    if (code >= 48 && code <= 57) digits = true;
    const length = place - at;
    // Names without an end between them would be read again for each: what is long is random, or base64.
    if ((length >= LONG_WORD && !digits) || (length >= LONG_BARE && !isRun(code) && !isPadding(text, place))) {
      if (element ? code !== 60 : code >= 128 || BARE_ENDS[code] !== 1) return -1;
    }
    if (element ? code === 60 : code < 128 ? BARE_ENDS[code] === 1 : code === 0xa0 || code === 0x3000) {
      if (code !== 38) return place;
      // An "&" ends a value only where the next parameter of a query begins; passwords have them too.
      const next = /^&(?:amp;)?[\w.-]{0,40}(=|$)/.exec(text.slice(place, place + 48));
      if (next) return next[1] === '=' ? place : text.length;
    }
    if (place - at >= MAX_BARE) return -1;
  }
  return text.length;
}

/** At the end of base64, and not between a name and its value. */
const isPadding = (text: string, at: number): boolean => text.charCodeAt(at) === 61 && !isRun(text.charCodeAt(at + 1));

/** White space, quotes, brackets that close, separators of lists, queries and connection strings. */
const BARE_ENDS = new Uint8Array(128).fill(1, 0, 33);
for (const char of '"\'`<>;,)]}|\\&') BARE_ENDS[char.charCodeAt(0)] = 1;

/** What a separator can begin with, by character; anything else ends the matter. */
const FOLLOWERS = new Set('\t\n\r "\'`\\])(,:=?+!~|.>：');
/** Words that a separator can have after a blank. */
const LINKS = new Set(
  'is was ist est es lautet value string str text securestring secretstr charsequence any'.split(' '),
);
const LETTERS = /[A-Za-z]{1,13}/y;
/** "for the portal is", or as much of it as there is. */
const ABOUT = /[ \t]for(?:[ \t][\w.@-]{1,24}){0,4}(?:[ \t]?$|[ \t]{0,2}(?:[ \t](?:is|was|=)|:)[ \t])/y;

/** Cheap, for the many names in prose that no value follows. */
function mayFollow(text: string, start: number, stop: number): boolean {
  const next = text.charAt(stop);
  if (!FOLLOWERS.has(next)) return false;
  if (next !== ' ') return true;
  LETTERS.lastIndex = stop + 1;
  const word = LETTERS.exec(text)?.[0];
  if (word === undefined || LETTERS.lastIndex === text.length) return true;
  if (word === 'for') {
    ABOUT.lastIndex = stop;
    return ABOUT.test(text);
  }
  return LINKS.has(word.toLowerCase()) || isFlag(text, start);
}

function isName(code: number): boolean {
  if (code > 127) return code > 0xbf && code !== 0xff1a && code !== 0x3000 && code !== 0x3002;
  return (
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    (code >= 48 && code <= 57) ||
    code === 95 ||
    code === 45 ||
    code === 46 ||
    code === 36
  );
}

function isNameEnd(code: number): boolean {
  return isName(code) && code !== 45 && code !== 46;
}
