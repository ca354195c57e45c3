/** `POST /v1/chat/completions`: an OpenAI client works by changing its address. */
import type { Dialect } from '../contract/dialect.ts';
import { openaiUsage } from '../dialects/index.ts';
import type { AnswerDialect } from './answer-door.ts';
import { openaiRelay } from './relay.ts';

export function openaiAnswers(dialect: Dialect): AnswerDialect {
  return {
    dialect,
    path: '/v1/chat/completions',
    summary: 'OpenAI chat completions',
    body: {
      type: 'object',
      additionalProperties: true,
      properties: {
        model: { type: 'string' },
        messages: { type: 'array', items: {} },
        stream: { type: 'boolean' },
      },
      required: ['messages'],
    },
    example: '{"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}',
    relay: openaiRelay,
    usage: openaiUsage,
    idHeader: null,
    passHeaders: [],
  };
}
