/**
 * What stands around the words of an answer in a vendor's own event: ids, counts, and fields that we have never heard of.
 * The event is sent on as it came, so they are looked at too; in nearly all events they are those of the event before.
 */
import { isVisible, type Part } from '../contract/part.ts';
import type { AnswerShield } from '../guard/answers.ts';

/** Whether an event may be sent on as it came, but for the words in it. */
export function createShells(shield: Pick<AnswerShield, 'outside'>): (parts: readonly Part[], data: string) => boolean {
  let before: string | null = null;
  let after = '';
  /** The last one without words. */
  let silent = '';

  return (parts, data) => {
    const words = wordsOf(parts);
    if (words === '') {
      if (data === silent) return true;
      if (shield.outside(data)) return false;
      silent = data;
      return true;
    }
    const said = JSON.stringify(words);
    if (
      before !== null &&
      data.length === before.length + said.length + after.length &&
      data.startsWith(before) &&
      data.startsWith(said, before.length) &&
      data.endsWith(after)
    ) {
      return true;
    }
    const place = data.indexOf(said);
    // Written in another way, or not all in one place: then the words are looked at with it.
    if (place < 0) return !shield.outside(data);
    const [head, tail] = [data.slice(0, place), data.slice(place + said.length)];
    if (shield.outside(head) || shield.outside(tail)) return false;
    before = head;
    after = tail;
    return true;
  };
}

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
