/** Cohere's v2 chat ("Streaming", "Errors"). */
import type { Step } from '../../src/providers/simulator/script.ts';
import {
  type Answer,
  type Counts,
  fields,
  finishOf,
  type RefusalKind,
  type SaidCall,
  type Speaker,
  SSE_TYPE,
  step,
  textOf,
  typedEvent,
  usageField,
} from './speaker.ts';

const FINISHES = {
  stop: 'COMPLETE',
  length: 'MAX_TOKENS',
  tool_calls: 'TOOL_CALL',
  content_filter: 'ERROR_TOXIC',
  error: 'ERROR',
};

const ERRORS: Readonly<Record<RefusalKind, string>> = {
  key: 'invalid api token',
  rate: 'Please wait and try again later.',
  quota: 'You are using a Trial key, which is limited to 1000 API calls / month.',
  context: 'too many tokens: total number of tokens in the request exceeds the limit of 128000.',
  filter: 'The request contains a deny-listed token.',
  model: "model 'm' not found, make sure the correct model ID was used and that you have access to the model.",
  forbidden: 'your API key does not have permission to use this model',
  invalid: 'invalid request: temperature must be between 0 and 1',
  broken: 'internal server error, this has been reported to our developers',
};

const counts = (usage: Counts) => ({
  billed_units: { input_tokens: usage.input, output_tokens: usage.output },
  tokens: { input_tokens: usage.input, output_tokens: usage.output },
});
const callOf = ({ id, name, pieces }: SaidCall) => ({
  id,
  type: 'function',
  function: { name, arguments: textOf(pieces) },
});

function* contentsOf({ thoughts = [], words = [] }: Answer): Generator<['thinking' | 'text', readonly string[]]> {
  if (thoughts.length > 0) yield ['thinking', thoughts];
  if (words.length > 0) yield ['text', words];
}

export const cohere: Speaker = {
  asks: (path, body) => (path === '/v2/chat' && Array.isArray(body.messages) ? fields(body) : null),
  type: SSE_TYPE,
  events(answer) {
    const steps: Step[] = [];
    const say = (kind: Step['kind'], type: string, more: Record<string, unknown>) =>
      steps.push(step(kind, typedEvent({ type, ...more })));
    const message = { role: 'assistant', content: [], tool_plan: '', tool_calls: [], citations: [] };
    say('open', 'message-start', { id: 'r1', delta: { message } });
    for (const [index, [type, pieces]] of [...contentsOf(answer)].entries()) {
      say('open', 'content-start', { index, delta: { message: { content: { type, [type]: '' } } } });
      for (const piece of pieces) {
        say('token', 'content-delta', { index, delta: { message: { content: { [type]: piece } } } });
      }
      say('other', 'content-end', { index });
    }
    for (const [index, call] of (answer.calls ?? []).entries()) {
      const begun = callOf({ ...call, pieces: [] });
      say('other', 'tool-call-start', { index, delta: { message: { tool_calls: begun } } });
      for (const piece of call.pieces) {
        const part = { function: { arguments: piece } };
        say('token', 'tool-call-delta', { index, delta: { message: { tool_calls: part } } });
      }
      say('other', 'tool-call-end', { index });
    }
    const finish_reason = FINISHES[finishOf(answer)];
    say('finish', 'message-end', { delta: { finish_reason, ...usageField(answer, 'usage', counts) } });
    return steps;
  },
  whole: (answer) => ({
    id: 'r1',
    finish_reason: FINISHES[finishOf(answer)],
    message: {
      role: 'assistant',
      content: [...contentsOf(answer)].map(([type, pieces]) => ({ type, [type]: textOf(pieces) })),
      ...((answer.calls ?? []).length === 0 ? {} : { tool_calls: (answer.calls ?? []).map(callOf) }),
    },
    ...usageField(answer, 'usage', counts),
  }),
  statuses: {
    key: 401,
    rate: 429,
    quota: 429,
    context: 400,
    filter: 498,
    model: 404,
    forbidden: 403,
    invalid: 400,
    broken: 500,
  },
  error: (kind, message) => ({ id: 'e1', message: message ?? ERRORS[kind] }),
};
