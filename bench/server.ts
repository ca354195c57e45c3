/** A real server on a folder of its own, for benches that measure from outside. */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './process.ts';

export interface BenchServer {
  port: number;
  pid: number;
  folder: string;
  /** From the start of the process to the first 200 on `/readyz`. */
  readyMs: number;
  stop(): Promise<void>;
}

const entry = new URL('../server/bin/goblin.mjs', import.meta.url).pathname;

/** `keep` leaves the folder for another start. */
export async function startServer(env: Record<string, string>, folder?: string, keep = false): Promise<BenchServer> {
  const path = folder ?? mkdtempSync(join(tmpdir(), 'goblin-bench-'));
  const port = await freePort();
  const config = join(path, '..', `${path.split('/').at(-1)}.yaml`);
  writeFileSync(config, 'local_servers: false\n');
  const began = performance.now();
  const child = spawn(process.execPath, [entry, 'start'], {
    env: { ...process.env, MCP_DATA_DIR: path, MCP_CONFIG: config, PORT: String(port), LOG_LEVEL: 'error', ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
    const ok = await fetch(`http://127.0.0.1:${port}/readyz`).then(
      (response) => response.status === 200,
      () => false,
    );
    if (ok) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return {
    port,
    pid: child.pid as number,
    folder: path,
    readyMs: performance.now() - began,
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => {
          rmSync(config, { force: true });
          if (!keep) rmSync(path, { recursive: true, force: true });
          resolve();
        });
        child.kill('SIGTERM');
      }),
  };
}

/** Resident memory in megabytes. */
export async function rssOf(server: BenchServer): Promise<number> {
  const { readFileSync } = await import('node:fs');
  const pages = Number(readFileSync(`/proc/${server.pid}/statm`, 'utf8').split(' ')[1]);
  return (pages * 4096) / 1e6;
}

export async function metrics(server: BenchServer): Promise<{
  queue: { depth: number; running: number };
  database: { pool: { waiting: number } };
  process: { rss_bytes: number };
}> {
  return (await (await fetch(`http://127.0.0.1:${server.port}/mcp/v1/admin/metrics`)).json()) as never;
}
