/**
 * One door for every dialect in which a caller asks for an answer: the same admission, idempotency, hop mark and
 * headers. What a dialect has of its own (address, shapes, relay) is in its `AnswerDialect`.
 */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Caller } from '../contract/caller.ts';
import type { Dialect, Encoder } from '../contract/dialect.ts';
import { GoblinError, mismatch } from '../contract/errors.ts';
import type { AnswerListener, AttachedHandle, AttachedInput, AttachedOutcome, Submission } from '../contract/flow.ts';
import type { Usage } from '../contract/part.ts';
import type { Ledger, Telemetry } from '../contract/ports.ts';
import { estimateInputTokens } from '../money/estimate.ts';
import { type Come, type Detached, type Read, refuseForeignTargets, submissionOf } from './answer-read.ts';
import { parseObject } from './body.ts';
import { attach, type Pen, streamListener, wholeListener, writeDoorError } from './door.ts';
import { readPassHeaders } from './door-headers.ts';
import { type Call as Asked, isMarkedRetry, type Joins } from './joins.ts';
import { asGoblinError, noteRefusal } from './problem.ts';
import type { Pulse } from './pulse.ts';
import type { Relay } from './relay.ts';

const seconds = (): number => Math.floor(Date.now() / 1000);

/** What a door has of its own. */
export interface AnswerDialect {
  /** Its `door` face must be there. */
  dialect: Dialect;
  path: string;
  summary: string;
  /** JSON Schema of the body, for the document alone: the dialect itself checks what comes. */
  body: Record<string, unknown>;
  /** A body that is taken, for whoever sends none. */
  example: string;
  /** How events of a vendor of this dialect are sent on. Null: they are all made anew by the encoder. */
  relay: ((includeUsage: boolean, encoder: () => Encoder) => Relay) | null;
  /** Token counts in the dialect's words, for a relay that must add them. */
  usage(usage: Usage): Record<string, unknown>;
  /** Header in which its clients look for the request's id. */
  idHeader: string | null;
  /** Headers of callers that vendors of this dialect get too. */
  passHeaders: readonly string[];
  /** Set where an answer carries our own ids: a vendor's body is never sent as it came. */
  anew?: true;
  /** In place of the dialect's own decoder: bodies that the record completes. */
  read?(caller: Caller, body: Record<string, unknown>, res: ServerResponse): Read | Promise<Read>;
  /** Takes requests that are not answered on the connection. */
  detach?(asked: Detached): boolean;
}

export interface AnswerDoorDeps {
  ledger: Ledger;
  newId(): string;
  /** Runs an attached request under the id. */
  run(caller: Caller, id: string, input: AttachedInput, hop: string | null): AttachedHandle | Promise<AttachedHandle>;
  replay(caller: Caller, submission: Submission): Promise<Replayed | null>;
  taskTypes(): readonly string[];
  /** Throws when the call came from us. */
  hop(header: unknown): string | null;
  /** Beats for all doors. */
  pulse: Pulse;
  joins: Joins;
  log: Telemetry['log'];
}

/** An earlier request with the same key and body, at its end. */
export type Replayed = { id: string; outcome: AttachedOutcome };

/** Answers on the raw response, so that it can be reached with and without the framework (fast-lane.ts). */
export type Answer = (caller: Caller, headers: IncomingHttpHeaders, bytes: unknown, res: ServerResponse) => void;

/** Adds the route, and gives back what stands behind it. */
export function answerDoor(app: FastifyInstance, spec: AnswerDialect, deps: AnswerDoorDeps): Answer {
  const { dialect } = spec;
  const { door } = dialect;
  if (!door) throw new Error(`the ${dialect.name} dialect has no door`);

  app.post(
    spec.path,
    {
      config: { permission: 'request:write', door: true },
      schema: {
        summary: spec.summary,
        description: 'As its maker documents it, to any configured provider. Closing the connection cancels.',
        tags: ['Drop-in doors'],
        body: spec.body,
      },
    },
    (request, reply) => {
      reply.hijack();
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) reply.raw.setHeader(name, value);
      take(request.caller as Caller, request.headers, request.body, reply.raw);
    },
  );

  function take(caller: Caller, headers: IncomingHttpHeaders, bytes: unknown, res: ServerResponse): void {
    const id = deps.newId();
    try {
      answer(caller, headers, bytes, res, id);
    } catch (error) {
      fail(res, id, error);
    }
  }

  function fail(res: ServerResponse, id: string, error: unknown): void {
    const known = asGoblinError(error);
    if (known.code === 'internal') deps.log('error', 'the door failed', { error: String((error as Error).stack) });
    if (door && !res.headersSent) writeDoorError(door, res, id, known, spec.idHeader);
  }

  function answer(caller: Caller, given: IncomingHttpHeaders, bytes: unknown, res: ServerResponse, id: string): void {
    if (!door) return;
    const body = parseObject(bytes, spec.example);
    const go = (read: Read) => begin({ caller, given, bytes, res, id, body, read });
    refuseForeignTargets(body);
    const read = spec.read ? spec.read(caller, body, res) : door.decode(body);
    if (read instanceof Promise) read.then(go).catch((error: unknown) => fail(res, id, error));
    else go(read);
  }

  function begin({ caller, given, bytes, res, id, body, read }: Come): void {
    if (!door) return;
    const { call, stream, includeUsage } = read;
    const passHeaders = readPassHeaders(given, spec.passHeaders);
    const submission = submissionOf(caller, given, body, read, deps.taskTypes());
    const key = submission.idempotency?.key ?? null;
    const hop = deps.hop(given['x-mcp-hop']);
    if (spec.detach?.({ caller, submission, read, res, refuse, fail: (error) => fail(res, id, error) })) return;
    let made: Encoder | null = null;
    const pen: Pen = {
      id,
      model: call.model ?? 'auto',
      door,
      res,
      idHeader: spec.idHeader,
      anew: spec.anew === true,
      encoder() {
        made ??= door.encoder({
          requestId: pen.id,
          model: pen.model,
          created: seconds(),
          ended: seconds,
          includeUsage,
          inputTokens: estimateInputTokens(call),
          request: body,
          ...(call.embed?.base64 ? { base64: true } : {}),
        });
        return made;
      },
      forget() {
        made = null;
      },
    };
    const listener = stream
      ? streamListener(pen, spec.relay?.(includeUsage, pen.encoder) ?? null, spec.usage, deps.pulse)
      : wholeListener(pen);
    /** A call may turn out to be another one, which began on another node with the same key in this very moment. */
    const withOther: AnswerListener = {
      ...listener,
      done(outcome) {
        if (outcome.sameAs === null) listener.done(outcome);
        else
          deps.replay(caller, submission).then(
            (other) => (other ? tell(other) : listener.done(outcome)),
            () => res.destroy(),
          );
      },
    };
    const asked: Asked = { caller, path: spec.path, bytes: bytes as Buffer, idempotency: submission.idempotency };
    let ended = false;
    let over = (): void => {
      ended = true;
    };
    let told: AttachedOutcome | null = null;
    res.once('close', () => {
      if (told?.state === 'succeeded' && !res.writableFinished && key === null)
        deps.joins.undelivered(asked, pen.id, told);
    });
    const run = (to: AnswerListener) =>
      deps.run(
        caller,
        id,
        {
          submission,
          stream,
          door: dialect.name,
          listener: {
            ...to,
            done(outcome) {
              told = outcome;
              to.done(outcome);
            },
          },
          admitted(told) {
            for (const [name, value] of Object.entries(told)) res.setHeader(name, value);
          },
          over: () => over(),
          ...(passHeaders ? { passHeaders } : {}),
        },
        hop,
      );
    const settled = (handle: AttachedHandle) => {
      if (!ended) over = deps.joins.began(asked, handle);
      listen(handle);
    };
    const listen = (handle: AttachedHandle) => {
      attach(res, handle);
      if (res.destroyed) handle.leave();
    };
    if (key !== null) {
      withKey().catch(refuse);
      return;
    }
    if (isMarkedRetry(given) && joinSame()) return;
    try {
      const handle = run(listener);
      if (handle instanceof Promise) handle.then(settled, refuse);
      else settled(handle);
    } catch (error) {
      refuse(error);
    }

    function refuse(error: unknown): void {
      noteRefusal(deps.ledger, caller, error);
      fail(res, id, error);
    }

    /** Joins a running call: everything is told again from its beginning. */
    function join(handle: AttachedHandle): boolean {
      // Joining may send the headers.
      pen.id = handle.requestId;
      res.setHeader('idempotent-replayed', 'true');
      const joined = handle.join(withOther);
      if (joined) listen(joined);
      else {
        pen.id = id;
        res.removeHeader('idempotent-replayed');
      }
      return joined !== null;
    }

    function joinSame(): boolean {
      const found = deps.joins.same(asked);
      if (found && 'running' in found) return join(found.running);
      if (found) tell(found);
      return found !== null;
    }

    /** With a key there may be an earlier call, or one that began in this very moment: its answer is told again. */
    async function withKey(): Promise<void> {
      const here = key === null ? null : deps.joins.byKey(caller, key);
      if (here && here.bodyHash !== submission.idempotency?.bodyHash) throw mismatch();
      if (here && join(here.handle)) return;
      const earlier = await deps.replay(caller, submission);
      if (earlier) {
        tell(earlier);
        return;
      }
      settled(await run(withOther));
    }

    function tell(earlier: Replayed): void {
      pen.id = earlier.id;
      pen.model = earlier.outcome.model || pen.model;
      res.setHeader('idempotent-replayed', 'true');
      listener.recorded();
      for (const part of earlier.outcome.parts) listener.event([part], null);
      listener.flush();
      listener.done(earlier.outcome);
    }
  }

  return take;
}

/** Names every process a call went through; ours among them means that it came back. */
export function readHop(header: unknown, instance: string): string | null {
  if (typeof header !== 'string' || header === '') return null;
  if (header.length > 2000 || header.split(',').includes(instance)) {
    throw new GoblinError('loop_detected', 'The call came back to this server: a base URL of a provider leads here.');
  }
  return header;
}
