/** `/mcp/v1/stream/{id}`: one resource in two forms, WebSocket and server-sent events. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import type { Caller } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import { frameOf, type Part, wireUsage } from '../contract/part.ts';
import type { Bus, Ledger } from '../contract/ports.ts';
import type { StoredFrame } from '../contract/record.ts';
import type { RequestRow } from '../contract/rows.ts';
import { isTerminal } from '../contract/states.ts';
import { partsOfMessage } from '../dialects/index.ts';
import { erased, notFound, readId } from './query.ts';
import { type Reader, startReader } from './reader.ts';
import type { Shown } from './shown.ts';

export interface StreamDeps {
  ledger: Ledger;
  bus: Bus;
  framesHours: number;
  now(): number;
  /** Leaves a trace when the request is somebody else's; rejects when that cannot be done. */
  shown: Shown;
  /** False while frames of other processes may go unheard. */
  hearsAll(): boolean;
}

interface Opened {
  row: RequestRow;
  /** As its reader sees it. */
  ledger: Ledger;
  after: number;
}

const KEEP_ALIVE_MS = 15_000;
/** Bytes that may wait in a WebSocket before its reader is paused. */
const WS_HIGH_WATER = 256 * 1024;

export function streamRoutes(app: FastifyInstance, deps: StreamDeps): { close(): void } {
  const beats = new Set<() => void>();
  const closers = new Set<() => void>();
  const timer = setInterval(() => {
    for (const beat of beats) beat();
  }, KEEP_ALIVE_MS).unref();

  /** Everything that can be refused, before either form begins. */
  async function open(request: FastifyRequest): Promise<Opened> {
    const caller = request.caller as Caller;
    const id = readId(request);
    const row = await deps.ledger.get(caller.tenant, id);
    if (!row) throw notFound(id);
    if (row.erased) throw erased(id);
    const after = readAfter(request);
    const ended = isTerminal(row.state);
    if (ended && row.finishedAt !== null && deps.now() - row.finishedAt > deps.framesHours * 3_600_000) {
      throw new GoblinError(
        'gone',
        `Streams are kept for ${deps.framesHours} hours after the end; read the result at /mcp/v1/request/${id}/result.`,
        { requestId: id },
      );
    }
    if (!ended && after > row.lastSeq) {
      throw new GoblinError('invalid_request', `after is ${after}, but the stream has only reached ${row.lastSeq}.`, {
        requestId: id,
        errors: [{ path: 'after', message: `must be at most ${row.lastSeq} now` }],
      });
    }
    return { row, after, ledger: await deps.shown(caller, row, 'stream') };
  }

  /** Begins to read in whichever way the request has been recorded. */
  function follow(
    caller: Caller,
    opened: Opened,
    out: { write(frame: StoredFrame): boolean; end(clean: boolean): void },
  ): Reader {
    const { row, ledger } = opened;
    const detached = row.mode === 'detached';
    const after = isTerminal(row.state) && detached ? Math.min(opened.after, row.lastSeq - 1) : opened.after;
    const source = detached ? ledger : { framesAfter: attachedFrames(ledger) };
    return startReader(
      { ledger: source, bus: deps.bus, hearsAll: deps.hearsAll, cached: detached },
      caller.tenant,
      row.id,
      after,
      out,
    );
  }

  app.route({
    method: 'GET',
    url: '/mcp/v1/stream/:id',
    config: { permission: 'request:read', link: true },
    schema: {
      summary: 'The frames of a request, as server-sent events or over a WebSocket',
      description:
        'Same frames, same numbers in both forms. Resume with `Last-Event-ID` or `?after=n`. A finished request replays whole; the last frame is `end`.',
      tags: ['Streams'],
      params: { type: 'object', properties: { id: { type: 'string', format: 'uuid' } } },
      querystring: {
        type: 'object',
        properties: { after: { type: 'integer', minimum: 0 }, token: { type: 'string' } },
      },
      headers: { type: 'object', properties: { 'last-event-id': { type: 'string' } } },
      response: { 200: { description: 'Frames', content: { 'text/event-stream': { schema: { type: 'string' } } } } },
    },
    preHandler: async (request) => {
      request.opened = await open(request);
    },
    handler: (request, reply) => {
      sse(request, reply);
    },
    wsHandler: (socket: WebSocket, request: FastifyRequest) => ws(socket, request),
  });

  function sse(request: FastifyRequest, reply: FastifyReply): void {
    reply.hijack();
    const res = reply.raw;
    const opened = request.opened as Opened;
    for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) res.setHeader(name, value);
    res.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-mcp-request-id': opened.row.id,
    });
    res.flushHeaders();
    const reader = follow(request.caller as Caller, opened, {
      write: (frame) => res.write(`id: ${frame.seq}\nevent: ${frame.type}\ndata: ${frame.json}\n\n`),
      end(clean) {
        forget();
        if (clean) res.end();
        else res.destroy();
      },
    });
    const beat = () => {
      if (!res.writableNeedDrain) res.write(': keep-alive\n\n');
    };
    const shut = () => res.destroy();
    const forget = () => {
      beats.delete(beat);
      closers.delete(shut);
    };
    beats.add(beat);
    closers.add(shut);
    res.on('drain', () => reader.resume());
    res.on('close', () => {
      forget();
      reader.close();
    });
  }

  function ws(socket: WebSocket, request: FastifyRequest): void {
    const opened = request.opened as Opened;
    let full = false;
    const reader = follow(request.caller as Caller, opened, {
      write(frame) {
        socket.send(frame.json, () => {
          if (full && socket.bufferedAmount < WS_HIGH_WATER / 2) {
            full = false;
            reader.resume();
          }
        });
        full = socket.bufferedAmount > WS_HIGH_WATER;
        return !full;
      },
      end(clean) {
        forget();
        socket.close(clean ? 1000 : 1011);
      },
    });
    const beat = () => socket.ping();
    const shut = () => socket.close(1001);
    const forget = () => {
      beats.delete(beat);
      closers.delete(shut);
    };
    beats.add(beat);
    closers.add(shut);
    const gone = () => {
      forget();
      reader.close();
    };
    socket.on('close', gone);
    socket.on('error', gone);
  }

  return {
    close() {
      clearInterval(timer);
      for (const shut of [...closers]) shut();
    },
  };
}

function readAfter(request: FastifyRequest): number {
  // A browser that comes back keeps its address and says in the header how far it got: the header is newer.
  const header = request.headers['last-event-id'];
  const query = (request.query as Record<string, unknown>).after;
  const [path, text] = header !== undefined && header !== '' ? ['Last-Event-ID', header] : ['after', query];
  if (text === undefined) return 0;
  if (typeof text !== 'string' || !/^\d{1,9}$/.test(text)) {
    throw new GoblinError('invalid_request', `${path} must be the number of a frame, e.g. 7.`, {
      errors: [{ path, message: 'must be a whole number from 0' }],
    });
  }
  return Number(text);
}

/**
 * An attached request has no frames of its own: its caller had them on the connection. Whoever asks later gets its
 * record in the same form: attempts, the answer whole, usage, end. Nothing before the end.
 */
function attachedFrames(ledger: Ledger): Ledger['framesAfter'] {
  return async (tenant, id, after, limit) => {
    const row = await ledger.get(tenant, id);
    if (!row || !isTerminal(row.state)) return [];
    const [attempts, result, partial] = await Promise.all([
      ledger.attempts(tenant, id),
      ledger.result(tenant, id),
      ledger.partialText(tenant, id),
    ]);
    const bodies: Record<string, unknown>[] = attempts.map(({ attempt, provider, model, reason }) => ({
      type: 'attempt',
      attempt,
      provider,
      model,
      reason,
    }));
    const said: Part[] = result ? partsOfMessage(result.message) : partial ? [{ type: 'text', text: partial }] : [];
    for (const part of said) {
      const frame = frameOf(part);
      if (frame) bodies.push(frame);
    }
    if (result) bodies.push({ type: 'usage', usage: wireUsage(result.usage) });
    bodies.push({
      type: 'end',
      status: row.state,
      finish_reason: result?.finishReason ?? null,
      ...(row.error ? { error: row.error } : {}),
    });
    const frames = bodies.map((body, index) => ({
      seq: index + 1,
      type: body.type as StoredFrame['type'],
      json: JSON.stringify({ seq: index + 1, ...body }),
    }));
    const from = Math.min(after, frames.length - 1);
    return frames.slice(from, from + limit);
  };
}
