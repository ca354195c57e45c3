/** `POST /v1/messages` and `POST /v1/messages/count_tokens`: an Anthropic client works by changing its address. */
import type { FastifyInstance } from 'fastify';
import type { AnswerCall } from '../contract/call.ts';
import type { Dialect } from '../contract/dialect.ts';
import { anthropicUsage } from '../dialects/anthropic/door-events.ts';
import type { AnswerDialect } from './answer-door.ts';
import { parseObject } from './body.ts';
import { anthropicRelay } from './relay-anthropic.ts';

const BODY = {
  type: 'object',
  additionalProperties: true,
  properties: {
    model: { type: 'string' },
    max_tokens: { type: 'integer' },
    messages: { type: 'array', items: {} },
    system: {},
    stream: { type: 'boolean' },
  },
  required: ['messages'],
};

const EXAMPLE = '{"model": "auto", "max_tokens": 1000, "messages": [{"role": "user", "content": "Hello"}]}';

export function anthropicAnswers(dialect: Dialect): AnswerDialect {
  return {
    dialect,
    path: '/v1/messages',
    summary: 'Anthropic messages',
    body: BODY,
    example: EXAMPLE,
    relay: (_includeUsage, encoder) => anthropicRelay(encoder),
    usage: anthropicUsage,
    idHeader: 'request-id',
    passHeaders: ['anthropic-beta'],
  };
}

/** `count`: about how many tokens a vendor would count; nothing is sent to any. */
export function countTokensRoute(
  app: FastifyInstance,
  dialect: Dialect,
  count: (call: AnswerCall) => Promise<number>,
): void {
  const { door } = dialect;
  if (!door) throw new Error(`the ${dialect.name} dialect has no door`);
  app.post(
    '/v1/messages/count_tokens',
    {
      config: { permission: 'request:write', door: true },
      schema: {
        summary: 'Anthropic token counting, as an estimate',
        description: 'Counted with the tokenizer of another maker: vendors come to other numbers by some percent.',
        tags: ['Drop-in doors'],
        body: BODY,
      },
    },
    async (request) => {
      const { call } = door.decode(parseObject(request.body, EXAMPLE));
      return { input_tokens: await count(call), x_mcp: { source: 'estimated' } };
    },
  );
}
