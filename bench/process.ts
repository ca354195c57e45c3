/** Child processes of the bench, pinned to a core where the system can do that. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import net from 'node:net';

const canPin = spawnSync('taskset', ['-V']).status === 0;

export interface Child {
  process: ChildProcess;
  /** CPU seconds so far, user and system. Needs a child that answers `cpu`. */
  cpu(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts a script and waits for its first line of output. */
export async function child(
  script: string,
  env: Record<string, string>,
  /** Null: any. */
  core: number | null,
  args: string[] = [],
): Promise<Child> {
  const path = new URL(script, import.meta.url).pathname;
  const node = [process.execPath, path, ...args];
  const [command, ...rest] = canPin && core !== null ? ['taskset', '-c', String(core), ...node] : node;
  const started = spawn(command as string, rest, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  await new Promise<void>((resolve, reject) => {
    started.stdout?.once('data', () => resolve());
    started.once('exit', (code) => reject(new Error(`${script} ended with ${code}`)));
  });
  return {
    process: started,
    cpu: () =>
      new Promise((resolve) => {
        started.once('message', (usage: NodeJS.CpuUsage) => resolve((usage.user + usage.system) / 1e6));
        started.send('cpu');
      }),
    stop: () =>
      new Promise((resolve) => {
        started.once('exit', () => resolve());
        started.kill('SIGTERM');
      }),
  };
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
