/** An answer that came in one piece: what all dialects check before they read it. */

import type { Decoder } from '../contract/dialect.ts';
import type { Part } from '../contract/part.ts';
import { failed, reportedFailure, unreadable } from './failures.ts';
import { isObject, type Json, parseJson } from './json.ts';
import { createSseParser } from './sse.ts';

/** Reads `body` as one JSON document; a stream that nobody asked for is read as a stream. Never throws. */
export function readWhole(text: string, decoder: () => Decoder, read: (document: Json) => Part[] | null): Part[] {
  const body = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  if (/^\s*(data|event|id|retry)?:/.test(body)) return readStream(body, decoder());
  const parsed = parseJson(body);
  if (!parsed.ok) return [unreadable(body, parsed.cut)];
  const failure = reportedFailure(parsed.value);
  if (failure) return [failure];
  const parts = isObject(parsed.value) ? read(parsed.value) : null;
  return parts ?? [failed('upstream_protocol', 'JSON that is not an answer')];
}

function readStream(body: string, decoder: Decoder): Part[] {
  const parts: Part[] = [];
  const parser = createSseParser({
    onEvent: (event) => parts.push(...decoder.push(event)),
    // The body is in memory already, so no event can be too long for it.
    maxEventChars: body.length + 2,
  });
  parser.push(Buffer.from(body));
  parser.end();
  parts.push(...decoder.end());
  return parts;
}
