/** How a run may end: made from what it has come to. */
import { ERRORS } from '../contract/errors.ts';
import type { ProviderFailure } from '../contract/part.ts';
import type { RequestError } from '../contract/record.ts';
import type { TerminalState } from '../contract/states.ts';
import type { RunEnd, StopReason } from './terms.ts';

export interface Ends {
  end(state: TerminalState | null, more?: Partial<RunEnd>): RunEnd;
  failed(code: RequestError['code'], message: string, more?: Partial<RunEnd>): RunEnd;
  /** The vendor's failure is the request's. */
  failure(failure: ProviderFailure): RunEnd;
  stopped(reason: StopReason): RunEnd;
  /** By a secret in the answer itself. */
  blocked(rule: string): RunEnd;
}

/** `now`: what the run has come to at that moment. */
export function createEnds(
  now: () => Omit<RunEnd, 'state' | 'requeueMs' | 'error' | 'retryAfterMs' | 'body' | 'vectors'>,
): Ends {
  const end: Ends['end'] = (state, more) => ({
    ...now(),
    state,
    requeueMs: null,
    error: null,
    retryAfterMs: null,
    body: null,
    vectors: null,
    ...more,
  });
  const failed: Ends['failed'] = (code, message, more) => end('failed', { error: { code, message }, ...more });
  return {
    end,
    failed,
    failure(failure) {
      const { code, status, retryAfterMs } = failure;
      const message = wordsOf(failure);
      return failed(code, message, {
        retryAfterMs: retryAfterMs ?? null,
        error: { code, message, ...(status === undefined ? {} : { upstream_status: status }) },
      });
    },
    blocked: (rule) =>
      end('blocked', {
        error: { code: 'guardrail_blocked', message: `The answer holds a secret that must not be shown (${rule}).` },
      }),
    stopped(reason) {
      switch (reason) {
        case 'lost':
        case 'unrecorded':
          return end(null);
        case 'drain':
          return end(null, { requeueMs: 0 });
        case 'timeout':
          return failed('timeout', ERRORS.timeout.title);
        case 'expired':
          return end('expired', { error: { code: 'expired', message: ERRORS.expired.title } });
        default:
          return end('cancelled', { error: { code: 'cancelled', message: ERRORS.cancelled.title } });
      }
    },
  };
}

/** A vendor's words stay inside. What a target cannot express is in our own words, and names what to leave out. */
function wordsOf({ code, detail }: ProviderFailure): string {
  return code === 'unsupported_by_target' ? `${ERRORS[code].title}: ${detail}.` : ERRORS[code].title;
}
