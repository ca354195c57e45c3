/** An unstreamed Gemini answer to parts: it is one event of a stream. */

import type { Part } from '../../contract/part.ts';
import type { Quirks } from '../../contract/quirks.ts';
import { isObject, type Json, parseJson } from '../json.ts';
import { readWhole } from '../whole.ts';
import { createGeminiDecoder } from './decoder.ts';

export function geminiWhole(body: string, quirks: Quirks): Part[] {
  const answer = (responses: readonly unknown[]): Part[] => {
    const decoder = createGeminiDecoder(quirks);
    const parts = responses.filter(isObject).flatMap((response) => decoder.read(response));
    return [...parts, ...decoder.end()];
  };
  // A stream without `alt=sse` is one list of the same responses.
  if (/^\ufeff?\s*\[/.test(body)) {
    const parsed = parseJson(body.replace(/^\ufeff/, ''));
    if (parsed.ok && Array.isArray(parsed.value) && parsed.value.some((one) => isObject(one) && isAnswer(one))) {
      return answer(parsed.value);
    }
  }
  return readWhole(
    body,
    () => createGeminiDecoder(quirks),
    (document) => (isAnswer(document) ? answer([document]) : null),
  );
}

function isAnswer(document: Json): boolean {
  return Array.isArray(document.candidates) || isObject(document.promptFeedback) || isObject(document.usageMetadata);
}
