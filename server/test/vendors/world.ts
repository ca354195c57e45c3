/**
 * One loopback server that stands for any number of vendors: `/<name>/…` is spoken to in that vendor's dialect. It reads
 * requests as strictly as the vendor does, answers as it is told, and writes down when each call came, when it last sent
 * something, and how the call ended.
 */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DialectName } from '../../src/contract/call.ts';
import { play, type Watcher } from '../../src/providers/simulator/play.ts';
import type { Script } from '../../src/providers/simulator/script.ts';
import { createWheel } from '../../src/providers/simulator/wheel.ts';
import { Invalid as AnthropicInvalid } from './anthropic-check.ts';
import { hearBedrock, hearGemini } from './hear-clouds.ts';
import { hearOpenai, hearResponses } from './hear-openai.ts';
import { hearAnthropic, hearCohere, hearOllama } from './hear-others.ts';
import { type Body, type Heard, Invalid } from './heard.ts';
import { thinkOf } from './mind.ts';
import { SPEAKERS } from './speak.ts';
import { type Answer, JSON_TYPE, step } from './speaker.ts';

/** What goes over the socket in place of an answer of HTTP: pieces with a pause after each, then the end of the line. */
export interface Raw {
  raw: readonly (string | Buffer)[];
  /** Milliseconds. */
  pauseMs?: number;
  ending: 'close' | 'hang';
}

export interface WorldCall {
  name: string;
  /** What the vendor's owner calls it. */
  label: string;
  model: string;
  stream: boolean;
  headers: IncomingHttpHeaders;
  body: Body;
  /** The request, read strictly; throws what the vendor refuses. */
  hear(): Heard;
  /** Of `performance.now()`. */
  at: number;
  /** When the last bytes were handed to the socket; `at` when there were none. */
  lastAt: number;
  /** Null while it runs. */
  endedAt: number | null;
  /** `closed`: by the one who called, before the script was through or while it held the line open. */
  how: 'through' | 'closed' | null;
  status: number | null;
  /** Tokens whose bytes were handed to the socket. */
  tokens: number;
}

export interface Speaks {
  dialect: DialectName;
  label?: string;
  /** Left out: a sane answer to what was heard. Null: there is no such thing (404). */
  say?(call: WorldCall): Answer | Script | Raw | null;
}

export interface World {
  url(name: string): string;
  /** In order; of one vendor, or of all. */
  calls(name?: string): readonly WorldCall[];
  /** Calls that were for nobody. */
  strays(): readonly string[];
  close(): Promise<void>;
}

const HEARS: Readonly<Record<DialectName, (body: Body) => Heard>> = {
  openai: hearOpenai,
  responses: hearResponses,
  anthropic: hearAnthropic,
  gemini: hearGemini,
  bedrock: hearBedrock,
  cohere: hearCohere,
  ollama: hearOllama,
};

/** The answer as a script; `paceMs` is the pause before each token. */
export function scriptOf(dialect: DialectName, answer: Answer, stream: boolean, paceMs = 0): Script {
  const speaker = SPEAKERS[dialect];
  const plain = { status: 200, early: false, ending: 'end', apart: true } as const;
  if (!stream) {
    const steps = [step('finish', JSON.stringify(speaker.whole(answer)))];
    return { ...plain, headers: [['content-type', JSON_TYPE]], stream: false, steps };
  }
  const steps = speaker.events(answer).map((one) => (one.tokens > 0 && paceMs > 0 ? { ...one, waitMs: paceMs } : one));
  return { ...plain, headers: [['content-type', speaker.type]], stream: true, steps };
}

export const refusalOf = (
  dialect: DialectName,
  status: number,
  document: unknown,
  more: [string, string][] = [],
): Script => ({
  status,
  headers: [['content-type', JSON_TYPE], ...more],
  early: false,
  stream: false,
  steps: [step('other', JSON.stringify(document ?? SPEAKERS[dialect].error('broken')))],
  ending: 'end',
  apart: true,
});

async function playRaw(socket: Socket, script: Raw, watcher: { sent(): void; over: Watcher['over'] }): Promise<void> {
  socket.on('close', () => watcher.over('left'));
  for (const piece of script.raw) {
    if (socket.destroyed) return;
    socket.write(piece);
    watcher.sent();
    if (script.pauseMs) await sleep(script.pauseMs);
  }
  if (script.ending === 'hang') return;
  watcher.over('through');
  socket.destroySoon();
}

/** `find` is given the name in the path and the raw body. */
export async function startWorld(find: (name: string, raw: string) => Speaks | null): Promise<World> {
  const calls: WorldCall[] = [];
  const strays: string[] = [];
  const wheel = createWheel();

  function answer(call: WorldCall, { dialect, say }: Speaks): Script | Raw {
    try {
      const said = say ? say(call) : thinkOf(call.hear());
      if (said === null) return refusalOf(dialect, 404, SPEAKERS[dialect].error('model'));
      return 'raw' in said || 'steps' in said ? said : scriptOf(dialect, said, call.stream);
    } catch (error) {
      if (!(error instanceof Invalid || error instanceof AnthropicInvalid)) throw error;
      return refusalOf(dialect, 400, SPEAKERS[dialect].error('invalid', error.message));
    }
  }

  function respond(
    name: string,
    path: string,
    raw: string,
    headers: IncomingHttpHeaders,
    response: ServerResponse,
  ): boolean {
    const speaks = find(name, raw);
    if (speaks === null) return false;
    const { dialect, label = '' } = speaks;
    const body = JSON.parse(raw) as Body;
    // Anthropic's base URL ends in /v1, which we add where it is missing.
    const asked = SPEAKERS[dialect].asks(dialect === 'anthropic' ? path.replace(/^\/v1/, '') : path, body);
    if (asked === null) return false;
    const now = performance.now();
    const call: WorldCall = {
      ...{ name, label, ...asked, headers, body, hear: () => HEARS[dialect](body) },
      ...{ at: now, lastAt: now, endedAt: null, how: null, status: null, tokens: 0 },
    };
    const script = answer(call, speaks);
    // After it was asked: `say` looks at the calls before this one.
    calls.push(call);
    if (!('raw' in script)) call.status = script.headers === null ? null : script.status;
    const watcher = {
      sent(one?: { tokens: number }) {
        call.lastAt = performance.now();
        call.tokens += one?.tokens ?? 0;
      },
      over(how: 'through' | 'waited' | 'left') {
        call.endedAt ??= performance.now();
        call.how ??= how === 'through' ? 'through' : 'closed';
      },
    };
    if (!('raw' in script)) play(response, script, { firstMs: 0, perTokenMs: 0 }, wheel, watcher);
    else if (response.socket) void playRaw(response.socket, script, watcher);
    return true;
  }

  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => {});
    request.on('end', () => {
      const [, name = '', path = ''] = /^\/([^/]+)(\/.*)$/.exec(request.url ?? '') ?? [];
      const isPost = request.method === 'POST';
      if (isPost && respond(name, path, Buffer.concat(chunks).toString('utf8'), request.headers, response)) return;
      // Lists of models are asked for too.
      if (isPost) strays.push(`${name}${path}`);
      response.writeHead(404).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (name) => `http://127.0.0.1:${port}/${name}`,
    calls: (name) => (name === undefined ? calls : calls.filter((call) => call.name === name)),
    strays: () => strays,
    close() {
      wheel.close();
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

/** Vendors by name. */
export const startVendors = (vendors: Readonly<Record<string, Speaks>>): Promise<World> =>
  startWorld((name) => vendors[name] ?? null);
