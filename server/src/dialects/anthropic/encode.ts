/** A call to the body of `POST /messages`. */
import type { AnswerCall, Tool, ToolChoice } from '../../contract/call.ts';
import type { EncodeTarget, Notice, WireRequest } from '../../contract/dialect.ts';
import { noteUnplaced } from '../asked.ts';
import { isObject, type Json } from '../json.ts';
import { note } from '../notices.ts';
import { edited } from './edited.ts';
import { encodeConversation, unsupported } from './messages.ts';
import { type Traits, traitsOf } from './models.ts';
import { refuseForced } from './prefix.ts';
import { closedSchema } from './schema.ts';
import { setThinking } from './thinking.ts';

const HEADERS = { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' };
/** `max_tokens` is required; this is what a call gets that names none, at a model of which we know no limit. */
const DEFAULT_MAX_TOKENS = 4096;
const NOTHING_PLACED: ReadonlySet<string> = new Set();

export function encodeAnthropic(call: AnswerCall, target: EncodeTarget, stream: boolean): WireRequest {
  const notices: Notice[] = [];
  const own = call.native?.dialect === 'anthropic';
  const body = own ? edited(call, target, DEFAULT_MAX_TOKENS, notices) : fromCall(call, target, notices);
  body.stream = stream;
  for (const field of target.quirks.refuses ?? []) {
    if (field === 'model' || field === 'messages' || field === 'max_tokens' || !(field in body)) continue;
    delete body[field];
    note(notices, 'dropped', `${field}: the provider does not take this field`);
  }
  const request: WireRequest = { path: '/messages', headers: { ...HEADERS }, body: JSON.stringify(body), notices };
  const sent = target.prefix?.trimEnd();
  return sent === target.prefix || sent === undefined ? request : { ...request, prefix: sent };
}

function fromCall(call: AnswerCall, target: EncodeTarget, notices: Notice[]): Json {
  const traits = traitsOf(target.model);
  const maxTokens = call.maxTokens ?? target.maxOutput ?? DEFAULT_MAX_TOKENS;
  const prefix = target.prefix ?? '';
  const conversation = encodeConversation(call.messages, traits, notices, prefix);
  const body: Json = { model: target.model, max_tokens: maxTokens, messages: conversation.turns };
  const { system } = conversation;
  setTools(body, call, traits, notices);
  const thinks =
    call.reasoningEffort !== undefined &&
    setThinking(
      body,
      { effort: call.reasoningEffort, traits, maxTokens, obstacle: obstacle(body, traits, conversation.midToolUse) },
      notices,
    );
  setFormat(body, system, call, traits, notices);
  if (prefix !== '') refuseForced(body);
  setSampling(body, call, traits, thinks && traits.thinking === 'budget', notices);
  setStops(body, call.stop, notices);
  if (call.seed !== undefined) note(notices, 'dropped', 'seed: this provider has no such setting');
  noteUnplaced(call, NOTHING_PLACED, notices);
  const [only] = system;
  if (system.length === 1 && only && !('cache_control' in only)) body.system = only.text;
  else if (system.length > 0) body.system = system;
  return body;
}

/** Thinking and these exclude each other at the API. */
function obstacle(body: Json, traits: Traits, midToolUse: boolean): string | null {
  const choice = isObject(body.tool_choice) ? body.tool_choice.type : null;
  if (choice === 'any' || choice === 'tool') return 'a forced tool call excludes it';
  if (traits.thinking !== 'budget') return null;
  if (midToolUse) return 'the tool call that is being answered was made without it';
  const last = Array.isArray(body.messages) ? body.messages.at(-1) : null;
  return isObject(last) && last.role === 'assistant' ? 'the answer goes on from a given text' : null;
}

function setTools(body: Json, call: AnswerCall, traits: Traits, notices: Notice[]): void {
  const foreign = foreignTool(call);
  if (foreign !== null) throw unsupported(`tools of type "${foreign}" cannot be sent to this provider`);
  const allowed = allowedTools(call);
  const tools = (call.tools ?? []).filter((tool) => allowed === null || allowed.has(tool.name));
  if (tools.length === 0) {
    declareUsedTools(body);
    return;
  }
  body.tools = tools.map((tool) => encodeTool(tool, traits, notices));
  const choice = encodeChoice(call.toolChoice, call.parallelToolCalls === false);
  if (choice === null) return;
  if (!traits.forcedTool && (choice.type === 'any' || choice.type === 'tool')) {
    throw unsupported('this model cannot be forced to call a tool; use tool_choice "auto"');
  }
  body.tool_choice = choice;
}

/** Tools of types that only OpenAI has are in the caller's own body, not in the call. */
function foreignTool(call: AnswerCall): string | null {
  const tools = call.native?.body.tools;
  if (!Array.isArray(tools)) return null;
  const found = tools.find((tool) => isObject(tool) && tool.type !== 'function');
  return isObject(found) ? String(found.type) : null;
}

/** OpenAI's `allowed_tools` choice: the others are declared only to keep its cache warm. */
function allowedTools(call: AnswerCall): Set<unknown> | null {
  const choice = call.native?.body.tool_choice;
  const list = isObject(choice) && isObject(choice.allowed_tools) ? choice.allowed_tools.tools : null;
  if (!Array.isArray(list)) return null;
  return new Set(list.map((tool) => (isObject(tool) && isObject(tool.function) ? tool.function.name : null)));
}

/** The API wants tools declared when the conversation has used some; declared so, they cannot be called. */
function declareUsedTools(body: Json): void {
  const names = new Set<string>();
  for (const message of Array.isArray(body.messages) ? body.messages : []) {
    const content: unknown = isObject(message) ? message.content : null;
    if (!Array.isArray(content)) continue;
    for (const block of content) if (isObject(block) && block.type === 'tool_use') names.add(String(block.name));
  }
  if (names.size === 0) return;
  body.tools = [...names].map((name) => ({ name, input_schema: { type: 'object' } }));
  body.tool_choice = { type: 'none' };
}

function encodeTool(tool: Tool, traits: Traits, notices: Notice[]): Json {
  const schema: Json = { ...tool.parameters, type: 'object' };
  const out: Json = { name: tool.name, description: tool.description, input_schema: schema };
  if (!tool.strict) return out;
  if (!traits.schema) {
    note(notices, 'dropped', 'strict tools: this model does not enforce schemas');
    return out;
  }
  const closed = closedSchema(schema);
  if (closed.changed) note(notices, 'changed', 'tool schemas: constraints that cannot be enforced became descriptions');
  return { ...out, input_schema: closed.schema, strict: true };
}

function encodeChoice(choice: ToolChoice | undefined, single: boolean): Json | null {
  if (choice === 'none') return { type: 'none' };
  if (choice === undefined && !single) return null;
  const one = single ? { disable_parallel_tool_use: true } : {};
  if (typeof choice === 'object') return { type: 'tool', name: choice.name, ...one };
  return { type: choice === 'required' ? 'any' : 'auto', ...one };
}

function setFormat(body: Json, system: Json[], call: AnswerCall, traits: Traits, notices: Notice[]): void {
  const format = call.responseFormat;
  if (format === undefined || format.type === 'text') return;
  if (format.type === 'json_schema' && traits.schema) {
    const closed = closedSchema(format.schema);
    const known = isObject(body.output_config) ? body.output_config : {};
    body.output_config = { ...known, format: { type: 'json_schema', schema: closed.schema } };
    if (closed.changed)
      note(notices, 'changed', 'response_format: constraints that cannot be enforced became descriptions');
    return;
  }
  // There is no JSON mode without a schema, so the model is asked in words.
  const schema = format.type === 'json_schema' ? ` that fits this JSON Schema: ${JSON.stringify(format.schema)}` : '';
  system.push({ type: 'text', text: `Answer with one JSON object and nothing else${schema}` });
  note(notices, 'changed', 'response_format: this model is asked for JSON in words, which it may ignore');
}

function setSampling(body: Json, call: AnswerCall, traits: Traits, budget: boolean, notices: Notice[]): void {
  const { temperature, topP } = call;
  if (!traits.sampling || budget) {
    const why = budget ? 'not possible while this model thinks' : 'this model does not take it';
    if (temperature !== undefined && temperature !== 1) note(notices, 'dropped', `temperature: ${why}`);
    if (topP !== undefined && topP !== 1) note(notices, 'dropped', `top_p: ${why}`);
    return;
  }
  if (temperature !== undefined) {
    body.temperature = Math.min(Math.max(temperature, 0), 1);
    if (body.temperature !== temperature) note(notices, 'changed', 'temperature: lowered to 1, the highest here');
  }
  if (topP === undefined) return;
  if (temperature === undefined || traits.bothSampling) body.top_p = topP;
  else if (topP !== 1) note(notices, 'dropped', 'top_p: this model takes either temperature or top_p');
}

function setStops(body: Json, stop: string[] | undefined, notices: Notice[]): void {
  if (stop === undefined) return;
  const usable = stop.filter((text) => text.trim() !== '');
  if (usable.length < stop.length) note(notices, 'dropped', 'stop: this provider takes no stop of white space alone');
  if (usable.length > 0) body.stop_sequences = usable;
}
