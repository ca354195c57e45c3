/** Follows a request's stream to its end, over broken connections and restarts of the server. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Frame } from '../../contract/part.ts';
import { createSseParser } from '../../dialects/sse.ts';
import { ConfigError } from '../config.ts';
import { VerbError } from './flags.ts';
import { type CallOptions, type Link, sentenceOf } from './link.ts';

/** The way to the server, found again when it is lost: calls on it must be safe to send twice. */
export interface Line {
  call(path: string, options?: CallOptions): Promise<Response>;
  close(): Promise<void>;
}

/** The server is gone and does not come back. */
export class Lost extends VerbError {}

export type End = Extract<Frame, { type: 'end' }>;

/** In a row; one frame that comes makes it none again. */
const TRIES = 5;
/** Before the first of them; each next one waits twice as long. */
const PAUSE_MS = 100;
/** The server sends a comment every 15 s: longer silence is a dead connection. */
const SILENCE_MS = 50_000;

/** Null when the stream is no longer kept (the result still is). Throws `VerbError` when it cannot be read. */
export async function follow(
  line: Line,
  id: string,
  show: (frame: Frame) => Promise<void>,
  signal: AbortSignal,
): Promise<End | null> {
  let seq = 0;
  let failures = 0;
  for (;;) {
    try {
      const end = await read(line, id, seq, signal, async (frame) => {
        // Each number is shown once, whatever a server that came back sends.
        if (frame.seq <= seq) return;
        seq = frame.seq;
        failures = 0;
        await show(frame);
      });
      return end;
    } catch (error) {
      if (error instanceof VerbError || error instanceof ConfigError || signal.aborted) throw error;
      if (++failures > TRIES) throw new Lost('The connection to the server breaks again and again.');
      await sleep(PAUSE_MS * 2 ** failures, undefined, { signal });
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

/** A server of our own cannot be lost; another's may have moved, or have left the folder to us. */
export async function openLine(reach: (again: boolean) => Promise<Link>, lost: () => void): Promise<Line> {
  let link = await reach(false);
  return {
    async call(path, options) {
      for (let failures = 0; ; ) {
        try {
          return await link.call(path, options);
        } catch (error) {
          if (options?.signal?.aborted) throw error;
          if (++failures > TRIES) throw new Lost(`The server at ${link.address} is gone.`);
          lost();
          await sleep(PAUSE_MS * 2 ** failures, undefined, options?.signal ? { signal: options.signal } : {});
          if (!link.own) link = await reach(true);
        }
      }
    },
    close: () => link.close(),
  };
}
