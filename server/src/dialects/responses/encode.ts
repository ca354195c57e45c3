/** A call to the body of `POST /responses`. */
import type { AnswerCall, ResponseFormat, Tool, ToolChoice } from '../../contract/call.ts';
import type { EncodeTarget, Notice, WireRequest } from '../../contract/dialect.ts';
import { noteUnplaced, offeredTools, unsupported } from '../asked.ts';
import { isObject, type Json } from '../json.ts';
import { note } from '../notices.ts';
import { encodeInput } from './encode-input.ts';
import { nativeBody } from './native.ts';

const ENCRYPTED = 'reasoning.encrypted_content';
/** Models that reason, by name. Asked for encrypted reasoning, others answer 400. */
const REASONING_MODEL =
  /(?:^|[/:.])(?:o[1-9](?:$|-)|gpt-(?:[5-9]|\d\d)(?!.*chat)|codex|computer-use|grok-(?:[4-9]|\d\d))/i;
/** OpenAI and Azure refuse a smaller bound; it is never raised, for a hold of money may cover just that. */
const SMALLEST_BOUND = 16;
const OPENAIS_OWN = /^(?:openai|azure)/;

export function encodeResponses(call: AnswerCall, target: EncodeTarget, stream: boolean): WireRequest {
  if (target.prefix !== undefined) throw unsupported('this provider cannot go on from the beginning of an answer');
  if (call.maxTokens !== undefined && call.maxTokens < SMALLEST_BOUND && OPENAIS_OWN.test(target.provider)) {
    throw unsupported(`this provider takes no token limit below ${SMALLEST_BOUND}`);
  }
  const notices: Notice[] = [];
  const body = call.native?.dialect === 'responses' ? nativeBody(call, notices) : fromCall(call, notices);
  body.model = target.model;
  body.stream = stream;
  setInclude(body, call, target);
  if (!stream || target.quirks.noStreamOptions) delete body.stream_options;
  for (const field of target.quirks.refuses ?? []) {
    if (field === 'model' || field === 'input' || field === 'stream' || !(field in body)) continue;
    if (body[field] !== null) note(notices, 'dropped', `${field}: the provider does not take this field`);
    delete body[field];
  }
  return {
    path: '/responses',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    notices,
  };
}

/** Without it reasoning would be lost with each turn: nothing is stored at the vendor. */
function setInclude(body: Json, call: AnswerCall, target: EncodeTarget): void {
  const asked = Array.isArray(body.include) ? body.include : [];
  const reasons = REASONING_MODEL.test(target.model) || (call.reasoningEffort ?? 'none') !== 'none';
  if (reasons && target.reasons !== false && !asked.includes(ENCRYPTED)) body.include = [...asked, ENCRYPTED];
}

function fromCall(call: AnswerCall, notices: Notice[]): Json {
  const body: Json = { input: encodeInput(call.messages, notices), store: false };
  if (call.maxTokens !== undefined) body.max_output_tokens = call.maxTokens;
  if (call.temperature !== undefined) body.temperature = call.temperature;
  if (call.topP !== undefined) body.top_p = call.topP;
  if (call.reasoningEffort !== undefined) body.reasoning = { effort: call.reasoningEffort };
  if (call.responseFormat) body.text = { format: encodeFormat(call.responseFormat) };
  setTools(body, call);
  if (call.stop !== undefined && call.stop.length > 0)
    note(notices, 'dropped', 'stop: this provider has no such setting');
  if (call.seed !== undefined) note(notices, 'dropped', 'seed: this provider has no such setting');
  carryOthers(body, call, notices);
  return body;
}

function setTools(body: Json, call: AnswerCall): void {
  const tools = offeredTools(call);
  // A choice among no tools is refused.
  if (tools.length === 0) return;
  body.tools = tools.map(encodeTool);
  if (call.toolChoice !== undefined) body.tool_choice = encodeChoice(call.toolChoice);
  if (call.parallelToolCalls !== undefined) body.parallel_tool_calls = call.parallelToolCalls;
}

/** Here tools are strict unless they say otherwise, in every other dialect the other way round. */
function encodeTool(tool: Tool): Json {
  const { name, description, parameters } = tool;
  return {
    type: 'function',
    name,
    description,
    parameters: parameters ?? { type: 'object', properties: {} },
    strict: tool.strict ?? false,
  };
}

function encodeChoice(choice: ToolChoice): unknown {
  return typeof choice === 'string' ? choice : { type: 'function', name: choice.name };
}

function encodeFormat(format: ResponseFormat): Json {
  if (format.type === 'text') return { type: 'text' };
  if (format.type === 'json') return { type: 'json_object' };
  const { name, schema, strict, description } = format;
  return { type: 'json_schema', name, schema, strict, description };
}

/** Fields of OpenAI's other API that mean the same here. */
const SAME = ['metadata', 'prompt_cache_key', 'prompt_cache_retention', 'safety_identifier', 'service_tier', 'user'];
const PLACED: ReadonlySet<string> = new Set([...SAME, 'verbosity', 'store']);

function carryOthers(body: Json, call: AnswerCall, notices: Notice[]): void {
  const native: Json = call.native?.dialect === 'openai' ? call.native.body : {};
  for (const field of SAME) if (native[field] !== undefined && native[field] !== null) body[field] = native[field];
  if (typeof native.verbosity === 'string') {
    body.text = { ...(isObject(body.text) ? body.text : {}), verbosity: native.verbosity };
  }
  noteUnplaced(call, PLACED, notices);
}
