/**
 * Text that every store and every reader can hold. PostgreSQL refuses U+0000 and UTF-8 has no lone surrogates, but
 * vendors send both: a token may end inside an emoji, so one event carries `\ud83d` and the next one `\ude00`.
 */
const REPLACEMENT = '\ufffd';

export interface TextMender {
  /** Well-formed text of this piece. A high surrogate at its end is held back until its other half comes. */
  push(text: string): string;
  /** What was still held back when no more text comes. */
  end(): string;
}

export function createTextMender(): TextMender {
  let held = '';
  return {
    push(piece) {
      let text = piece;
      if (held !== '') {
        if (text === '') return '';
        text = held + text;
        held = '';
      }
      const last = text.charCodeAt(text.length - 1);
      if (last >= 0xd800 && last <= 0xdbff) {
        held = text.slice(-1);
        text = text.slice(0, -1);
      }
      return mendText(text);
    },
    end() {
      const rest = held === '' ? '' : REPLACEMENT;
      held = '';
      return rest;
    },
  };
}

/** The same for text that is whole. */
export function mendText(text: string): string {
  const clean = text.includes('\0') ? text.replaceAll('\0', REPLACEMENT) : text;
  return clean.isWellFormed() ? clean : clean.toWellFormed();
}
