/** A call to the body of `POST /chat/completions`. */
import type { AnswerCall, ResponseFormat, Tool, ToolChoice } from '../../contract/call.ts';
import type { EncodeTarget, Notice, WireRequest } from '../../contract/dialect.ts';
import { quirksFor } from '../../contract/quirks.ts';
import { noteUnplaced } from '../asked.ts';
import type { Json } from '../json.ts';
import { setEffort } from './effort.ts';
import { encodeMessages } from './encode-messages.ts';
import { dropRefused, pathOf, renameFields, schemaInWords, setStreamOptions, setTokenLimit } from './fields.ts';
import { takesCallExtras } from './google.ts';
import { fitMessages } from './history.ts';
import { addPrefix } from './prefix.ts';
import { inTurns } from './turns.ts';

const NOTHING_PLACED: ReadonlySet<string> = new Set();

/**
 * A call that came through our own OpenAI door keeps the caller's body: a shallow copy in which only the model, the
 * stream, the usage option, the token limit and what this vendor would refuse are ours, so that fields we have never
 * heard of survive. Whoever changes `call.messages` after the door must take `messages` out of `call.native.body`;
 * they are then built anew.
 */
export function encodeOpenai(call: AnswerCall, target: EncodeTarget, stream: boolean): WireRequest {
  const notices: Notice[] = [];
  const quirks = quirksFor(target.quirks, target.model);
  const body: Json = call.native?.dialect === 'openai' ? { ...call.native.body } : fromCall(call);
  body.model = target.model;
  body.stream = stream;
  const own: unknown[] | null = Array.isArray(body.messages) ? body.messages : null;
  const messages = own ?? encodeMessages(call.messages, quirks.replay?.details === true, notices);
  body.messages = fitMessages(messages, quirks, own === null || takesCallExtras(target.model), notices);
  setTokenLimit(body, call.maxTokens, quirks);
  setStreamOptions(body, stream, quirks);
  setEffort(body, call, quirks, notices);
  if (call.native?.dialect !== 'openai') noteUnplaced(call, NOTHING_PLACED, notices);
  renameFields(body, quirks);
  dropRefused(body, quirks, notices);
  if (quirks.noSchema) schemaInWords(body, notices);
  if (quirks.alternates) body.messages = inTurns(body.messages as unknown[], notices);
  const goesOn = target.prefix === undefined ? null : quirks.prefix;
  if (target.prefix !== undefined) addPrefix(body, target.prefix, goesOn, notices);
  return {
    path: pathOf(goesOn?.path ?? quirks.paths?.chat ?? '/chat/completions', target.model),
    ...(goesOn?.instead === undefined ? {} : { instead: goesOn.instead }),
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    notices,
  };
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
