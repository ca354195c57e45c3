/**
 * One try at one target: sends the call, watches four clocks, decides by the bytes what came back, and turns it into
 * parts. The answer is complete only when the vendor's own terminal signal was seen.
 */
import type { Decoder, FrameParser } from '../contract/dialect.ts';
import { GoblinError } from '../contract/errors.ts';
import { isVisible, type Part, type ProviderFailure } from '../contract/part.ts';
import { createFrameParser } from '../dialects/frames.ts';
import type { Upstream } from '../providers/exchange.ts';
import { flatHeaders, type RawHeaders } from '../providers/headers.ts';
import type { Transport } from '../providers/transport.ts';
import type { Wheel } from '../providers/wheel.ts';
import { silent } from './account.ts';
import { isCompressed, isJson, kindOf, late } from './bytes.ts';
import { AFTER_TERMINAL_MS, MAX_ERROR_BODY, MAX_WHOLE_BODY } from './limits.ts';
import type { AttemptInput, AttemptListener, RunningAttempt } from './outcome.ts';
import { createPace } from './pace.ts';

export function startAttempt(
  deps: { transport: Transport; wheel: Wheel },
  input: AttemptInput,
  listener: AttemptListener,
): RunningAttempt {
  const { clocks, dialect, provider } = input;
  const started = performance.now();
  const outcome = silent(null);
  let upstream: Upstream | null = null;
  let over = false;
  let status = 0;
  let headers: RawHeaders = {};
  let mode: 'head' | 'error' | 'sniff' | 'whole' | 'stream' = 'head';
  let chunks: Buffer[] = [];
  let size = 0;
  /** What the last read brought. */
  let heard: 'data' | 'ping' | null = null;
  let lastData = started;
  let waitingFor: ProviderFailure = late('no headers');
  const pace = createPace(
    () => listener.flush(),
    () => upstream?.pause(),
    () => over,
  );

  /** Made only when the bytes turn out to be a stream. */
  let reader: { decoder: Decoder; parser: FrameParser } | null = null;

  function openReader(): { decoder: Decoder; parser: FrameParser } {
    const decoder = dialect.vendor.decoder(provider.quirks);
    const parser = createFrameParser(dialect.framing, (event) => {
      // A ping says that the line is open, not that the model still speaks.
      heard = event.name === 'ping' ? 'ping' : 'data';
      if (over) return;
      if (outcome.finishReason !== null && event.data === '[DONE]') finish();
      else take(decoder.push(event), event.data, event.alike === true);
    });
    reader = { decoder, parser };
    return reader;
  }

  const alarm = deps.wheel.alarm(() => {
    if (over || outcome.finishReason !== null) {
      finish();
      upstream?.abort();
      return;
    }
    if (mode === 'stream' && outcome.firstTokenMs !== null) {
      // Re-armed by arithmetic, not at every event: the alarm looks when data last came.
      const left = pace.paused ? clocks.idleMs : lastData + clocks.idleMs - performance.now();
      if (left > 1) {
        alarm.set(left);
        return;
      }
    }
    // The answer is there, and only the line stays open.
    if (mode === 'whole' && isJson(chunks)) {
      end();
      upstream?.abort();
      return;
    }
    if (upstream?.begun) outcome.accepted = true;
    fail(waitingFor);
  });

  function take(parts: readonly Part[], raw: string, alike = false): void {
    let failure: ProviderFailure | null = null;
    for (const part of parts) {
      if (part.type === 'usage') outcome.usage = part.usage;
      else if (part.type === 'failure') failure = part.failure;
      else if (part.type === 'finish') {
        outcome.finishReason = part.reason;
        waitingFor = late('no end after the terminal signal');
        alarm.set(AFTER_TERMINAL_MS);
      } else if (outcome.firstTokenMs === null) {
        outcome.firstTokenMs = performance.now() - started;
        waitingFor = late('silence in the middle of the answer');
        alarm.set(clocks.idleMs);
      }
    }
    if (!failure) {
      listener.event(parts, raw, alike);
      return;
    }
    // What stands beside a failure in a stream is shown, but not the event itself, which has the vendor's words about it.
    if (mode !== 'whole') listener.event(parts.filter(isVisible), '', false);
    fail(failure);
  }

  function finish(): void {
    if (over) return;
    over = true;
    outcome.latencyMs = performance.now() - started;
    // The socket is left to end by itself, so that it can be used again; the alarm closes one that lingers.
    alarm.set(AFTER_TERMINAL_MS);
    listener.done(outcome);
  }

  function fail(failure: ProviderFailure): void {
    if (over) return;
    over = true;
    alarm.stop();
    upstream?.abort();
    outcome.failure = failure;
    outcome.latencyMs = performance.now() - started;
    // What was said before it does not wait for what comes next.
    pace.hurry();
    listener.done(outcome);
  }

  function protocol(detail: string): void {
    fail({ code: 'upstream_protocol', status, detail });
  }

  /** No parser or codec gets through it: a line of megabytes, JSON that is deeper than the stack is high. */
  function unreadable(error: unknown): void {
    if (over) throw error;
    protocol(error instanceof GoblinError ? error.detail : 'an answer that cannot be read');
  }

  /** The bytes decide what this is, not the content type. */
  function sniff(chunk: Buffer): void {
    const kind = kindOf(chunk, dialect.framing === 'ndjson' && input.stream);
    if (kind === 'page') protocol('a page of HTML instead of an answer');
    else if (kind !== null) mode = kind;
  }

  function push(chunk: Buffer): void {
    try {
      // Comments and pings are no sign of life.
      heard = null;
      if ((reader ?? openReader()).parser.push(chunk) && heard !== 'ping') lastData = performance.now();
    } catch (error) {
      unreadable(error);
    }
    if (!over) pace.said();
  }

  /** All that has come, at its end. */
  function read(): void {
    if (mode === 'error') {
      fail(dialect.vendor.failure(status, flatHeaders(headers), Buffer.concat(chunks).toString('utf8'), Date.now()));
    } else if (mode === 'whole') {
      outcome.body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
      take(dialect.vendor.whole(outcome.body.toString('utf8'), provider.quirks), '');
    } else {
      const { decoder, parser } = reader ?? openReader();
      parser.end();
      if (!over) take(decoder.end(), '');
    }
  }

  function end(): void {
    if (over) {
      alarm.stop();
      return;
    }
    try {
      read();
    } catch (error) {
      unreadable(error);
    }
    if (over) return;
    if (outcome.finishReason === null) fail({ code: 'upstream_truncated', status, detail: 'the answer has no end' });
    else {
      listener.flush();
      finish();
      alarm.stop();
    }
  }

  upstream = deps.transport.post(
    provider,
    input.request,
    input.hop,
    {
      head(code, received) {
        if (over) return;
        status = code;
        headers = received;
        lastData = performance.now();
        if (isCompressed(received)) {
          outcome.accepted = code < 300;
          protocol('a compressed answer, which was not asked for');
          return;
        }
        if (code >= 200 && code < 300) {
          mode = 'sniff';
          outcome.accepted = true;
          waitingFor = late('no first token');
          if (input.stream) alarm.set(clocks.firstTokenMs);
        } else {
          mode = 'error';
          waitingFor = late('an error without an end');
          alarm.set(clocks.idleMs);
        }
      },
      data(chunk) {
        if (over) return;
        if (mode === 'sniff') sniff(chunk);
        if (over) return;
        if (mode === 'stream') {
          if (chunks.length > 0) {
            // Blank bytes before the first sign, kept until it came.
            chunk = Buffer.concat([...chunks, chunk]);
            chunks = [];
          }
          push(chunk);
          return;
        }
        size += chunk.length;
        if (mode === 'error') {
          if (size <= MAX_ERROR_BODY) chunks.push(chunk);
          else end();
          return;
        }
        if (size > MAX_WHOLE_BODY) {
          protocol('an answer of more than 64 MB');
          return;
        }
        chunks.push(chunk);
        if (mode === 'whole') {
          waitingFor = late('silence in the middle of the answer');
          alarm.set(clocks.idleMs);
        }
      },
      end,
      error(failure, sent) {
        if (over) return;
        // A cut after the terminal signal cuts nothing (a body shorter than announced).
        if (outcome.finishReason !== null) {
          finish();
          alarm.stop();
          return;
        }
        // Complete JSON in a body shorter than announced is an answer; anything else says itself what it lacks.
        if (mode === 'whole' || (mode === 'error' && status > 0)) end();
        else if (mode === 'stream' && outcome.accepted) tail(failure);
        else {
          outcome.accepted = mode !== 'head' && sent;
          fail(mode === 'head' ? failure : { code: 'upstream_truncated', status, detail: failure.detail });
        }
      },
    },
    input.key,
  );
  alarm.set(input.stream ? clocks.headersMs : clocks.answerMs);

  /** The connection broke in mid-stream: what is complete in the buffer still counts. */
  function tail(failure: ProviderFailure): void {
    try {
      reader?.parser.end();
    } catch {
      // Half an event: the cut itself is the news.
    }
    if (over) return;
    if (outcome.finishReason !== null) {
      listener.flush();
      finish();
      alarm.stop();
    } else fail({ code: 'upstream_truncated', status, detail: failure.detail });
  }

  return {
    abort() {
      if (!over) {
        over = true;
        alarm.stop();
        // Nobody knows what a vendor makes of a call that was taken back: it is charged by estimate.
        if (upstream?.begun) outcome.accepted = true;
        upstream?.abort();
        outcome.latencyMs = performance.now() - started;
      }
      return outcome;
    },
    resume() {
      if (!pace.resume()) return;
      lastData = performance.now();
      upstream?.resume();
    },
  };
}
