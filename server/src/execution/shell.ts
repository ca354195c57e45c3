/**
 * What stands around the words of an answer in a vendor's own event: ids, counts, and fields that we have never heard of.
 * The event is sent on as it came, so they are looked at too; in nearly all events they are those of the event before.
 */
import { isVisible, type Part } from '../contract/part.ts';
import type { AnswerShield } from '../guard/answers.ts';

/** Whether an event may be sent on as it came, but for the words in it. */
export type MayPass = (parts: readonly Part[], data: string, alike?: boolean) => boolean;

export function createShells(shield: Pick<AnswerShield, 'outside'>): MayPass {
  let before: string | null = null;
  let after = '';
  /** The last one without words. */
  let silent = '';

  /** What was said of the last one; of those that are alike the same is true. */
  let passed = true;

  function look(parts: readonly Part[], data: string): boolean {
    const words = wordsOf(parts);
    if (words === '') {
      if (data === silent) return true;
      if (shield.outside(data)) return false;
      silent = data;
      return true;
    }
    if (before !== null) {
      // Pieces are compared at once; `startsWith` goes by the character.
      const end = data.length - after.length;
      const between = data.slice(before.length, end);
      const same = between === words || between === inside(words);
      if (same && data.slice(end) === after && data.slice(0, before.length) === before) return true;
    }
    const said = inside(words);
    const place = data.indexOf(`"${said}"`) + 1;
    // Written in another way, or not all in one place: then the words are looked at with it.
    if (place === 0) return !shield.outside(data);
    const [head, tail] = [data.slice(0, place), data.slice(place + said.length)];
    if (shield.outside(head) || shield.outside(tail)) return false;
    before = head;
    after = tail;
    return true;
  }

  return (parts, data, alike) => {
    if (!alike) passed = look(parts, data);
    return passed;
  };
}

/** As it stands between the quotes of JSON. */
const inside = (words: string): string => JSON.stringify(words).slice(1, -1);

/** Of the only part that has some. */
function wordsOf(parts: readonly Part[]): string {
  let words = '';
  for (const part of parts) {
    if (!isVisible(part)) continue;
    const text = part.type === 'tool_call' ? part.arguments : part.text;
    if (text !== '' && words !== '') return '';
    words += text;
  }
  return words;
}
