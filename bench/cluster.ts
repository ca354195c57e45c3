/** PostgreSQL, Redis, and processes of the control plane over them, for the benches. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres, startRedis } from '../server/test/support/services.ts';
import { freePort } from './process.ts';

const entry = new URL('../server/bin/goblin.mjs', import.meta.url).pathname;

export interface BenchNode {
  port: number;
  pid: number;
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export interface BenchCluster {
  databaseUrl: string;
  redisPort: number;
  node(role: 'api' | 'worker', more?: Record<string, string>): Promise<BenchNode>;
  stop(): Promise<void>;
}

/** `env` is for the processes: keys and addresses of vendors. The database writes as it would in production. */
export async function startCluster(
  env: Record<string, string>,
  clocks: Record<string, number> = {},
): Promise<BenchCluster> {
  const [postgres, redis] = await Promise.all([
    startPostgres({ settings: { fsync: 'on', shared_buffers: '256MB', max_wal_size: '4GB' } }),
    startRedis(),
  ]);
  const folder = mkdtempSync(join(tmpdir(), 'goblin-bench-'));
  const config = join(folder, 'goblin.json');
  writeFileSync(config, JSON.stringify({ local_servers: false, clocks }));
  const nodes: ChildProcess[] = [];
  const gone = (child: ChildProcess, signal: NodeJS.Signals) =>
    new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) resolve();
      else {
        child.once('exit', () => resolve());
        child.kill(signal);
      }
    });
  return {
    databaseUrl: postgres.url,
    redisPort: redis.port,
    async node(role, more = {}) {
      const port = await freePort();
      const child = spawn(process.execPath, [entry, role], {
        env: {
          ...process.env,
          DATABASE_URL: postgres.url,
          REDIS_URL: redis.url,
          MCP_SECRET: 'bench'.repeat(8),
          MCP_AUTH: 'off',
          MCP_DATA_DIR: join(folder, String(port)),
          MCP_CONFIG: config,
          PORT: String(port),
          LOG_LEVEL: 'error',
          ...env,
          ...more,
        },
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      nodes.push(child);
      for (;;) {
        if (child.exitCode !== null) throw new Error(`the ${role} ended with ${child.exitCode}`);
        const ready = await fetch(`http://127.0.0.1:${port}/readyz`).then(
          (answer) => answer.status === 200,
          () => false,
        );
        if (ready) break;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return {
        port,
        pid: child.pid as number,
        kill: () => gone(child, 'SIGKILL'),
        stop: () => gone(child, 'SIGTERM'),
      };
    },
    async stop() {
      await Promise.all(nodes.map((child) => gone(child, 'SIGTERM')));
      await Promise.all([postgres.stop(), redis.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
