/** The body of `POST /v1/responses` to a call. */
import type { AnswerCall } from '../../contract/call.ts';
import type { DoorDecoded } from '../../contract/dialect.ts';
import { DANGEROUS_KEYS, isObject, type Json } from '../json.ts';
import { decodeBoolean, decodeNumber, decodeString } from '../openai/decode-fields.ts';
import { type FieldErrors, kindOf, throwIfWrong, wrong } from '../openai/field-errors.ts';
import {
  checkInclude,
  decodeMetadata,
  decodeResponsesTools,
  decodeText,
  foreignTypes,
  refuseFields,
  setToolChoice,
} from './decode-fields.ts';
import { decodeInput } from './decode-input.ts';

/** What a caller asks of us beside the answer: the edge does it, no vendor. */
export interface ResponsesDecoded extends DoorDecoded {
  previousResponseId: string | null;
  /** Run it as a detached request, answer at once. */
  background: boolean;
  /** Whether the response may be asked for, or gone on from, by its id. */
  store: boolean;
  metadata: Record<string, string> | null;
}

const TEMPERATURE = { min: 0, max: 2 };
const SHARE = { min: 0, max: 1 };
const COUNT = { min: 1, max: Number.MAX_SAFE_INTEGER, integer: true };
const LONGEST_ID = 256;
/** Of a key for caches or a label of a user. */
const LONGEST_LABEL = 1024;
const LONGEST_USER = 512;

/**
 * `record`: the edge keeps responses by their ids, so `background` and `previous_response_id` are let through (see
 * `withPrevious`); without it they are refused. Fields that we do not know stay in `native` and reach a vendor of this
 * dialect as they came. Throws `GoblinError('invalid_request')` with a path for each field.
 */
export function decodeResponses(body: Record<string, unknown>, options: { record?: boolean } = {}): ResponsesDecoded {
  const errors: FieldErrors = [];
  for (const key of DANGEROUS_KEYS) {
    if (Object.hasOwn(body, key)) wrong(errors, key, 'is not a field of this request');
  }
  refuseFields(body, errors);
  const call: AnswerCall = {
    kind: 'answer',
    messages: decodeInput(body.input, errors),
    native: { dialect: 'responses', body },
  };
  const { instructions } = body;
  if (typeof instructions === 'string') {
    if (instructions !== '') call.messages.unshift(instructed(instructions));
  } else if (instructions !== undefined && instructions !== null) {
    wrong(errors, 'instructions', `must be a text, not ${kindOf(instructions)}; send messages as items of "input"`);
  }
  const model = decodeString(body.model, 'model', errors, LONGEST_ID);
  // Names go into headers, columns and logs: what none of them can hold is nobody's model.
  if (model !== undefined && !/^[\x21-\x7e]+$/.test(model)) {
    wrong(errors, 'model', 'must be printable ASCII without blanks');
  } else if (model !== undefined) call.model = model;
  setSampling(body, call, errors);
  setTools(body, call, errors);
  const format = decodeText(body.text, errors);
  if (format !== undefined) call.responseFormat = format;
  checkInclude(body.include, errors);
  checkHints(body, errors);
  const decoded = {
    call,
    stream: decodeBoolean(body.stream, 'stream', errors) ?? false,
    includeUsage: true,
    previousResponseId: decodeString(body.previous_response_id, 'previous_response_id', errors, LONGEST_ID) ?? null,
    background: decodeBoolean(body.background, 'background', errors) ?? false,
    store: decodeBoolean(body.store, 'store', errors) ?? true,
    metadata: decodeMetadata(body.metadata, errors),
    ...labelled(body),
  };
  if (decoded.previousResponseId !== null && call.native) call.native.previous = decoded.previousResponseId;
  checkKept(decoded, options.record === true, errors);
  throwIfWrong(errors);
  return decoded;
}

/** The end user: `safety_identifier` is the newer of the two names. */
function labelled({ safety_identifier, user }: Json): { user?: string } {
  for (const label of [safety_identifier, user]) {
    if (typeof label === 'string' && label !== '') return { user: label.slice(0, LONGEST_USER) };
  }
  return {};
}

/** `instructions` as the message that they are; `withPrevious` knows it by its place, the first. */
export function instructed(text: string): AnswerCall['messages'][number] {
  return { role: 'system', content: [{ type: 'text', text }] };
}

function checkKept(asked: Omit<ResponsesDecoded, 'call'>, record: boolean, errors: FieldErrors): void {
  if (asked.background && !asked.store)
    wrong(errors, 'background', 'needs "store": true, for the answer is fetched by its id');
  if (record) return;
  if (asked.background) wrong(errors, 'background', 'is not possible here; leave it out and wait for the answer');
  if (asked.previousResponseId !== null) {
    wrong(errors, 'previous_response_id', 'responses are not kept here; send the earlier items in "input"');
  }
}

function setSampling(body: Json, call: AnswerCall, errors: FieldErrors): void {
  const maxTokens = decodeNumber(body.max_output_tokens, 'max_output_tokens', errors, COUNT);
  if (maxTokens !== undefined) call.maxTokens = maxTokens;
  const temperature = decodeNumber(body.temperature, 'temperature', errors, TEMPERATURE);
  if (temperature !== undefined) call.temperature = temperature;
  const topP = decodeNumber(body.top_p, 'top_p', errors, SHARE);
  if (topP !== undefined) call.topP = topP;
  const { reasoning } = body;
  if (reasoning === undefined || reasoning === null) return;
  if (!isObject(reasoning)) {
    wrong(errors, 'reasoning', `must be an object, not ${kindOf(reasoning)}`);
    return;
  }
  const effort = decodeString(reasoning.effort, 'reasoning.effort', errors, 32);
  if (effort !== undefined) call.reasoningEffort = effort;
  decodeString(reasoning.summary, 'reasoning.summary', errors, 32);
}

function setTools(body: Json, call: AnswerCall, errors: FieldErrors): void {
  const tools = decodeResponsesTools(body.tools, errors);
  if (tools !== undefined) call.tools = tools;
  const foreign = foreignTypes(body.tools);
  if (foreign.length > 0 && call.native) call.native.only = foreign.map((type) => `tools of type "${type}"`);
  setToolChoice(call, body, errors);
  const parallel = decodeBoolean(body.parallel_tool_calls, 'parallel_tool_calls', errors);
  if (parallel !== undefined) call.parallelToolCalls = parallel;
  decodeNumber(body.max_tool_calls, 'max_tool_calls', errors, COUNT);
}

/** Hints for vendors of this dialect, which take no part in what is asked: only their shape is checked. */
function checkHints(body: Json, errors: FieldErrors): void {
  for (const field of ['prompt_cache_key', 'prompt_cache_retention', 'safety_identifier', 'service_tier', 'user']) {
    decodeString(body[field], field, errors, LONGEST_LABEL);
  }
  const { truncation, stream_options } = body;
  if (truncation !== undefined && truncation !== null && truncation !== 'auto' && truncation !== 'disabled') {
    wrong(errors, 'truncation', 'must be "auto" or "disabled"');
  }
  if (stream_options === undefined || stream_options === null) return;
  if (!isObject(stream_options)) wrong(errors, 'stream_options', `must be an object, not ${kindOf(stream_options)}`);
  else decodeBoolean(stream_options.include_obfuscation, 'stream_options.include_obfuscation', errors);
}
