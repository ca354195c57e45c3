/**
 * Real PostgreSQL, PgBouncer and Redis for tests: on ports of their own, in folders that go when the test process ends,
 * however that happens. Each can be killed, frozen and started again on what it had.
 */
import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, connect as dial } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';

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
const user = process.getuid?.() === 0 ? account() : null;

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

function folderFor(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `goblin-${name}-`));
  folders.add(folder);
  if (user) chownSync(folder, user.uid, user.gid);
  chmodSync(folder, 0o700);
  return folder;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** The newest PostgreSQL of the machine first, then whatever PATH has. */
function binary(name: string): string {
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
  const children = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' }).stdout ?? '';
  return [pid, ...children.split(/\s+/).filter(Boolean).map(Number).flatMap(tree)];
}

function signalOne(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {}
}

function signalTree(pid: number, name: NodeJS.Signals): void {
  for (const one of tree(pid)) signalOne(one, name);
}

/** Nobody may be there to take note of a death, so the dead that still have a number do not count. */
function isAlive(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.trim().startsWith('Z');
}

interface Daemon {
  start(): Promise<void>;
  /** The polite end. */
  stop(): Promise<void>;
  /** SIGKILL of all its processes. */
  kill(): Promise<void>;
  freeze(): void;
  thaw(): void;
  restart(): Promise<void>;
}

function daemon(
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

/* ---- PostgreSQL ---- */

export interface PostgresService extends Daemon {
  /** As the owner of the database `goblin`, who is no superuser. */
  url: string;
  /** As the superuser. */
  ownerUrl: string;
  port: number;
  folder: string;
  /** `parameters`: what a connection needs after the settings were changed, as `?sslmode=no-verify`. */
  start(parameters?: string): Promise<void>;
  /** As the superuser; answers the rows of the last statement. */
  sql(text: string): Promise<Record<string, unknown>[]>;
  /** One more empty database; answers its URL. */
  database(name: string): Promise<string>;
}

const PASSWORD = 'goblin-test';
let template: string | undefined;

/** `initdb` takes a second, a copy of what it made a tenth. */
function freshCluster(): string {
  if (template === undefined) {
    const folder = folderFor('pg-template');
    const passwords = join(folder, 'password');
    writeFileSync(passwords, PASSWORD, { mode: 0o644 });
    const args = ['-D', join(folder, 'data'), '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwords}`];
    execFileSync(binary('initdb'), [...args, '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'], {
      ...(user ?? {}),
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    template = join(folder, 'data');
  }
  const folder = folderFor('pg');
  execFileSync('cp', ['-a', template, join(folder, 'data')]);
  return folder;
}

export async function startPostgres(options: { settings?: Record<string, string> } = {}): Promise<PostgresService> {
  const folder = freshCluster();
  const data = join(folder, 'data');
  const port = await freePort();
  const settings = {
    // A killed process loses nothing without it, only a machine that loses power does.
    fsync: 'off',
    synchronous_commit: 'on',
    full_page_writes: 'off',
    shared_buffers: '32MB',
    max_connections: '60',
    autovacuum_naptime: '10s',
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    ...options.settings,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`);
  writeFileSync(join(data, 'postgresql.conf'), `${lines.join('\n')}\n`);
  const urlOf = (name: string, database: string) => `postgres://${name}:${PASSWORD}@127.0.0.1:${port}/${database}`;

  async function sql(text: string, url = urlOf('postgres', 'postgres')) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    client.on('error', () => {});
    await client.connect();
    try {
      return ((await client.query(text)) as { rows?: Record<string, unknown>[] }).rows ?? [];
    } finally {
      await client.end();
    }
  }

  let readyUrl = urlOf('postgres', 'postgres');
  const server = daemon(binary('postgres'), ['-D', data, '-p', String(port)], {
    // Fast: open connections are ended.
    stop: 'SIGINT',
    ready: () =>
      sql('select 1', readyUrl).then(
        () => true,
        () => false,
      ),
    asUser: true,
    cwd: folder,
  });
  const start = async (parameters = '') => {
    readyUrl = urlOf('postgres', 'postgres') + parameters;
    // After a SIGKILL: the number in it may belong to another process by now.
    rmSync(join(data, 'postmaster.pid'), { force: true });
    await server.start();
  };
  await start();
  await sql(`create role goblin login password '${PASSWORD}'`);
  const database = async (name: string) => {
    await sql(`create database "${name}" owner goblin`);
    return urlOf('goblin', name);
  };
  const url = await database('goblin');
  return {
    ...server,
    start,
    async restart() {
      await server.stop();
      await start();
    },
    url,
    ownerUrl: urlOf('postgres', 'goblin'),
    port,
    folder,
    sql,
    database,
  };
}

/* ---- PgBouncer ---- */

export interface PgbouncerService extends Daemon {
  url: string;
  port: number;
}

/** In transaction mode. `poolSize` is the number of server connections. */
export async function startPgbouncer(
  behind: PostgresService,
  settings: Record<string, string | number> = {},
): Promise<PgbouncerService> {
  const folder = folderFor('pgbouncer');
  const port = await freePort();
  writeFileSync(join(folder, 'users.txt'), `"goblin" "${PASSWORD}"\n"postgres" "${PASSWORD}"\n`, { mode: 0o644 });
  const all = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: folder,
    auth_type: 'scram-sha-256',
    auth_file: join(folder, 'users.txt'),
    pool_mode: 'transaction',
    default_pool_size: 5,
    max_client_conn: 200,
    server_login_retry: 1,
    logfile: join(folder, 'log'),
    ...settings,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}`);
  const file = join(folder, 'pgbouncer.ini');
  writeFileSync(file, `[databases]\n* = host=127.0.0.1 port=${behind.port}\n[pgbouncer]\n${lines.join('\n')}\n`, {
    mode: 0o644,
  });
  const server = daemon(binary('pgbouncer'), [file], {
    stop: 'SIGTERM',
    ready: () => takesConnections(port),
    asUser: true,
    cwd: folder,
  });
  await server.start();
  return { ...server, port, url: `postgres://goblin:${PASSWORD}@127.0.0.1:${port}/goblin` };
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = dial(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/* ---- Redis ---- */

export interface RedisService extends Daemon {
  url: string;
  port: number;
  /** One command by redis-cli; answers what it printed. */
  cli(...args: string[]): string;
}

export interface RedisOptions {
  password?: string;
  /** Lines of redis.conf, on top. */
  settings?: readonly string[];
}

export async function startRedis(options: RedisOptions = {}, fixedPort?: number): Promise<RedisService> {
  const folder = folderFor('redis');
  const port = fixedPort ?? (await freePort());
  const server = redisDaemon(folder, port, [
    ...(options.password ? [`requirepass ${options.password}`, `masterauth ${options.password}`] : []),
    ...(options.settings ?? []),
  ]);
  await server.start();
  const auth = options.password ? `:${options.password}@` : '';
  return { ...server, port, url: `redis://${auth}127.0.0.1:${port}`, cli: redisCli(port, options.password) };
}

function redisDaemon(folder: string, port: number, lines: readonly string[], sentinel = false): Daemon {
  const file = join(folder, `redis-${port}.conf`);
  const common = [`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`, 'protected-mode no'];
  const plain = ['save ""', 'appendonly no'];
  writeFileSync(file, `${[...common, ...(sentinel ? [] : plain), ...lines].join('\n')}\n`);
  if (user) chownSync(file, user.uid, user.gid);
  return daemon(binary('redis-server'), [file, ...(sentinel ? ['--sentinel'] : [])], {
    stop: 'SIGTERM',
    ready: () => takesConnections(port),
    asUser: true,
    cwd: folder,
  });
}

function redisCli(port: number, password?: string): (...args: string[]) => string {
  const command = binary('redis-cli');
  return (...args) =>
    execFileSync(command, ['-p', String(port), ...args], {
      encoding: 'utf8',
      env: { ...process.env, ...(password ? { REDISCLI_AUTH: password } : {}) },
    }).trim();
}

export interface RedisSet {
  url: string;
  nodes: { port: number; cli(...args: string[]): string; kill(): Promise<void>; start(): Promise<void> }[];
  stop(): Promise<void>;
}

async function nodesOf(folder: string, number: number, lines: (port: number) => readonly string[]) {
  const nodes = [];
  for (let made = 0; made < number; made++) {
    const port = await freePort();
    const server = redisDaemon(folder, port, lines(port));
    await server.start();
    nodes.push({ ...server, port, cli: redisCli(port) });
  }
  return nodes;
}

/** Three masters without replicas. */
export async function startRedisCluster(): Promise<RedisSet> {
  const folder = folderFor('redis-cluster');
  const nodes = await nodesOf(folder, 3, (port) => [
    'cluster-enabled yes',
    `cluster-config-file nodes-${port}.conf`,
    // The bus port is the port + 10,000 by default, which may be no port at all.
    `cluster-port ${port > 55_000 ? port - 10_000 : port + 10_000}`,
    'cluster-node-timeout 2000',
    'cluster-require-full-coverage no',
  ]);
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  // Not in step: it takes seconds, and whoever else tests in this process must not stand still.
  await promisify(execFile)(binary('redis-cli'), ['--cluster', 'create', ...addresses, '--cluster-yes']);
  for (const node of nodes) {
    while (!node.cli('cluster', 'info').includes('cluster_state:ok')) await sleep(50);
  }
  return {
    url: `redis+cluster://${addresses.join(',')}`,
    nodes,
    stop: async () => void (await Promise.all(nodes.map((node) => node.stop()))),
  };
}

/** One master (the first node), one replica, one sentinel (the third), which needs nobody's consent. */
export async function startRedisSentinel(): Promise<RedisSet> {
  const folder = folderFor('redis-sentinel');
  const [master] = await nodesOf(folder, 1, () => []);
  const [replica] = await nodesOf(folder, 1, () => [`replicaof 127.0.0.1 ${master?.port}`]);
  const port = await freePort();
  const watcher = redisDaemon(
    folder,
    port,
    [
      `sentinel monitor goblin 127.0.0.1 ${master?.port} 1`,
      'sentinel down-after-milliseconds goblin 1000',
      'sentinel failover-timeout goblin 3000',
    ],
    true,
  );
  await watcher.start();
  if (!master || !replica) throw new Error('no nodes');
  while (!replica.cli('info', 'replication').includes('master_link_status:up')) await sleep(50);
  const sentinel = { ...watcher, port, cli: redisCli(port) };
  while (!sentinel.cli('sentinel', 'master', 'goblin').includes('num-slaves\n1')) await sleep(50);
  return {
    url: `redis+sentinel://127.0.0.1:${port}/goblin/0`,
    nodes: [master, replica, sentinel],
    stop: async () => void (await Promise.all([sentinel, replica, master].map((node) => node.stop()))),
  };
}
