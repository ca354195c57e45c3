/** How many JSON strings are around a place in JSON text that is read in pieces. */

export interface JsonDepth {
  read(text: string): void;
  /** 0 outside of strings, 1 in a string, 2 in a string of JSON text that is in a string, … */
  level(): number;
}

const QUOTE = 34;
const BACKSLASH = 92;

/**
 * A quote after 0, 1, 3, 7 … backslashes opens or closes a string of the first, second, third, fourth level. Of the
 * inner ones only those count that stand in JSON (what is in the string begins with "{" or "["): in prose an escaped
 * quote is a quotation.
 */
export function createJsonDepth(): JsonDepth {
  /** Of each open level, whether what it holds is JSON; null as long as nothing of it was seen. */
  const open: (boolean | null)[] = [];
  let slashes = 0;

  function quote(): void {
    const level = Math.log2(slashes + 1);
    if (!Number.isInteger(level) || level > open.length) return;
    if (level < open.length) open.length = level;
    else if (level === 0 || open[level - 1] === true) open.push(null);
  }

  return {
    read(text) {
      for (let at = 0; at < text.length; at++) {
        const code = text.charCodeAt(at);
        if (code === BACKSLASH) {
          slashes++;
          continue;
        }
        if (code === QUOTE) quote();
        else if (
          open.at(-1) === null &&
          code !== 32 &&
          !(slashes > 0 && (code === 110 || code === 116 || code === 114))
        ) {
          open[open.length - 1] = code === 123 || code === 91;
        }
        slashes = 0;
      }
    },
    level: () => open.length,
  };
}
