/** Follows a request's stream to its end, over broken connections and restarts of the server. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Frame } from '../../contract/part.ts';
import { createSseParser } from '../../dialects/sse.ts';
import { VerbError } from './flags.ts';
import { type CallOptions, type Link, sentenceOf } from './link.ts';

/** The way to the server, found again when it is lost. */
export interface Line {
  call(path: string, options?: CallOptions): Promise<Response>;
  renew(): Promise<void>;
}

export type End = Extract<Frame, { type: 'end' }>;

/** In a row; one frame that comes makes it none again. */
const TRIES = 5;
/** The server sends a comment every 15 s: longer silence is a dead connection. */
const SILENCE_MS = 50_000;

export interface Follower {
  frame(frame: Frame): Promise<void>;
  lost(): void;
}

/** Null when the stream is no longer kept (the result still is). Throws `VerbError` when it cannot be read. */
export async function follow(line: Line, id: string, follower: Follower, signal: AbortSignal): Promise<End | null> {
  let seq = 0;
  let failures = 0;
  for (;;) {
    try {
      const end = await read(line, id, seq, signal, async (frame) => {
        // Each number is shown once, whatever a server that came back sends.
        if (frame.seq <= seq) return;
        seq = frame.seq;
        failures = 0;
        await follower.frame(frame);
      });
      return end;
    } catch (error) {
      if (error instanceof VerbError || signal.aborted) throw error;
      if (++failures > TRIES) {
        throw new VerbError(`The connection to the server is lost; the request ${id} may still run there.`);
      }
      follower.lost();
      await sleep(200 * 2 ** failures, undefined, { signal });
      // A server that cannot be found at this moment may be there at the next.
      await line.renew().catch(() => {});
    }
  }
}

async function read(
  line: Line,
  id: string,
  after: number,
  signal: AbortSignal,
  take: (frame: Frame) => Promise<void>,
): Promise<End | null> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const answer = await line.call(`/mcp/v1/stream/${id}`, {
      headers: { accept: 'text/event-stream', ...(after > 0 ? { 'last-event-id': String(after) } : {}) },
      signal: AbortSignal.any([signal, silence.signal]),
    });
    if (answer.status === 410) return null;
    if (answer.status >= 500) throw new Error(`status ${answer.status}`);
    if (!answer.ok) throw new VerbError(sentenceOf(await answer.json().catch(() => null), answer.status));
    const frames: Frame[] = [];
    const parser = createSseParser({ onEvent: (event) => frames.push(JSON.parse(event.data) as Frame) });
    for await (const chunk of answer.body ?? []) {
      clearTimeout(timer);
      parser.push(Buffer.from(chunk));
      for (const frame of frames.splice(0)) {
        await take(frame);
        if (frame.type === 'end') return frame;
      }
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
    }
    throw new Error('the stream broke off');
  } finally {
    clearTimeout(timer);
  }
}

/** A line over a link that is looked for again when it is lost; a server of our own cannot be. */
export async function openLine(reach: () => Promise<Link>): Promise<Line & { close(): Promise<void> }> {
  let link = await reach();
  return {
    call: (path, options) => link.call(path, options),
    async renew() {
      if (!link.own) link = await reach();
    },
    close: () => link.close(),
  };
}
