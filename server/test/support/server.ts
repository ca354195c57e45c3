/**
 * The real process, as a user starts it: `goblin start` in a folder of its own, spoken to over HTTP. What a test
 * started is stopped when the test process ends, however that happens.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { seedDatabase } from './template.ts';

export const GOBLIN = fileURLToPath(new URL('../../bin/goblin.mjs', import.meta.url));
/** Generous: it only catches hangs. */
const START_MS = 40_000;
const STOP_MS = 30_000;

export interface ServerOptions {
  /** On top of a clean environment: nothing of the machine's own keys leaks in. */
  env?: Record<string, string>;
  /** What `goblin.yaml` says. `local_servers: false` and short lease clocks are there unless said otherwise. */
  settings?: Record<string, unknown>;
  /** A folder of an earlier server, to start on the same data again. */
  folder?: string;
  /** A first start, that makes its database itself. */
  first?: boolean;
}

/** `data` and `goblin.yaml` are in `folder`. */
export interface Place {
  folder: string;
  dataDir: string;
  config: string;
}

export interface ServerNote {
  pid: number;
  address: string;
  token: string;
}

export interface Server extends Place {
  pid: number;
  /** `http://127.0.0.1:PORT` */
  address: string;
  /** The operator's token. */
  token: string;
  url(path: string): string;
  stdout(): string;
  stderr(): string;
  /** SIGTERM; answers the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Resolves with the exit code once the process is gone. */
  exited: Promise<number | null>;
  /** The same folder and environment again, in a new process. */
  again(more?: Pick<ServerOptions, 'env' | 'settings'>): Promise<Server>;
}

const children = new Set<ChildProcess>();
const folders = new Set<string>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

// A runner that gives up on a test file ends it by a signal, which alone would skip the above.
for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(name, () => process.exit(1));

/** A folder that is taken away when the test process ends. */
export function tempFolder(prefix = 'goblin-flow-'): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  folders.add(folder);
  return folder;
}

export function makePlace(settings: Record<string, unknown> = {}, folder: string = tempFolder()): Place {
  const config = join(folder, 'goblin.yaml');
  const clocks = { lease_ms: 1000, heartbeat_ms: 300, ...(settings.clocks as Record<string, number> | undefined) };
  // JSON is YAML.
  writeFileSync(config, JSON.stringify({ local_servers: false, ...settings, clocks }));
  return { folder, dataDir: join(folder, 'data'), config };
}

/** What every child gets: a clean environment, a port of its own, and the place's files. */
export function cleanEnv(place: Place, more: Record<string, string> = {}): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of ['HOME', 'TMPDIR', 'TMP', 'TEMP', 'SystemRoot', 'NODE_V8_COVERAGE', 'NODE_COMPILE_CACHE']) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  // This very Node first, whatever else the machine has.
  env.PATH = [dirname(process.execPath), process.env.PATH ?? ''].join(process.platform === 'win32' ? ';' : ':');
  return { ...env, PORT: '0', MCP_DATA_DIR: place.dataDir, MCP_CONFIG: place.config, LOG_LEVEL: 'warn', ...more };
}

export function readNote(dataDir: string): ServerNote | null {
  try {
    return JSON.parse(readFileSync(join(dataDir, 'server.json'), 'utf8')) as ServerNote;
  } catch {
    return null;
  }
}

interface Launched {
  child: ChildProcess;
  stdout(): string;
  stderr(): string;
  exited: Promise<number | null>;
}

function launch(args: readonly string[], place: Place, env: Record<string, string>): Launched {
  mkdirSync(place.folder, { recursive: true });
  const child = spawn(process.execPath, [GOBLIN, ...args], {
    cwd: place.folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let out = '';
  let err = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const exited = new Promise<number | null>((resolve) => {
    child.on('close', (code) => {
      children.delete(child);
      resolve(code);
    });
  });
  return { child, stdout: () => out, stderr: () => err, exited };
}

/** Starts a server and waits until it serves. Throws with what it printed when it does not. */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const place = makePlace(options.settings, options.folder);
  const env = cleanEnv(place, options.env);
  if (!options.first && env.MCP_DATA_DIR === place.dataDir && !existsSync(place.dataDir)) {
    await seedDatabase(place.dataDir, !options.env?.MCP_SECRET);
  }
  const { child, stdout, stderr, exited } = launch(['start'], place, env);
  let code: number | null | undefined;
  void exited.then((value) => {
    code = value;
  });
  const said = () => `\nstdout: ${stdout()}\nstderr: ${stderr()}`;
  const until = performance.now() + START_MS;
  let note: ServerNote | null = null;
  for (;;) {
    if (code !== undefined) throw new Error(`The server ended with code ${code} before it was ready.${said()}`);
    if (performance.now() > until) {
      child.kill('SIGKILL');
      throw new Error(`The server was not ready within ${START_MS} ms.${said()}`);
    }
    note ??= readNote(place.dataDir);
    // A killed server leaves its note behind: only the one of this process counts.
    if (note && note.pid !== child.pid) note = null;
    if (note) {
      const ready = await fetch(`${note.address}/readyz`).then(
        async (answer) => {
          await answer.arrayBuffer();
          return answer.status === 200;
        },
        () => false,
      );
      if (ready) break;
    }
    await sleep(20);
  }
  const { address, token } = note;
  return {
    ...place,
    pid: note.pid,
    address,
    token,
    url: (path) => address + path,
    stdout,
    stderr,
    exited,
    signal: (name) => {
      child.kill(name);
    },
    async stop() {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      const ended = await exited;
      clearTimeout(late);
      return ended;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    again: (more = {}) =>
      startServer({
        folder: place.folder,
        settings: more.settings ?? options.settings ?? {},
        env: { ...options.env, ...more.env },
      }),
  };
}

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `goblin <args>` to its end (killed after `limitMs`, then `code` is null). */
export async function runGoblin(
  args: readonly string[],
  place: Place,
  env: Record<string, string> = {},
  limitMs = 30_000,
): Promise<Ran> {
  const { child, stdout, stderr, exited } = launch(args, place, cleanEnv(place, env));
  const late = setTimeout(() => child.kill('SIGKILL'), limitMs);
  const code = await exited;
  clearTimeout(late);
  return { code, stdout: stdout(), stderr: stderr() };
}

/** Asks again and again until `look` answers something; throws when that takes too long. */
export async function eventually<T>(
  look: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  what: string,
  limitMs = 15_000,
): Promise<T> {
  const until = performance.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (seen !== null && seen !== undefined && seen !== false) return seen;
    if (performance.now() > until) throw new Error(`${what} did not happen within ${limitMs} ms`);
    await sleep(25);
  }
}
