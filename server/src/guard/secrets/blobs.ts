/** Content that is no text: pictures, sounds, archives, in base64. Nothing in it can be read, so nothing is looked for. */
import { isUtf8 } from 'node:buffer';
import { isRun } from './chars.ts';

const DATA_URL = /^data:[^,]{0,200};base64,/i;
const PADDING = /={0,2}\s{0,8}$/;
/** As much of a text shows whether it is UTF-16. In bytes. */
const SAMPLE = 64;

/** Base64 of bytes that are no text, alone or in a `data:` URL. Whatever else stands in it makes it text. */
export function isBinary(value: string): boolean {
  const head = DATA_URL.exec(value.slice(0, 256))?.[0].length ?? 0;
  const payload = head === 0 ? value : value.slice(head);
  const end = payload.length - (PADDING.exec(payload.slice(-16))?.[0].length ?? 0);
  return runEnd(payload, 0) >= end && textIn(payload) === null;
}

/** Where base64 ends that begins at a place, its line breaks among it. By hand: expressions run out of stack over megabytes. */
function runEnd(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (!isRun(code) && code !== 10 && code !== 13) break;
  }
  return at;
}

/** Runs of base64 of so many characters or more, padding included. */
export function longRuns(text: string, least: number): { start: number; end: number }[] {
  const runs: { start: number; end: number }[] = [];
  for (let start = 0; start < text.length; start++) {
    let end = runEnd(text, start);
    if (end - start >= least) {
      for (let n = 0; n < 2 && text.charCodeAt(end) === 61; n++) end++;
      runs.push({ start, end });
    }
    start = end;
  }
  return runs;
}

/** What base64 says, if that is text: UTF-8, or UTF-16 of letters. Null: it is not. */
export function textIn(base64: string): string | null {
  const bytes = Buffer.from(base64, 'base64');
  if (isUtf8(bytes)) return bytes.toString('utf8');
  let [even, odd] = [0, 0];
  for (const [at, byte] of bytes.subarray(0, SAMPLE).entries()) {
    if (byte !== 0) continue;
    if (at % 2 === 0) even++;
    else odd++;
  }
  const most = Math.min(SAMPLE, bytes.length) * 0.4;
  return even > most || odd > most ? bytes.toString('latin1').replaceAll('\0', '') : null;
}
