/** A call to the body of `POST /models/{model}:generateContent`, at the Gemini API and at Vertex AI. */
import type { AnswerCall, Message, Tool, ToolChoice } from '../../contract/call.ts';
import type { EncodeTarget, Notice, WireRequest } from '../../contract/dialect.ts';
import { jsonInWords, noteUnplaced, offeredTools, unsupported } from '../asked.ts';
import { isObject, type Json } from '../json.ts';
import { note } from '../notices.ts';
import { encodeConversation } from './contents.ts';
import { type Traits, traitsOf } from './models.ts';
import { takenSchema } from './schema.ts';
import { serviceOf } from './signatures.ts';
import { thinkingFor } from './thinking.ts';

/** `GenerationConfig.stopSequences`: up to 5. */
const MOST_STOPS = 5;
const INT32 = 2 ** 31;
const NOTHING_PLACED: ReadonlySet<string> = new Set();

export function encodeGemini(call: AnswerCall, target: EncodeTarget, stream: boolean): WireRequest {
  const notices: Notice[] = [];
  const traits = traitsOf(target.model);
  const prefix = target.prefix ?? '';
  if (prefix !== '' && traits.prefill !== 'continues') {
    throw unsupported('this model does not go on from the beginning of an answer');
  }
  const tools = offeredTools(call);
  const words = formatInWords(call, traits, tools.length > 0, notices);
  const messages = words === null ? call.messages : withInstruction(call.messages, words);
  const around = { traits, service: serviceOf(target.quirks), notices };
  const { system, contents } = encodeConversation(messages, prefix, around);
  const body: Json = { contents };
  if (system.length > 0) body.systemInstruction = { parts: system };
  setTools(body, tools, call, traits, notices);
  const config = generationConfig(call, traits, words === null, notices);
  if (Object.keys(config).length > 0) body.generationConfig = config;
  noteUnplaced(call, NOTHING_PLACED, notices);
  dropRefused(body, target, notices);
  const method = stream ? 'streamGenerateContent?alt=sse' : 'generateContent';
  return {
    path: `${modelPath(target.model)}:${method}`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    notices,
  };
}

/** A name cannot leave its place in the path, whatever is in it. Tuned models have a collection of their own. */
export function modelPath(model: string): string {
  const tuned = /^tunedModels\/(.+)$/.exec(model)?.[1];
  if (tuned !== undefined) return `/tunedModels/${encodeURIComponent(tuned)}`;
  return `/models/${encodeURIComponent(model.slice(model.lastIndexOf('/') + 1))}`;
}

function setTools(body: Json, tools: readonly Tool[], call: AnswerCall, traits: Traits, notices: Notice[]): void {
  if (tools.length === 0) return;
  if (!traits.tools) throw unsupported('this model takes no tools');
  body.tools = [{ functionDeclarations: tools.map((tool) => declaration(tool, notices)) }];
  const strict = tools.some((tool) => tool.strict === true);
  const calling = callingConfig(call.toolChoice, strict);
  if (calling !== null) body.toolConfig = { functionCallingConfig: calling };
  if (call.parallelToolCalls === false) {
    note(notices, 'dropped', 'parallel_tool_calls: this provider may call several tools at once');
  }
}

function declaration({ name, description, parameters, strict }: Tool, notices: Notice[]): Json {
  const out: Json = { name };
  if (description !== undefined) out.description = description;
  if (parameters === undefined) return out;
  const { schema, loose } = takenSchema({ type: 'object', ...parameters });
  if (strict && loose.length > 0) note(notices, 'changed', `tool schemas: ${loose.join(', ')} is not enforced here`);
  return { ...out, parametersJsonSchema: schema };
}

/** `VALIDATED` holds arguments to their schema without forcing a call. */
function callingConfig(choice: ToolChoice | undefined, strict: boolean): Json | null {
  if (choice === 'none') return { mode: 'NONE' };
  if (choice === 'required') return { mode: 'ANY' };
  if (typeof choice === 'object') return { mode: 'ANY', allowedFunctionNames: [choice.name] };
  if (strict) return { mode: 'VALIDATED' };
  return choice === undefined ? null : { mode: 'AUTO' };
}

function generationConfig(call: AnswerCall, traits: Traits, held: boolean, notices: Notice[]): Json {
  const config: Json = {};
  if (call.maxTokens !== undefined) config.maxOutputTokens = call.maxTokens;
  setSampling(config, call, traits, notices);
  setStops(config, call.stop, notices);
  if (held) setFormat(config, call, notices);
  const thinking =
    call.reasoningEffort === undefined ? null : thinkingFor(call.reasoningEffort, traits, call.maxTokens, notices);
  if (thinking !== null) config.thinkingConfig = thinking;
  return config;
}

function setSampling(config: Json, call: AnswerCall, traits: Traits, notices: Notice[]): void {
  const { temperature, topP, seed } = call;
  if (temperature !== undefined) {
    if (traits.sampling) config.temperature = Math.min(Math.max(temperature, 0), 2);
    else if (temperature !== 1) note(notices, 'dropped', 'temperature: this model pays no heed to it');
  }
  if (topP !== undefined) {
    if (traits.sampling) config.topP = topP;
    else if (topP !== 1) note(notices, 'dropped', 'top_p: this model pays no heed to it');
  }
  if (seed === undefined) return;
  if (Number.isInteger(seed) && seed >= -INT32 && seed < INT32) config.seed = seed;
  else note(notices, 'dropped', 'seed: this provider takes whole numbers of 32 bits');
}

function setStops(config: Json, stop: string[] | undefined, notices: Notice[]): void {
  if (stop === undefined || stop.length === 0) return;
  config.stopSequences = stop.slice(0, MOST_STOPS);
  if (stop.length > MOST_STOPS) note(notices, 'dropped', `stop: this provider takes ${MOST_STOPS}, the first are sent`);
}

function setFormat(config: Json, call: AnswerCall, notices: Notice[]): void {
  const format = call.responseFormat;
  if (format === undefined || format.type === 'text') return;
  config.responseMimeType = 'application/json';
  if (format.type === 'json') return;
  const { schema, loose } = takenSchema(format.schema);
  config.responseJsonSchema = schema;
  if (loose.length > 0) note(notices, 'changed', `response_format: ${loose.join(', ')} is not enforced here`);
}

/**
 * Before 3 a JSON answer and tools exclude each other ("Function calling with a response mime type … is unsupported"),
 * from 3 on only a JSON answer and a forced call ("Forced function calling (ANY mode) with a response mime type …").
 */
function formatInWords(call: AnswerCall, traits: Traits, hasTools: boolean, notices: Notice[]): string | null {
  const format = call.responseFormat;
  if (format === undefined || format.type === 'text') return null;
  const forced = call.toolChoice === 'required' || typeof call.toolChoice === 'object';
  const excluded = hasTools && (forced || !traits.third);
  if (traits.json && !excluded) return null;
  const why = excluded ? 'together with tools this model' : 'this model';
  note(notices, 'changed', `response_format: ${why} is asked for JSON in words, which it may ignore`);
  return jsonInWords(format);
}

/** After the other system messages at the front. */
function withInstruction(messages: readonly Message[], text: string): Message[] {
  const first = messages.findIndex((message) => message.role !== 'system');
  const at = first === -1 ? messages.length : first;
  return messages.toSpliced(at, 0, { role: 'system', content: [{ type: 'text', text }] });
}

/** `quirks.refuses` names fields of the body and of its `generationConfig`. */
function dropRefused(body: Json, target: EncodeTarget, notices: Notice[]): void {
  for (const field of target.quirks.refuses ?? []) {
    const config = isObject(body.generationConfig) ? body.generationConfig : {};
    if (field === 'contents' || !(field in body || field in config)) continue;
    delete body[field];
    delete config[field];
    note(notices, 'dropped', `${field}: the provider does not take this field`);
  }
}
