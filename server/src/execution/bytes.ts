/** What the first bytes of an answer say it is, whatever its content type claims. */
import type { ProviderFailure } from '../contract/part.ts';

export function late(detail: string): ProviderFailure {
  return { code: 'upstream_timeout', detail };
}

/** The first byte that is neither blank nor a byte-order mark. */
function firstByte(chunk: Buffer): number | undefined {
  for (const byte of chunk) {
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) continue;
    if (byte === 0xef || byte === 0xbb || byte === 0xbf) continue;
    return byte;
  }
  return undefined;
}

/**
 * What an answer with status 200 turns out to be: a page of HTML, one JSON document, or a stream; null while it has only
 * blanks. Lines of JSON and one document begin alike: with `lines`, which is what was asked for, the decoder takes both.
 */
export function kindOf(chunk: Buffer, lines: boolean): 'page' | 'whole' | 'stream' | null {
  const first = firstByte(chunk);
  if (first === undefined) return null;
  if (first === 0x3c) return 'page';
  return !lines && (first === 0x7b || first === 0x5b) ? 'whole' : 'stream';
}

export function isCompressed(headers: Record<string, string | string[] | undefined>): boolean {
  const coding = headers['content-encoding'];
  return coding !== undefined && coding !== '' && coding !== 'identity';
}

/** Whether these bytes are one whole JSON document. */
export function isJson(chunks: readonly Buffer[]): boolean {
  if (chunks.length === 0) return false;
  try {
    JSON.parse(Buffer.concat(chunks).toString('utf8'));
    return true;
  } catch {
    return false;
  }
}
