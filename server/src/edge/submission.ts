/** From the body of `POST /mcp/v1/request` to a `Submission`. */
import type { AnswerCall, Message } from '../contract/call.ts';
import type { Caller } from '../contract/caller.ts';
import type { FieldError } from '../contract/errors.ts';
import type { Submission } from '../contract/flow.ts';
import { readTime } from '../contract/time.ts';
import {
  decodeMessages,
  decodeResponseFormat,
  decodeStop,
  decodeToolChoice,
  decodeTools,
} from '../dialects/openai/decode-fields.ts';
import { hookProblem } from '../guard/egress.ts';
import { canonicalHash, checker, refuse } from './body.ts';
import { SubmitBody } from './schemas.ts';

const check = checker(SubmitBody);
const CONTROL = /\p{Cc}/u;
const MOST_METADATA = 16 * 1024;
/** Fields of the API whose part is not built yet. */
const LATER: Record<string, string> = { retrieval: 'is not available yet: this version has no documents' };

export interface SubmitRules {
  taskTypes: readonly string[];
  allowPrivateCallbacks: boolean;
  /** How far ahead `not_before` may lie: the body must still be there. Days. */
  latestStartDays: number;
}

/** Throws one `invalid_request` with every field that cannot be accepted. */
export function decodeSubmission(
  body: Record<string, unknown>,
  caller: Caller,
  key: string | null,
  rules: SubmitRules,
  now: number,
): Submission {
  const errors: FieldError[] = [];
  const known: Record<string, unknown> = { ...body };
  for (const [name, message] of Object.entries(LATER)) {
    if (name in known) {
      errors.push({ path: name, message });
      delete known[name];
    }
  }
  errors.push(...check(known));
  if (errors.length > 0) refuse(errors);
  const b = known as import('@sinclair/typebox').Static<typeof SubmitBody>;

  if ((b.prompt === undefined) === (b.messages === undefined)) {
    errors.push(
      b.prompt === undefined
        ? { path: 'prompt', message: 'is required: a text, or messages instead' }
        : { path: 'messages', message: 'cannot stand beside prompt; send one of the two' },
    );
  }
  const taskType = b.task_type ?? 'chat';
  if (!rules.taskTypes.includes(taskType)) {
    errors.push({ path: 'task_type', message: `must be one of ${rules.taskTypes.join(', ')}` });
  }
  const messages: Message[] = b.system ? [{ role: 'system', content: [{ type: 'text', text: b.system }] }] : [];
  if (b.prompt !== undefined) messages.push({ role: 'user', content: [{ type: 'text', text: b.prompt }] });
  // One by one: a hundred thousand at once are more than a call takes.
  if (b.messages !== undefined) for (const one of decodeMessages(b.messages, 'messages', errors)) messages.push(one);
  const notBefore = b.not_before === undefined ? null : readStart(b.not_before, now, rules.latestStartDays, errors);
  const callbackUrl = b.callback_url === undefined ? null : readCallback(b.callback_url, errors);
  if (b.metadata !== undefined && JSON.stringify(b.metadata).length > MOST_METADATA) {
    errors.push({ path: 'metadata', message: `must be at most ${MOST_METADATA} bytes of JSON` });
  }
  for (const [name, value] of Object.entries(b.labels ?? {})) {
    if (!isPlain(name) || name.length > 63)
      errors.push({ path: 'labels', message: 'must have names of 1 to 63 printable characters' });
    else if (!isPlain(value))
      errors.push({ path: `labels.${name}`, message: 'must be text without control characters' });
  }

  const call: AnswerCall = { kind: 'answer', messages };
  if (b.model !== undefined) call.model = b.model;
  if (b.max_tokens !== undefined) call.maxTokens = b.max_tokens;
  if (b.temperature !== undefined) call.temperature = b.temperature;
  if (b.top_p !== undefined) call.topP = b.top_p;
  if (b.seed !== undefined) call.seed = b.seed;
  if (b.parallel_tool_calls !== undefined) call.parallelToolCalls = b.parallel_tool_calls;
  if (b.reasoning_effort !== undefined) call.reasoningEffort = b.reasoning_effort;
  const stop = decodeStop(b.stop, 'stop', errors);
  if (stop) call.stop = stop;
  const tools = decodeTools(b.tools, 'tools', errors);
  if (tools) call.tools = tools;
  const choice = decodeToolChoice(b.tool_choice, 'tool_choice', errors);
  if (choice) call.toolChoice = choice;
  const format = decodeResponseFormat(b.response_format, 'response_format', errors);
  if (format) call.responseFormat = format;
  if (errors.length > 0) refuse(errors);

  return {
    kind: 'answer',
    mode: 'detached',
    call,
    taskType,
    hints: b.provider_hint === undefined ? [] : [b.provider_hint].flat(),
    priority: b.priority ?? 5,
    userId: b.user_id ?? caller.user,
    notBefore,
    deadlineMs: b.deadline_ms ?? null,
    failover: b.failover ?? null,
    callbackUrl,
    labels: b.labels ?? null,
    metadata: b.metadata ?? null,
    idempotency: key === null ? null : { key, bodyHash: canonicalHash(body) },
  };
}

/** No control characters, no halves of characters: what every column and log can hold. */
const isPlain = (text: string): boolean => text.isWellFormed() && !CONTROL.test(text);

function readStart(text: string, now: number, days: number, errors: FieldError[]): number | null {
  const at = readTime(text);
  if (at === null || at > now + days * 86_400_000) {
    errors.push({
      path: 'not_before',
      message: `must be a time as in 2026-01-31T12:00:00Z, within ${days} days from now`,
    });
    return null;
  }
  return at <= now ? null : at;
}

function readCallback(url: string, errors: FieldError[]): string | null {
  const message = hookProblem(url);
  if (message === null) return new URL(url).href;
  errors.push({ path: 'callback_url', message });
  return null;
}
