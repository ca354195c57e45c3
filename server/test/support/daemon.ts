/** Services for tests: in folders that go when the test process ends, however that happens. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, connect as dial } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Generous: it only catches hangs. */
const START_MS = 30_000;

const groups = new Set<number>();
const folders = new Set<string>();

function endAll(): void {
  for (const pid of groups) signalTree(pid, 'SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}
process.on('exit', endAll);
// A runner that gives up on a test file ends it by a signal, which alone would skip the above.
for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(name, () => process.exit(1));

/** PostgreSQL refuses to run as root. */
export const user = process.getuid?.() === 0 ? account() : null;

function account(): { uid: number; gid: number } {
  for (const name of ['postgres', 'nobody']) {
    const line = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((entry) => entry.startsWith(`${name}:`));
    const [, , uid, gid] = line?.split(':') ?? [];
    if (uid && gid) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error('tests run as root need a user postgres or nobody');
}

export function folderFor(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `goblin-${name}-`));
  folders.add(folder);
  if (user) chownSync(folder, user.uid, user.gid);
  chmodSync(folder, 0o700);
  return folder;
}

/**
 * A port for whoever listens later, or again after a while. Not one of those that the system deals out to others
 * meanwhile: on Linux these begin at 32768.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    if (await isFree(port)) return port;
  }
  throw new Error('no port is free');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** The newest PostgreSQL of the machine first, then whatever PATH has. */
export function binary(name: string): string {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const places = [
    ...versions.map((version) => join(root, version, 'bin')),
    ...(process.env.PATH ?? '').split(':'),
    '/usr/sbin',
    '/usr/local/sbin',
  ];
  const found = places.map((place) => join(place, name)).find((file) => existsSync(file));
  if (!found) throw new Error(`${name} is not installed: node .ci/services.mjs installs it on Debian`);
  return found;
}

/** A process and its children: PostgreSQL has a process for each connection. */
function tree(pid: number): number[] {
  const { stdout } = spawnSync('ps', ['-e', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const family = [pid];
  const rows = (stdout ?? '').split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  for (const parent of family) for (const [child, of] of rows) if (child && of === parent) family.push(child);
  return family;
}

function signalOne(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {}
}

/** Who stands still has no more children, so none is missed that came while they were listed. */
function signalTree(pid: number, name: NodeJS.Signals): void {
  if (name !== 'SIGCONT') signalOne(pid, 'SIGSTOP');
  for (const one of tree(pid)) signalOne(one, name);
}

/** Nobody may be there to take note of a death, so the dead that still have a number do not count. */
function isAlive(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.trim().startsWith('Z');
}

export interface Daemon {
  start(): Promise<void>;
  /** The polite end. */
  stop(): Promise<void>;
  /** SIGKILL of all its processes. */
  kill(): Promise<void>;
  freeze(): void;
  thaw(): void;
  restart(): Promise<void>;
}

export function daemon(
  command: string,
  args: readonly string[],
  more: { stop: NodeJS.Signals; ready(): Promise<boolean>; asUser?: boolean; cwd: string },
): Daemon {
  let child: ChildProcess | null = null;
  let exited: Promise<void> = Promise.resolve();

  async function start(): Promise<void> {
    let said = '';
    const begun = spawn(command, args, {
      cwd: more.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(more.asUser && user ? user : {}),
      env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
    });
    child = begun;
    const { pid } = begun;
    if (pid === undefined) throw new Error(`${command} cannot be started`);
    groups.add(pid);
    const hear = (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-2_000);
    };
    begun.stdout?.on('data', hear);
    begun.stderr?.on('data', hear);
    let gone = false;
    exited = new Promise((resolve) => {
      begun.once('exit', () => {
        gone = true;
        groups.delete(pid);
        resolve();
      });
    });
    // The tests' own end does not wait for it.
    begun.unref();
    (begun.stdout as unknown as { unref(): void }).unref();
    (begun.stderr as unknown as { unref(): void }).unref();
    const until = performance.now() + START_MS;
    while (!(await more.ready())) {
      if (gone) throw new Error(`${command} ended at once:\n${said}`);
      if (performance.now() > until) throw new Error(`${command} does not answer:\n${said}`);
      await sleep(20);
    }
  }

  async function end(name: NodeJS.Signals): Promise<void> {
    const pid = child?.pid;
    if (pid === undefined) return;
    child = null;
    let family: number[] = [];
    if (name === 'SIGKILL') {
      // Stopped first, so that it has no more children after they were counted.
      signalOne(pid, 'SIGSTOP');
      family = tree(pid);
      for (const one of family) signalOne(one, name);
    } else {
      signalTree(pid, 'SIGCONT');
      process.kill(pid, name);
    }
    // Its exit counts although it is not waited for otherwise.
    const hold = setInterval(() => {}, 1_000);
    await exited;
    // A child of PostgreSQL that still dies holds the memory that the next one wants.
    while (family.some(isAlive)) await sleep(5);
    clearInterval(hold);
  }

  const signal = (name: NodeJS.Signals) => {
    if (child?.pid !== undefined) signalTree(child.pid, name);
  };
  return {
    start,
    stop: () => end(more.stop),
    kill: () => end('SIGKILL'),
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    async restart() {
      await end(more.stop);
      await start();
    },
  };
}

export function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = dial(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
