/** How a verb gets to the data: through the server that runs on the folder, else by opening the folder itself. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { dropNote, FolderHeld, readNote, type ServerNote } from '../folder.ts';
import { VerbError } from './flags.ts';

/** A server that just starts or stops holds the folder this long without answering (6 s on a slow first start). */
const PATIENCE_MS = 10_000;
const PROBE_MS = 3000;

export interface Link {
  address: string;
  /** False when a server was running already. */
  own: boolean;
  /** `path` begins with a slash. Throws what `fetch` throws when nobody answers. */
  call(path: string, options?: CallOptions): Promise<Response>;
  close(): Promise<void>;
}

export interface CallOptions {
  method?: 'GET' | 'POST';
  /** Sent as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** The running server, else one of our own in this process: quiet, on loopback, on any free port. */
export function reachServer(config: Config): Promise<Link> {
  return reach(config, running, () => ownServer(config));
}

/** Throws `FolderHeld` when somebody has the folder and does not answer. `open` must take the folder's lock before all else. */
export async function reach<T>(config: Config, through: (note: ServerNote) => T, open: () => Promise<T>): Promise<T> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const note = readNote(config.dataDir);
    if (note && isAlive(note.pid) && (await answers(note.address))) return through(note);
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof FolderHeld)) throw error;
    }
    // The lock is the truth: somebody is there, be it one of another container whose process we cannot see.
    const holder = readNote(config.dataDir);
    if (holder && (await answers(holder.address))) return through(holder);
    if (performance.now() > until) {
      const who = holder ? `process ${holder.pid} (${holder.address})` : 'another process';
      throw new FolderHeld(
        `The data folder ${config.dataDir} is held by ${who}, which does not answer; stop it, or choose another folder with MCP_DATA_DIR.`,
      );
    }
    await sleep(150);
  }
}

export function running(note: ServerNote): Link {
  return { ...caller(note.address, note.token), own: false, close: async () => {} };
}

async function ownServer(config: Config): Promise<Link> {
  const { start } = await import('../start.ts');
  // A process that is told to end at once must not leave a note that leads nowhere.
  process.once('exit', () => dropNote(config.dataDir));
  const server = await start({ ...config, host: '127.0.0.1', port: 0, logLevel: 'silent' });
  return {
    ...caller(server.address, server.token),
    own: true,
    // What earlier processes left in the queue may run here by now: it is handed back, not waited for.
    close: () => server.close(0),
  };
}

function caller(address: string, token: string): Pick<Link, 'address' | 'call'> {
  return {
    address,
    call: (path, { method = 'GET', body, headers, signal } = {}) =>
      fetch(address + path, {
        method,
        redirect: 'error',
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal ? { signal } : {}),
      }),
  };
}

/** The note of a process that was killed stays behind; another server may have its port by now. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
}

/** Asked without the token: whoever has the port now need not see it. */
async function answers(address: string): Promise<boolean> {
  try {
    const answer = await fetch(`${address}/healthz`, { redirect: 'error', signal: AbortSignal.timeout(PROBE_MS) });
    return answer.ok && ((await answer.json()) as { status?: string }).status === 'ok';
  } catch {
    return false;
  }
}

/** The JSON of an answer. Throws `VerbError` with what the server says when it refuses. */
export async function bodyOf<T>(answer: Response): Promise<T> {
  const text = await answer.text();
  let body: unknown = null;
  try {
    body = JSON.parse(text);
  } catch {
    throw new VerbError(`The server answered ${answer.status} with something that is not JSON.`);
  }
  if (answer.ok) return body as T;
  throw new VerbError(sentenceOf(body, answer.status));
}

/** One sentence from a problem of ours, or from an error in the OpenAI shape. */
export function sentenceOf(body: unknown, status: number): string {
  const { code, detail, errors, error } = (body ?? {}) as {
    code?: string;
    detail?: string;
    errors?: { path: string; message: string }[];
    error?: { code?: string; message?: string };
  };
  if (error?.message) return error.code ? `${error.code}: ${error.message}` : error.message;
  const fields = errors && errors.length > 1 ? ` (${errors.map((e) => `${e.path} ${e.message}`).join('; ')})` : '';
  if (detail) return `${code ? `${code}: ` : ''}${detail}${fields}`;
  return `The server answered ${status}.`;
}
