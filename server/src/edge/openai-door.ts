/** `POST /v1/chat/completions` and `GET /v1/models`: an OpenAI client works by changing its address. */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Caller } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import type { AnswerListener, AttachedHandle, AttachedInput, AttachedOutcome, Submission } from '../contract/flow.ts';
import type { Usage } from '../contract/part.ts';
import type { Dialect, Encoder, Ledger, Telemetry } from '../contract/ports.ts';
import { canonicalHash, idempotencyKey, parseObject } from './body.ts';
import { attach, createPulse, streamListener, wholeListener, writeDoorError } from './door.ts';
import { readDoorHeaders } from './door-headers.ts';
import { asGoblinError, noteRefusal } from './problem.ts';
import { openaiRelay } from './relay.ts';

export interface ListedModel {
  id: string;
  provider: string;
}

export interface OpenAiDoorDeps {
  dialect: Dialect;
  ledger: Ledger;
  newId(): string;
  /** Runs an attached request under the id. */
  run(caller: Caller, id: string, input: AttachedInput, hop: string | null): AttachedHandle | Promise<AttachedHandle>;
  replay(caller: Caller, submission: Submission): Promise<Replayed | null>;
  taskTypes(): readonly string[];
  models(): Promise<ListedModel[]>;
  /** Throws when the call came from us. */
  hop(header: unknown): string | null;
  usage(usage: Usage): Record<string, unknown>;
  log: Telemetry['log'];
}

/** An earlier request with the same key and body, at its end. */
export type Replayed = { id: string; outcome: AttachedOutcome };

export type Chat = (caller: Caller, headers: IncomingHttpHeaders, bytes: unknown, res: ServerResponse) => void;

export function openaiDoor(app: FastifyInstance, deps: OpenAiDoorDeps): { chat: Chat; close(): void } {
  const door = deps.dialect.door;
  if (!door) throw new Error('the openai dialect has no door');
  const pulse = createPulse();

  app.post(
    '/v1/chat/completions',
    {
      config: { permission: 'request:write', door: 'openai' },
      schema: {
        summary: 'OpenAI chat completions',
        description: 'As OpenAI documents it, to any configured provider. Closing the connection cancels.',
        tags: ['Drop-in doors'],
        body: {
          type: 'object',
          additionalProperties: true,
          properties: {
            model: { type: 'string' },
            messages: { type: 'array', items: {} },
            stream: { type: 'boolean' },
          },
          required: ['messages'],
        },
      },
    },
    (request, reply) => {
      reply.hijack();
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) reply.raw.setHeader(name, value);
      chat(request.caller as Caller, request.headers, request.body, reply.raw);
    },
  );

  app.get(
    '/v1/models',
    {
      config: { permission: 'request:read', door: 'openai' },
      schema: { summary: 'The models of all configured providers', tags: ['Drop-in doors'] },
    },
    async () => {
      const models = await deps.models();
      return {
        object: 'list',
        data: models.map(({ id, provider }) => ({ id, object: 'model', created: 0, owned_by: provider })),
      };
    },
  );

  /** Answers on the raw response, so that it can be reached with and without the framework (fast-lane.ts). */
  function chat(caller: Caller, headers: IncomingHttpHeaders, bytes: unknown, res: ServerResponse): void {
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
    if (door && !res.headersSent) writeDoorError(door, res, id, known);
  }

  function answer(caller: Caller, given: IncomingHttpHeaders, bytes: unknown, res: ServerResponse, id: string): void {
    if (!door) return;
    const body = parseObject(bytes);
    const { call, stream, includeUsage } = door.decode(body);
    const headers = readDoorHeaders(given, stream, deps.taskTypes());
    const key = idempotencyKey(given['idempotency-key']);
    const hop = deps.hop(given['x-mcp-hop']);
    const submission: Submission = {
      kind: 'answer',
      mode: 'attached',
      call,
      taskType: headers.taskType,
      hints: [],
      priority: 5,
      userId:
        headers.user ?? (typeof body.user === 'string' && body.user !== '' ? body.user.slice(0, 512) : caller.user),
      notBefore: null,
      deadlineMs: headers.deadlineMs,
      failover: headers.failover,
      callbackUrl: null,
      labels: headers.labels,
      metadata: null,
      idempotency: key === null ? null : { key, bodyHash: canonicalHash(body) },
    };
    let made: Encoder | null = null;
    const pen = {
      id,
      door,
      res,
      encoder() {
        made ??= door.encoder({
          requestId: pen.id,
          model: call.model ?? 'auto',
          created: Math.floor(Date.now() / 1000),
          includeUsage,
        });
        return made;
      },
    };
    const listener = stream
      ? streamListener(pen, openaiRelay(includeUsage, pen.encoder), deps.usage, pulse)
      : wholeListener(pen);
    const begin = (to: AnswerListener) =>
      deps.run(caller, id, { submission, stream, door: 'openai', listener: to }, hop);
    const settled = (handle: AttachedHandle) => {
      attach(res, handle);
      if (res.destroyed) handle.leave();
    };
    if (key !== null) {
      withKey().catch(refuse);
      return;
    }
    try {
      const handle = begin(listener);
      if (handle instanceof Promise) handle.then(settled, refuse);
      else settled(handle);
    } catch (error) {
      refuse(error);
    }

    function refuse(error: unknown): void {
      noteRefusal(deps.ledger, caller, error);
      fail(res, id, error);
    }

    /** With a key there may be an earlier call, or one that began in this very moment: its answer is told again. */
    async function withKey(): Promise<void> {
      const earlier = await deps.replay(caller, submission);
      if (earlier) {
        tell(earlier);
        return;
      }
      const done = (outcome: AttachedOutcome) => {
        if (outcome.sameAs === null) listener.done(outcome);
        else
          deps.replay(caller, submission).then(
            (other) => (other ? tell(other) : listener.done(outcome)),
            () => res.destroy(),
          );
      };
      settled(await begin({ ...listener, done }));
    }

    function tell(earlier: Replayed): void {
      pen.id = earlier.id;
      res.setHeader('idempotent-replayed', 'true');
      listener.recorded();
      for (const part of earlier.outcome.parts) listener.event([part], null);
      listener.flush();
      listener.done(earlier.outcome);
    }
  }

  return { chat, close: () => pulse.close() };
}

/** Names every process a call went through; ours among them means that it came back. */
export function readHop(header: unknown, instance: string): string | null {
  if (typeof header !== 'string' || header === '') return null;
  if (header.length > 2000 || header.split(',').includes(instance)) {
    throw new GoblinError('loop_detected', 'The call came back to this server: a base URL of a provider leads here.');
  }
  return header;
}
