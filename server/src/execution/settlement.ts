/** How a run goes into the record. */
import type { FrameBody } from '../contract/part.ts';
import { SEALED, type Settlement } from '../contract/record.ts';
import { messageOfVectors, openaiMessage } from '../dialects/index.ts';
import type { AnswerShield } from '../guard/answers.ts';
import type { RunEnd } from './terms.ts';

/** What is the same for every end of a run. */
export interface Settled {
  tenant: string;
  id: string;
  epoch: number;
  owner: string;
  /** UTC day of the database, `YYYY-MM-DD`. */
  day: string;
  callback: boolean;
  /** Vectors are kept, so that they can be told again. */
  keep?: boolean;
}

/** An end without a state is a failure. `answer`: what its placeholders stand for goes along, encrypted. `last` are the frames that go along; attached requests have none. */
export function settlementOf(
  { keep = false, ...of }: Settled,
  end: RunEnd,
  answer?: Pick<AnswerShield, 'sealed'>,
  last: { firstSeq: number; frames: FrameBody[] } = { firstSeq: 1, frames: [] },
): Settlement {
  const state = end.state ?? 'failed';
  const sealed = answer?.sealed() ?? null;
  return {
    ...of,
    state,
    error: end.error,
    result:
      state === 'succeeded' && end.usage && end.last && end.finishReason
        ? {
            text: end.text,
            message: {
              ...(end.vectors ? messageOfVectors(end.vectors, keep) : openaiMessage(end.parts)),
              ...(sealed === null ? {} : { [SEALED]: sealed }),
            },
            finishReason: end.finishReason,
            provider: end.last.provider,
            model: end.last.model,
            usage: end.usage,
            costPico: null,
            priceVersion: end.attempt?.priceVersion ?? null,
            latencyMs: end.latencyMs,
          }
        : null,
    partialText: state === 'succeeded' || end.text === '' ? null : end.text,
    attempt: end.attempt,
    firstSeq: last.firstSeq,
    frames: last.frames,
  };
}
