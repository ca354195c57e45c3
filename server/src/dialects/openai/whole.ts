/** An unstreamed OpenAI completion to parts. */

import type { Part } from '../../contract/part.ts';
import type { Quirks } from '../../contract/quirks.ts';
import { failed } from '../failures.ts';
import { isObject, type Json, objectIn, stringIn } from '../json.ts';
import { mendText } from '../text.ts';
import { readWhole } from '../whole.ts';
import { createContentReader } from './content.ts';
import { createOpenaiDecoder } from './decoder.ts';
import { finishReason } from './finish.ts';
import { createThinkSplitter } from './think-tags.ts';
import { createToolCallReader } from './tool-calls.ts';
import { usageIn } from './usage.ts';

export function openaiWhole(body: string, quirks: Quirks): Part[] {
  return readWhole(
    body,
    () => createOpenaiDecoder(quirks),
    (document) => readCompletion(document, quirks),
  );
}

function readCompletion(completion: Json, quirks: Quirks): Part[] | null {
  const choice = Array.isArray(completion.choices) ? completion.choices[0] : null;
  const message = isObject(choice) ? objectIn(choice, 'message') : null;
  if (!isObject(choice) || message === null) return null;
  const parts: Part[] = [];
  const content = createContentReader()(message);
  if (content.reasoning !== '') parts.push({ type: 'reasoning', text: mendText(content.reasoning) });
  parts.push(...content.details);
  if (content.text !== '') readText(mendText(content.text), quirks, parts);
  readToolCalls(message, stringIn(completion, 'id'), parts);
  const usage = usageIn(completion, quirks);
  if (usage) parts.push({ type: 'usage', usage });
  const reason = finishReason(choice.finish_reason);
  if (reason === null) parts.push(failed('upstream_truncated', 'the answer has no finish_reason'));
  else if (reason === 'error') parts.push(failed('upstream_unavailable', 'the answer has finish_reason "error"'));
  else parts.push({ type: 'finish', reason });
  return parts;
}

function readText(text: string, quirks: Quirks, parts: Part[]): void {
  if (!quirks.thinkTags) {
    parts.push({ type: 'text', text });
    return;
  }
  const tags = createThinkSplitter();
  tags.push(text, parts);
  tags.end(parts);
}

function readToolCalls(message: Json, responseId: string | null, parts: Part[]): void {
  const calls: unknown[] = Array.isArray(message.tool_calls) ? message.tool_calls : [];
  if (calls.length === 0 && isObject(message.function_call)) calls.push({ function: message.function_call });
  const reader = createToolCallReader();
  // Here each entry is a whole call, whatever index the vendor gives it.
  const numbered = calls.filter(isObject).map((call, index) => ({ ...call, index }));
  reader.read(numbered, responseId, parts);
  reader.end(parts);
}
