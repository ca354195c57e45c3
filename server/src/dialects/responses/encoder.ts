/** Parts to the bytes of a Responses stream or a whole response, for callers of our Responses door. */
import { ERRORS } from '../../contract/errors.ts';
import type { DoorContext, Encoder } from '../../contract/ports.ts';
import type { Json } from '../json.ts';
import { openaiError } from '../openai/encoder.ts';
import { responseId } from './ids.ts';
import { createOutput } from './output.ts';
import { askedFields, type Ending, endingOf, responseError } from './response.ts';
import { encodeUsage } from './usage.ts';

/** `request`: the caller's own body, which a response repeats. Without it the response shows the defaults. */
export type ResponsesContext = DoorContext & { request?: Record<string, unknown> };

export function createResponsesEncoder(context: ResponsesContext): Encoder {
  let out = '';
  let number = 0;
  let started = false;
  let over = false;
  let silent = false;
  const emit = (type: string, fields: string): void => {
    if (!silent) out += `event: ${type}\ndata: {"type":"${type}","sequence_number":${number++},${fields}}\n\n`;
  };
  const output = createOutput(context.requestId, emit);

  function response(more: Json): string {
    return JSON.stringify({
      id: responseId(context.requestId),
      object: 'response',
      created_at: context.created,
      completed_at: null,
      error: null,
      incomplete_details: null,
      model: context.model,
      ...askedFields(context.request ?? null),
      ...more,
    });
  }

  function start(): void {
    if (started) return;
    started = true;
    const begun = response({ status: 'in_progress', output: [], usage: null });
    emit('response.created', `"response":${begun}`);
    emit('response.in_progress', `"response":${begun}`);
  }

  function taken(): string {
    const text = out;
    out = '';
    return text;
  }

  function ended(ending: Ending): Json {
    output.close(ending.status);
    return { ...ending, output: output.items };
  }

  return {
    part(part) {
      if (over) return '';
      start();
      output.part(part);
      return taken();
    },
    finish(reason, usage, truth) {
      if (over) return '';
      over = true;
      start();
      const end = ended(endingOf(reason));
      emit(
        `response.${String(end.status)}`,
        `"response":${response({ ...end, usage: encodeUsage(usage), x_mcp: truth })}`,
      );
      return taken();
    },
    /**
     * First `error`, at which the SDKs throw, then `response.failed`, the end that others wait for: so does OpenAI, and
     * in this order nobody takes what was said so far for an answer.
     */
    failure(error) {
      if (over) return '';
      over = true;
      start();
      const { error: said } = JSON.parse(openaiError(error.code, ERRORS[error.code].status, error.message, null)) as {
        error: Json;
      };
      const { code, message, param } = said;
      const flat = JSON.stringify({ code, message, param, error: said }).slice(1, -1);
      emit('error', flat);
      const failed = { status: 'failed', error: responseError(error.code, error.message), usage: null };
      // The items are in the response as far as they came; that they end here is no news of their own.
      silent = true;
      const end = { ...ended(endingOf('length')), ...failed, incomplete_details: null };
      silent = false;
      emit('response.failed', `"response":${response(end)}`);
      return taken();
    },
    whole(answer, truth) {
      silent = true;
      for (const part of answer.parts) output.part(part);
      const end = ended(endingOf(answer.finishReason));
      return response({ ...end, usage: encodeUsage(answer.usage), x_mcp: truth });
    },
  };
}
