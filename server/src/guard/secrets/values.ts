/** Whether a value that a name announces is a secret, and not a word, a variable, a path or an example. */
import { entropy } from './checks.ts';
import { isExample } from './examples.ts';
import type { Name } from './names.ts';

export interface Form {
  quoted: boolean;
  /** Written as in source code (`a = b;`), where an unquoted value is a name of something. */
  code: boolean;
  /** `name=value` without a blank, as in environments, queries and connection strings. */
  tight?: boolean;
}

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
const HEX = /^(?:0x)?[0-9a-f]+$/i;
/** Words that documents and schemas put there. */
const KEYWORD =
  /^(?:true|false|null|none|nil|undefined|string|number|integer|boolean|bytes|object|any|required|optional|default|enabled|disabled|empty|unset|password|passwd|secret|token|key|bearer|basic|auth|sha-?\d{1,3}|md5|hmac-?sha\d{1,3}|aes-?\d{3}\S{0,8}|rsa-?\d{4}|ed25519|hs\d{3}|rs\d{3}|es\d{3}|argon2id?|pbkdf2|bcrypt|utf-?8|base64|oauth2?|http2|ipv[46])$/i;
const DATE = /^\d{4}-\d\d-\d\d(?:[T ].*)?$/;
/** Parts of slugs, names of models and versions: words with a small number, or numbers. */
const PART = /^(?:[A-Za-z]{1,24}\d{0,4}|\d{1,8}|\d{1,4}[A-Za-z]{1,3}|)$/;
const CHAIN = /^[A-Za-z_$][\w$]*(?:\[\w{1,8}\])?(?:(?:\.#?|::|->|\?\.)[A-Za-z_$][\w$]*(?:\[\w{1,8}\])?)+$/;
const NAME = /^[A-Za-z_$][\w$]*$/;
/** Names of variables that have a number. */
const VARIABLE =
  /^(?:\w{0,5}|_?(?:arg|param|var|val|user|pass|pwd|password|input|value|str|text|token|key|secret|tmp|temp|res|result|data|test|self|this|config|env|auth|get|my|new|old)\w{0,16})$/i;

export function isSecret(name: Name, value: string, form: Form): boolean {
  if (value.length < 5 || KEYWORD.test(value) || DATE.test(value) || isExample(value)) return false;
  if (name.clear && (isGrouped(value) || (form.quoted && isNoise(value)))) return true;
  if (/^[a-z][a-z0-9+.-]{1,20}:\/\//i.test(value) || isPath(value) || isCode(value, form)) return false;
  if (name.noun !== 'password') return isToken(name, value, form);
  // Of names that only have to do with passwords, only what nobody would write otherwise.
  return isPassword(value, form) && (name.clear || (/\d/.test(value) && /[!@#$%^&*?+]/.test(value)));
}

/** What a generator of secrets makes of all signs of the keyboard, as Django and WordPress do. */
function isNoise(value: string): boolean {
  if (!/^[!-~ ]{40,128}$/.test(value) || / .* .* /.test(value) || entropy(value) < 4.4) return false;
  const signs = value.replace(/[\w .,:;'"/-]/g, '').length;
  return signs >= 4 && /\d/.test(value) && /[a-z]/i.test(value);
}

/** Passwords for one application come in groups of four: `abcd efgh ijkl mnop`. */
function isGrouped(value: string): boolean {
  if (!/^(?:[A-Za-z0-9]{4}[ -]){3,5}[A-Za-z0-9]{4}$/.test(value)) return false;
  const joined = value.replace(/[ -]/g, '');
  return /\d/.test(joined) || joined.replace(/[^aeiouy]/gi, '').length < joined.length * 0.34;
}

function isPath(value: string): boolean {
  return /^(?:\.{0,2}\/|~\/|[A-Z]:\\)/.test(value) && /^[\w./\\~ -]*$/.test(value) && isSlug(value);
}

function isCode(value: string, form: Form): boolean {
  if (/[({[]/.test(value) && !form.quoted) return true;
  if (/\$\{|\{\{|%\(|<[a-z]/i.test(value)) return true;
  if (form.quoted) return /\[\w{1,8}\]/.test(value) && CHAIN.test(value);
  if (CHAIN.test(value)) return true;
  if (!form.code || !NAME.test(value) || (value.length >= 14 && looksRandom(value))) return false;
  return numbers(value) < 2 || VARIABLE.test(value);
}

/** Words joined by signs: `my-service-v2`, `user.password.label`, `gpt-4o-mini-2024-07-18`. */
export function isSlug(value: string): boolean {
  return value.split(/[-_./:\\ ]/).every((part) => PART.test(part));
}

/** Groups of digits: names of things have one at most, random strings have several. */
function numbers(value: string): number {
  return value.match(/\d+/g)?.length ?? 0;
}

/** People choose passwords: a digit or a sign beside letters is what tells one from a label. */
function isPassword(value: string, form: Form): boolean {
  if (/\s/.test(value) || value.length > 128 || /^0x[0-9a-f]{1,8}$/i.test(value)) return false;
  const signs = /[!@#$%^&*?+=~|<>]/.test(value);
  const digits = /\d/.test(value);
  if (/^\d+$/.test(value)) return form.quoted && value.length >= 6;
  if (signs) return /[\p{L}\d]/u.test(value) && value.length >= 6;
  if (digits) return value.length >= 6 && !(/[-_./:]/.test(value) && isSlug(value) && !form.quoted);
  if (form.tight === true && !form.quoted && value.length >= 8 && /[a-z].*[A-Z]|[A-Z].*[a-z]/.test(value)) return true;
  return value.length >= 12 && looksRandom(value);
}

function isToken(name: Name, value: string, form: Form): boolean {
  if (!/^[\w.=+/~@:!#$%^&*?|-]+$/.test(value) || /^\d+$/.test(value) || value.length < 8) return false;
  if (isSlug(value) && !looksRandom(value)) return false;
  const strong = value.length >= 16 && /\d/.test(value) && /[A-Za-z]/.test(value) && entropy(value) >= 3.3;
  if (!name.clear && !form.quoted && NAME.test(value) && numbers(value) < 2) return false;
  if (!name.clear) return strong && !UUID.test(value) && (!HEX.test(value) || (form.quoted && value.length >= 32));
  if (strong || UUID.test(value)) return true;
  if (HEX.test(value)) return value.length >= 16 && entropy(value) >= 2.5;
  if (/\d/.test(value)) return value.length >= 10 && entropy(value) >= 2.6 && (!form.code || form.quoted);
  return looksRandom(value);
}

/** Letters alone, but in no order that a language or a naming style has: cases change all the time, or no vowels. */
function looksRandom(value: string): boolean {
  if (value.length < 12) return false;
  const letters = value.replace(/[^A-Za-z]/g, '');
  if (letters.length < 12) return false;
  let changes = 0;
  for (let at = 1; at < letters.length; at++) {
    const upper = letters.charCodeAt(at) < 96;
    if (upper !== letters.charCodeAt(at - 1) < 96) changes++;
  }
  const vowels = letters.replace(/[^aeiouyAEIOUY]/g, '').length / letters.length;
  const runs = /[bcdfghjklmnpqrstvwxz]{6}/i.test(letters);
  const humps = value.match(/[A-Z]?[a-z]+|[A-Z]+/g)?.length ?? 1;
  return (changes / letters.length > 0.34 && letters.length / humps < 2.4) || (vowels < 0.24 && runs);
}
