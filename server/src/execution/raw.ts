/**
 * Runs a raw call: one attempt at one provider, whose answer is passed on as it comes. It is in the record before it is
 * sent, and settled behind its end; never tried again, because nobody here knows what it does.
 */
import type { Caller } from '../contract/caller.ts';
import { ERRORS, type ErrorCode, GoblinError, mismatch } from '../contract/errors.ts';
import type { ProviderFailure, Usage } from '../contract/part.ts';
import { RAW, type RawAdmitted, type RawCall, type RawHandle, type RawListener } from '../contract/raw.ts';
import type { AttemptEnd, AttemptStart } from '../contract/record.ts';
import { scrub } from '../guard/secrets/scrub.ts';
import type { Upstream } from '../providers/exchange.ts';
import { flatHeaders } from '../providers/headers.ts';
import { namesKeys } from '../routing/keys.ts';
import type { AttachedDeps } from './attached.ts';
import { late } from './bytes.ts';
import { createEnds } from './ends.ts';
import { beginRaw, refuseRaw } from './raw-health.ts';
import { settlementOf } from './settlement.ts';
import type { RunEnd, StopReason } from './terms.ts';
import { asRecorded } from './told.ts';

/** How long the record may take to note the call before it is sent. */
const COMMIT_MS = 5000;
const LONGEST_REASON = 300;

const NO_USAGE: Usage = {
  inputTokens: 0,
  outputTokens: 0,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
  source: 'reported',
};

/** Answers that are not the caller's to see: they speak of our key, or would lead elsewhere. */
function hidden(status: number): ErrorCode | null {
  if (status === 401 || status === 407) return 'upstream_unauthorized';
  if (status === 403) return 'upstream_forbidden';
  return status >= 300 && status < 400 && status !== 304 ? 'upstream_redirect' : null;
}

/** What the record says of an error that the caller got as the vendor worded it. */
function codeOf(status: number): ErrorCode {
  if (status === 429) return 'upstream_rate_limited';
  return status >= 500 ? 'upstream_unavailable' : 'upstream_rejected';
}

/** Rejects when the record does not take the call; then nothing was sent. */
export async function runRaw(
  deps: AttachedDeps,
  caller: Caller,
  { provider, pico, priceVersion, acceptance, policy, entry }: RawAdmitted,
  call: RawCall,
  hop: string | null,
  listener: RawListener,
): Promise<RawHandle> {
  const { ledger } = deps;
  const { clocks, health, transport } = deps.run;
  const { id } = acceptance;
  const { tenant } = caller;
  const keyRef = health.key(provider, RAW, Math.floor(Math.random() * 0xffffffff), Date.now());
  if (keyRef === null && provider.keys?.some(({ models }) => models !== null)) {
    entry?.unrecorded();
    entry?.end(null);
    throw new GoblinError(
      'forbidden',
      `No key of ${provider.name} is for raw calls: each has a list of models; add "${RAW}" to one of them.`,
    );
  }
  try {
    refuseRaw(health, provider, Date.now());
  } catch (error) {
    entry?.unrecorded();
    entry?.end(null);
    throw error;
  }
  const key = provider.keys?.find((one) => one.id === keyRef)?.key ?? provider.key;
  const started = performance.now();
  const target = {
    provider: provider.name,
    model: RAW,
    reason: `${call.method} ${call.path.split('?', 1)[0]}`.slice(0, LONGEST_REASON),
  };
  const start: AttemptStart = {
    attempt: 1,
    ...target,
    inputPico: pico,
    outputPico: 0,
    ...(policy === undefined ? {} : { plan: { targets: [target], dropped: [], policy } }),
    ...(keyRef === null || !namesKeys(provider) ? {} : { keyRef }),
  };

  const learning = beginRaw(health, provider.name, keyRef, deps.run.dialect(provider).vendor.failure);
  let upstream: Upstream | null = null;
  let status = 0;
  let received: Record<string, string> = {};
  let bytes = 0;
  let type = '';
  let paused = false;
  let waitingFor: ProviderFailure = late('no headers');
  let attempt: AttemptEnd | null = null;
  let stopped: StopReason | null = null;
  let over = false;
  const ends = createEnds(() => ({
    parts: [],
    text: '',
    finishReason: null,
    usage: null,
    last: start,
    attempt,
    costPico: attempt?.costPico ?? 0,
    latencyMs: performance.now() - started,
  }));

  const silence = deps.wheel.alarm(() => fail(waitingFor, true));
  const total = deps.wheel.alarm(() => stop('timeout'));
  const deadline = deps.wheel.alarm(() => stop('expired'));

  /** The call is over; `taken`: the vendor may have done what was asked, so it costs. */
  function ended(how: AttemptEnd['status'], taken: boolean, error: AttemptEnd['error']): void {
    over = true;
    entry?.end(0);
    for (const alarm of [silence, total, deadline]) alarm.stop();
    const latencyMs = performance.now() - started;
    const costPico = taken ? pico : 0;
    attempt = { attempt: 1, status: how, firstTokenMs: null, latencyMs, usage: null, costPico, priceVersion, error };
    if (how !== 'cancelled') deps.run.observe(start, attempt);
  }

  function fail(failure: ProviderFailure, taken: boolean): void {
    if (over) return;
    upstream?.abort();
    const { code, detail } = failure;
    learning.end(failure, performance.now() - started);
    ended('failed', taken, { code, detail: scrub(detail), ...(status > 0 ? { upstream_status: status } : {}) });
    const end = ends.failure(status > 0 ? { ...failure, status } : failure);
    listener.fail(new GoblinError(code, end.error?.message ?? ERRORS[code].title, retryOf(failure)));
    void settle(end);
  }

  /** From outside: cancelled, out of time, the process stops. What becomes of the call at the vendor nobody knows. */
  function stop(reason: StopReason): void {
    stopped ??= reason;
    if (over || !upstream) return;
    const taken = upstream.begun;
    upstream.abort();
    const timeout = reason === 'timeout' || reason === 'expired';
    if (reason === 'timeout') learning.end({ code: 'upstream_timeout' }, performance.now() - started);
    else learning.cancelled(performance.now() - started);
    const late = timeout ? ({ code: 'upstream_timeout', detail: 'the time of the call was up' } as const) : null;
    ended(timeout ? 'failed' : 'cancelled', taken, late);
    const known = ends.stopped(reason);
    if (known.state !== null) tell(known);
    else void asRecorded(known, () => ledger.get(tenant, id)).then(tell);
  }

  function tell(known: RunEnd): void {
    const end: RunEnd = known.state === null ? ends.failed('interrupted', ERRORS.interrupted.title) : known;
    const code = end.error?.code ?? 'cancelled';
    listener.fail(new GoblinError(code, end.error?.message ?? ERRORS[code].title));
    void settle(end);
  }

  async function settle(end: RunEnd): Promise<void> {
    deps.ended(RAW, end);
    try {
      const of = { tenant, id, epoch: 1, owner: deps.owner, day: deps.day(), callback: false };
      const settlement = settlementOf(of, end);
      if (settlement.result) settlement.result.message = { raw: { status, content_type: type, bytes } };
      if (await deps.persist(() => ledger.settle(settlement))) deps.bus.publish(id, { type: 'ended' });
      else if (end.attempt) {
        const last = end.attempt;
        await deps.persist(() => ledger.settleAttempt(tenant, id, 1, last, null));
      }
    } catch {
      // The record refuses, or the process stops: the request ends by its lease and is charged as one that was sent.
    } finally {
      entry?.settled(id);
      place.leave();
    }
  }

  const place = deps.register(id, stop);
  try {
    const accepted = await deps.persist(
      () => ledger.open(tenant, { ...acceptance, owner: deps.owner, attempt: start }),
      COMMIT_MS,
    );
    if (accepted.outcome !== 'accepted') entry?.unrecorded();
    if (accepted.outcome === 'replayed') throw ranAlready(accepted.id);
    if (accepted.outcome !== 'accepted') throw mismatch();
    entry?.recorded();
  } catch (error) {
    learning.unsent();
    entry?.unrecorded(error);
    entry?.end(null);
    place.leave();
    throw error;
  }
  place.recorded();

  /** It is in the record, and nothing was sent. */
  const unsent = stopped ?? (listener.gone() ? 'left' : null);
  if (unsent !== null) {
    learning.unsent();
    ended('cancelled', false, null);
    tell(ends.stopped(unsent));
    return { leave() {}, resume() {} };
  }

  upstream = transport.raw(
    provider,
    call,
    hop,
    {
      head(code, raw) {
        if (over) return;
        status = code;
        received = flatHeaders(raw);
        const secret = hidden(code);
        if (secret !== null) {
          fail({ code: secret, detail: `status ${code}` }, false);
          return;
        }
        type = received['content-type'] ?? '';
        waitingFor = late('no first byte');
        silence.set(clocks.firstTokenMs);
        listener.head({ status, headers: received, costPico: code < 400 ? pico : 0 });
      },
      data(chunk) {
        if (over) return;
        bytes += chunk.length;
        if (status >= 400) learning.heard(chunk);
        waitingFor = late('silence in the middle of the answer');
        silence.set(clocks.idleMs);
        if (listener.data(status >= 400 ? withoutKey(chunk, key) : chunk)) return;
        paused = true;
        // A caller that is slow to read is not a vendor that is slow to speak.
        silence.stop();
        upstream?.pause();
      },
      end() {
        if (over) return;
        const latencyMs = performance.now() - started;
        if (status < 400) {
          learning.end(null, latencyMs);
          ended('succeeded', true, null);
          listener.end();
          void settle(ends.end('succeeded', { finishReason: 'stop', usage: NO_USAGE }));
          return;
        }
        const code = codeOf(status);
        learning.refused(status, received, latencyMs);
        ended('failed', false, { code, detail: `status ${status}`, upstream_status: status });
        listener.end();
        void settle(ends.failure({ code, status, detail: `status ${status}` }));
      },
      error(failure, sent) {
        if (status === 0) fail(failure, sent);
        else fail({ code: 'upstream_truncated', detail: failure.detail }, status < 400);
      },
    },
    provider.keys?.length ? key : undefined,
  );
  silence.set(clocks.answerMs);
  total.set(deps.totalMs);
  if (acceptance.deadlineMs !== null) deadline.set(acceptance.deadlineMs);

  return {
    leave: () => stop('left'),
    resume() {
      if (!paused || over) return;
      paused = false;
      silence.set(clocks.idleMs);
      upstream?.resume();
    },
  };
}

const retryOf = ({ retryAfterMs }: ProviderFailure) => (retryAfterMs === undefined ? {} : { retryAfterMs });

const ranAlready = (id: string): GoblinError =>
  new GoblinError(
    'gone',
    `This call was sent already, as request ${id}, and answers of raw calls are not kept; to send it again use a new Idempotency-Key.`,
    { requestId: id },
  );

/** Some vendors say a refused call again, key and all. As many stars as characters, so that the length stays. */
function withoutKey(chunk: Buffer, key: string | null): Buffer {
  if (key === null || key.length < 8 || !chunk.includes(key)) return chunk;
  return Buffer.from(chunk.toString('latin1').replaceAll(key, '*'.repeat(key.length)), 'latin1');
}
