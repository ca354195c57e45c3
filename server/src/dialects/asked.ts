/** What a caller asked through another dialect's door, for vendors that must find a place for it or say that they have none. */
import type { AnswerCall, DialectName, ResponseFormat, Tool } from '../contract/call.ts';
import type { Notice } from '../contract/dialect.ts';
import { GoblinError } from '../contract/errors.ts';
import { isObject } from './json.ts';
import { note } from './notices.ts';

const MOST_NAMES = 10;

export function unsupported(detail: string): GoblinError {
  return new GoblinError('unsupported_by_target', detail);
}

/**
 * The tools that may be called. OpenAI's `allowed_tools` declares the others only to keep its cache warm; tools of
 * types that only OpenAI has are in the caller's own body, not in the call, and are refused.
 */
export function offeredTools(call: AnswerCall): readonly Tool[] {
  const body = call.native?.dialect === 'openai' ? call.native.body : {};
  const foreign: unknown = Array.isArray(body.tools)
    ? body.tools.find((tool) => isObject(tool) && tool.type !== 'function')
    : null;
  if (isObject(foreign)) throw unsupported(`tools of type "${String(foreign.type)}" cannot be sent to this provider`);
  const tools = call.tools ?? [];
  const choice = body.tool_choice;
  const allowed = isObject(choice) && isObject(choice.allowed_tools) ? choice.allowed_tools.tools : null;
  if (!Array.isArray(allowed)) return tools;
  const names = new Set(
    allowed.map((tool) => (isObject(tool) && isObject(tool.function) ? tool.function.name : undefined)),
  );
  return tools.filter((tool) => names.has(tool.name));
}

/** For models that cannot be held to JSON: they are asked for it, and may not obey. */
export function jsonInWords(format: Exclude<ResponseFormat, { type: 'text' }>): string {
  const schema = format.type === 'json_schema' ? ` that fits this JSON Schema: ${JSON.stringify(format.schema)}` : '';
  return `Answer with one JSON object and nothing else${schema}`;
}

/** A number of the caller's own body that the call has no word for (`frequency_penalty`). */
export function askedNumber(call: AnswerCall, name: string): number | undefined {
  const value = call.native?.body[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** Fields that the call carries, or that mean nothing to an answer. */
const CARRIED: Partial<Record<DialectName, ReadonlySet<string>>> = {
  openai: new Set(
    `messages model stream stream_options max_tokens max_completion_tokens temperature top_p stop seed tools tool_choice
    functions function_call parallel_tool_calls response_format reasoning_effort reasoning n user metadata store
    safety_identifier prompt_cache_key prompt_cache_retention service_tier`.split(/\s+/),
  ),
  anthropic: new Set(
    `messages model system stream max_tokens temperature top_p stop_sequences tools tool_choice thinking output_config
    output_format metadata service_tier cache_control`.split(/\s+/),
  ),
  responses: new Set(
    `input instructions model stream stream_options max_output_tokens temperature top_p tools tool_choice
    parallel_tool_calls max_tool_calls reasoning text include store background previous_response_id metadata user
    safety_identifier prompt_cache_key prompt_cache_retention prompt_cache_options service_tier top_logprobs`.split(
      /\s+/,
    ),
  ),
};

/** Tells the caller which fields have no place here. `placed` are those that this dialect sent in its own way. */
export function noteUnplaced(call: AnswerCall, placed: ReadonlySet<string>, notices: Notice[]): void {
  const { native } = call;
  const carried = native && CARRIED[native.dialect];
  if (!carried) return;
  const lost = Object.keys(native.body).filter((key) => {
    const value = native.body[key];
    return !carried.has(key) && !placed.has(key) && value !== null && value !== undefined;
  });
  if (lost.length === 0) return;
  const names = lost.slice(0, MOST_NAMES).map((name) => name.slice(0, 64));
  note(notices, 'dropped', `${names.join(', ')}: this provider has no such setting`);
}
