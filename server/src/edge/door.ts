/** What every drop-in door does alike: headers in, headers out, an answer streamed or whole, errors in the door's shape. */
import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { Dialect, Encoder } from '../contract/dialect.ts';
import { ERRORS, type GoblinError } from '../contract/errors.ts';
import type { AnswerListener, AttachedHandle, AttachedOutcome } from '../contract/flow.ts';
import { isVisible, type Usage } from '../contract/part.ts';
import type { AttemptStart } from '../contract/record.ts';
import { scrub } from '../guard/secrets/scrub.ts';
import { dollars } from '../money/cost.ts';
import { answerHeaders, idHeaders, plainNumber } from './answer-headers.ts';
import { retryHeaders, sentence } from './problem.ts';
import type { Pulse } from './pulse.ts';
import type { Relay } from './relay.ts';
import { truthOf } from './truth.ts';

type Door = NonNullable<Dialect['door']>;

export function sendDoorError(door: Door, reply: FastifyReply, error: GoblinError): FastifyReply {
  return reply
    .code(error.status)
    .headers({ 'content-type': 'application/json', ...retryHeaders(error.code, error.retryAfterMs), ...error.headers })
    .send(
      door.error(
        error.code,
        error.status,
        sentence(error.code, error.detail, error.errors),
        error.requestId ?? null,
        error.errors,
      ),
    );
}

export function writeDoorError(
  door: Door,
  res: ServerResponse,
  id: string,
  error: GoblinError,
  idHeader: string | null,
): void {
  const body = door.error(error.code, error.status, sentence(error.code, error.detail, error.errors), id, error.errors);
  res.writeHead(error.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...retryHeaders(error.code, error.retryAfterMs),
    ...error.headers,
    ...idHeaders(id, idHeader),
  });
  res.end(body);
}

function errorBody(
  door: Door,
  id: string,
  outcome: AttachedOutcome,
): { status: number; headers: Record<string, string>; body: string } {
  const code = outcome.error?.code ?? 'internal';
  const status = ERRORS[code].status;
  const message = scrub(outcome.error?.message ?? ERRORS[code].title);
  return {
    status,
    headers: {
      'content-type': 'application/json',
      ...(outcome.replayed ? { 'x-should-retry': 'false' } : retryHeaders(code, outcome.retryAfterMs)),
    },
    body: door.error(
      code,
      status,
      outcome.replayed ? `${message} It ended so; to try again send a new Idempotency-Key.` : message,
      id,
    ),
  };
}

/** Bytes up to which copying is cheaper than a second write. */
const ONE_WRITE = 64 * 1024;

export interface Pen {
  id: string;
  /** As the answer names it: as the caller did, until it is known who answers. */
  model: string;
  door: Door;
  /** Made when it is needed: a vendor of the door's dialect needs none. */
  encoder(): Encoder;
  /** Nothing that the encoder made has been sent: the next one begins anew. */
  forget(): void;
  res: ServerResponse;
  /** What a vendor of the dialect says unstreamed is not sent as it came. */
  anew: boolean;
  /** Where this dialect's clients look for the request's id, besides our own header. */
  idHeader: string | null;
}

/** Without a stream: nothing is sent before the end. */
export function wholeListener(pen: Pen): AnswerListener {
  return {
    attempt({ model }) {
      pen.model = model;
    },
    notice() {},
    event() {},
    recorded() {},
    flush: () => true,
    done(outcome) {
      const { res, id } = pen;
      if (res.destroyed) return;
      const { parts, finishReason, usage, vectors } = outcome;
      if (outcome.state !== 'succeeded' || !finishReason || !usage) {
        const error = errorBody(pen.door, id, outcome);
        res.writeHead(error.status, {
          ...error.headers,
          ...answerHeaders(pen, outcome),
          'content-length': Buffer.byteLength(error.body),
        });
        res.end(error.body);
        return;
      }
      const body =
        (pen.anew || usage.source === 'estimated' ? null : outcome.body) ??
        pen.encoder().whole({ parts, finishReason, usage, ...(vectors ? { vectors } : {}) }, truthOf(id, outcome));
      const cost = dollars(outcome.costPico);
      res.writeHead(200, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        ...answerHeaders(pen, outcome),
        ...(cost === null ? {} : { 'x-mcp-cost-usd': plainNumber(cost) }),
      });
      // One string with the headers is one write; Latin-1 gives every byte back as it was, whatever it means.
      if (Buffer.isBuffer(body) && body.length <= ONE_WRITE) res.end(body.toString('latin1'), 'latin1');
      else res.end(body);
    },
  };
}

const HEADERS_AFTER_MS = 10_000;
const KEEP_ALIVE_MS = 15_000;

/** `relay`: null when every event is made by the encoder, also from a vendor of the door's dialect. */
export function streamListener(
  pen: Pen,
  relay: Relay | null,
  wireUsageOf: (usage: Usage) => Record<string, unknown>,
  pulse: Pulse,
): AnswerListener {
  const { res } = pen;
  const { encoder } = pen;
  let start: AttemptStart | null = null;
  let out = '';
  let visible = false;
  let headed = false;
  /** Nothing is said of a request that the record may not have. */
  let recorded = false;
  /** The vendor that speaks now is of the door's dialect. */
  let relayed = false;
  /** The rest is told by the encoder. */
  let closed = false;
  const began = performance.now();
  let lastWrite = began;

  const still = pulse.add((now) => {
    // Refused in another place, or gone.
    if (res.writableEnded || res.destroyed || (res.headersSent && !headed)) {
      still();
      return;
    }
    if (!headed && recorded && now - began >= HEADERS_AFTER_MS) head();
    if (headed && now - lastWrite >= KEEP_ALIVE_MS && !res.writableNeedDrain && !res.destroyed) {
      lastWrite = now;
      res.write(': keep-alive\n\n');
    }
  });

  // A call that is refused, or whose caller leaves, has no end that is told to this listener.
  res.once('close', still);

  function head(): void {
    headed = true;
    res.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
      ...answerHeaders(pen, {
        provider: start?.provider ?? '',
        model: start?.model ?? '',
        attempts: start?.attempt ?? 0,
        ...(start?.cache ? { cache: start.cache } : {}),
      }),
    });
    // Headers without a body yet are of use only when they leave now.
    if (!visible) res.flushHeaders();
  }

  return {
    attempt(next) {
      start = next;
      pen.model = next.model;
      relayed = false;
      closed = false;
      // What an attempt said before anything visible was never sent.
      if (!visible) {
        out = '';
        pen.forget();
      }
      relay?.attempt(visible);
    },
    notice() {},
    event(parts, data) {
      if (closed) return;
      if (relay !== null && data !== null && data !== '') {
        relayed = true;
        out += relay.event(parts, data);
        if (!visible) visible = parts.some(isVisible);
        return;
      }
      for (const part of parts) {
        if (part.type === 'finish') {
          // Its end is not there in its own words: what the vendor still says is nothing to go on.
          relayed = false;
          closed = true;
        }
        if (!isVisible(part)) continue;
        visible = true;
        out += encoder().part(part);
      }
    },
    recorded() {
      recorded = true;
    },
    flush() {
      if (!visible || out === '' || res.destroyed) return true;
      if (!headed) head();
      const text = out;
      out = '';
      lastWrite = performance.now();
      return res.write(text);
    },
    done(outcome) {
      still();
      if (res.destroyed) return;
      if (outcome.state === 'succeeded' && outcome.finishReason && outcome.usage) {
        if (!headed) head();
        const truth = truthOf(pen.id, outcome);
        out +=
          relayed && relay
            ? relay.finish(outcome.finishReason, outcome.usage, wireUsageOf(outcome.usage), truth)
            : encoder().finish(outcome.finishReason, outcome.usage, truth);
        res.end(out);
        return;
      }
      if (!headed) {
        const error = errorBody(pen.door, pen.id, outcome);
        res.writeHead(error.status, { ...error.headers, ...answerHeaders(pen, outcome) });
        res.end(error.body);
        return;
      }
      const code = outcome.error?.code ?? 'internal';
      res.end(
        out +
          encoder().failure({
            code,
            message: scrub(outcome.error?.message ?? ERRORS[code].title),
            ...(outcome.error?.upstream_status ? { upstream_status: outcome.error.upstream_status } : {}),
          }),
      );
    },
  };
}

/** The connection's own troubles reach the request: gone, or able to take more. */
export function attach(res: ServerResponse, handle: AttachedHandle): void {
  res.on('drain', () => handle.resume());
  res.on('close', () => {
    if (!res.writableFinished) handle.leave();
  });
}
