/**
 * The least that a vendor of each dialect says: one text, its end, its usage; streamed and whole, and its refusal of a
 * key. Written from the vendors' references, not from our decoders.
 */
import type { DialectName } from '../../src/contract/call.ts';
import { bedrock, cohere, gemini, ollama } from './speak-own.ts';
import { data, fields, IN, json, named, OUT, type Speaker, sse } from './speaker.ts';

const counts = { prompt_tokens: IN, completion_tokens: OUT, total_tokens: IN + OUT };
const openai: Speaker = {
  asks: (path, body) => (path === '/chat/completions' && Array.isArray(body.messages) ? fields(body) : null),
  stream(words) {
    const chunk = (choices: unknown[], more = {}) => ({
      id: 'c1',
      object: 'chat.completion.chunk',
      created: 1,
      model: 'm',
      choices,
      ...more,
    });
    const delta = (content: string) => chunk([{ index: 0, delta: { content }, finish_reason: null }]);
    const end = chunk([{ index: 0, delta: {}, finish_reason: 'stop' }]);
    return sse(`${data([...words.map(delta), end, chunk([], { usage: counts })])}data: [DONE]\n\n`);
  },
  whole: (words) =>
    json({
      id: 'c1',
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: words.join('') }, finish_reason: 'stop' }],
      usage: counts,
    }),
  refusal: (message) => JSON.stringify({ error: { message, type: 'invalid_request_error', code: 'invalid_api_key' } }),
};

const anthropic: Speaker = {
  asks: (path, body) => (path === '/messages' && typeof body.max_tokens === 'number' ? fields(body) : null),
  stream: (words) =>
    sse(
      named([
        [
          'message_start',
          {
            type: 'message_start',
            message: {
              id: 'm1',
              type: 'message',
              role: 'assistant',
              content: [],
              model: 'm',
              stop_reason: null,
              usage: { input_tokens: IN, output_tokens: 1 },
            },
          },
        ],
        ['content_block_start', { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }],
        ...words.map(
          (text) =>
            [
              'content_block_delta',
              { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } },
            ] as const,
        ),
        ['content_block_stop', { type: 'content_block_stop', index: 0 }],
        ['message_delta', { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: OUT } }],
        ['message_stop', { type: 'message_stop' }],
      ]),
    ),
  whole: (words) =>
    json({
      id: 'm1',
      type: 'message',
      role: 'assistant',
      content: [{ type: 'text', text: words.join('') }],
      stop_reason: 'end_turn',
      usage: { input_tokens: IN, output_tokens: OUT },
    }),
  refusal: (message) => JSON.stringify({ type: 'error', error: { type: 'authentication_error', message } }),
};

const responsesUsage = { input_tokens: IN, output_tokens: OUT, total_tokens: IN + OUT };
const output = (text: string) => ({
  type: 'message',
  id: 'msg_1',
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', text, annotations: [] }],
});
const response = (words: readonly string[]) => ({
  id: 'resp_1',
  object: 'response',
  status: 'completed',
  model: 'm',
  output: [output(words.join(''))],
  usage: responsesUsage,
});
const responses: Speaker = {
  asks: (path, body) => (path === '/responses' && body.input !== undefined ? fields(body) : null),
  stream: (words) =>
    sse(
      named([
        [
          'response.created',
          {
            type: 'response.created',
            sequence_number: 0,
            response: { ...response([]), status: 'in_progress', output: [], usage: null },
          },
        ],
        [
          'response.output_item.added',
          {
            type: 'response.output_item.added',
            output_index: 0,
            item: { ...output(''), status: 'in_progress', content: [] },
          },
        ],
        [
          'response.content_part.added',
          {
            type: 'response.content_part.added',
            output_index: 0,
            content_index: 0,
            item_id: 'msg_1',
            part: { type: 'output_text', text: '', annotations: [] },
          },
        ],
        ...words.map(
          (delta) =>
            [
              'response.output_text.delta',
              { type: 'response.output_text.delta', output_index: 0, content_index: 0, item_id: 'msg_1', delta },
            ] as const,
        ),
        [
          'response.output_text.done',
          {
            type: 'response.output_text.done',
            output_index: 0,
            content_index: 0,
            item_id: 'msg_1',
            text: words.join(''),
          },
        ],
        [
          'response.output_item.done',
          { type: 'response.output_item.done', output_index: 0, item: output(words.join('')) },
        ],
        ['response.completed', { type: 'response.completed', response: response(words) }],
      ]),
    ),
  whole: (words) => json(response(words)),
  refusal: openai.refusal,
};

export const SPEAKERS: Readonly<Record<DialectName, Speaker>> = {
  openai,
  anthropic,
  gemini,
  cohere,
  bedrock,
  ollama,
  responses,
};
