/** Passwords in addresses: `scheme://user:password@host`. */
import { isExample } from './examples.ts';
import type { HandMatcher } from './rule.ts';
import { NOTHING } from './rule.ts';

const MAX_USER = 128;
const MAX_PASSWORD = 512;
/** Passwords that documents write, and names of a field. */
const TRIVIAL =
  /^(?:(?:some|my|auth|the|user|db|root|admin|new|old)?[_-]?(?:pass(?:word|wd)?|pwd|pw|secret|token|key)\d?|user(?:name)?|x-oauth-basic|[a-z]{1,3})$/i;
const HERE =
  /^(?:localhost|127\.0\.0\.1|\[::1\]|0\.0\.0\.0|host\.docker\.internal|(?:[\w-]+\.)*example(?:\.\w{2,8})?|db|host|hostname|server)(?![\w.-])/i;

/** `hit` is at the `://`. The value is the password alone: what is left still says where it leads. */
export const urlPassword: HandMatcher = (text, hit, final) => {
  if (hit === 0 || !/[a-z0-9]/i.test(text.charAt(hit - 1))) return NOTHING;
  const open = final ? NOTHING : { match: null, open: text.length };
  const user = hit + 3;
  let at = user;
  while (at < text.length && at - user <= MAX_USER && isPart(text.charCodeAt(at)) && !':?#'.includes(text.charAt(at)))
    at++;
  if (at === text.length) return open;
  if (text[at] !== ':' || at - user > MAX_USER) return NOTHING;
  const password = ++at;
  let end = -1;
  // The last "@" before the path: passwords are written with a bare one now and then.
  for (; at < text.length && at - password <= MAX_PASSWORD && isPart(text.charCodeAt(at)); at++) {
    if (text[at] === '@') end = at;
  }
  if (at === text.length && !final && at - password <= MAX_PASSWORD) return { match: null, open: password };
  if (end <= password) return NOTHING;
  const value = text.slice(password, end);
  const host = text.slice(end + 1, end + 80);
  if (!/^[A-Za-z0-9[_]/.test(host) || isExample(value) || TRIVIAL.test(value)) return NOTHING;
  // Everybody's own machine, with the name of the user for a password.
  if (
    HERE.test(host) &&
    (value === text.slice(user, password - 1) || /^(?:postgres|root|admin|guest|test)$/.test(value))
  ) {
    return NOTHING;
  }
  return { match: { start: hit, from: password, to: end }, open: -1 };
};

/**
 * `user:password@tcp(host:3306)/db`, as the MySQL driver for Go has it. `hit` is at the "@", behind the value: of a stream,
 * that was shown by then.
 */
export const dsnPassword: HandMatcher = (text, hit) => {
  let from = hit;
  while (from > 0 && hit - from <= MAX_USER && isPart(text.charCodeAt(from - 1)) && text[from - 1] !== ':') from--;
  const value = text.slice(from, hit);
  if (text[from - 1] !== ':' || !/[\w-]/.test(text.charAt(from - 2)) || value.length < 3) return NOTHING;
  if (isExample(value) || TRIVIAL.test(value)) return NOTHING;
  return { match: { start: hit, from, to: hit }, open: -1 };
};

/** What may stand in the user, the password and the host; a "/" ends them, and whatever ends an address in a text. */
function isPart(code: number): boolean {
  if (code <= 32 || code === 127) return false;
  return !'/"\'`<>\\'.includes(String.fromCharCode(code));
}
