/** The form of the placeholders that stand for values: `[[secret:aws_access_key:3f9a2c1b7d]]`. */
import { cutOff, parsePattern } from './pattern.ts';

const FORM = /\[\[(?:secret|pii):[a-z0-9_]{1,64}:[0-9a-f]{10,80}\]\]/y;
const BEGINNING = new RegExp(cutOff(parsePattern(FORM.source)), 'y');

/** The placeholder that begins at `at`; null for none, and an empty text when the end of `text` cuts one off. */
export function placeholderAt(text: string, at: number): string | null {
  FORM.lastIndex = at;
  const found = FORM.exec(text);
  if (found) return found[0];
  BEGINNING.lastIndex = at;
  return BEGINNING.test(text) ? '' : null;
}
