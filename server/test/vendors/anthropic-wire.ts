/** Anthropic's wire: the message as blocks, as events of a stream, and errors in its words. */
import type { Step, Voice } from '../../src/providers/simulator/script.ts';

interface Usage {
  input_tokens: number;
  cache_creation_input_tokens: number;
  cache_read_input_tokens: number;
  output_tokens: number;
}

export type Block =
  | { type: 'thinking'; tokens: string[]; signature: string }
  | { type: 'text'; tokens: string[] }
  | { type: 'tool_use'; id: string; name: string; tokens: string[] };

export interface Reply {
  id: string;
  model: string;
  blocks: Block[];
  stopReason: string;
  stopSequence: string | null;
  /** Undefined: a fault keeps it from being reported at the end. */
  usage: Usage | null | undefined;
  input: Omit<Usage, 'output_tokens'>;
}

export function outputTokens(blocks: readonly Block[]): number {
  return blocks.reduce((sum, block) => sum + block.tokens.length, 0);
}

function cacheDetail(input: Reply['input']): Record<string, unknown> {
  return {
    ...input,
    cache_creation: {
      ephemeral_5m_input_tokens: input.cache_creation_input_tokens,
      ephemeral_1h_input_tokens: 0,
    },
  };
}

/** The real API pads events with blanks before the last brace, against guessing tokens from sizes. */
function event(data: { type: string } & Record<string, unknown>, blanks = 0): string {
  const json = JSON.stringify(data);
  return `event: ${data.type}\ndata: ${json.slice(0, -1)}${' '.repeat(blanks)}}\n\n`;
}

const STARTS: Record<Block['type'], (block: Block) => Record<string, unknown>> = {
  thinking: () => ({ type: 'thinking', thinking: '', signature: '' }),
  text: () => ({ type: 'text', text: '' }),
  tool_use: (block) => ({
    type: 'tool_use',
    id: 'id' in block ? block.id : '',
    name: 'name' in block ? block.name : '',
    input: {},
  }),
};
const DELTAS: Record<Block['type'], (token: string) => Record<string, unknown>> = {
  thinking: (thinking) => ({ type: 'thinking_delta', thinking }),
  text: (text) => ({ type: 'text_delta', text }),
  tool_use: (partial) => ({ type: 'input_json_delta', partial_json: partial }),
};

export function eventSteps(reply: Reply): Step[] {
  const started = {
    ...cacheDetail(reply.input),
    output_tokens: 1,
    service_tier: 'standard',
    inference_geo: 'not_available',
  };
  const message = {
    model: reply.model,
    id: reply.id,
    type: 'message',
    role: 'assistant',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: started,
  };
  const steps: Step[] = [
    {
      kind: 'open',
      bytes: event({ type: 'message_start', message }),
      tokens: 0,
      usage: { ...reply.input, output_tokens: 1 },
    },
  ];
  const other = (bytes: string): void => {
    steps.push({ kind: 'other', bytes, tokens: 0 });
  };
  reply.blocks.forEach((block, index) => {
    other(event({ type: 'content_block_start', index, content_block: STARTS[block.type](block) }));
    if (index === 0) other(event({ type: 'ping' }));
    if (block.type === 'tool_use') other(event({ type: 'content_block_delta', index, delta: DELTAS.tool_use('') }));
    for (const token of block.tokens) {
      const bytes = event({ type: 'content_block_delta', index, delta: DELTAS[block.type](token) }, token.length % 7);
      steps.push({ kind: 'token', bytes, tokens: 1 });
    }
    if (block.type === 'thinking') {
      other(
        event({ type: 'content_block_delta', index, delta: { type: 'signature_delta', signature: block.signature } }),
      );
    }
    other(event({ type: 'content_block_stop', index }, index + 1));
  });
  const delta = { stop_reason: reply.stopReason, stop_sequence: reply.stopSequence };
  const end = { type: 'message_delta', delta, ...(reply.usage === undefined ? {} : { usage: reply.usage }) };
  const finish: Step = { kind: 'finish', bytes: event(end, 3), tokens: 0 };
  if (reply.usage !== undefined) finish.usage = reply.usage;
  steps.push(finish, { kind: 'done', bytes: event({ type: 'message_stop' }, 5), tokens: 0 });
  return steps;
}

export function messageBody(reply: Reply): string {
  const content = reply.blocks.map((block) => {
    const text = block.tokens.join('');
    if (block.type === 'thinking') return { type: 'thinking', thinking: text, signature: block.signature };
    if (block.type === 'text') return { type: 'text', text };
    return { type: 'tool_use', id: block.id, name: block.name, input: JSON.parse(text) };
  });
  return JSON.stringify({
    model: reply.model,
    id: reply.id,
    type: 'message',
    role: 'assistant',
    content,
    stop_reason: reply.stopReason,
    stop_sequence: reply.stopSequence,
    ...(reply.usage === undefined
      ? {}
      : { usage: reply.usage && { ...cacheDetail(reply.input), ...reply.usage, service_tier: 'standard' } }),
  });
}

const TYPES: Record<number, readonly [type: string, message: string]> = {
  400: ['invalid_request_error', 'Invalid request.'],
  401: ['authentication_error', 'invalid x-api-key'],
  402: ['billing_error', 'There is an issue with your billing.'],
  403: ['permission_error', 'Your API key does not have permission to use the specified resource.'],
  404: ['not_found_error', 'model: claude-unknown'],
  413: ['request_too_large', 'Request exceeds the maximum size'],
  429: ['rate_limit_error', "This request would exceed your account's rate limit. Please try again later."],
  500: ['api_error', 'Internal server error'],
  504: ['timeout_error', 'Request timed out'],
  529: ['overloaded_error', 'Overloaded'],
};

export function errorBody(type: string, message: string, requestId: string, details?: unknown): string {
  const error = { ...(details === undefined ? {} : { details }), type, message };
  return JSON.stringify({ type: 'error', error, request_id: requestId });
}

export function anthropicVoice(requestId: string): Voice {
  const overloaded = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
  const late = { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: ' LATE' } };
  return {
    streamError: `data: ${JSON.stringify(overloaded)}\n\n`,
    namedError: `event: error\ndata: ${JSON.stringify({ ...overloaded, request_id: requestId })}\n\n`,
    badEvent: 'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{oops}}\n\n',
    lateText: event(late),
    breakBefore: '"delta":',
    refusal(status, kind) {
      const headers: [string, string][] = [['content-type', 'application/json']];
      const [type, message] = TYPES[status] ?? ['api_error', `Status ${status}`];
      switch (kind) {
        case 'quota': {
          const text =
            'You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.';
          return { headers, body: errorBody(type, text, requestId, { error_code: 'enforced_spend_limit_reached' }) };
        }
        case 'context':
          return { headers, body: errorBody(type, 'prompt is too long: 208310 tokens > 200000 maximum', requestId) };
        case 'filter':
          return { headers, body: errorBody(type, 'Output blocked by content filtering policy', requestId) };
        default:
          return { headers, body: errorBody(type, message, requestId) };
      }
    },
  };
}
