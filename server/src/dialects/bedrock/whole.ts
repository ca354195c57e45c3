/** An unstreamed Converse answer to parts. */
import type { Part } from '../../contract/part.ts';
import { failed } from '../failures.ts';
import { isObject, type Json, objectIn, parseJson } from '../json.ts';
import { readWhole } from '../whole.ts';
import { createBlockReader } from './blocks.ts';
import { createBedrockDecoder } from './decoder.ts';
import { bedrockError } from './failure.ts';
import { stopReason } from './stop.ts';
import { bedrockUsage } from './usage.ts';

/** How Bedrock's errors begin, so that a long answer need not be parsed twice to know that it is none. */
const ERROR = /^\s*\{\s*"(message|Message|__type|Output)"/;

export function bedrockWhole(body: string): Part[] {
  if (ERROR.test(body)) {
    const parsed = parseJson(body);
    const failure = parsed.ok && isObject(parsed.value) ? bedrockError(parsed.value) : null;
    if (failure) return [failure];
  }
  return readWhole(body, () => createBedrockDecoder(), readAnswer);
}

function readAnswer(answer: Json): Part[] | null {
  const content = objectIn(objectIn(answer, 'output') ?? {}, 'message')?.content;
  if (!Array.isArray(content)) return null;
  const parts: Part[] = [];
  const blocks = createBlockReader();
  content.forEach((block: unknown, index) => {
    if (isObject(block)) blocks.whole(index, block, parts);
  });
  blocks.end(parts);
  const usage = bedrockUsage(answer.usage);
  if (usage) parts.push({ type: 'usage', usage });
  parts.push(ending(answer.stopReason));
  return parts;
}

function ending(value: unknown): Part {
  if (typeof value !== 'string' || value === '') return failed('upstream_truncated', 'the answer has no stopReason');
  const reason = stopReason(value, false);
  return reason === null
    ? failed('upstream_protocol', `the model's answer is broken: ${value}`)
    : { type: 'finish', reason };
}
