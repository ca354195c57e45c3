/** The body of `POST /v1/chat/completions` to a call. */
import type { AnswerCall } from '../../contract/call.ts';
import type { DoorDecoded } from '../../contract/dialect.ts';
import { DANGEROUS_KEYS, isObject, type Json } from '../json.ts';
import {
  decodeBoolean,
  decodeFunctions,
  decodeMessages,
  decodeNumber,
  decodeResponseFormat,
  decodeStop,
  decodeString,
  decodeToolChoice,
  decodeTools,
} from './decode-fields.ts';
import { type FieldErrors, kindOf, throwIfWrong, wrong } from './field-errors.ts';

const TEMPERATURE = { min: 0, max: 2 };
const TOP_P = { min: 0, max: 1 };
const TOKENS = { min: 1, max: Number.MAX_SAFE_INTEGER, integer: true };
const LONGEST_USER = 512;
const SEED = { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER, integer: true };

/**
 * Fields that we know are checked; those that we do not know stay in `native` (OpenAI adds some every month) and
 * reach a vendor of the same dialect as they came.
 */
export function decodeOpenai(body: Record<string, unknown>): DoorDecoded {
  const errors: FieldErrors = [];
  for (const key of DANGEROUS_KEYS) {
    if (Object.hasOwn(body, key)) wrong(errors, key, 'is not a field of this request');
  }
  const call: AnswerCall = {
    kind: 'answer',
    messages: decodeMessages(body.messages, 'messages', errors),
    native: { dialect: 'openai', body },
  };
  const model = decodeString(body.model, 'model', errors, 256);
  // Names go into headers, columns and logs: what none of them can hold is nobody's model.
  if (model !== undefined && !/^[\x21-\x7e]+$/.test(model))
    wrong(errors, 'model', 'must be printable ASCII without blanks');
  else if (model !== undefined) call.model = model;
  decodeSampling(body, call, errors);
  decodeToolFields(body, call, errors);
  const format = decodeResponseFormat(body.response_format, 'response_format', errors);
  if (format !== undefined) call.responseFormat = format;
  if (body.n !== undefined && body.n !== null && body.n !== 1) {
    wrong(errors, 'n', 'only 1 answer per request is possible; send the request several times');
  }
  const stream = decodeBoolean(body.stream, 'stream', errors) ?? false;
  const includeUsage = decodeStreamOptions(body.stream_options, errors);
  throwIfWrong(errors);
  const { user } = body;
  const labelled = typeof user === 'string' && user !== '';
  return { call, stream, includeUsage, ...(labelled ? { user: user.slice(0, LONGEST_USER) } : {}) };
}

function decodeSampling(body: Json, call: AnswerCall, errors: FieldErrors): void {
  // The newer name wins when a client sends both.
  const older = decodeNumber(body.max_tokens, 'max_tokens', errors, TOKENS);
  const maxTokens = decodeNumber(body.max_completion_tokens, 'max_completion_tokens', errors, TOKENS) ?? older;
  if (maxTokens !== undefined) call.maxTokens = maxTokens;
  const temperature = decodeNumber(body.temperature, 'temperature', errors, TEMPERATURE);
  if (temperature !== undefined) call.temperature = temperature;
  const topP = decodeNumber(body.top_p, 'top_p', errors, TOP_P);
  if (topP !== undefined) call.topP = topP;
  const seed = decodeNumber(body.seed, 'seed', errors, SEED);
  if (seed !== undefined) call.seed = seed;
  const stop = decodeStop(body.stop, 'stop', errors);
  if (stop !== undefined) call.stop = stop;
  const nested = isObject(body.reasoning) ? body.reasoning.effort : undefined;
  const effort =
    decodeString(body.reasoning_effort, 'reasoning_effort', errors, 32) ??
    // OpenRouter's place for it.
    decodeString(nested, 'reasoning.effort', errors, 32);
  if (effort !== undefined) call.reasoningEffort = effort;
}

function decodeToolFields(body: Json, call: AnswerCall, errors: FieldErrors): void {
  const tools =
    decodeTools(body.tools, 'tools', errors, { foreign: true }) ?? decodeFunctions(body.functions, 'functions', errors);
  if (tools !== undefined) call.tools = tools;
  const choice = decodeToolChoice(body.tool_choice, 'tool_choice', errors) ?? legacyChoice(body.function_call);
  if (choice !== undefined) call.toolChoice = choice;
  const parallel = decodeBoolean(body.parallel_tool_calls, 'parallel_tool_calls', errors);
  if (parallel !== undefined) call.parallelToolCalls = parallel;
}

function legacyChoice(value: unknown): AnswerCall['toolChoice'] {
  if (value === 'auto' || value === 'none') return value;
  return isObject(value) && typeof value.name === 'string' ? { name: value.name } : undefined;
}

function decodeStreamOptions(value: unknown, errors: FieldErrors): boolean {
  if (value === undefined || value === null) return false;
  if (isObject(value)) return decodeBoolean(value.include_usage, 'stream_options.include_usage', errors) ?? false;
  wrong(errors, 'stream_options', `must be an object, not ${kindOf(value)}`);
  return false;
}
