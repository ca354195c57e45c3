/**
 * One loopback server for all dialects. `/<provider>/…` is spoken to in the provider's dialect; a prompt that names a
 * case makes it commit that case's fault. It writes down when each call came, when it last sent something, and how the
 * call ended.
 */
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { play, type Watcher } from '../../src/providers/simulator/play.ts';
import type { Script } from '../../src/providers/simulator/script.ts';
import { createWheel } from '../../src/providers/simulator/wheel.ts';
import { SPEAKERS } from '../vendors/speak.ts';
import type { Answer } from '../vendors/speaker.ts';
import { bodyOf, type FaultRow, jsonOf, type Raw, streamOf, WIRES, type Wire } from './row.ts';
import { ROWS } from './rows.ts';

export interface VendorCall {
  provider: string;
  stream: boolean;
  /** Of `performance.now()`. */
  at: number;
  /** When the last bytes were handed to the socket; `at` when there were none. */
  lastAt: number;
  /** Null while it runs. */
  endedAt: number | null;
  /** `closed`: by the one who called, before the script was through or while it held the line open. */
  how: 'through' | 'closed' | null;
}

export interface FaultVendor {
  url(provider: string): string;
  /** Calls of a case, in order. */
  calls(id: string): readonly VendorCall[];
  /** Calls that no configured provider is for: redirects that were followed. */
  strays(): readonly string[];
  close(): Promise<void>;
}

/** The provider that is always well, and goes on from the beginning of an answer. */
export const SECOND = 'second';
const SECOND_WIRE: Wire = { dialect: 'openai', framing: 'sse', speaker: SPEAKERS.openai };

/** Found in the prompt, whatever stands around it. */
export const caseId = (row: string, dialect: string, way: string): string => `${row}.${dialect}.${way}`;
const CASE = /case:([a-z0-9-]+)\.([a-z]+)\.([a-z]+):/;

/** What is said in a case: its own words, so that no answer can be another's. */
export function answerFor(id: string, row: FaultRow): Answer {
  const plain = ['Case', ` ${id}`, ' has', ' twelve', ' words', ' and', ' more', ' than', ' one', ' of', ' them', '.'];
  if (row.holds === 'wide') {
    return { words: plain.map((word, i) => (i > 1 && i < 11 ? ([' Größe', ' 日本語', ' 🐉'][i % 3] ?? word) : word)) };
  }
  if (row.holds === 'thoughts') return { thoughts: ['Let', ' me', ' see', '.'], words: plain };
  if (row.holds === 'call') {
    return { calls: [{ id: 'call_1', name: 'get_weather', pieces: ['{"ci', 'ty":"P', 'aris"', '}'] }] };
  }
  return { words: plain };
}

/** The other target says in plain words what the first would have said. */
const asWords = (answer: Answer): Answer =>
  answer.calls ? { words: ['It', ' is', ' sunny', ' in', ' Paris.'] } : { words: answer.words ?? [] };

export const textOfCase = (id: string, row: FaultRow): string => (answerFor(id, row).words ?? []).join('');
export const textOfSecond = (id: string, row: FaultRow): string => (asWords(answerFor(id, row)).words ?? []).join('');

/** Goes on behind what was shown already, a word at a time. */
function goingOn(answer: Answer, body: Record<string, unknown>): Answer {
  const messages = Array.isArray(body.messages) ? (body.messages as { role?: string; content?: unknown }[]) : [];
  const last = messages.at(-1);
  if (last?.role !== 'assistant' || typeof last.content !== 'string') return answer;
  const text = (answer.words ?? []).join('');
  if (!text.startsWith(last.content)) return { words: ['[not what was shown]'] };
  return { words: text.slice(last.content.length).match(/\s*\S+/g) ?? [] };
}

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

export async function startFaultVendor(): Promise<FaultVendor> {
  const journal = new Map<string, VendorCall[]>();
  const strays: string[] = [];
  const wheel = createWheel();

  function scriptFor(
    provider: string,
    path: string,
    text: string,
  ): { script: Script | Raw; id: string; stream: boolean } | null {
    const [, name = '', dialect = '', way = ''] = CASE.exec(text) ?? [];
    const row = ROWS.get(name);
    const wire = provider === SECOND ? SECOND_WIRE : WIRES.find((one) => one.dialect === dialect);
    if (row === undefined || wire === undefined) return null;
    const body = JSON.parse(text) as Record<string, unknown>;
    const asked = wire.speaker.asks(wire.dialect === 'anthropic' ? path.replace(/^\/v1/, '') : path, body);
    if (asked === null) return null;
    const id = caseId(name, dialect, way);
    const answer = answerFor(id, row);
    const { stream } = asked;
    const well = (said: Answer): Script =>
      stream ? streamOf(wire, wire.speaker.events(said)) : bodyOf(jsonOf(wire, said));
    if (provider === SECOND) return { script: well(goingOn(asWords(answer), body)), id, stream };
    if (row.once && (journal.get(id) ?? []).length > 0) return { script: well(answer), id, stream };
    const script = (stream ? row.stream : row.whole)?.(wire, answer);
    return script ? { script, id, stream } : null;
  }

  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => {});
    request.on('end', () => {
      const [, provider = '', path = ''] = /^\/([^/]+)(\/.*)$/.exec(request.url ?? '') ?? [];
      const found =
        request.method === 'POST' ? scriptFor(provider, path, Buffer.concat(chunks).toString('utf8')) : null;
      if (found === null) {
        // Lists of models are asked for too.
        if (request.method === 'POST') strays.push(`${provider}${path}`);
        response.writeHead(404).end();
        return;
      }
      const now = performance.now();
      const call: VendorCall = { provider, stream: found.stream, at: now, lastAt: now, endedAt: null, how: null };
      journal.set(found.id, [...(journal.get(found.id) ?? []), call]);
      const sent = () => {
        call.lastAt = performance.now();
      };
      const over = (how: 'through' | 'waited' | 'left') => {
        call.endedAt ??= performance.now();
        call.how ??= how === 'through' ? 'through' : 'closed';
      };
      if ('raw' in found.script) void playRaw(request.socket, found.script, { sent, over });
      else play(response, found.script, { firstMs: 0, perTokenMs: 0 }, wheel, { sent, over });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (provider) => `http://127.0.0.1:${port}/${provider}`,
    calls: (id) => journal.get(id) ?? [],
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
