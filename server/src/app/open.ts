/** Opens what stands behind a process: the database, embedded or not, and Redis. Every failure is one sentence. */
import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { GoblinError } from '../contract/errors.ts';
import type { Bus, Queue, Row, Sql } from '../contract/ports.ts';
import { createMemoryBus } from '../drivers/memory-bus.ts';
import { createMemoryQueue } from '../drivers/memory-queue.ts';
import { openPglite } from '../drivers/pglite.ts';
import type { RedisLink } from '../drivers/redis-link.ts';
import type { Ring } from '../identity/ring.ts';
import { otherSecret } from '../ledger/processes.ts';
import type { Recorder } from '../telemetry/telemetry.ts';
import { type Config, ConfigError } from './config.ts';
import { grantTo, loadMigrations, makePartitions, migrate, missingMigrations, SchemaError } from './migrate.ts';

/** How long a start waits for a database that does not answer. */
export const START_MS = 30_000;

/** Opens the database of a folder that this process holds, and brings it up to date. Throws `ConfigError`. */
export async function openEmbedded(path: string, application = 'goblin'): Promise<Sql> {
  let sql: Sql;
  try {
    sql = await openPglite(path);
  } catch (error) {
    throw new ConfigError(
      `The database in ${path} cannot be opened (${(error as Error).message.split('\n')[0]}); restore it from a copy, or start afresh with another MCP_DATA_DIR.`,
    );
  }
  try {
    await sql.query("select set_config('application_name', $1, false)", [application]);
    await migrate(sql);
    return sql;
  } catch (error) {
    await sql.close();
    throw new ConfigError(
      error instanceof SchemaError
        ? `${error.message.replace(/\.$/, '')}, or choose another folder with MCP_DATA_DIR.`
        : `The database in ${path} cannot be brought up to date: ${(error as Error).message}`,
    );
  }
}

type Database = NonNullable<Config['database']>;

/** `variable` is the one that holds the URL. What is not configured is not loaded: a start on a laptop has no driver to wait for. */
async function connect(
  variable: string,
  url: string,
  size: number,
  application: string,
  recorder: Recorder | null,
): Promise<Sql> {
  const { openPostgres, PostgresStartError } = await import('../drivers/postgres.ts');
  try {
    return await openPostgres({
      url,
      size,
      application,
      retryMs: START_MS,
      onChange: (lost, why) =>
        recorder?.log(
          lost ? 'error' : 'info',
          lost ? 'the database is away' : 'the database is back',
          why ? { why } : {},
        ),
    });
  } catch (error) {
    if (error instanceof PostgresStartError) {
      throw new ConfigError(error.message.replaceAll('DATABASE_URL', variable));
    }
    throw error;
  }
}

/** A database that a copy has not finished is not one to serve from. */
export async function refuseHalfCopy(sql: Sql): Promise<void> {
  const [mark] = await sql.query<{ there: boolean }>("select to_regclass('mcp_copy') is not null as there");
  if (!mark?.there) return;
  throw new ConfigError(
    'The database holds a copy that was not finished; make it anew with npm run goblin -- copy --from … --to … --again.',
  );
}

/**
 * Call-backs are signed, messages sealed and content encrypted with it: every process must be able to read what any of
 * them writes. `ring`: with those that are read only.
 */
export async function refuseOtherSecret(sql: Sql, ring: Ring): Promise<void> {
  const other = await otherSecret(
    sql,
    ring.all.map(({ id }) => id),
  );
  if (other === null) return;
  throw new ConfigError(
    `MCP_SECRET differs from that of a process that runs on the same database (${other}); give all processes the same one, or stop the others first. To change it while they run, let each know both first: MCP_SECRET_PREVIOUS (docs/security.md).`,
  );
}

export interface Migrated {
  sql: Sql;
  /** Migrations that ran now. */
  ran: number;
}

/**
 * Opens PostgreSQL and brings it up to date: by the owner's URL if there is one, else by the application's own. Throws
 * `ConfigError`.
 */
export async function openDatabase(
  config: Database,
  application: string,
  recorder: Recorder | null,
): Promise<Migrated> {
  const sql = await connect('DATABASE_URL', config.url, config.pool, application, recorder);
  const until = performance.now() + START_MS;
  for (;;) {
    try {
      return await bringUp(sql, config, application, recorder);
    } catch (error) {
      // It went away in the midst of the start: what has run is found done.
      const away = error instanceof GoblinError && error.code === 'unavailable' && performance.now() < until;
      if (away) {
        await Promise.all([sql.back(1000), sleep(100)]);
        continue;
      }
      await sql.close();
      throw error;
    }
  }
}

async function bringUp(sql: Sql, config: Database, application: string, recorder: Recorder | null): Promise<Migrated> {
  try {
    const missing = await missingMigrations(sql, await loadMigrations()).catch((error: unknown) => {
      // A role that may not read the list of migrations has not been given anything yet.
      if ((error as { sqlState?: string }).sqlState === '42501') return null;
      throw error;
    });
    await refuseHalfCopy(sql);
    if (missing?.length === 0) {
      await makePartitions(sql);
      return { sql, ran: 0 };
    }
    if (config.ownerUrl === null) {
      const ran = await migrate(sql);
      if (ran > 0) {
        recorder?.log(
          'warn',
          'migrated with DATABASE_URL; with DATABASE_OWNER_URL the application needs fewer rights',
          {
            migrations: ran,
          },
        );
      }
      return { sql, ran };
    }
    return { sql, ran: await migrateAsOwner(config.ownerUrl, sql, application) };
  } catch (error) {
    throw asConfigError(error);
  }
}

// A database of a server: its number, and when the server was started.
const WHICH = `select (select oid from pg_database where datname = current_database())::text || ' '
  || extract(epoch from pg_postmaster_start_time())::text as which`;

/** Runs what is missing and gives the role of `sql` its rights, also when nothing was missing. */
export async function migrateAsOwner(ownerUrl: string, sql: Sql, application: string): Promise<number> {
  const [row] = await sql.query<{ role: string }>('select current_user::text as role');
  const owner = await connect('DATABASE_OWNER_URL', ownerUrl, 2, `${application} owner`, null);
  try {
    const [[here], [there]] = await Promise.all([sql.query<Row>(WHICH), owner.query<Row>(WHICH)]);
    if (here?.which !== there?.which) {
      throw new ConfigError(
        'DATABASE_OWNER_URL leads to another database than DATABASE_URL; give both the same host, port and database, with another user.',
      );
    }
    const ran = await migrate(owner);
    const [self] = await owner.query<{ role: string }>('select current_user::text as role');
    if (row && self && row.role !== self.role) await grantTo(owner, row.role);
    return ran;
  } catch (error) {
    throw asConfigError(error, 'DATABASE_OWNER_URL');
  } finally {
    await owner.close();
  }
}

function asConfigError(error: unknown, variable = 'DATABASE_URL'): unknown {
  if (error instanceof ConfigError) return error;
  if (error instanceof SchemaError) return new ConfigError(error.message);
  const { sqlState, message } = error as { sqlState?: string; message: string };
  if (sqlState === '42501') {
    if (variable === 'DATABASE_OWNER_URL') {
      return new ConfigError(
        `The role of DATABASE_OWNER_URL lacks rights (${message}); it must own the database, e.g. alter database goblin owner to goblin_owner.`,
      );
    }
    return new ConfigError(
      `The role of DATABASE_URL lacks rights (${message}); set DATABASE_OWNER_URL to the owner of the database and run npm run migrate.`,
    );
  }
  return sqlState === undefined
    ? error
    : new ConfigError(`The database cannot be brought up to date (${sqlState}): ${message}`);
}

/** Reads the URLs before anything is opened: a wrong one must not be found after a migration. Throws `ConfigError`. */
export async function checkUrls({ database, redis }: Config): Promise<void> {
  if (database) {
    const [{ readUrl }, { PostgresStartError }] = await Promise.all([
      import('../drivers/postgres-url.ts'),
      import('../drivers/postgres-errors.ts'),
    ]);
    for (const [name, url] of [
      ['DATABASE_URL', database.url],
      ['DATABASE_OWNER_URL', database.ownerUrl],
    ] as const) {
      try {
        if (url !== null) readUrl(url);
      } catch (error) {
        if (error instanceof PostgresStartError) throw new ConfigError(error.message.replaceAll('DATABASE_URL', name));
        throw error;
      }
    }
  }
  if (redis) {
    const { readRedisUrl, RedisStartError } = await import('../drivers/redis-url.ts');
    try {
      readRedisUrl(redis.url);
    } catch (error) {
      if (error instanceof RedisStartError) throw new ConfigError(error.message);
      throw error;
    }
  }
}

/** Other digests would find nothing of before: no budget that a user has spent from, nothing that is to be erased. */
export function lostSecret(sealedBy: string, ours: string): ConfigError {
  return new ConfigError(
    `The record was sealed with another MCP_SECRET (its id is ${sealedBy}, that of the one given is ${ours}); set MCP_SECRET to that one, or name it in MCP_SECRET_PREVIOUS if it was changed; if nobody has it any more, see docs/security.md, "When MCP_SECRET is changed".`,
  );
}

export interface Wakes {
  queue: Queue;
  bus: Bus;
  redis: RedisLink | null;
  close(): Promise<void>;
}

export async function openWakes(config: Config, ring: Ring, instance: string, recorder: Recorder): Promise<Wakes> {
  if (!config.redis) {
    const [queue, bus] = [createMemoryQueue(), createMemoryBus()];
    return {
      queue,
      bus,
      redis: null,
      async close() {
        await Promise.all([queue.close(), bus.close()]);
      },
    };
  }
  const { openRedis, RedisStartError } = await import('../drivers/redis-link.ts');
  try {
    const redis = await openRedis({
      url: config.redis.url,
      secrets: ring.all.map(({ secret }) => createHmac('sha256', secret).update('goblin redis').digest()),
      instance,
      log: recorder.log,
    });
    return { queue: redis.queue, bus: redis.bus, redis, close: redis.close };
  } catch (error) {
    if (error instanceof RedisStartError) throw new ConfigError(error.message);
    throw error;
  }
}
