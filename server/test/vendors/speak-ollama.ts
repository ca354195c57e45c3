/** Ollama's `/api/chat`: lines of JSON ("docs/api.md", "docs/api/errors.mdx"). */
import { type Counts, finishOf, type RefusalKind, type Speaker, step, textOf } from './speaker.ts';

const ERRORS: Readonly<Record<RefusalKind, string>> = {
  key: 'unauthorized',
  rate: 'too many concurrent requests',
  quota: 'you have reached your weekly usage limit, upgrade for higher limits',
  context:
    '{"error":{"code":400,"message":"request (8889 tokens) exceeds the available context size (4096 tokens)","type":"exceed_context_size_error"}}',
  filter: 'blocked',
  model: "model 'm' not found",
  forbidden: 'this model requires a subscription',
  invalid: 'invalid option provided: temperature',
  broken: 'llama runner process has terminated: exit status 2',
};

const REASONS = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'stop',
  // It has no filter; and without an answer it says so in a line with `error`.
  content_filter: 'stop',
  error: 'unload',
};

const counts = (usage: Counts) => ({ prompt_eval_count: usage.input, eval_count: usage.output });

function lastFields(usage: Counts | null | 'none' | undefined): Record<string, unknown> {
  if (usage === 'none') return {};
  return counts(usage === null ? { input: null, output: null } : (usage ?? { input: 9, output: 4 }));
}

export const ollama: Speaker = {
  asks: (path, body) =>
    path === '/api/chat' && Array.isArray(body.messages)
      ? { model: String(body.model), stream: body.stream !== false }
      : null,
  type: 'application/x-ndjson',
  events(answer) {
    const { thoughts = [], words = [], calls = [] } = answer;
    const line = (message: Record<string, unknown>, more: Record<string, unknown>) =>
      `${JSON.stringify({
        model: answer.model ?? 'm',
        created_at: '2026-09-17T15:42:59.5670387Z',
        message: { role: 'assistant', content: '', ...message },
        ...more,
      })}\n`;
    const going = { done: false };
    return [
      ...thoughts.map((thinking) => step('token', line({ thinking }, going))),
      ...words.map((content) => step('token', line({ content }, going))),
      ...calls.map(({ name, pieces }) => step('token', line({ tool_calls: [callOf(name, textOf(pieces))] }, going))),
      step('finish', line({}, { done: true, done_reason: REASONS[finishOf(answer)], ...lastFields(answer.usage) })),
    ];
  },
  whole: (answer) => ({
    model: answer.model ?? 'm',
    created_at: '2026-09-17T15:42:59.5670387Z',
    message: {
      role: 'assistant',
      content: textOf(answer.words),
      ...((answer.thoughts ?? []).length > 0 ? { thinking: textOf(answer.thoughts) } : {}),
      ...((answer.calls ?? []).length > 0
        ? { tool_calls: (answer.calls ?? []).map(({ name, pieces }) => callOf(name, textOf(pieces))) }
        : {}),
    },
    done: true,
    done_reason: REASONS[finishOf(answer)],
    ...lastFields(answer.usage),
  }),
  statuses: { key: 401, rate: 429, context: 400, model: 404, invalid: 400, broken: 500 },
  error: (kind, message) => ({ error: message ?? ERRORS[kind] }),
};

const callOf = (name: string, args: string) => ({
  function: { name, arguments: JSON.parse(args || '{}') as unknown },
});
