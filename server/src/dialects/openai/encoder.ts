/** Parts to the bytes of an OpenAI stream or completion, for callers of our OpenAI door. */

import type { DoorContext, Encoder } from '../../contract/dialect.ts';
import { ERRORS, type ErrorCode, type FieldError } from '../../contract/errors.ts';
import type { FinishReason, Usage, VisiblePart } from '../../contract/part.ts';
import type { Json } from '../json.ts';
import { callExtras } from './google.ts';
import { createDetailCollector, openaiMessage } from './message.ts';

export function createOpenaiEncoder(context: DoorContext): Encoder {
  const id = `chatcmpl-${context.requestId}`;
  const { created, model } = context;
  // Every chunk has `choices`: clients index into it without looking.
  const head = `data: ${JSON.stringify({ id, object: 'chat.completion.chunk', created, model }).slice(0, -1)},"choices":`;
  const open = `${head}[{"index":0,"delta":{`;
  const close = '},"finish_reason":null}]}\n\n';
  const detailOf = createDetailCollector();
  let role = '"role":"assistant",';
  let over = false;

  function delta(fields: string): string {
    const chunk = `${open}${role}${fields}${close}`;
    role = '';
    return chunk;
  }

  function reasoning(part: Extract<VisiblePart, { type: 'reasoning' }>): string {
    const detail = detailOf(part);
    const text = part.text === '' ? '' : `"reasoning_content":${JSON.stringify(part.text)}`;
    if (detail === null) return text === '' ? '' : delta(text);
    return delta(`${text}${text === '' ? '' : ','}"reasoning_details":${JSON.stringify([detail])}`);
  }

  function toolCall(part: Extract<VisiblePart, { type: 'tool_call' }>): string {
    const call: Json = { index: part.index };
    if (part.id !== undefined) Object.assign(call, { id: part.id, type: 'function' });
    call.function =
      part.name === undefined ? { arguments: part.arguments } : { name: part.name, arguments: part.arguments };
    Object.assign(call, callExtras(part.vendor));
    return delta(`"tool_calls":${JSON.stringify([call])}`);
  }

  return {
    part(part) {
      if (over) return '';
      if (part.type === 'text') return part.text === '' ? '' : delta(`"content":${JSON.stringify(part.text)}`);
      return part.type === 'reasoning' ? reasoning(part) : toolCall(part);
    },
    finish(reason, usage, truth) {
      if (over) return '';
      over = true;
      const empty = role === '' ? '' : '"role":"assistant","content":""';
      const facts = `"x_mcp":${JSON.stringify(truth)}`;
      const last = `${open}${empty}},"finish_reason":${JSON.stringify(reason)}}]`;
      const chunks = context.includeUsage
        ? `${last}}\n\n${head}[],"usage":${JSON.stringify(openaiUsage(usage))},${facts}}\n\n`
        : `${last},${facts}}\n\n`;
      return `${chunks}data: [DONE]\n\n`;
    },
    failure(error) {
      if (over) return '';
      over = true;
      // No [DONE] after it: to a client that ignores errors the answer must look broken, not complete.
      return `data: ${JSON.stringify({ error: errorObject(error.code, error.message, null) })}\n\n`;
    },
    whole(answer, truth) {
      const message = openaiMessage(answer.parts);
      message.refusal = null;
      return JSON.stringify({
        id,
        object: 'chat.completion',
        created,
        model,
        choices: [{ index: 0, message, logprobs: null, finish_reason: answer.finishReason satisfies FinishReason }],
        usage: openaiUsage(answer.usage),
        x_mcp: truth,
      });
    },
  };
}

export function openaiUsage(usage: Usage): Json {
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedInputTokens, cache_write_tokens: usage.cacheWriteTokens },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
  };
}

/** The JSON body of an error before the stream began. */
export function openaiError(
  code: string,
  status: number,
  message: string,
  requestId: string | null,
  errors?: readonly FieldError[],
): string {
  const error = { ...errorObject(code, message, errors?.[0]?.path ?? null), type: errorType(status) };
  return JSON.stringify(requestId === null ? { error } : { error, request_id: requestId });
}

function errorObject(code: string, message: string, param: string | null): Json {
  const status = Object.hasOwn(ERRORS, code) ? ERRORS[code as ErrorCode].status : 500;
  return { message, type: errorType(status), param, code };
}

/** The types that OpenAI's own errors have; clients switch on them. */
function errorType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}
