/** OpenAI's two wires: chat completions ("Chat completion chunk") and Responses ("Streaming events"). */
import type { Step } from '../../src/providers/simulator/script.ts';
import {
  type Answer,
  type Counts,
  dataEvent,
  fields,
  finishOf,
  type RefusalKind,
  type SaidCall,
  type Speaker,
  SSE_TYPE,
  STATUSES,
  step,
  sum,
  textOf,
  typedEvent,
  usageField,
} from './speaker.ts';

const ERRORS: Readonly<Record<RefusalKind, readonly [type: string, code: string | null, message: string]>> = {
  key: ['invalid_request_error', 'invalid_api_key', 'Incorrect API key provided.'],
  rate: ['requests', 'rate_limit_exceeded', 'Rate limit reached for requests.'],
  quota: ['insufficient_quota', 'insufficient_quota', 'You exceeded your current quota, please check your plan.'],
  context: [
    'invalid_request_error',
    'context_length_exceeded',
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
  ],
  filter: [
    'invalid_request_error',
    'content_filter',
    "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
  ],
  model: ['invalid_request_error', 'model_not_found', 'The model `m` does not exist or you do not have access to it.'],
  forbidden: ['invalid_request_error', null, 'Project `p` does not have access to model `m`.'],
  invalid: ['invalid_request_error', null, "Invalid value for 'temperature'."],
  broken: ['server_error', null, 'The server had an error while processing your request. Sorry about that!'],
};

function error(kind: RefusalKind, message?: string): { error: Record<string, unknown> } {
  const [type, code, text] = ERRORS[kind];
  return { error: { message: message ?? text, type, param: null, code } };
}

const counts = (usage: Counts) => ({
  prompt_tokens: usage.input,
  completion_tokens: usage.output,
  total_tokens: sum(usage),
});
const callOf = ({ id, name, pieces }: SaidCall) => ({
  id,
  type: 'function',
  function: { name, arguments: textOf(pieces) },
});

export const openai: Speaker = {
  asks: (path, body) => (path === '/chat/completions' && Array.isArray(body.messages) ? fields(body) : null),
  type: SSE_TYPE,
  events(answer) {
    const { thoughts = [], words = [], calls = [] } = answer;
    const chunk = (choices: unknown[], more: Record<string, unknown> = {}) =>
      dataEvent({
        id: 'chatcmpl-1',
        object: 'chat.completion.chunk',
        created: 1,
        model: answer.model ?? 'm',
        choices,
        ...(answer.usageEverywhere ? usageField(answer, 'usage', counts) : {}),
        ...more,
      });
    const delta = (said: unknown, finish: string | null = null) =>
      chunk([{ index: 0, delta: said, logprobs: null, finish_reason: finish }]);
    return [
      step('open', delta({ role: 'assistant', content: '' })),
      ...thoughts.map((text) => step('token', delta({ reasoning_content: text }))),
      ...words.map((content) => step('token', delta({ content }))),
      ...calls.flatMap(({ id, name, pieces }, index) => [
        step('other', delta({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] })),
        ...pieces.map((piece) => step('token', delta({ tool_calls: [{ index, function: { arguments: piece } }] }))),
      ]),
      step('finish', delta({}, finishOf(answer))),
      ...(answer.usage === 'none' ? [] : [step('usage', chunk([], usageField(answer, 'usage', counts)))]),
      step('done', 'data: [DONE]\n\n'),
    ];
  },
  whole(answer) {
    const { thoughts = [], words = [], calls = [] } = answer;
    return {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1,
      model: answer.model ?? 'm',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: words.length === 0 && calls.length > 0 ? null : textOf(words),
            refusal: null,
            ...(thoughts.length === 0 ? {} : { reasoning_content: textOf(thoughts) }),
            ...(calls.length === 0 ? {} : { tool_calls: calls.map(callOf) }),
          },
          logprobs: null,
          finish_reason: finishOf(answer),
        },
      ],
      ...usageField(answer, 'usage', counts),
    };
  },
  statuses: STATUSES,
  error,
};

const responseCounts = (usage: Counts) => ({
  input_tokens: usage.input,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: usage.output,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: sum(usage),
});

/** The items of an answer, whole; `status` is left out where it is not over yet. */
function itemsOf({ thoughts = [], words = [], calls = [] }: Answer): Record<string, unknown>[] {
  const items: Record<string, unknown>[] = [];
  if (thoughts.length > 0) {
    items.push({ id: 'rs_1', type: 'reasoning', summary: [{ type: 'summary_text', text: textOf(thoughts) }] });
  }
  if (words.length > 0) {
    items.push({
      id: 'msg_1',
      type: 'message',
      status: 'completed',
      role: 'assistant',
      content: [{ type: 'output_text', text: textOf(words), annotations: [] }],
    });
  }
  for (const [place, { id, name, pieces }] of calls.entries()) {
    items.push({
      id: `fc_${place}`,
      type: 'function_call',
      status: 'completed',
      arguments: textOf(pieces),
      call_id: id,
      name,
    });
  }
  return items;
}

function responseOf(answer: Answer, over: boolean): Record<string, unknown> {
  const finish = finishOf(answer);
  const cut = finish === 'length' ? 'max_output_tokens' : finish === 'content_filter' ? 'content_filter' : null;
  const status = finish === 'error' ? 'failed' : cut === null ? 'completed' : 'incomplete';
  return {
    id: 'resp_1',
    object: 'response',
    created_at: 1,
    status: over ? status : 'in_progress',
    error: over && finish === 'error' ? { code: 'server_error', message: ERRORS.broken[2] } : null,
    incomplete_details: over && cut !== null ? { reason: cut } : null,
    model: answer.model ?? 'm',
    output: over ? itemsOf(answer) : [],
    ...(over ? usageField(answer, 'usage', responseCounts) : { usage: null }),
  };
}

export const responses: Speaker = {
  asks: (path, body) => (path === '/responses' && body.input !== undefined ? fields(body) : null),
  type: SSE_TYPE,
  events(answer) {
    const { thoughts = [], words = [], calls = [] } = answer;
    const steps: Step[] = [];
    let number = 0;
    const say = (kind: Step['kind'], type: string, more: Record<string, unknown>) =>
      steps.push(step(kind, typedEvent({ type, sequence_number: number++, ...more })));
    say('open', 'response.created', { response: responseOf(answer, false) });
    say('open', 'response.in_progress', { response: responseOf(answer, false) });
    for (const [index, item] of itemsOf(answer).entries()) {
      const at = { item_id: item.id, output_index: index };
      if (item.type === 'reasoning') {
        const place = { ...at, summary_index: 0 };
        const text = textOf(thoughts);
        say('open', 'response.output_item.added', { output_index: index, item: { ...item, summary: [] } });
        say('open', 'response.reasoning_summary_part.added', { ...place, part: { type: 'summary_text', text: '' } });
        for (const delta of thoughts) say('token', 'response.reasoning_summary_text.delta', { ...place, delta });
        say('other', 'response.reasoning_summary_text.done', { ...place, text });
        say('other', 'response.reasoning_summary_part.done', { ...place, part: { type: 'summary_text', text } });
      } else if (item.type === 'message') {
        const place = { ...at, content_index: 0 };
        const part = (text: string) => ({ type: 'output_text', text, annotations: [] });
        const added = { ...item, status: 'in_progress', content: [] };
        say('open', 'response.output_item.added', { output_index: index, item: added });
        say('open', 'response.content_part.added', { ...place, part: part('') });
        for (const delta of words) say('token', 'response.output_text.delta', { ...place, delta, logprobs: [] });
        say('other', 'response.output_text.done', { ...place, text: textOf(words), logprobs: [] });
        say('other', 'response.content_part.done', { ...place, part: part(textOf(words)) });
      } else {
        const pieces = calls.find(({ id }) => id === item.call_id)?.pieces ?? [];
        const added = { ...item, status: 'in_progress', arguments: '' };
        say('other', 'response.output_item.added', { output_index: index, item: added });
        for (const delta of pieces) say('token', 'response.function_call_arguments.delta', { ...at, delta });
        say('other', 'response.function_call_arguments.done', { ...at, arguments: item.arguments });
      }
      say('other', 'response.output_item.done', { output_index: index, item });
    }
    const response = responseOf(answer, true);
    say('finish', `response.${response.status}`, { response });
    return steps;
  },
  whole: (answer) => responseOf(answer, true),
  statuses: STATUSES,
  error,
};
