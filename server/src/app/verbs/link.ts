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
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Sent as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/**
 * The running server, else one of our own in this process: quiet, on loopback, on any free port. After `openAfterMs`
 * at the earliest: a server that restarts must find its folder free. `forgetsLost`: as a start takes it.
 */
export function reachServer(config: Config, openAfterMs = 0, forgetsLost = false): Promise<Link> {
  return reach(config, running, () => ownServer(config, forgetsLost), openAfterMs);
}

/** Throws `FolderHeld` when somebody has the folder and does not answer. `open` must take the folder's lock before all else. */
export async function reach<T>(
  config: Config,
  through: (note: ServerNote) => T,
  open: () => Promise<T>,
  openAfterMs = 0,
): Promise<T> {
  const opensAt = performance.now() + openAfterMs;
  const until = opensAt + PATIENCE_MS;
  let silences = 0;
  const isThere = async (note: ServerNote | null): Promise<boolean> => {
    const said = note ? await probe(note.address) : 'nobody';
    if (said === 'silence') silences++;
    return said === 'ok';
  };
  for (;;) {
    const note = readNote(config.dataDir);
    if (note && isAlive(note.pid) && (await isThere(note))) return through(note);
    if (performance.now() < opensAt) {
      await sleep(150);
      continue;
    }
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof FolderHeld)) throw error;
    }
    // The lock is the truth: somebody is there, be it one of another container whose process we cannot see.
    const holder = readNote(config.dataDir);
    if (holder && (await isThere(holder))) return through(holder);
    if (performance.now() > until || silences > 1) {
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

async function ownServer(config: Config, forgetsLost: boolean): Promise<Link> {
  const { start } = await import('../start.ts');
  // A process that is told to end at once must not leave a note that leads nowhere.
  process.once('exit', () => dropNote(config.dataDir));
  // In a database that others share it takes no work: this machine may lack the keys for it.
  const role = config.database ? 'api' : 'all';
  const server = await start({ ...config, host: '127.0.0.1', port: 0, logLevel: 'silent' }, { role, forgetsLost });
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
async function probe(address: string): Promise<'ok' | 'silence' | 'nobody'> {
  const late = AbortSignal.timeout(PROBE_MS);
  try {
    const answer = await fetch(`${address}/healthz`, { redirect: 'error', signal: late });
    return answer.ok && ((await answer.json()) as { status?: string }).status === 'ok' ? 'ok' : 'nobody';
  } catch {
    return late.aborted ? 'silence' : 'nobody';
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
  const [first] = errors ?? [];
  const fields = errors && errors.length > 1 ? errors.map((e) => `${e.path} ${e.message}`).join('; ') : '';
  if (detail) {
    // The detail of wrong fields is the first of them; nothing is said twice.
    const repeats = first !== undefined && detail.startsWith(`${first.path} ${first.message}`);
    const said = fields === '' ? detail : repeats ? `${fields}.` : `${detail} (${fields})`;
    return `${code ? `${code}: ` : ''}${said}`;
  }
  return `The server answered ${status}.`;
}
