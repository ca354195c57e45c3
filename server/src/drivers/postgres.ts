/** `Sql` over PostgreSQL 15 or newer, straight or through PgBouncer. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Row, Sql, SqlValue } from '../contract/ports.ts';
import { type Connection, type ConnectionOptions, connect } from './postgres-connection.ts';
import {
  classify,
  namesFail,
  PostgresStartError,
  parameterRefused,
  planIsOld,
  startSentence,
  translate,
  worthWaiting,
} from './postgres-errors.ts';
import { createPool } from './postgres-pool.ts';
import { type Address, readUrl } from './postgres-url.ts';
import { SqlError } from './sql-error.ts';

export { PostgresStartError } from './postgres-errors.ts';

export interface PostgresOptions {
  url: string;
  /** Most connections at a time; a migration takes one more. */
  size: number;
  /** Shown in `pg_stat_activity`. */
  application: string;
  /** For how long the first connection is tried when nobody answers. */
  retryMs: number;
  /** `why`: for the log of the operator. */
  onChange?(lost: boolean, why?: string): void;
}

const STATEMENT_MS = 10_000;
/** The server is given a little less, so that a slow statement is an error of its own and costs no connection. */
const SERVER_STATEMENT_MS = STATEMENT_MS - 500;
const IDLE_IN_TRANSACTION_MS = 10_000;
const SCRIPT_MS = 600_000;
/** A statement without an answer for this long has the database looked at: is it there? */
const SUSPECT_MS = 2_500;
const CONNECT_MS = 5_000;
/** Texts beyond this number are not ours, or are made up anew each time: they go unnamed. */
const MOST_NAMES = 500;
const OLDEST = 150_000;

/** Names for prepared statements; the same text has the same name on every connection of every process. */
function createNames() {
  const names = new Map<string, string>();
  let on = true;
  let generation = 0;
  return {
    of(text: string): string | undefined {
      if (!on) return undefined;
      const known = names.get(text);
      if (known !== undefined) return known;
      if (names.size >= MOST_NAMES) return undefined;
      const name = `g${generation}_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
      names.set(text, name);
      return name;
    },
    /** True when the statement is worth another try, because it now goes by another name or by none. */
    learn(error: unknown, name: string | undefined): boolean {
      if (name === undefined) return false;
      if (namesFail(error)) {
        on = false;
        return true;
      }
      if (!planIsOld(error)) return false;
      if (name.startsWith(`g${generation}_`)) {
        generation++;
        names.clear();
      }
      return true;
    },
  };
}

/** Tries while a server that is only just starting could be behind it. */
async function firstConnection(settings: ConnectionOptions, where: Address, retryMs: number): Promise<Connection> {
  const began = performance.now();
  for (let pause = 100; ; pause = Math.min(pause * 2, 1_000)) {
    try {
      return await connect(settings, CONNECT_MS);
    } catch (error) {
      const waited = performance.now() - began;
      if (settings.timeouts !== null && parameterRefused(error)) settings.timeouts = null;
      else if (!worthWaiting(error) || waited + pause > retryMs) {
        throw new PostgresStartError(startSentence(error, where, waited));
      } else await sleep(pause);
    }
  }
}

/** Rejects with `PostgresStartError`: one sentence for the operator. */
export async function openPostgres(options: PostgresOptions): Promise<Sql> {
  const where = readUrl(options.url);
  const settings: ConnectionOptions = {
    connectionString: where.connectionString,
    application: options.application,
    timeouts: { statementMs: SERVER_STATEMENT_MS, idleInTransactionMs: IDLE_IN_TRANSACTION_MS },
  };
  const first = await firstConnection(settings, where, options.retryMs);
  if (first.version < OLDEST) {
    first.end();
    throw new PostgresStartError(
      `DATABASE_URL: the server at ${where.address} is PostgreSQL ${Math.floor(first.version / 10_000)}: version 15 or newer is needed.`,
    );
  }
  if (first.encoding !== 'UTF8') {
    first.end();
    throw new PostgresStartError(
      `DATABASE_URL: the database "${where.database}" at ${where.address} has the encoding ${first.encoding}: create one with UTF8 (createdb -E UTF8 -T template0 ${where.database}).`,
    );
  }
  const pool = createPool(settings, options.size, first, (lost, why) => options.onChange?.(lost, why));
  const names = createNames();

  async function run(connection: Connection, text: string, values: readonly SqlValue[], name: string | undefined) {
    const suspicion = setTimeout(pool.suspect, SUSPECT_MS);
    try {
      return await connection.run(text, values, name, STATEMENT_MS);
    } finally {
      clearTimeout(suspicion);
    }
  }

  async function query<R extends Row>(text: string, values: readonly SqlValue[] = []): Promise<R[]> {
    const connection = await pool.acquire();
    for (;;) {
      const name = names.of(text);
      try {
        const rows = await run(connection, text, values, name);
        pool.release(connection);
        return rows as R[];
      } catch (error) {
        // It was refused before it ran.
        if (names.learn(error, name)) continue;
        throw await pool.failed(connection, error);
      }
    }
  }

  /** One run of `work`. `again`: it met a name that failed, and nothing of it remains. */
  async function attempt<T>(work: (sql: Pick<Sql, 'query'>) => Promise<T>): Promise<{ again: true } | { result: T }> {
    const connection = await pool.acquire();
    let again = false;
    /** The error that the connection itself does not survive. */
    let broken: unknown;
    const inside: Pick<Sql, 'query'> = {
      async query<R extends Row>(text: string, values: readonly SqlValue[] = []) {
        const name = names.of(text);
        try {
          return (await run(connection, text, values, name)) as R[];
        } catch (error) {
          if (names.learn(error, name)) again = true;
          const failure = classify(error, connection.alive());
          if (failure === 'gone' || failure === 'lost') broken ??= error;
          throw translate(error, failure);
        }
      },
    };
    try {
      await connection.command('begin', STATEMENT_MS);
    } catch (error) {
      throw await pool.failed(connection, error);
    }
    let result: T;
    try {
      result = await work(inside);
      if (again) throw new Error('again');
    } catch (error) {
      if (broken !== undefined) throw await pool.failed(connection, broken);
      try {
        await connection.command('rollback', STATEMENT_MS);
      } catch (failure) {
        const told = await pool.failed(connection, failure);
        throw again ? told : error;
      }
      pool.release(connection);
      if (again) return { again };
      throw error;
    }
    let tag: string;
    try {
      tag = await connection.command('commit', STATEMENT_MS);
    } catch (error) {
      throw await pool.failed(connection, error);
    }
    pool.release(connection);
    // `work` passed over an error, and the server says so only by this word.
    if (tag !== 'COMMIT')
      throw new SqlError('The transaction was rolled back, because a statement of it failed.', '25P02');
    return { result };
  }

  return {
    query,
    async transaction(work) {
      for (;;) {
        const outcome = await attempt(work);
        if ('result' in outcome) return outcome.result;
      }
    },
    async script(text) {
      // A connection of its own: it may take long, and what a script leaves open or sets ends with it.
      const connection = await pool.extra({ statementMs: SCRIPT_MS, idleInTransactionMs: SCRIPT_MS });
      try {
        await connection.command(text, SCRIPT_MS);
      } catch (error) {
        throw translate(error, classify(error, connection.alive()));
      } finally {
        connection.end();
      }
    },
    lostFor: pool.lostFor,
    back: pool.back,
    pool: () => ({ driver: 'postgres', ...pool.numbers() }),
    close: pool.close,
  };
}
