/** An unstreamed answer to parts: the one line that is left of a stream, or the stream itself. */
import type { Part } from '../../contract/part.ts';
import { unreadable } from '../failures.ts';
import { createNdjsonParser } from '../ndjson.ts';
import { createOllamaDecoder } from './decoder.ts';

export function ollamaWhole(body: string): Part[] {
  if (body.trim() === '') return [unreadable(body, false)];
  // The body is in memory already, so nothing in it can be too long.
  const most = body.length + 1;
  const decoder = createOllamaDecoder({ maxDocumentChars: most });
  const parts: Part[] = [];
  const parser = createNdjsonParser({
    onEvent: (event) => parts.push(...decoder.push(event)),
    maxLineChars: most,
  });
  parser.push(Buffer.from(body));
  parser.end();
  parts.push(...decoder.end());
  return parts;
}
