/** What of a Responses body the record keeps: a later turn goes on from it, and the response is shown from it. */
import type { AnswerCall } from '../../contract/call.ts';
import type { Json } from '../json.ts';

/**
 * In the call already (`input`, `previous_response_id`), kept beside it (`metadata`), about one connection alone, or
 * the end user's name in clear.
 */
const NOT_KEPT = [
  'input',
  'previous_response_id',
  'metadata',
  'stream',
  'stream_options',
  'user',
  'safety_identifier',
] as const;

/** The call as the record has it. Bodies of other dialects are not kept: they say again what the call says. */
export function keptCall(call: AnswerCall): AnswerCall {
  const { native, ...kept } = call;
  if (native?.dialect !== 'responses') return kept;
  const body: Json = { ...native.body };
  for (const field of NOT_KEPT) delete body[field];
  return { ...kept, native: { ...native, body } };
}

/** The body that a response repeats, from what was kept of it. Null when nothing was. */
export function askedBody(call: AnswerCall | null, metadata: Json | null | undefined): Json | null {
  const native = call?.native;
  if (native?.dialect !== 'responses') return metadata ? { metadata } : null;
  const { previous } = native;
  return {
    ...native.body,
    ...(previous === undefined ? {} : { previous_response_id: previous }),
    ...(metadata ? { metadata } : {}),
  };
}

/** Whether its caller wants the response to be found by its id. */
export function isStored(call: AnswerCall): boolean {
  return call.native?.dialect !== 'responses' || call.native.body.store !== false;
}
