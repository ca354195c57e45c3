/** Takes reasoning out of texts that begin with it between `<think>` and `</think>`, however they are sliced. */
import type { Part } from '../../contract/part.ts';

const OPEN = '<think>';
const CLOSE = '</think>';

export interface ThinkSplitter {
  push(text: string, parts: Part[]): void;
  /** What was held back when no more text comes. */
  end(parts: Part[]): void;
  /** Everything that follows is text. */
  passed(): boolean;
}

export function createThinkSplitter(): ThinkSplitter {
  let state: 'start' | 'thinking' | 'gap' | 'text' = 'start';
  let held = '';

  const say = (type: 'text' | 'reasoning', text: string, parts: Part[]): void => {
    if (text !== '') parts.push({ type, text });
  };

  function think(text: string, parts: Part[]): void {
    const at = text.indexOf(CLOSE);
    if (at === -1) {
      const keep = partialEnd(text);
      held = text.slice(text.length - keep);
      say('reasoning', text.slice(0, text.length - keep), parts);
      return;
    }
    say('reasoning', text.slice(0, at), parts);
    state = 'gap';
    gap(text.slice(at + CLOSE.length), parts);
  }

  /** The blank lines between reasoning and text are of neither. */
  function gap(text: string, parts: Part[]): void {
    const rest = text.replace(/^[\r\n]+/, '');
    if (rest === '') return;
    state = 'text';
    say('text', rest, parts);
  }

  return {
    push(piece, parts) {
      if (state === 'text') {
        say('text', piece, parts);
        return;
      }
      const text = held + piece;
      held = '';
      if (state === 'thinking') think(text, parts);
      else if (state === 'gap') gap(text, parts);
      else {
        const begun = text.trimStart();
        if (begun.length < OPEN.length && OPEN.startsWith(begun)) held = text;
        else if (begun.startsWith(OPEN)) {
          state = 'thinking';
          think(begun.slice(OPEN.length), parts);
        } else {
          state = 'text';
          say('text', text, parts);
        }
      }
    },
    end(parts) {
      say(state === 'thinking' ? 'reasoning' : 'text', held, parts);
      held = '';
      state = 'text';
    },
    passed: () => state === 'text',
  };
}

/** How many characters at the end may be the beginning of the closing tag. */
function partialEnd(text: string): number {
  for (let length = Math.min(CLOSE.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(CLOSE.slice(0, length))) return length;
  }
  return 0;
}
