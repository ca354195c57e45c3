/** Anthropic's messages ("Streaming messages", "Errors"). */
import type { Step } from '../../src/providers/simulator/script.ts';
import {
  type Answer,
  type Counts,
  fields,
  finishOf,
  type RefusalKind,
  type Speaker,
  SSE_TYPE,
  STATUSES,
  step,
  textOf,
  typedEvent,
  usageField,
} from './speaker.ts';

const STOPS = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  content_filter: 'refusal',
  // The API has no such word: it breaks off with an `error` event.
  error: 'end_turn',
};

const ERRORS: Readonly<Record<RefusalKind, readonly [type: string, message: string]>> = {
  key: ['authentication_error', 'invalid x-api-key'],
  rate: ['rate_limit_error', "This request would exceed your account's rate limit. Please try again later."],
  quota: ['invalid_request_error', 'Your credit balance is too low to access the Anthropic API.'],
  context: ['invalid_request_error', 'prompt is too long: 208310 tokens > 200000 maximum'],
  filter: ['invalid_request_error', 'Output blocked by content filtering policy'],
  model: ['not_found_error', 'model: m'],
  forbidden: ['permission_error', 'Your API key does not have permission to use the specified resource.'],
  invalid: ['invalid_request_error', 'temperature: range: 0..1'],
  broken: ['api_error', 'Internal server error'],
};

const counts = (usage: Counts) => ({
  input_tokens: usage.input,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  output_tokens: usage.output,
});
const SIGNATURE = 'EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds/+==';

interface Block {
  start: Record<string, unknown>;
  deltas: { shown: boolean; delta: Record<string, unknown> }[];
}

function blocksOf({ thoughts = [], words = [], calls = [] }: Answer): Block[] {
  const blocks: Block[] = [];
  const shown = (delta: Record<string, unknown>) => ({ shown: true, delta });
  if (thoughts.length > 0) {
    blocks.push({
      start: { type: 'thinking', thinking: '', signature: '' },
      deltas: [
        ...thoughts.map((thinking) => shown({ type: 'thinking_delta', thinking })),
        { shown: false, delta: { type: 'signature_delta', signature: SIGNATURE } },
      ],
    });
  }
  if (words.length > 0) {
    blocks.push({
      start: { type: 'text', text: '' },
      deltas: words.map((text) => shown({ type: 'text_delta', text })),
    });
  }
  for (const { id, name, pieces } of calls) {
    blocks.push({
      start: { type: 'tool_use', id, name, input: {} },
      deltas: pieces.map((partial_json) => shown({ type: 'input_json_delta', partial_json })),
    });
  }
  return blocks;
}

export const anthropic: Speaker = {
  asks: (path, body) => (path === '/messages' && typeof body.max_tokens === 'number' ? fields(body) : null),
  type: SSE_TYPE,
  events(answer) {
    const message = {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: answer.model ?? 'm',
      content: [],
      stop_reason: null,
      stop_sequence: null,
      ...usageField(answer, 'usage', ({ input }) => counts({ input, output: 1 })),
    };
    const steps: Step[] = [step('open', typedEvent({ type: 'message_start', message }))];
    blocksOf(answer).forEach(({ start, deltas }, index) => {
      steps.push(step('open', typedEvent({ type: 'content_block_start', index, content_block: start })));
      if (index === 0) steps.push(step('open', typedEvent({ type: 'ping' })));
      for (const { shown, delta } of deltas) {
        steps.push(step(shown ? 'token' : 'other', typedEvent({ type: 'content_block_delta', index, delta })));
      }
      steps.push(step('other', typedEvent({ type: 'content_block_stop', index })));
    });
    const delta = { stop_reason: STOPS[finishOf(answer)], stop_sequence: null };
    const usage = usageField(answer, 'usage', ({ output }) => ({ output_tokens: output }));
    steps.push(step('finish', typedEvent({ type: 'message_delta', delta, ...usage })));
    steps.push(step('done', typedEvent({ type: 'message_stop' })));
    return steps;
  },
  whole(answer) {
    const { thoughts = [], words = [], calls = [] } = answer;
    return {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: answer.model ?? 'm',
      content: [
        ...(thoughts.length > 0 ? [{ type: 'thinking', thinking: textOf(thoughts), signature: SIGNATURE }] : []),
        ...(words.length > 0 ? [{ type: 'text', text: textOf(words) }] : []),
        ...calls.map(({ id, name, pieces }) => ({
          type: 'tool_use',
          id,
          name,
          input: JSON.parse(textOf(pieces) || '{}') as unknown,
        })),
      ],
      stop_reason: STOPS[finishOf(answer)],
      stop_sequence: null,
      ...usageField(answer, 'usage', counts),
    };
  },
  statuses: { ...STATUSES, quota: 400 },
  error(kind, message) {
    const [type, text] = ERRORS[kind];
    return { type: 'error', error: { type, message: message ?? text }, request_id: 'req_011' };
  },
};
