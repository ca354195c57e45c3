/** Amazon's Converse and ConverseStream, with the binary event stream ("Event stream encoding"). */
import { crc32 } from 'node:zlib';
import type { Step } from '../../src/providers/simulator/script.ts';
import {
  type Answer,
  type Counts,
  finishOf,
  JSON_TYPE,
  type RefusalKind,
  type SaidCall,
  type Speaker,
  step,
  sum,
  textOf,
  usageField,
} from './speaker.ts';

function header(name: string, value: string): Buffer {
  const bytes = Buffer.from(value);
  const size = Buffer.from([bytes.length >> 8, bytes.length & 255]);
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from([7]), size, bytes]);
}

/** One message: lengths, their checksum, headers, payload, checksum of all. */
export function awsMessage(headers: Readonly<Record<string, string>>, payload: string): Buffer {
  const head = Buffer.concat(Object.entries(headers).map(([name, value]) => header(name, value)));
  const body = Buffer.from(payload);
  const message = Buffer.alloc(16 + head.length + body.length);
  message.writeUInt32BE(message.length, 0);
  message.writeUInt32BE(head.length, 4);
  message.writeUInt32BE(crc32(message.subarray(0, 8)), 8);
  head.copy(message, 12);
  body.copy(message, 12 + head.length);
  message.writeUInt32BE(crc32(message.subarray(0, -4)), message.length - 4);
  return message;
}

export const awsEvent = (type: string, payload: unknown): Buffer =>
  awsMessage(
    { ':event-type': type, ':content-type': JSON_TYPE, ':message-type': 'event' },
    typeof payload === 'string' ? payload : JSON.stringify(payload),
  );
export const awsException = (type: string, payload: unknown): Buffer =>
  awsMessage(
    { ':message-type': 'exception', ':exception-type': type, ':content-type': JSON_TYPE },
    JSON.stringify(payload),
  );

const STOPS = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  content_filter: 'guardrail_intervened',
  error: 'malformed_model_output',
};

const ERRORS: Readonly<Record<RefusalKind, readonly [name: string, message: string]>> = {
  key: ['UnrecognizedClientException', 'The security token included in the request is invalid.'],
  rate: ['ThrottlingException', 'Too many requests, please wait before trying again.'],
  quota: [
    'AccessDeniedException',
    'Your account has an INVALID_PAYMENT_INSTRUMENT: a valid payment instrument is needed.',
  ],
  context: ['ValidationException', 'The model returned the following errors: Input is too long for requested model.'],
  // A guardrail answers with status 200 and a stop reason.
  filter: ['ValidationException', 'Blocked.'],
  model: ['ValidationException', 'The provided model identifier is invalid.'],
  forbidden: ['AccessDeniedException', "You don't have access to the model with the specified model ID."],
  invalid: ['ValidationException', '1 validation error detected: temperature must be less than or equal to 1'],
  broken: ['InternalServerException', 'The system encountered an unexpected error during processing. Try again.'],
};

const counts = (usage: Counts) => ({
  inputTokens: usage.input,
  outputTokens: usage.output,
  totalTokens: sum(usage),
});
const toolUse = ({ id, name, pieces }: SaidCall) => ({
  toolUse: { toolUseId: id, name, input: JSON.parse(textOf(pieces) || '{}') as unknown },
});

export const bedrock: Speaker = {
  asks(path, body) {
    const [, model, method] = /^\/model\/([^/]+)\/(converse|converse-stream)$/.exec(path) ?? [];
    if (model === undefined || !Array.isArray(body.messages)) return null;
    return { model: decodeURIComponent(model), stream: method === 'converse-stream' };
  },
  type: 'application/vnd.amazon.eventstream',
  events(answer) {
    const { thoughts = [], words = [], calls = [] } = answer;
    const steps: Step[] = [];
    const say = (kind: Step['kind'], type: string, payload: Record<string, unknown>) =>
      steps.push(step(kind, awsEvent(type, { ...payload, p: 'abcdefgh' })));
    let at = 0;
    const block = (deltas: readonly Record<string, unknown>[]) => {
      for (const delta of deltas) say('token', 'contentBlockDelta', { contentBlockIndex: at, delta });
      say('other', 'contentBlockStop', { contentBlockIndex: at++ });
    };
    say('open', 'messageStart', { role: 'assistant' });
    if (thoughts.length > 0) block(thoughts.map((text) => ({ reasoningContent: { text } })));
    if (words.length > 0) block(words.map((text) => ({ text })));
    for (const { id, name, pieces } of calls) {
      say('other', 'contentBlockStart', { contentBlockIndex: at, start: { toolUse: { toolUseId: id, name } } });
      block(pieces.map((input) => ({ toolUse: { input } })));
    }
    say('finish', 'messageStop', { stopReason: STOPS[finishOf(answer)] });
    say('usage', 'metadata', { ...usageField(answer, 'usage', counts), metrics: { latencyMs: 7 } });
    return steps;
  },
  whole: (answer: Answer) => ({
    output: {
      message: {
        role: 'assistant',
        content: [
          ...((answer.thoughts ?? []).length > 0
            ? [{ reasoningContent: { reasoningText: { text: textOf(answer.thoughts) } } }]
            : []),
          ...((answer.words ?? []).length > 0 ? [{ text: textOf(answer.words) }] : []),
          ...(answer.calls ?? []).map(toolUse),
        ],
      },
    },
    stopReason: STOPS[finishOf(answer)],
    ...usageField(answer, 'usage', counts),
    metrics: { latencyMs: 7 },
  }),
  statuses: { key: 403, rate: 429, quota: 403, context: 400, model: 400, forbidden: 403, invalid: 400, broken: 500 },
  error(kind, message) {
    const [name, text] = ERRORS[kind];
    return { __type: name, message: message ?? text };
  },
};
