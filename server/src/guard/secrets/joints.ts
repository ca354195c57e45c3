/**
 * Secrets that are cut in two: the beginning at the end of one text, the rest at the beginning of the next. A model
 * reads on over such a cut, so the scanner does too. Where the texts are long, only what is near the cut is read again.
 */
import type { Finding } from './rule.ts';
import type { Look } from './turns.ts';

/** What is read on each side of a cut. In characters; longer than any credential with a fixed form. */
const NEAR = 256;
/** The same where a private key is open at the cut. */
const NEAR_KEY = 8192;
/** Shorter words over a cut are no secrets. In characters. */
const SHORTEST = 16;
const OPEN_KEY = /-----BEGIN [A-Z0-9 ]{0,60}PRIVATE KEY[^-]{0,20}-----(?![\s\S]*-----END )/;
const LAST_WORD = /\S{0,64}$/;
const FIRST_WORD = /^\S{0,64}/;

interface Piece {
  /** Of which text, and where in it the piece begins. */
  text: number;
  from: number;
  /** Where it stands among the others of its window. */
  at: number;
  to: number;
}

/** Of each text the parts of values that go on in another one. `texts`: in the order in which they are read. */
export function acrossTexts(look: Look, texts: readonly string[]): Map<number, Finding[]> {
  const found = new Map<number, Finding[]>();
  let window = '';
  let pieces: Piece[] = [];

  function close(): void {
    if (pieces.length > 1) {
      // Findings come in their order: what lies before one lies before all after it.
      let first = 0;
      for (const finding of look(window)) {
        while ((pieces[first] as Piece).to <= finding.start) first++;
        if ((pieces[first] as Piece).to >= finding.end) continue;
        for (let n = first; n < pieces.length; n++) {
          const piece = pieces[n] as Piece;
          if (piece.at >= finding.end) break;
          const start = Math.max(finding.start, piece.at) - piece.at + piece.from;
          const end = Math.min(finding.end, piece.to) - piece.at + piece.from;
          const list = found.get(piece.text) ?? [];
          list.push({ ...finding, start, end });
          found.set(piece.text, list);
        }
      }
    }
    window = '';
    pieces = [];
  }

  function add(text: number, from: number, part: string): void {
    pieces.push({ text, from, at: window.length, to: window.length + part.length });
    window += part;
  }

  let last = -1;
  texts.forEach((text, n) => {
    if (text === '') return;
    const before = last === -1 ? '' : (texts[last] as string);
    const near = last === -1 ? 0 : nearCut(before, text);
    if (near === 0) close();
    else {
      if (pieces.length === 0) {
        const from = Math.max(0, before.length - near);
        add(last, from, before.slice(from));
      }
      add(n, 0, text.slice(0, near));
      // A long text ends this window, and may begin the next one.
      if (text.length > near) close();
    }
    last = n;
  });
  close();
  return found;
}

/** How much on each side of a cut is to be read; 0: nothing can go on over it. */
function nearCut(before: string, after: string): number {
  const tail = before.slice(-NEAR_KEY);
  if (tail.includes('-----BEGIN') && OPEN_KEY.test(tail)) return NEAR_KEY;
  const word = (LAST_WORD.exec(before.slice(-64))?.[0] ?? '').length + (FIRST_WORD.exec(after)?.[0] ?? '').length;
  // The cut may be one of many: a short text is no proof that nothing goes on.
  if (/\s$/.test(before) || /^\s/.test(after)) return 0;
  return word >= SHORTEST || before.length < SHORTEST || after.length < SHORTEST ? NEAR : 0;
}
