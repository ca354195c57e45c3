/** Parts to the bytes of a Responses stream or a whole response, for callers of our Responses door. */

import type { DoorContext, Encoder, Truth } from '../../contract/dialect.ts';
import { ERRORS } from '../../contract/errors.ts';
import type { Json } from '../json.ts';
import { openaiError } from '../openai/encoder.ts';
import { responseId } from './ids.ts';
import { createOutput } from './output.ts';
import { askedFields, type Ending, endingOf, responseError } from './response.ts';
import { encodeUsage } from './usage.ts';

/** `request`: the caller's own body, which a response repeats. Without it the response shows the defaults. */
export type ResponsesContext = DoorContext & {
  /** Number of the first event. Left out: 0. */
  first?: number;
  /** The reader has the events up to this number: they are left out, but for the end. Left out: none. */
  after?: number;
};

/** With what only a stream needs that is told again from its record (replay.ts). */
export interface ResponsesEncoder extends Encoder {
  /** It waits for its turn: to be said before anything else. */
  queued(): string;
  /** Its turn has come. */
  begun(): string;
  /** Number of the next event. */
  number(): number;
}

export function createResponsesEncoder(context: ResponsesContext): ResponsesEncoder {
  let out = '';
  let number = context.first ?? 0;
  const after = context.after ?? -1;
  let created = false;
  let started = false;
  let over = false;
  let silent = false;
  const emit = (type: string, fields: string, always = false): void => {
    if (silent) return;
    const at = number++;
    if (at > after || always) out += `event: ${type}\ndata: {"type":"${type}","sequence_number":${at},${fields}}\n\n`;
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

  const without = (status: string): string => `"response":${response({ status, output: [], usage: null })}`;

  function start(): void {
    if (started) return;
    started = true;
    const begun = without('in_progress');
    if (!created) emit('response.created', begun);
    created = true;
    emit('response.in_progress', begun);
  }

  function taken(): string {
    const text = out;
    out = '';
    return text;
  }

  function ended(ending: Ending): Json {
    output.close(ending.status);
    const completed = ending.status === 'completed' ? (context.ended?.() ?? null) : null;
    return { ...ending, completed_at: completed, output: output.items };
  }

  return {
    number: () => number,
    queued() {
      if (created) return '';
      created = true;
      const waits = without('queued');
      emit('response.created', waits);
      emit('response.queued', waits);
      return taken();
    },
    begun() {
      if (!over) start();
      return taken();
    },
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
      const whole = response({ ...end, ...answeredBy(truth), usage: encodeUsage(usage), x_mcp: truth });
      emit(`response.${String(end.status)}`, `"response":${whole}`, true);
      return taken();
    },
    /**
     * First `error`, at which the SDKs throw, then `response.failed`, the end that others wait for: so does OpenAI, and
     * in this order nobody takes what was said so far for an answer. What was cancelled ends so too: there is no event
     * for it that the SDKs know.
     */
    failure(error) {
      if (over) return '';
      over = true;
      // What never had its turn is not said to have begun.
      if (!created) start();
      const { error: said } = JSON.parse(openaiError(error.code, ERRORS[error.code].status, error.message, null)) as {
        error: Json;
      };
      const { code, message, param } = said;
      const flat = JSON.stringify({ code, message, param, error: said }).slice(1, -1);
      emit('error', flat, true);
      const failed =
        error.code === 'cancelled'
          ? { status: 'cancelled', usage: null }
          : { status: 'failed', error: responseError(error.code, error.message), usage: null };
      // The items are in the response as far as they came; that they end here is no news of their own.
      silent = true;
      const end = { ...ended(endingOf('length')), ...failed, incomplete_details: null };
      silent = false;
      emit('response.failed', `"response":${response(end)}`, true);
      return taken();
    },
    whole(answer, truth) {
      silent = true;
      for (const part of answer.parts) output.part(part);
      const end = ended(endingOf(answer.finishReason));
      return response({ ...end, ...answeredBy(truth), usage: encodeUsage(answer.usage), x_mcp: truth });
    },
  };
}

/** At the end it is known which model has answered. */
const answeredBy = (truth: Truth): { model?: string } =>
  typeof truth.model === 'string' ? { model: truth.model } : {};
