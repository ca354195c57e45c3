/**
 * Raw calls and the health book: they are counted for a target of their own, `provider/raw`, and nothing that they meet
 * is held against the models of the provider, since nobody here knows what they ask for.
 */

import type { Dialect } from '../contract/dialect.ts';
import { type ErrorCode, GoblinError } from '../contract/errors.ts';
import type { ProviderFailure } from '../contract/part.ts';
import type { Provider } from '../contract/provider.ts';
import { RAW } from '../contract/raw.ts';
import type { HealthBook } from '../routing/book.ts';
import { comeBackMs } from '../routing/come-back.ts';
import { duration } from '../routing/words.ts';
import { MAX_ERROR_BODY } from './limits.ts';

/**
 * Throws when no call may go there: `unavailable` when it was closed by hand, `upstream_rate_limited` while every key
 * rests, as the provider has asked or its limits in goblin.yaml say. A breaker that opened by itself keeps nobody away:
 * there is no other place for a raw call, and what the vendor says now is what its caller wants to know.
 */
export function refuseRaw(health: HealthBook, provider: Provider, now: number): void {
  const bar = health.bar(provider, RAW, now);
  if (bar === null) return;
  const { name } = provider;
  const retryAfterMs = comeBackMs([bar.waitMs]);
  throw bar.byHand
    ? new GoblinError('unavailable', `Raw calls to ${name} are closed by hand (${bar.why}).`, { retryAfterMs })
    : new GoblinError(
        'upstream_rate_limited',
        `Raw calls to ${name} rest for ${duration(retryAfterMs)} more (${bar.why}); try again then.`,
        { retryAfterMs },
      );
}

const OF_PATH: ReadonlySet<ErrorCode> = new Set(['upstream_forbidden', 'upstream_unknown_model']);

export interface RawHealth {
  /** Some of the answer that the vendor gave in place of a success. */
  heard(chunk: Buffer): void;
  /** The call is over. `failure` null: it succeeded. */
  end(failure: Pick<ProviderFailure, 'code' | 'retryAfterMs'> | null, latencyMs: number): void;
  /** With a status of an error. */
  refused(status: number, headers: Record<string, string>, latencyMs: number): void;
  /** Taken back by whoever asked: says nothing of the vendor. */
  cancelled(latencyMs: number): void;
  /** It was not sent. */
  unsent(): void;
}

export function beginRaw(
  health: HealthBook,
  provider: string,
  keyRef: string | null,
  failureOf: Dialect['vendor']['failure'],
): RawHealth {
  const ticket = health.begin({ provider, model: RAW, key: keyRef, kind: 'first', conversation: null }, Date.now());
  const chunks: Buffer[] = [];
  let size = 0;

  function end(code: ErrorCode | null, retryAfterMs: number | undefined, latencyMs: number): void {
    const outcome = { code, firstTokenMs: null, latencyMs, tokens: null, outputTokens: null, streamed: false };
    health.end(ticket, retryAfterMs === undefined ? outcome : { ...outcome, retryAfterMs }, Date.now());
  }

  /**
   * Paths have limits and rights of their own: a key rests only where the vendor says for how long, and one that may not
   * have this, or asks for what is not there, may do all the rest.
   */
  function tell({ code, retryAfterMs }: Pick<ProviderFailure, 'code' | 'retryAfterMs'>, latencyMs: number): void {
    if (code === 'upstream_rate_limited') end(code, retryAfterMs ?? 0, latencyMs);
    else end(OF_PATH.has(code) ? 'upstream_rejected' : code, undefined, latencyMs);
  }

  return {
    heard(chunk) {
      if (size + chunk.length > MAX_ERROR_BODY) return;
      size += chunk.length;
      chunks.push(chunk);
    },
    end(failure, latencyMs) {
      if (failure === null) end(null, undefined, latencyMs);
      else tell(failure, latencyMs);
    },
    refused(status, headers, latencyMs) {
      tell(failureOf(status, headers, Buffer.concat(chunks).toString('utf8'), Date.now()), latencyMs);
    },
    cancelled: (latencyMs) => end('cancelled', undefined, latencyMs),
    unsent: () => health.end(ticket, null, Date.now()),
  };
}
