/** Redis for tests: alone, as a cluster, and under a Sentinel. */
import { execFile, execFileSync } from 'node:child_process';
import { chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { binary, type Daemon, daemon, folderFor, freePort, takesConnections, user } from './daemon.ts';

export interface RedisService extends Daemon {
  url: string;
  port: number;
  /** The path of it, with `tls`. */
  certificate: string;
  /** One command by redis-cli; answers what it printed. */
  cli(...args: string[]): string;
}

export interface RedisOptions {
  password?: string;
  /** Lines of redis.conf, on top. */
  settings?: readonly string[];
  /** Takes nothing but TLS, with a certificate for 127.0.0.1 that it signed itself. */
  tls?: boolean;
}

export async function startRedis(options: RedisOptions = {}, fixedPort?: number): Promise<RedisService> {
  const folder = folderFor('redis');
  const port = fixedPort ?? (await freePort());
  const server = redisDaemon(folder, port, [
    ...(options.tls ? tlsLines(folder, port) : []),
    ...(options.password ? [`requirepass ${options.password}`, `masterauth ${options.password}`] : []),
    ...(options.settings ?? []),
  ]);
  await server.start();
  const auth = options.password ? `:${options.password}@` : '';
  const scheme = options.tls ? 'rediss' : 'redis';
  return {
    ...server,
    port,
    url: `${scheme}://${auth}127.0.0.1:${port}`,
    certificate: join(folder, 'redis.crt'),
    cli: redisCli(port, options.password, options.tls),
  };
}

function tlsLines(folder: string, port: number): string[] {
  const [key, certificate] = [join(folder, 'redis.key'), join(folder, 'redis.crt')];
  const made = ['req', '-new', '-x509', '-days', '2', '-nodes', '-subj', '/CN=127.0.0.1'];
  const names = ['-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', [...made, ...names, '-out', certificate, '-keyout', key], { stdio: 'ignore' });
  if (user) for (const file of [key, certificate]) chownSync(file, user.uid, user.gid);
  return [
    'port 0',
    `tls-port ${port}`,
    `tls-cert-file ${certificate}`,
    `tls-key-file ${key}`,
    `tls-ca-cert-file ${certificate}`,
    'tls-auth-clients no',
  ];
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

function redisCli(port: number, password?: string, tls = false): (...args: string[]) => string {
  const command = binary('redis-cli');
  return (...args) =>
    execFileSync(command, [...(tls ? ['--tls', '--insecure'] : []), '-p', String(port), ...args], {
      encoding: 'utf8',
      env: { ...process.env, ...(password ? { REDISCLI_AUTH: password } : {}) },
    }).trim();
}

export interface RedisSet {
  url: string;
  nodes: { port: number; cli(...args: string[]): string; kill(): Promise<void>; start(): Promise<void> }[];
  stop(): Promise<void>;
}

async function nodesOf(folder: string, number: number, lines: (port: number) => Promise<readonly string[]>) {
  const nodes = [];
  for (let made = 0; made < number; made++) {
    const port = await freePort();
    const server = redisDaemon(folder, port, await lines(port));
    await server.start();
    nodes.push({ ...server, port, cli: redisCli(port) });
  }
  return nodes;
}

/** Three masters without replicas. */
export async function startRedisCluster(): Promise<RedisSet> {
  const folder = folderFor('redis-cluster');
  const nodes = await nodesOf(folder, 3, async (port) => [
    'cluster-enabled yes',
    `cluster-config-file nodes-${port}.conf`,
    // By default the port + 10,000, which may be somebody else's.
    `cluster-port ${await freePort()}`,
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
  const [master] = await nodesOf(folder, 1, async () => []);
  const [replica] = await nodesOf(folder, 1, async () => [`replicaof 127.0.0.1 ${master?.port}`]);
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
