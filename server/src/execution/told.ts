/** What the caller of an attached request is told of its end. */
import { ERRORS, GoblinError } from '../contract/errors.ts';
import type { AttachedOutcome } from '../contract/flow.ts';
import type { RequestRow } from '../contract/rows.ts';
import { isTerminal } from '../contract/states.ts';
import { invalidCalls, rounded } from '../dialects/index.ts';
import type { RunEnd } from './terms.ts';

/** The process stops before the answer was complete. */
export const STOPPED = { state: 'failed', error: { code: 'interrupted', message: ERRORS.interrupted.title } } as const;

/**
 * Others have ended a run that was taken from us, as a cancel on another node that was not heard here: its caller is
 * told so, and does not try again what he cancelled.
 */
export async function asRecorded(end: RunEnd, read: () => Promise<RequestRow | null>): Promise<RunEnd> {
  const row = end.state === null ? await read().catch(() => null) : null;
  if (!row || !isTerminal(row.state) || row.state === 'succeeded') return end;
  return { ...end, state: row.state, error: row.error };
}

/**
 * The vendor's own body is of use only to a caller of the same dialect. `keep`: vectors are told just as they will be
 * told again from the record.
 */
export function toOutcome(end: RunEnd, sameDialect: boolean, keep: boolean): AttachedOutcome {
  const { vectors } = end;
  return {
    sameAs: null,
    state: end.state ?? 'failed',
    error: end.state === null ? STOPPED.error : end.error,
    retryAfterMs: end.retryAfterMs,
    parts: end.parts,
    finishReason: end.finishReason,
    usage: end.usage,
    provider: end.last?.provider ?? '',
    model: end.last?.model ?? '',
    attempts: end.last?.attempt ?? 0,
    costPico: end.costPico,
    priceReason: end.costPico === null ? 'the price of this model is not known' : null,
    ...(end.last?.cache ? { cache: end.last.cache } : {}),
    // Arguments that are no JSON are marked in our body; the vendor's would pass them on unmarked.
    body: sameDialect && !(keep && vectors) && invalidCalls(end.parts).length === 0 ? end.body : null,
    ...(vectors ? { vectors: keep ? rounded(vectors) : vectors } : {}),
  };
}

export function refusalOf({ error, retryAfterMs }: RunEnd): GoblinError {
  const { code, message } = error ?? STOPPED.error;
  return new GoblinError(code, message, retryAfterMs === null ? {} : { retryAfterMs });
}

export function failedBefore(error: GoblinError): AttachedOutcome {
  return {
    sameAs: null,
    state: 'failed',
    error: { code: error.code, message: error.detail },
    retryAfterMs: error.retryAfterMs ?? null,
    parts: [],
    finishReason: null,
    usage: null,
    provider: '',
    model: '',
    attempts: 0,
    costPico: null,
    priceReason: null,
    body: null,
  };
}
