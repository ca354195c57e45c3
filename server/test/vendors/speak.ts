/** What the vendor of each dialect says. Written from the vendors' references, not from our decoders. */
import type { DialectName } from '../../src/contract/call.ts';
import { anthropic } from './speak-anthropic.ts';
import { bedrock } from './speak-bedrock.ts';
import { cohere } from './speak-cohere.ts';
import { gemini } from './speak-gemini.ts';
import { ollama } from './speak-ollama.ts';
import { openai, responses } from './speak-openai.ts';
import type { Speaker } from './speaker.ts';

export const SPEAKERS: Readonly<Record<DialectName, Speaker>> = {
  openai,
  anthropic,
  gemini,
  cohere,
  bedrock,
  ollama,
  responses,
};
