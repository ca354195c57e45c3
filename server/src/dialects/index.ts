/** All wire formats, by name. A new one is a folder here and its fixtures. */
import type { DialectName } from '../contract/call.ts';
import type { Dialect } from '../contract/dialect.ts';
import { anthropic } from './anthropic/index.ts';
import { bedrock } from './bedrock/index.ts';
import { cohere } from './cohere/index.ts';
import { crossing } from './crossing.ts';
import { gemini } from './gemini/index.ts';
import { ollama } from './ollama/index.ts';
import { openai } from './openai/index.ts';
import { responses } from './responses/index.ts';

export { embeddingsDoor } from './openai/embeddings-door.ts';
export { openaiUsage } from './openai/encoder.ts';
export { invalidCalls, openaiMessage, partsOfMessage } from './openai/message.ts';
export {
  askedBody,
  createReplay,
  decodeResponses,
  inputItems,
  isStored,
  keptCall,
  namedRequests,
  partsOfStored,
  type Replay,
  requestIdOf,
  responseId,
  responseObject,
  withItems,
  withPrevious,
} from './responses/index.ts';
export { messageOfVectors, rounded, vectorsOfMessage } from './vectors.ts';

export const DIALECTS = crossing({ openai, anthropic, responses, gemini, bedrock, cohere, ollama } as Record<
  DialectName,
  Dialect
>);
