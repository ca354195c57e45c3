/** Vendors with dialects of their own: Gemini, Cohere, Bedrock, Ollama. See speak.ts. */
import { crc32 } from 'node:zlib';
import { data, fields, IN, JSON_TYPE, json, named, OUT, type Speaker, sse } from './speaker.ts';

const geminiCounts = { promptTokenCount: IN, candidatesTokenCount: OUT, totalTokenCount: IN + OUT };
export const gemini: Speaker = {
  asks(path, body) {
    const [, model, method] = /^\/models\/([^/:]+):(generateContent|streamGenerateContent\?alt=sse)$/.exec(path) ?? [];
    if (model === undefined || !Array.isArray(body.contents)) return null;
    return { model: decodeURIComponent(model), stream: method !== 'generateContent' };
  },
  stream: (words) =>
    sse(
      data([
        ...words.map((text) => ({ candidates: [{ content: { role: 'model', parts: [{ text }] }, index: 0 }] })),
        {
          candidates: [{ content: { role: 'model', parts: [{ text: '' }] }, finishReason: 'STOP', index: 0 }],
          usageMetadata: geminiCounts,
        },
      ]),
    ),
  whole: (words) =>
    json({
      candidates: [{ content: { role: 'model', parts: [{ text: words.join('') }] }, finishReason: 'STOP', index: 0 }],
      usageMetadata: geminiCounts,
    }),
  refusal: (message) => JSON.stringify({ error: { code: 401, message, status: 'UNAUTHENTICATED' } }),
};

const cohereUsage = {
  billed_units: { input_tokens: IN, output_tokens: OUT },
  tokens: { input_tokens: IN, output_tokens: OUT },
};
export const cohere: Speaker = {
  asks: (path, body) => (path === '/v2/chat' && Array.isArray(body.messages) ? fields(body) : null),
  stream: (words) =>
    sse(
      named([
        ['message-start', { id: 'r1', type: 'message-start', delta: { message: { role: 'assistant', content: [] } } }],
        [
          'content-start',
          { type: 'content-start', index: 0, delta: { message: { content: { type: 'text', text: '' } } } },
        ],
        ...words.map(
          (text) =>
            ['content-delta', { type: 'content-delta', index: 0, delta: { message: { content: { text } } } }] as const,
        ),
        ['content-end', { type: 'content-end', index: 0 }],
        ['message-end', { type: 'message-end', delta: { finish_reason: 'COMPLETE', usage: cohereUsage } }],
      ]),
    ),
  whole: (words) =>
    json({
      id: 'r1',
      finish_reason: 'COMPLETE',
      message: { role: 'assistant', content: [{ type: 'text', text: words.join('') }] },
      usage: cohereUsage,
    }),
  refusal: (message) => JSON.stringify({ id: 'e1', message }),
};

/** One message of an `application/vnd.amazon.eventstream`. */
function eventFrame(type: string, payload: unknown): Buffer {
  const header = (name: string, value: string): Buffer => {
    const bytes = Buffer.from(value);
    return Buffer.concat([
      Buffer.from([name.length]),
      Buffer.from(name),
      Buffer.from([7, bytes.length >> 8, bytes.length & 255]),
      bytes,
    ]);
  };
  const headers = Buffer.concat([
    header(':event-type', type),
    header(':content-type', JSON_TYPE),
    header(':message-type', 'event'),
  ]);
  const body = Buffer.from(JSON.stringify(payload));
  const frame = Buffer.alloc(16 + headers.length + body.length);
  frame.writeUInt32BE(frame.length, 0);
  frame.writeUInt32BE(headers.length, 4);
  frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8);
  headers.copy(frame, 12);
  body.copy(frame, 12 + headers.length);
  frame.writeUInt32BE(crc32(frame.subarray(0, -4)), frame.length - 4);
  return frame;
}

const bedrockUsage = { inputTokens: IN, outputTokens: OUT, totalTokens: IN + OUT };
export const bedrock: Speaker = {
  asks(path, body) {
    const [, model, method] = /^\/model\/([^/]+)\/(converse|converse-stream)$/.exec(path) ?? [];
    if (model === undefined || !Array.isArray(body.messages)) return null;
    return { model: decodeURIComponent(model), stream: method === 'converse-stream' };
  },
  stream: (words) => ({
    type: 'application/vnd.amazon.eventstream',
    body: Buffer.concat([
      eventFrame('messageStart', { role: 'assistant' }),
      ...words.map((text) => eventFrame('contentBlockDelta', { contentBlockIndex: 0, delta: { text } })),
      eventFrame('contentBlockStop', { contentBlockIndex: 0 }),
      eventFrame('messageStop', { stopReason: 'end_turn' }),
      eventFrame('metadata', { usage: bedrockUsage, metrics: { latencyMs: 7 } }),
    ]),
  }),
  whole: (words) =>
    json({
      output: { message: { role: 'assistant', content: [{ text: words.join('') }] } },
      stopReason: 'end_turn',
      usage: bedrockUsage,
      metrics: { latencyMs: 7 },
    }),
  refusal: (message) => JSON.stringify({ message }),
};

export const ollama: Speaker = {
  asks: (path, body) =>
    path === '/api/chat' && Array.isArray(body.messages)
      ? { model: String(body.model), stream: body.stream !== false }
      : null,
  stream(words) {
    const lines = words.map((content) => ({ model: 'm', message: { role: 'assistant', content }, done: false }));
    const end = {
      model: 'm',
      message: { role: 'assistant', content: '' },
      done: true,
      done_reason: 'stop',
      prompt_eval_count: IN,
      eval_count: OUT,
    };
    return { type: 'application/x-ndjson', body: [...lines, end].map((line) => `${JSON.stringify(line)}\n`).join('') };
  },
  whole: (words) =>
    json({
      model: 'm',
      message: { role: 'assistant', content: words.join('') },
      done: true,
      done_reason: 'stop',
      prompt_eval_count: IN,
      eval_count: OUT,
    }),
  refusal: (message) => JSON.stringify({ error: message }),
};
