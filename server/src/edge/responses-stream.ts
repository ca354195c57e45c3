/** The stream of a response that runs in the background: from its frames, at any time, from any event on. */
import type { ServerResponse } from 'node:http';
import type { Caller } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Frame } from '../contract/part.ts';
import type { Bus, Ledger } from '../contract/ports.ts';
import type { RequestRow } from '../contract/rows.ts';
import { isTerminal } from '../contract/states.ts';
import { createReplay, type Replay } from '../dialects/index.ts';
import type { Pulse } from './pulse.ts';
import { startReader } from './reader.ts';
import { contextOf, type Found, type ResponseRecord } from './responses-record.ts';

export interface ResponseStreamDeps {
  ledger: Ledger;
  bus: Bus;
  pulse: Pulse;
  /** For how long after the end there are frames. */
  framesHours: number;
  now(): number;
  /** False while frames of other processes may go unheard. */
  hearsAll(): boolean;
}

type End = Extract<Frame, { type: 'end' }>;

const KEEP_ALIVE_MS = 15_000;
const PAGE = 256;

/**
 * `after`: number of the last event that the reader has; null when it has none. Answers what begins to write. Throws for
 * a response that has no stream.
 */
export async function openStream(
  deps: ResponseStreamDeps & { record: ResponseRecord },
  caller: Caller,
  found: Found,
  after: number | null,
): Promise<(res: ServerResponse) => void> {
  checkStream(deps, found);
  const { ledger } = deps;
  const { row } = found;
  // Nothing begins anew with the first attempt.
  const attempts = await ledger.attempts(caller.tenant, row.id);
  const restarted = attempts.length > 1 ? await lastRestart(ledger, caller.tenant, row.id) : 0;
  const times = { ended: row.finishedAt };
  const ended = () => Math.floor((times.ended ?? deps.now()) / 1000);
  const replay = createReplay({ ...contextOf(found), ended, ...(after === null ? {} : { after }) }, restarted);
  return (res) => writeStream({ ...deps, ledger: found.ledger }, caller, row, { ...replay, times }, res);
}

function writeStream(
  deps: ResponseStreamDeps & { record: ResponseRecord },
  { tenant }: Caller,
  row: RequestRow,
  replay: Replay & { times: { ended: number | null } },
  res: ServerResponse,
): void {
  const { ledger, bus, hearsAll } = deps;
  let end: End | null = null;
  let lastWrite = performance.now();

  res.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'x-accel-buffering': 'no',
    'x-mcp-request-id': row.id,
  });
  res.flushHeaders();

  const still = deps.pulse.add((now) => {
    if (now - lastWrite < KEEP_ALIVE_MS || res.writableNeedDrain || res.writableEnded || res.destroyed) return;
    lastWrite = now;
    res.write(': keep-alive\n\n');
  });

  function send(text: string): boolean {
    if (text === '' || res.destroyed) return true;
    lastWrite = performance.now();
    return res.write(text);
  }

  async function close(last: End): Promise<void> {
    if (last.status !== 'succeeded') {
      const code = last.status === 'cancelled' ? 'cancelled' : 'internal';
      res.end(replay.failure(last.error ?? { code, message: 'The response ended without an answer.' }));
      return;
    }
    const [now, result] = await Promise.all([ledger.get(tenant, row.id), ledger.result(tenant, row.id)]);
    replay.times.ended = now?.finishedAt ?? null;
    if (!result) res.end(replay.failure({ code: 'gone', message: 'The answer is no longer kept.' }));
    else res.end(replay.finish(result.finishReason, result.usage, await deps.record.truth(tenant, now ?? row)));
  }

  send(replay.begin());
  // Events are counted from the first frame on.
  const reader = startReader({ ledger, bus, hearsAll, cached: true }, tenant, row.id, 0, {
    write(stored) {
      const frame = JSON.parse(stored.json) as Frame;
      if (frame.type === 'end') {
        end = frame;
        return true;
      }
      const text = replay.frame(stored.seq, frame);
      if (text !== null) return send(text);
      res.end(replay.void());
      reader.close();
      return false;
    },
    end(clean) {
      if (clean && end) close(end).catch(() => res.destroy());
      else res.destroy();
    },
  });
  res.on('drain', () => reader.resume());
  res.on('close', () => {
    still();
    reader.close();
  });
  if (res.destroyed) reader.close();
}

/** Throws for a response of which there are no frames. */
function checkStream({ framesHours, now }: Pick<ResponseStreamDeps, 'framesHours' | 'now'>, { row }: Found): void {
  if (row.mode !== 'detached') {
    throw new GoblinError(
      'invalid_request',
      'Only a response that was created with "background": true can be streamed by its id; ask for it without stream.',
      { errors: [{ path: 'stream', message: 'must be left out for this response' }] },
    );
  }
  if (isTerminal(row.state) && row.finishedAt !== null && now() - row.finishedAt > framesHours * 3_600_000) {
    throw new GoblinError(
      'gone',
      `Streams are kept for ${framesHours} hours after the end; ask for the response without stream.`,
    );
  }
}

/** Number of the frame with which the answer last began anew; 0 when it never did. */
async function lastRestart(ledger: Ledger, tenant: string, id: string): Promise<number> {
  let last = 0;
  for (let after = 0; ; ) {
    const frames = await ledger.framesAfter(tenant, id, after, PAGE);
    for (const frame of frames) if (frame.type === 'restart') last = frame.seq;
    if (frames.length < PAGE) return last;
    after = frames.at(-1)?.seq ?? after;
  }
}
