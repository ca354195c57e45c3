/** Readers of `/mcp/v1/stream/{id}` in both forms, as strict as a careful client. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { Addressed, Json } from './api.ts';

export type Frame = Json & { seq: number; type: string };

export interface From {
  after?: number;
  lastEventId?: number;
  headers?: Record<string, string>;
}

export interface StreamReader {
  status: number;
  headers: http.IncomingHttpHeaders;
  /** Grows as frames come. */
  frames: Frame[];
  /** Body of a refusal. */
  body: string;
  /** True when the stream was ended by the server, false when the connection broke. */
  ended: Promise<boolean>;
  /** Close code; only of a WebSocket. */
  code(): number | null;
  /** Resolves when a frame fits, also one that came before. */
  until(fits: (frame: Frame) => boolean, limitMs?: number): Promise<Frame>;
  pause(): void;
  resume(): void;
  close(): void;
}

const target = (id: string, from: From): string =>
  `/mcp/v1/stream/${id}${from.after === undefined ? '' : `?after=${from.after}`}`;

const headersOf = (from: From): Record<string, string> => ({
  ...from.headers,
  ...(from.lastEventId === undefined ? {} : { 'last-event-id': String(from.lastEventId) }),
});

function reader(status: number, headers: http.IncomingHttpHeaders, more: Partial<StreamReader>): StreamReader {
  const frames: Frame[] = [];
  let over = false;
  const made: StreamReader = {
    status,
    headers,
    frames,
    body: '',
    ended: Promise.resolve(false),
    code: () => null,
    async until(fits, limitMs = 20_000) {
      const limit = performance.now() + limitMs;
      for (;;) {
        const found = frames.find(fits);
        if (found) return found;
        if (over) throw new Error(`The stream ended without it: ${JSON.stringify(frames.slice(-3))}`);
        if (performance.now() > limit) throw new Error(`No such frame in ${limitMs} ms: ${JSON.stringify(frames)}`);
        await sleep(5);
      }
    },
    pause() {},
    resume() {},
    close() {},
    ...more,
  };
  void made.ended.then(() => {
    over = true;
  });
  return made;
}

/** Takes one block of an event stream apart; a comment is no frame. */
function readBlock(block: string): Frame | null {
  const fields: Record<string, string> = {};
  for (const line of block.split('\n')) {
    if (line.startsWith(':')) continue;
    const match = /^(id|event|data): (.*)$/.exec(line);
    assert.ok(match, `an odd line in the stream: ${JSON.stringify(line)}`);
    const name = match[1] as string;
    assert.equal(fields[name], undefined, `${name} twice in one event`);
    fields[name] = match[2] as string;
  }
  if (Object.keys(fields).length === 0) return null;
  const frame = JSON.parse(fields.data ?? 'null') as Frame;
  assert.equal(fields.id, String(frame.seq), 'id is the number of the frame');
  assert.equal(fields.event, frame.type, 'event is the type of the frame');
  return frame;
}

/** Opens the SSE form. Resolves with the headers, whatever the status. */
export function openSse(server: Addressed, id: string, from: From = {}): Promise<StreamReader> {
  return new Promise((resolve, reject) => {
    const request = http.get(server.address + target(id, from), { agent: false, headers: headersOf(from) });
    request.on('error', reject);
    request.on('response', (response) => {
      let finish: (clean: boolean) => void = () => {};
      const made = reader(response.statusCode ?? 0, response.headers, {
        ended: new Promise((done) => {
          finish = done;
        }),
        pause: () => response.pause(),
        resume: () => response.resume(),
        close: () => request.destroy(),
      });
      let rest = '';
      const isStream = made.status === 200;
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        rest += text;
        if (!isStream) return;
        const blocks = rest.split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) {
          const frame = readBlock(block);
          if (frame) made.frames.push(frame);
        }
      });
      response.on('error', () => {});
      response.on('close', () => {
        if (!isStream) made.body = rest;
        finish(response.complete && (isStream ? rest === '' : true));
      });
      if (isStream) resolve(made);
      else response.on('end', () => resolve(made)).on('close', () => resolve(made));
    });
  });
}

/** Opens the WebSocket form. A refusal before the upgrade resolves with its status and body. */
export function openWs(server: Addressed, id: string, from: From = {}): Promise<StreamReader> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(server.address.replace(/^http/, 'ws') + target(id, from), {
      headers: headersOf(from),
      perMessageDeflate: false,
    });
    let finish: (clean: boolean) => void = () => {};
    let code: number | null = null;
    const made = reader(
      101,
      {},
      {
        ended: new Promise((done) => {
          finish = done;
        }),
        code: () => code,
        pause: () => socket.pause(),
        resume: () => socket.resume(),
        close: () => socket.terminate(),
      },
    );
    socket.on('upgrade', (response) => {
      made.headers = response.headers;
    });
    socket.on('open', () => resolve(made));
    socket.on('message', (data, binary) => {
      assert.equal(binary, false, 'frames are text messages');
      made.frames.push(JSON.parse(String(data)) as Frame);
    });
    socket.on('close', (number) => {
      code = number;
      finish(number === 1000);
    });
    socket.on('unexpected-response', (_request, response) => {
      made.status = response.statusCode ?? 0;
      made.headers = response.headers;
      response.setEncoding('utf8').on('data', (text: string) => {
        made.body += text;
      });
      response.on('end', () => {
        finish(true);
        resolve(made);
        socket.terminate();
      });
    });
    socket.on('error', (error) => {
      if (made.status === 101) reject(error);
    });
  });
}

/** Reads a stream to its end, which must be a clean one. */
export async function readAll(opened: Promise<StreamReader>): Promise<Frame[]> {
  const stream = await opened;
  assert.ok(stream.status === 200 || stream.status === 101, `status ${stream.status}: ${stream.body}`);
  const late = setTimeout(() => stream.close(), 60_000);
  const clean = await stream.ended;
  clearTimeout(late);
  assert.ok(clean, `the stream broke off after ${stream.frames.length} frames`);
  return stream.frames;
}

/** Numbers from `first` without gap or repeat, exactly one `end`, last. Answers the `end`. */
export function checkFrames(frames: readonly Frame[], first = 1): Frame {
  frames.forEach((frame, i) => {
    assert.equal(frame.seq, first + i, `frame ${i} has the number ${frame.seq}`);
  });
  const ends = frames.filter((frame) => frame.type === 'end');
  assert.equal(ends.length, 1, 'exactly one end');
  assert.equal(frames.at(-1), ends[0], 'the end is last');
  return ends[0] as Frame;
}

/** What a reader has on its screen: text since the last `restart`. */
export function textOf(frames: readonly Frame[]): string {
  const from = frames.findLastIndex((frame) => frame.type === 'restart');
  return frames
    .slice(from + 1)
    .filter((frame) => frame.type === 'text')
    .map((frame) => String(frame.text))
    .join('');
}
