/** A call to the body of `POST /api/chat`. */
import type { AnswerCall } from '../../contract/call.ts';
import type { EncodeTarget, Notice, WireRequest } from '../../contract/dialect.ts';
import { askedNumber, jsonInWords, noteUnplaced, offeredTools, unsupported } from '../asked.ts';
import type { Json } from '../json.ts';
import { note } from '../notices.ts';
import { contextFor } from './context.ts';
import { encodeMessages, goOn } from './messages.ts';
import { goesOn } from './models.ts';

/** Words of OpenAI for an effort, as `think`. Models without levels take any of them for `true`. */
const EFFORTS: Readonly<Record<string, boolean | string>> = {
  none: false,
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'high',
  max: 'high',
};
/** Fields of other doors that are options here, by the same name. */
const OPTIONS = ['top_k', 'min_p', 'frequency_penalty', 'presence_penalty'] as const;
const PLACED: ReadonlySet<string> = new Set([...OPTIONS, 'keep_alive']);

export function encodeOllama(call: AnswerCall, target: EncodeTarget, stream: boolean): WireRequest {
  const notices: Notice[] = [];
  const messages = encodeMessages(call.messages, notices);
  const body: Json = {
    model: target.model,
    messages,
    stream,
    // Left out, a prompt that is too long loses its beginning, and the answer does not say so.
    truncate: false,
  };
  setTools(body, call, notices);
  setFormat(body, messages, call, notices);
  setPrefix(body, messages, target, notices);
  setThink(body, call.reasoningEffort, notices);
  setOptions(body, call, target);
  noteUnplaced(call, PLACED, notices);
  for (const field of target.quirks.refuses ?? []) {
    if (field === 'model' || field === 'messages' || field === 'stream' || body[field] === undefined) continue;
    delete body[field];
    note(notices, 'dropped', `${field}: the provider does not take this field`);
  }
  return {
    path: '/api/chat',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    notices,
  };
}

function setTools(body: Json, call: AnswerCall, notices: Notice[]): void {
  const tools = offeredTools(call);
  const { toolChoice } = call;
  // There is no choice to send: tools that must not be called are not declared, and none can be forced.
  if (tools.length === 0 || toolChoice === 'none') return;
  if (toolChoice === 'required' || typeof toolChoice === 'object') {
    throw unsupported('this provider cannot be forced to call a tool; use tool_choice "auto"');
  }
  body.tools = tools.map(({ name, description, parameters }) => ({
    type: 'function',
    function: { name, description, parameters: { type: 'object', properties: {}, ...parameters } },
  }));
  if (tools.some((tool) => tool.strict)) note(notices, 'dropped', 'strict tools: this provider enforces no schemas');
  if (call.parallelToolCalls === false) {
    note(notices, 'dropped', 'parallel_tool_calls: this provider cannot be held to one call at a time');
  }
}

/** The format binds every token of an answer, so beside tools it would make their calls impossible. */
function setFormat(body: Json, messages: Json[], call: AnswerCall, notices: Notice[]): void {
  const format = call.responseFormat;
  if (format === undefined || format.type === 'text') return;
  if (body.tools === undefined) {
    body.format = format.type === 'json' ? 'json' : format.schema;
    return;
  }
  const first = messages.findIndex((message) => message.role !== 'system');
  const words = { role: 'system', content: jsonInWords(format) };
  messages.splice(first === -1 ? messages.length : first, 0, words);
  note(notices, 'changed', 'response_format: this model is asked for JSON in words, which it may ignore');
}

function setPrefix(body: Json, messages: Json[], target: EncodeTarget, notices: Notice[]): void {
  if (target.prefix !== undefined) {
    if (!goesOn(target)) throw unsupported('this model is not known to go on from the beginning of an answer');
    if (body.format !== undefined) throw unsupported('this provider cannot go on inside an answer that must be JSON');
    goOn(messages, target.prefix);
  } else if (messages.at(-1)?.role === 'assistant' && !goesOn(target)) {
    note(notices, 'changed', 'the last assistant message may be answered anew instead of gone on from');
  }
}

function setThink(body: Json, effort: string | undefined, notices: Notice[]): void {
  if (effort === undefined) return;
  if (!Object.hasOwn(EFFORTS, effort)) {
    note(notices, 'dropped', 'reasoning_effort: this provider knows none, low, medium and high');
    return;
  }
  const think = EFFORTS[effort];
  body.think = think;
  if (typeof think === 'string' && think !== effort) {
    note(notices, 'changed', `reasoning_effort: this provider has no ${effort}; ${think} is asked for`);
  }
}

function setOptions(body: Json, call: AnswerCall, target: EncodeTarget): void {
  const options: Json = {
    num_predict: call.maxTokens,
    temperature: call.temperature,
    top_p: call.topP,
    seed: call.seed,
    stop: call.stop === undefined || call.stop.length === 0 ? undefined : call.stop,
    num_ctx: contextFor(call, target),
  };
  for (const name of OPTIONS) options[name] = askedNumber(call, name);
  if (Object.values(options).some((value) => value !== undefined)) body.options = options;
  const keepAlive = call.native?.body.keep_alive;
  if (typeof keepAlive === 'string' || typeof keepAlive === 'number') body.keep_alive = keepAlive;
}
