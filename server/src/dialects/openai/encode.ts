/** A call to the body of `POST /chat/completions`. */
import type { AnswerCall, ResponseFormat, Tool, ToolChoice } from '../../contract/call.ts';
import type { EncodeTarget, Notice, Quirks, WireRequest } from '../../contract/ports.ts';
import { isObject, type Json } from '../json.ts';
import { note } from '../notices.ts';
import { encodeMessages, FOREIGN_REASONING } from './encode-messages.ts';
import { isGoogleDetail, takesCallExtras } from './google.ts';

/** Providers that take Claude's reasoning back as `reasoning_details`; the others refuse the field. */
const TAKE_DETAILS: ReadonlySet<string> = new Set(['openrouter']);
const TOKEN_FIELDS = ['max_tokens', 'max_completion_tokens'] as const;

/**
 * A call that came through our own OpenAI door keeps the caller's body: a shallow copy in which only the model, the
 * stream, the usage option and the token limit are ours, so that fields we have never heard of survive. Whoever
 * changes `call.messages` after the door must take `messages` out of `call.native.body`; they are then built anew.
 */
export function encodeOpenai(call: AnswerCall, target: EncodeTarget, stream: boolean): WireRequest {
  const notices: Notice[] = [];
  const { quirks } = target;
  const body: Json = call.native?.dialect === 'openai' ? { ...call.native.body } : fromCall(call);
  body.model = target.model;
  body.stream = stream;
  const takesDetails = TAKE_DETAILS.has(target.provider);
  if (Array.isArray(body.messages)) {
    body.messages = withoutOurs(body.messages, takesDetails, takesCallExtras(target.model), notices);
  } else body.messages = encodeMessages(call.messages, takesDetails, notices);
  setTokenLimit(body, call.maxTokens, quirks);
  setStreamOptions(body, stream, quirks);
  dropRefused(body, quirks, notices);
  return {
    path: '/chat/completions',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    notices,
  };
}

/**
 * Clients send our answers back as they got them. What we added to them, vendors refuse: the mark on broken arguments,
 * and the reasoning of a Claude or a Gemini that answered an earlier turn.
 */
function withoutOurs(messages: unknown[], takesDetails: boolean, takesExtras: boolean, notices: Notice[]): unknown[] {
  let changed = false;
  const out = messages.map((message) => {
    if (!isObject(message) || message.role !== 'assistant') return message;
    const { tool_calls, reasoning_details } = message;
    let clean = message;
    if (Array.isArray(tool_calls) && tool_calls.some((call) => isObject(call) && 'invalid_arguments' in call)) {
      clean = { ...clean, tool_calls: tool_calls.map((call) => without(call, 'invalid_arguments')) };
    }
    if (!takesExtras && Array.isArray(clean.tool_calls) && clean.tool_calls.some(hasExtras)) {
      clean = { ...clean, tool_calls: clean.tool_calls.map((call) => without(call, 'extra_content')) };
    }
    if (Array.isArray(reasoning_details) && reasoning_details.some(isGoogleDetail)) {
      const { reasoning_details: _, ...rest } = clean;
      const others = reasoning_details.filter((detail) => !isGoogleDetail(detail));
      clean = others.length === 0 ? rest : { ...rest, reasoning_details: others };
      note(notices, 'dropped', FOREIGN_REASONING);
    }
    if (!takesDetails && Array.isArray(reasoning_details) && reasoning_details.some(isClaudes)) {
      const { reasoning_details: _, reasoning_content: __, ...rest } = clean;
      clean = rest;
      note(notices, 'dropped', FOREIGN_REASONING);
    }
    changed ||= clean !== message;
    return clean;
  });
  return changed ? out : messages;
}

function hasExtras(call: unknown): boolean {
  return isObject(call) && 'extra_content' in call;
}

function isClaudes(detail: unknown): boolean {
  return isObject(detail) && typeof detail.format === 'string' && detail.format.startsWith('anthropic');
}

function fromCall(call: AnswerCall): Json {
  const body: Json = {};
  if (call.temperature !== undefined) body.temperature = call.temperature;
  if (call.topP !== undefined) body.top_p = call.topP;
  if (call.stop !== undefined && call.stop.length > 0) body.stop = call.stop;
  if (call.seed !== undefined) body.seed = call.seed;
  if (call.reasoningEffort !== undefined) body.reasoning_effort = call.reasoningEffort;
  if (call.responseFormat) body.response_format = encodeFormat(call.responseFormat);
  if (call.tools && call.tools.length > 0) {
    body.tools = call.tools.map(encodeTool);
    // Vendors refuse both of these without tools.
    if (call.toolChoice !== undefined) body.tool_choice = encodeChoice(call.toolChoice);
    if (call.parallelToolCalls !== undefined) body.parallel_tool_calls = call.parallelToolCalls;
  }
  return body;
}

function encodeTool(tool: Tool): Json {
  const { name, description, parameters, strict } = tool;
  return { type: 'function', function: { name, description, parameters, strict } };
}

function encodeChoice(choice: ToolChoice): unknown {
  return typeof choice === 'string' ? choice : { type: 'function', function: { name: choice.name } };
}

function encodeFormat(format: ResponseFormat): Json {
  if (format.type === 'text') return { type: 'text' };
  if (format.type === 'json') return { type: 'json_object' };
  const { name, schema, strict, description } = format;
  return { type: 'json_schema', json_schema: { name, schema, strict, description } };
}

function setTokenLimit(body: Json, limit: number | undefined, quirks: Quirks): void {
  if (limit === undefined) return;
  for (const field of TOKEN_FIELDS) delete body[field];
  body[quirks.maxTokensField ?? 'max_tokens'] = limit;
}

/** We always ask for usage, whether or not the caller did: an answer without it can only be billed by estimate. */
function setStreamOptions(body: Json, stream: boolean, quirks: Quirks): void {
  if (!stream || quirks.noStreamOptions) {
    delete body.stream_options;
    return;
  }
  const asked = isObject(body.stream_options) ? body.stream_options : {};
  body.stream_options = { ...asked, include_usage: true };
}

/** `quirks.refuses` names top-level fields, and fields of messages (`reasoning_content`, `name`). */
function dropRefused(body: Json, quirks: Quirks, notices: Notice[]): void {
  for (const field of quirks.refuses ?? []) {
    if (field === 'model' || field === 'messages' || field === 'stream') continue;
    let found = field in body && body[field] !== null;
    delete body[field];
    if (Array.isArray(body.messages) && body.messages.some((message) => isObject(message) && field in message)) {
      found = true;
      body.messages = body.messages.map((message) => without(message, field));
    }
    if (found) note(notices, 'dropped', `${field}: the provider does not take this field`);
  }
}

function without(message: unknown, field: string): unknown {
  if (!isObject(message) || !(field in message)) return message;
  const { [field]: _, ...rest } = message;
  return rest;
}
