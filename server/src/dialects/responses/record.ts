/** A request of our record as a response object: for `GET /v1/responses/{id}`, and for who does not wait. */
import type { AnswerCall } from '../../contract/call.ts';
import type { StoredResult } from '../../contract/record.ts';
import type { RequestRow } from '../../contract/rows.ts';
import type { State } from '../../contract/states.ts';
import type { Json } from '../json.ts';
import { responseId } from './ids.ts';
import { askedBody } from './kept.ts';
import { createOutput } from './output.ts';
import { partsOfStored } from './previous.ts';
import { askedFields, endingOf, responseError } from './response.ts';
import { encodeUsage } from './usage.ts';

export interface Recorded {
  request: Pick<RequestRow, 'id' | 'state' | 'model' | 'createdAt' | 'finishedAt' | 'error'>;
  /** Null once the body was erased: the response then shows the defaults for what was asked. */
  call: AnswerCall | null;
  result: StoredResult | null;
  /** What was shown of an answer that ended without success. */
  partialText: string | null;
  /** Kept beside the call. */
  metadata?: Json | null;
}

type Status = 'queued' | 'in_progress' | 'completed' | 'failed' | 'cancelled';

/** `expired` and `blocked` are failures to this API, told apart by their error. A success may still be incomplete. */
const STATUS: Readonly<Record<State, Status>> = {
  queued: 'queued',
  running: 'in_progress',
  succeeded: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
  expired: 'failed',
  blocked: 'failed',
};

/** Times of the record are milliseconds, those of a response whole seconds. */
const seconds = (ms: number): number => Math.floor(ms / 1000);

/** Pure: the same record gives the same response, ids of items included. */
export function responseObject(recorded: Recorded, truth?: Record<string, unknown>): Record<string, unknown> {
  const { request, call, result, partialText } = recorded;
  const status = STATUS[request.state];
  const { error } = request;
  const failed = status === 'failed';
  return {
    id: responseId(request.id),
    object: 'response',
    created_at: seconds(request.createdAt),
    completed_at: null,
    model: typeof truth?.model === 'string' ? truth.model : (request.model ?? call?.model ?? 'auto'),
    ...askedFields(askedBody(call, recorded.metadata)),
    status,
    incomplete_details: null,
    error: failed
      ? responseError(error?.code ?? request.state, error?.message ?? 'The request ended without an answer')
      : null,
    usage: null,
    ...answered(request, status, result, partialText),
    ...(truth ? { x_mcp: truth } : {}),
  };
}

function answered(
  { id, finishedAt }: Recorded['request'],
  status: Status,
  result: StoredResult | null,
  partialText: string | null,
): Json {
  const output = createOutput(id, () => {});
  if (status === 'completed' && result) {
    const ending = endingOf(result.finishReason);
    for (const part of partsOfStored(result.message)) output.part(part);
    output.close(ending.status);
    const completed = ending.status === 'completed' && finishedAt !== null ? seconds(finishedAt) : null;
    return { ...ending, completed_at: completed, output: output.items, usage: encodeUsage(result.usage) };
  }
  if (partialText !== null) output.part({ type: 'text', text: partialText });
  output.close('incomplete');
  return { output: output.items };
}
