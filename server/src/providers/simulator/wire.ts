/** The OpenAI chat completions wire: answers as chunks of a stream, or as one body. */
import { type Answer, countTokens } from './answer.ts';
import { piecesOf, type Script, type Step } from './script.ts';

const SSE_TYPE = 'text/event-stream; charset=utf-8';
export const JSON_TYPE = 'application/json';
const FINGERPRINT = 'fp_goblinsim1';
const PADDING = 'aZ3kQ9wLx7RtB2mN';

/** OpenAI pads each chunk so that its size does not betray the length of a token. */
function padding(length: number): string {
  return PADDING.slice(0, (10 - (length % 16) + 16) % 16);
}

export interface StreamStyle {
  includeUsage: boolean;
  obfuscate: boolean;
}

function streamSteps(answer: Answer, style: StreamStyle): Step[] {
  const steps: Step[] = [];
  const head =
    `data: {"id":${JSON.stringify(answer.id)},"object":"chat.completion.chunk","created":${answer.created},` +
    `"model":${JSON.stringify(answer.model)},"service_tier":"default","system_fingerprint":"${FINGERPRINT}","choices":`;
  const every = answer.usagePlace === 'every-chunk';
  const nulled = style.includeUsage ? ',"usage":null' : '';
  let tokens = 0;

  function add(kind: Step['kind'], delta: string, size: number, finish: string | null = null): void {
    const end = finish === null ? 'null' : JSON.stringify(finish);
    let usage = nulled;
    let reported: unknown;
    if (kind === 'token') tokens++;
    if (every || (finish !== null && answer.usagePlace === 'finish-chunk' && style.includeUsage)) {
      reported = every ? running(answer.usage, tokens) : answer.usage;
      usage = `,"usage":${JSON.stringify(reported)}`;
    }
    const pad = style.obfuscate ? `,"obfuscation":"${padding(size)}"` : '';
    const step: Step = {
      kind,
      bytes: `${head}[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${end}}]${usage}${pad}}\n\n`,
      tokens: kind === 'token' ? 1 : 0,
    };
    if (reported !== undefined) step.usage = reported;
    steps.push(step);
  }
  const token = (field: string, text: string): void => {
    add('token', `{"${field}":${JSON.stringify(text)}}`, text.length);
  };

  const only = answer.content.length === 0 && answer.reasoning.length === 0 ? answer.calls : [];
  // A single tool call begins in the first chunk, several begin in chunks of their own.
  const joined = only.length === 1 ? `,"tool_calls":[${callStart(only, 0)}]` : '';
  const opening = answer.calls.length > 0 ? 'null' : '""';
  add('open', `{"role":"assistant","content":${opening}${joined},"refusal":null}`, 2);
  for (const text of answer.reasoning) token('reasoning_content', text);
  for (const text of answer.content) token('content', text);
  answer.calls.forEach((call, i) => {
    if (joined === '') add('other', `{"tool_calls":[${callStart(answer.calls, i)}]}`, 0);
    for (const text of call.fragments) {
      add('token', `{"tool_calls":[{"index":${i},"function":{"arguments":${JSON.stringify(text)}}}]}`, text.length);
    }
  });
  add('finish', '{}', 6, answer.finish);
  if (style.includeUsage && answer.usage !== undefined && answer.usagePlace !== 'finish-chunk') {
    const usage = JSON.stringify(answer.usage);
    const pad = style.obfuscate ? `,"obfuscation":"${padding(3)}"` : '';
    const bare = answer.usagePlace === 'own-chunk-without-choices';
    const start = bare ? head.slice(0, head.lastIndexOf(',')) : `${head}[]`;
    steps.push({ kind: 'usage', bytes: `${start},"usage":${usage}${pad}}\n\n`, tokens: 0, usage: answer.usage });
  }
  steps.push({ kind: 'done', bytes: 'data: [DONE]\n\n', tokens: 0 });
  return steps;
}

function callStart(calls: Answer['calls'], i: number): string {
  const call = calls[i];
  return JSON.stringify({
    index: i,
    id: call?.id,
    type: 'function',
    function: { name: call?.name, arguments: '' },
  });
}

/** Usage so far, for vendors that repeat it in each chunk. */
function running(usage: unknown, tokens: number): unknown {
  if (typeof usage !== 'object' || usage === null || !('prompt_tokens' in usage)) return usage;
  const prompt = Number(usage.prompt_tokens);
  return { ...usage, completion_tokens: tokens, total_tokens: prompt + tokens };
}

function wholeBody(answer: Answer): string {
  const message: Record<string, unknown> = {
    role: 'assistant',
    content: answer.calls.length > 0 ? null : answer.content.join(''),
  };
  if (answer.reasoning.length > 0) message.reasoning_content = answer.reasoning.join('');
  if (answer.calls.length > 0) {
    message.tool_calls = answer.calls.map((call) => ({
      id: call.id,
      type: 'function',
      function: { name: call.name, arguments: call.fragments.join('') },
    }));
  }
  message.refusal = null;
  message.annotations = [];
  const body = {
    id: answer.id,
    object: 'chat.completion',
    created: answer.created,
    model: answer.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: answer.finish }],
    ...(answer.usage === undefined ? {} : { usage: answer.usage }),
    service_tier: 'default',
    system_fingerprint: FINGERPRINT,
  };
  return `${JSON.stringify(body, null, 2)}\n`;
}

/** `sliced`: in pieces that a fault can count, instead of one. */
function wholeSteps(answer: Answer, sliced: boolean): Step[] {
  const tokens = countTokens(answer);
  const body = wholeBody(answer);
  if (sliced) return piecesOf(body, tokens, answer.usage);
  const step: Step = { kind: 'finish', bytes: body, tokens };
  if (answer.usage !== undefined) step.usage = answer.usage;
  return [step];
}

export function answerScript(answer: Answer, stream: boolean, style: StreamStyle, sliced: boolean): Script {
  const events = stream && !answer.asWhole;
  return {
    status: 200,
    headers: [['content-type', events ? SSE_TYPE : JSON_TYPE]],
    early: events,
    stream: events,
    steps: events ? streamSteps(answer, style) : wholeSteps(answer, sliced),
    ending: 'end',
    apart: false,
  };
}
