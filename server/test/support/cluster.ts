/** Many processes of the control plane over given services, each with a data folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import type { Addressed } from './api.ts';
import { cleanEnv, GOBLIN, makePlace, type Place, readNote } from './server.ts';
import { type PostgresService, type RedisService, startPostgres, startRedis } from './services.ts';
import { OPENAI_KEY, openaiEnv } from './vendors.ts';

export type Role = 'all' | 'api' | 'worker';

export interface NodeOptions {
  role: Role;
  /** DATABASE_URL, REDIS_URL, vendors' keys … */
  env: Record<string, string>;
  settings?: Record<string, unknown>;
  /** A script that takes the role as its only argument, instead of `goblin`. */
  entry?: string;
  folder?: string;
  /** Flags of the verb, as `--share-port`. */
  flags?: readonly string[];
}

/** One process and those that take its place: `pid` and `address` are those of the newest. */
export interface ClusterNode extends Addressed {
  readonly name: string;
  readonly role: Role;
  readonly place: Place;
  readonly pid: number;
  readonly token: string;
  /** What all of them wrote, newest last. */
  log(): string;
  /** Resolves with the exit code of the newest. */
  exited(): Promise<number | null>;
  /** SIGTERM; answers the exit code, null when it had to be killed. */
  stop(): Promise<number | null>;
  kill(): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** A new process in the same folder, ready. The old one must be gone. */
  restart(): Promise<void>;
}

const READY_MS = 40_000;
const STOP_MS = 32_000;
const MAX_LOG = 2 * 1024 * 1024;

export const SECRET = '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef';

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

let count = 0;

/** Starts one process and waits until it is ready. Throws with what it printed when it does not become so. */
export async function startNode(options: NodeOptions): Promise<ClusterNode> {
  const place = makePlace(options.settings, options.folder);
  const env = cleanEnv(place, { MCP_SECRET: SECRET, MCP_AUTH: 'off', ...options.env });
  const args = options.entry
    ? [options.entry, options.role]
    : [GOBLIN, options.role === 'all' ? 'start' : options.role, ...(options.flags ?? [])];
  const name = `${options.role}-${++count}`;
  let log = '';
  let child: ChildProcess;
  let exited: Promise<number | null>;
  let address = '';
  let token = '';

  function launch(): void {
    mkdirSync(place.folder, { recursive: true });
    const born = spawn(process.execPath, args, { cwd: place.folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    child = born;
    children.add(born);
    for (const stream of [born.stdout, born.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        log = (log + text).slice(-MAX_LOG);
      });
    }
    exited = new Promise((resolve) => {
      born.on('close', (code) => {
        children.delete(born);
        resolve(code);
      });
    });
  }

  async function ready(): Promise<void> {
    const until = performance.now() + READY_MS;
    const born = child;
    while (born.exitCode === null && born.signalCode === null) {
      if (performance.now() > until) {
        born.kill('SIGKILL');
        break;
      }
      const note = readNote(place.dataDir);
      // A killed process leaves its note behind: only the one of this process counts.
      if (note !== null && note.pid === born.pid && (await answers(note.address))) {
        ({ address, token } = note);
        return;
      }
      await sleep(20);
    }
    throw new Error(`${name} did not become ready (code ${born.exitCode}, ${born.signalCode}).\n${log.slice(-3000)}`);
  }

  launch();
  await ready();
  return {
    name,
    role: options.role,
    place,
    get pid() {
      return child.pid as number;
    },
    get address() {
      return address;
    },
    get token() {
      return token;
    },
    log: () => log,
    exited: () => exited,
    signal: (signal) => {
      child.kill(signal);
    },
    async stop() {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      const code = await exited;
      clearTimeout(late);
      return code;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    async restart() {
      launch();
      await ready();
    },
  };
}

async function answers(address: string): Promise<boolean> {
  return await fetch(`${address}/readyz`, { signal: AbortSignal.timeout(2000) }).then(
    async (answer) => {
      await answer.arrayBuffer();
      return answer.status === 200;
    },
    () => false,
  );
}

export interface Cluster {
  apis: ClusterNode[];
  workers: ClusterNode[];
  nodes: ClusterNode[];
  stop(): Promise<void>;
}

/** `apis` and `workers` processes over the services that `env` names. All start at once: the first to come migrates. */
export async function startCluster(
  options: Omit<NodeOptions, 'role' | 'folder'> & { apis: number; workers: number },
): Promise<Cluster> {
  const roles: Role[] = [
    ...Array.from({ length: options.apis }, (): Role => 'api'),
    ...Array.from({ length: options.workers }, (): Role => 'worker'),
  ];
  const started = await Promise.allSettled(roles.map((role) => startNode({ ...options, role })));
  const nodes = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = started.find((one) => one.status === 'rejected');
  if (failed) {
    await Promise.all(nodes.map((node) => node.kill()));
    throw failed.reason;
  }
  return {
    nodes,
    apis: nodes.filter((node) => node.role === 'api'),
    workers: nodes.filter((node) => node.role === 'worker'),
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

/** Services and a vendor of one test file, and processes over them. */
export interface Fleet {
  postgres: PostgresService;
  redis: RedisService;
  vendor: Simulator;
  /** What every process gets. */
  env: Record<string, string>;
  /** One more process, ready. */
  start(role: Role, more?: Partial<Omit<NodeOptions, 'role'>>): Promise<ClusterNode>;
  /** As the superuser, in our database. */
  sql<T = Record<string, unknown>>(text: string): Promise<T[]>;
  /** Kills what still runs. */
  close(): Promise<void>;
}

/** `postgres`: lines of its configuration. */
export async function startFleet(
  options: Pick<NodeOptions, 'settings'> & { postgres?: Record<string, string> } = {},
): Promise<Fleet> {
  const [postgres, redis, vendor] = await Promise.all([
    startPostgres({ settings: options.postgres ?? {} }),
    startRedis(),
    startSimulator({ journal: true, key: OPENAI_KEY }),
  ]);
  const env = { DATABASE_URL: postgres.url, REDIS_URL: redis.url, ...openaiEnv(vendor) };
  const nodes: Promise<ClusterNode | null>[] = [];
  return {
    postgres,
    redis,
    vendor,
    env,
    start(role, more = {}) {
      const starting = startNode({ settings: options.settings ?? {}, ...more, role, env: { ...env, ...more.env } });
      nodes.push(starting.catch(() => null));
      return starting;
    },
    async sql<T>(text: string) {
      const client = new pg.Client({ connectionString: postgres.ownerUrl, connectionTimeoutMillis: 5000 });
      client.on('error', () => {});
      await client.connect();
      try {
        return (await client.query(text)).rows as T[];
      } finally {
        await client.end();
      }
    },
    async close() {
      for (const node of await Promise.all(nodes)) await node?.kill();
      await vendor.close();
      await Promise.all([postgres.kill(), redis.kill()]);
    },
  };
}
