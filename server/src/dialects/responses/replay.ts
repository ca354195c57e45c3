/**
 * The stream of a response that runs in the background, made from its frames: whoever reads it, and whenever, gets the
 * same events under the same numbers.
 */

import type { Encoder } from '../../contract/dialect.ts';
import { ERRORS } from '../../contract/errors.ts';
import type { FrameBody } from '../../contract/part.ts';
import { openaiError } from '../openai/encoder.ts';
import { createResponsesEncoder, type ResponsesContext } from './encoder.ts';

export interface Replay extends Pick<Encoder, 'finish' | 'failure'> {
  /** Comes first. */
  begin(): string;
  /** Bytes for one frame, in order from the first. Null: the answer begins anew, and what this reader has is void. */
  frame(seq: number, frame: FrameBody): string | null;
  /** To be said then: nothing follows on this connection, though the response goes on. */
  void(): string;
}

/** `restarted`: number of the last frame known so far with which the answer began anew; 0 when there is none. */
export function createReplay(context: ResponsesContext, restarted: number): Replay {
  let encoder = createResponsesEncoder(context);
  /** Number of the first event with something of the answer. */
  let shown = Number.POSITIVE_INFINITY;
  /** Such an event went out here. */
  let told = false;
  const has = context.after ?? -1;

  return {
    begin() {
      const text = encoder.queued();
      return restarted > 0 ? '' : text;
    },
    frame(seq, frame) {
      let text = '';
      switch (frame.type) {
        case 'attempt':
          text = encoder.begun();
          break;
        case 'text':
        case 'reasoning':
        case 'tool_call': {
          const before = encoder.number();
          text = encoder.part(frame);
          if (encoder.number() > before) shown = Math.min(shown, before);
          told ||= text !== '' && seq > restarted;
          break;
        }
        case 'restart':
          if (told || (has >= shown && has < encoder.number())) return null;
          encoder = createResponsesEncoder({ ...context, first: encoder.number() });
          shown = Number.POSITIVE_INFINITY;
          text = encoder.begun();
          break;
      }
      return seq < restarted ? '' : text;
    },
    void() {
      const message =
        'The answer began anew, and what came of it so far is void. Stream it again from its beginning, without starting_after.';
      const { error } = JSON.parse(openaiError('interrupted', ERRORS.interrupted.status, message, null)) as {
        error: { code: string; message: string; param: null };
      };
      const { code, param } = error;
      const fields = { type: 'error', sequence_number: encoder.number(), code, message, param, error };
      return `event: error\ndata: ${JSON.stringify(fields)}\n\n`;
    },
    finish: (...ending) => encoder.finish(...ending),
    failure: (error) => encoder.failure(error),
  };
}
