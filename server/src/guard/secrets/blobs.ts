/** Content that is no text: pictures, sounds, archives, in base64. Nothing in it can be read, so nothing is looked for. */
import { isUtf8 } from 'node:buffer';

const DATA_URL = /^data:[^,]{0,200};base64,/i;
const BASE64 = /^[A-Za-z0-9+/_\r\n-]*={0,2}\s*$/;
/** As much of a text shows whether it is UTF-16. In bytes. */
const SAMPLE = 64;

/** Base64 of bytes that are no text, alone or in a `data:` URL. Whatever else stands in it makes it text. */
export function isBinary(value: string): boolean {
  const head = DATA_URL.exec(value.slice(0, 256))?.[0].length ?? 0;
  const payload = head === 0 ? value : value.slice(head);
  return BASE64.test(payload) && textIn(payload) === null;
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
