/** An unstreamed response to parts. */

import type { Part } from '../../contract/part.ts';
import type { Quirks } from '../../contract/quirks.ts';
import { isObject, type Json } from '../json.ts';
import { readWhole } from '../whole.ts';
import { createResponsesDecoder } from './decoder.ts';
import { createItemReader } from './items.ts';
import { endOf } from './status.ts';
import { responseUsage } from './usage.ts';

export function responsesWhole(body: string, quirks: Quirks): Part[] {
  return readWhole(
    body,
    () => createResponsesDecoder(quirks),
    (document) => readResponse(document, quirks),
  );
}

function readResponse(response: Json, quirks: Quirks): Part[] | null {
  const { output } = response;
  if (!Array.isArray(output)) return null;
  const parts: Part[] = [];
  const items = createItemReader();
  output.forEach((item: unknown, place) => {
    if (isObject(item)) items.done(`#${place}`, item, parts);
  });
  items.end(parts);
  const usage = responseUsage(response, quirks);
  if (usage) parts.push({ type: 'usage', usage });
  parts.push(endOf(response, '', items.usedTools()));
  return parts;
}
