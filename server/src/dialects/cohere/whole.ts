/** An unstreamed Cohere answer to parts. */
import type { Part } from '../../contract/part.ts';
import { failed } from '../failures.ts';
import { isObject, type Json, objectIn, stringIn } from '../json.ts';
import { mendText } from '../text.ts';
import { readWhole } from '../whole.ts';
import { createCohereDecoder } from './decoder.ts';
import { complaintIn } from './failure.ts';
import { endOf } from './stop.ts';
import { createCallReader } from './tool-calls.ts';
import { usageIn } from './usage.ts';

export function cohereWhole(body: string): Part[] {
  return readWhole(body, () => createCohereDecoder(), readAnswer);
}

function readAnswer(answer: Json): Part[] | null {
  const message = objectIn(answer, 'message');
  if (message === null) {
    const failure = complaintIn(answer);
    return failure ? [failure] : null;
  }
  const parts: Part[] = [];
  show('reasoning', message.tool_plan, parts);
  if (Array.isArray(message.content)) {
    for (const block of message.content) {
      if (!isObject(block)) continue;
      show('reasoning', block.thinking, parts);
      show('text', block.text, parts);
    }
  } else show('text', message.content, parts);
  const calls = createCallReader();
  const list: unknown[] = Array.isArray(message.tool_calls) ? message.tool_calls : [];
  list.filter(isObject).forEach((call, index) => {
    calls.start(index, call, stringIn(answer, 'id'), parts);
    calls.stop(index, parts);
  });
  const usage = usageIn(answer.usage);
  if (usage) parts.push({ type: 'usage', usage });
  const { finish_reason } = answer;
  if (typeof finish_reason !== 'string' || finish_reason === '') {
    parts.push(failed('upstream_truncated', 'the answer has no finish_reason'));
    return parts;
  }
  const reason = endOf(finish_reason, answer.error, calls.used());
  parts.push(typeof reason === 'string' ? { type: 'finish', reason } : reason);
  return parts;
}

function show(kind: 'text' | 'reasoning', text: unknown, parts: Part[]): void {
  if (typeof text === 'string' && text !== '') parts.push({ type: kind, text: mendText(text) });
}
