/** What the tests of this door share. */

import type { Dialect } from '../../../../src/contract/dialect.ts';
import type { Usage } from '../../../../src/contract/part.ts';
import { responses } from '../../../../src/dialects/responses/index.ts';

export const door = responses.door as NonNullable<Dialect['door']>;

export const USAGE: Usage = {
  inputTokens: 19,
  outputTokens: 10,
  cachedInputTokens: 8,
  cacheWriteTokens: 0,
  reasoningTokens: 3,
  source: 'reported',
};

export const CONTEXT = {
  requestId: '019ab7f0-1c2d-7e3f-8a4b-5c6d7e8f9a0b',
  model: 'openai/gpt-5.4',
  created: 1741569952,
  includeUsage: true,
};
