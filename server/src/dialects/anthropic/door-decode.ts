/** The body of `POST /v1/messages` to a call. */
import type { AnswerCall } from '../../contract/call.ts';
import type { DoorDecoded } from '../../contract/dialect.ts';
import { DANGEROUS_KEYS, isObject, type Json, stringIn } from '../json.ts';
import { decodeBoolean, decodeNumber, decodeString } from '../openai/decode-fields.ts';
import { type FieldErrors, kindOf, throwIfWrong, wrong } from '../openai/field-errors.ts';
import { decodeChoice, decodeFormat, decodeTools } from './door-tools.ts';
import { decodeSystem, decodeTurns } from './door-turns.ts';

const SHARE = { min: 0, max: 1 };
const COUNT = { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true };
const BUDGET = { min: 1, max: Number.MAX_SAFE_INTEGER, integer: true };
const MOST_STOPS = 256;
const LONGEST_USER = 512;

/**
 * Fields that we know are checked; those that we do not know stay in `native` and reach a vendor of the same dialect
 * as they came. `max_tokens` may be left out here: then the model's own bound holds.
 */
export function decodeAnthropic(body: Record<string, unknown>): DoorDecoded {
  const errors: FieldErrors = [];
  for (const key of DANGEROUS_KEYS) {
    if (Object.hasOwn(body, key)) wrong(errors, key, 'is not a field of this request');
  }
  const only: string[] = [];
  const call: AnswerCall = { kind: 'answer', messages: [], native: { dialect: 'anthropic', body, only } };
  if (body.system !== undefined && body.system !== null) {
    const system = decodeSystem(body.system, 'system', errors);
    if (system.length > 0) call.messages.push({ role: 'system', content: system });
  }
  for (const message of decodeTurns(body.messages, 'messages', errors)) call.messages.push(message);
  const model = decodeString(body.model, 'model', errors, 256);
  // Names go into headers, columns and logs: what none of them can hold is nobody's model.
  if (model !== undefined && !/^[\x21-\x7e]+$/.test(model))
    wrong(errors, 'model', 'must be printable ASCII without blanks');
  else if (model !== undefined) call.model = model;
  decodeLimits(body, call, errors, only);
  const tools = decodeTools(body.tools, 'tools', errors, only);
  if (tools !== undefined) call.tools = tools;
  decodeChoice(body.tool_choice, 'tool_choice', errors, call);
  decodeOutput(body, call, errors);
  decodeTied(body, errors, only);
  const stream = decodeBoolean(body.stream, 'stream', errors) ?? false;
  const user = decodeUser(body.metadata, errors);
  throwIfWrong(errors);
  return { call, stream, includeUsage: true, ...(user === undefined ? {} : { user }) };
}

function decodeLimits(body: Json, call: AnswerCall, errors: FieldErrors, only: string[]): void {
  const maxTokens = decodeNumber(body.max_tokens, 'max_tokens', errors, COUNT);
  // It fills the vendor's prompt cache and asks for no answer.
  if (maxTokens === 0) only.push('a call with max_tokens 0');
  else if (maxTokens !== undefined) call.maxTokens = maxTokens;
  const temperature = decodeNumber(body.temperature, 'temperature', errors, SHARE);
  if (temperature !== undefined) call.temperature = temperature;
  const topP = decodeNumber(body.top_p, 'top_p', errors, SHARE);
  if (topP !== undefined) call.topP = topP;
  decodeNumber(body.top_k, 'top_k', errors, COUNT);
  const stops = body.stop_sequences;
  if (stops === undefined || stops === null) return;
  if (!Array.isArray(stops) || stops.length > MOST_STOPS || stops.some((stop) => typeof stop !== 'string' || !stop)) {
    wrong(errors, 'stop_sequences', `must be a list of up to ${MOST_STOPS} texts, none of them empty`);
  } else if (stops.length > 0) call.stop = stops as string[];
}

/** What shall come out, and how hard the model shall think. */
function decodeOutput(body: Json, call: AnswerCall, errors: FieldErrors): void {
  const config = objectOr(body.output_config, 'output_config', errors);
  const effort = decodeString(config.effort, 'output_config.effort', errors, 32);
  const format =
    decodeFormat(config.format, 'output_config.format', errors) ??
    decodeFormat(body.output_format, 'output_format', errors);
  if (format !== undefined) call.responseFormat = format;
  const thinking = objectOr(body.thinking, 'thinking', errors);
  const budget = decodeNumber(thinking.budget_tokens, 'thinking.budget_tokens', errors, BUDGET);
  if (body.thinking !== undefined && body.thinking !== null && typeof thinking.type !== 'string') {
    wrong(errors, 'thinking.type', 'must be "enabled", "adaptive", "disabled" or "between_tools"');
  }
  const asked = effortOf(stringIn(thinking, 'type'), effort, budget, call.maxTokens);
  if (asked !== undefined) call.reasoningEffort = asked;
}

/** `adaptive` alone leaves it to the model, as leaving the effort out does elsewhere. */
function effortOf(
  type: string | null,
  effort: string | undefined,
  budget: number | undefined,
  maxTokens: number | undefined,
): string | undefined {
  if (type === 'disabled' || type === 'between_tools') return 'none';
  if (effort !== undefined || type !== 'enabled' || budget === undefined) return effort;
  // The way back from the shares in thinking.ts, in the three words that every reasoning model knows.
  const share = budget / (maxTokens ?? 32_000);
  return share < 0.35 ? 'low' : share < 0.65 ? 'medium' : 'high';
}

/** What ties a call to the vendor: its answer without these would be another one, or come from another place. */
function decodeTied(body: Json, errors: FieldErrors, only: string[]): void {
  const { mcp_servers, container, inference_geo, thread } = body;
  if (mcp_servers !== undefined && mcp_servers !== null && !Array.isArray(mcp_servers)) {
    wrong(errors, 'mcp_servers', `must be a list, not ${kindOf(mcp_servers)}`);
  } else if (Array.isArray(mcp_servers) && mcp_servers.length > 0) only.push('calls with mcp_servers');
  if (container !== undefined && container !== null && typeof container !== 'string' && !isObject(container)) {
    wrong(errors, 'container', `must be an id or an object, not ${kindOf(container)}`);
  } else if (container !== undefined && container !== null) only.push('calls with a container');
  if (typeof inference_geo === 'string') only.push('calls with an inference_geo');
  if (thread !== undefined && thread !== null) only.push('calls with a thread');
  objectOr(body.context_management, 'context_management', errors);
}

function decodeUser(metadata: unknown, errors: FieldErrors): string | undefined {
  const { user_id: user } = objectOr(metadata, 'metadata', errors);
  if (user === undefined || user === null || user === '') return undefined;
  if (typeof user === 'string') return user.slice(0, LONGEST_USER);
  wrong(errors, 'metadata.user_id', `must be a text, not ${kindOf(user)}`);
  return undefined;
}

function objectOr(value: unknown, path: string, errors: FieldErrors): Json {
  if (value === undefined || value === null) return {};
  if (isObject(value)) return value;
  wrong(errors, path, `must be an object, not ${kindOf(value)}`);
  return {};
}
