/** An unstreamed OpenAI completion to parts. */
import type { Part } from '../../contract/part.ts';
import type { Quirks } from '../../contract/ports.ts';
import { failed } from '../failures.ts';
import { isObject, type Json, objectIn, stringIn } from '../json.ts';
import { mendText } from '../text.ts';
import { readWhole } from '../whole.ts';
import { createContentReader } from './content.ts';
import { createOpenaiDecoder } from './decoder.ts';
import { finishReason } from './finish.ts';
import { createEchoFilter } from './prefix.ts';
import { createThinkSplitter } from './think-tags.ts';
import { createToolCallReader } from './tool-calls.ts';
import { usageIn } from './usage.ts';

export function openaiWhole(body: string, quirks: Quirks, prefix?: string): Part[] {
  return readWhole(
    body,
    () => createOpenaiDecoder(quirks, prefix === undefined ? {} : { prefix }),
    (document) => readCompletion(document, quirks, prefix),
  );
}

function readCompletion(completion: Json, quirks: Quirks, prefix: string | undefined): Part[] | null {
  const choice = Array.isArray(completion.choices) ? completion.choices[0] : null;
  const message = isObject(choice) ? objectIn(choice, 'message') : null;
  if (!isObject(choice) || message === null) return null;
  const parts: Part[] = [];
  const content = createContentReader()(message);
  if (content.reasoning !== '') parts.push({ type: 'reasoning', text: mendText(content.reasoning) });
  parts.push(...content.details);
  if (content.text !== '') readText(mendText(content.text), quirks, prefix, parts);
  readToolCalls(message, stringIn(completion, 'id'), parts);
  const usage = usageIn(completion, quirks);
  if (usage) parts.push({ type: 'usage', usage });
  const reason = finishReason(choice.finish_reason);
  if (reason === null) parts.push(failed('upstream_truncated', 'the answer has no finish_reason'));
  else if (reason === 'error') parts.push(failed('upstream_unavailable', 'the answer has finish_reason "error"'));
  else parts.push({ type: 'finish', reason });
  return parts;
}

function readText(text: string, quirks: Quirks, prefix: string | undefined, parts: Part[]): void {
  const echo = createEchoFilter(quirks, prefix);
  const fresh = echo === null ? text : echo.push(text) + echo.end();
  if (quirks.thinkTags) {
    const tags = createThinkSplitter();
    tags.push(fresh, parts);
    tags.end(parts);
  } else if (fresh !== '') parts.push({ type: 'text', text: fresh });
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
