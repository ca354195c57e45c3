/** All wire formats, by name. A new one is a folder here and its fixtures. */
import type { DialectName } from '../contract/call.ts';
import type { Dialect } from '../contract/ports.ts';
import { anthropic } from './anthropic/index.ts';
import { crossing } from './crossing.ts';
import { openai } from './openai/index.ts';

export { openaiUsage } from './openai/encoder.ts';
export { openaiMessage, partsOfMessage } from './openai/message.ts';

export const DIALECTS = crossing({ openai, anthropic } as Record<DialectName, Dialect>);
