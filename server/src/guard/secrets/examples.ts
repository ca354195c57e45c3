/** Tells a value that stands for a secret in a document from a secret. */

/** Words that nobody gets by chance in a random string of ordinary length, and that writers of examples use. */
const WORDS =
  /example|sample|placeholder|your[_-]?|change[_-]?(?:me|it|this)|insert[_-]|replace[_-]?(?:me|with|this)|redacted|dummy|todo|fixme|foobar|lorem|secret[_-]?here|goes[_-]?here|not[_-]?(?:a[_-]?)?real|fake[_-]|_fake|test[_-]?(?:key|token|secret|password)|abcdefghij|123456789|987654321|deadbeef|cafebabe/i;
/** `${VAR}`, `{{ var }}`, `$VAR`, `%VAR%`, `<your key>`, `[key]`, `***`, `...`. */
const VARIABLE =
  /^(?:\$(?:[({].*|[A-Za-z_]\w*)|%(?:[A-Za-z_][\w.]*%|[sdvq])|<[^>]*>?|\{\{.*|\{[\w.$-]*\}?|\[.*|#\{.*|@[A-Za-z_][\w.]*@|\*+|-+|_+|\.+)$/s;

/** True for what documents, templates and tests put where a secret goes, and for the placeholders that we put there. */
export function isExample(value: string): boolean {
  // Who writes an example says so at its beginning or end.
  const words = value.length <= 96 ? value : `${value.slice(0, 64)} ${value.slice(-32)}`;
  return VARIABLE.test(words) || WORDS.test(words) || hasFiller(value) || isRamp(words);
}

/** A character six times in a row (four for x, * and dots), or one that fills most of the value. */
function hasFiller(value: string): boolean {
  let run = 1;
  for (let at = 1; at < value.length; at++) {
    run = value.charCodeAt(at) === value.charCodeAt(at - 1) ? run + 1 : 1;
    if (run < 4) continue;
    // Keys of some vendors have a fixed row of A.
    if (run >= 6 && value[at] !== 'A') return true;
    if ('xX*.•…'.includes(value.charAt(at))) return true;
  }
  return value.length >= 8 && new Set(value).size <= Math.max(2, value.length / 16);
}

/** `abcdef…`, `0123456…`: most characters are the one after the one before. */
function isRamp(value: string): boolean {
  if (value.length < 8) return false;
  let steps = 0;
  for (let at = 1; at < value.length; at++) if (value.charCodeAt(at) - value.charCodeAt(at - 1) === 1) steps++;
  return steps * 2 > value.length;
}
