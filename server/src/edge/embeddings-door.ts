/** `POST /v1/embeddings`: vectors of texts, as OpenAI's clients ask for them, from any provider that makes some. */
import type { Dialect } from '../contract/dialect.ts';
import { embeddingsDoor, openaiUsage } from '../dialects/index.ts';
import type { AnswerDialect } from './answer-door.ts';

export function embeddings(openai: Dialect): AnswerDialect {
  return {
    dialect: { ...openai, door: embeddingsDoor },
    path: '/v1/embeddings',
    summary: 'OpenAI embeddings',
    body: {
      type: 'object',
      additionalProperties: true,
      properties: {
        model: { type: 'string' },
        input: {},
        dimensions: { type: 'integer', minimum: 1 },
        encoding_format: { type: 'string', enum: ['float', 'base64'] },
        user: { type: 'string' },
      },
      required: ['input'],
    },
    example: '{"model": "text-embedding-3-small", "input": "Hello"}',
    relay: null,
    usage: openaiUsage,
    idHeader: null,
    passHeaders: [],
  };
}
