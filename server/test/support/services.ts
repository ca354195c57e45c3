/**
 * Real PostgreSQL, PgBouncer and Redis for tests: on ports of their own. Each can be killed, frozen and started again on
 * what it had.
 */
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { binary, type Daemon, daemon, folderFor, freePort, takesConnections, user } from './daemon.ts';

export { freePort } from './daemon.ts';
export { type RedisService, startRedis, startRedisCluster, startRedisSentinel } from './services-redis.ts';

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
