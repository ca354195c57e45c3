/** An unstreamed Anthropic message to parts. */
import type { Part } from '../../contract/part.ts';
import { failed } from '../failures.ts';
import { isObject, type Json } from '../json.ts';
import { readWhole } from '../whole.ts';
import { createBlockReader } from './blocks.ts';
import { createAnthropicDecoder } from './decoder.ts';
import { stopReason } from './stop.ts';
import { createUsageReader } from './usage.ts';

export function anthropicWhole(body: string): Part[] {
  return readWhole(body, () => createAnthropicDecoder(), readMessage);
}

function readMessage(message: Json): Part[] | null {
  if (!Array.isArray(message.content)) return null;
  const parts: Part[] = [];
  const blocks = createBlockReader();
  message.content.forEach((block: unknown, index) => {
    if (!isObject(block)) return;
    blocks.start(index, block, parts);
    blocks.stop(index, parts);
  });
  blocks.end(parts);
  const counts = createUsageReader();
  counts.read(message.usage);
  const usage = counts.usage();
  if (usage) parts.push({ type: 'usage', usage });
  const { stop_reason } = message;
  if (typeof stop_reason === 'string' && stop_reason !== '') {
    parts.push({ type: 'finish', reason: stopReason(stop_reason, false) });
  } else parts.push(failed('upstream_truncated', 'the answer has no stop_reason'));
  return parts;
}
