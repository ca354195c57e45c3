/** One connection to PostgreSQL: opened, looked at and found writable, or not there at all. */
import { Socket } from 'node:net';
import pg from 'pg';
import type { Row, SqlValue } from '../contract/ports.ts';
import { NoAnswer, ReadOnly } from './postgres-errors.ts';

export interface Connection {
  /** Rejects with the error as it came, or with `NoAnswer`; see `classify`. */
  run(text: string, values: readonly SqlValue[], name: string | undefined, ms: number): Promise<Row[]>;
  /** One or several statements without values; answers the last one's tag: COMMIT, ROLLBACK, … */
  command(text: string, ms: number): Promise<string>;
  /** False once it has ended, by whomever. */
  alive(): boolean;
  /** The server says that no transaction is open on it. */
  clean(): boolean;
  /** Called once if it ends without `destroy` or `end`. */
  onGone: (() => void) | null;
  /** Of the pool: which life of the database it belongs to. */
  life: number;
  /** What stands behind; 150004 is 15.4. */
  version: number;
  encoding: string;
  /** Closes the socket at once. */
  destroy(): void;
  /** Says goodbye, and closes the socket within half a second. */
  end(): void;
}

export interface ConnectionOptions {
  connectionString: string;
  application: string;
  /** Refused by PgBouncer, see `parameterRefused`, and `PLANS` with them. Null: not asked for. */
  timeouts: { statementMs: number; idleInTransactionMs: number } | null;
}

interface Tagged {
  command: string | null;
}

/**
 * Every statement of ours has its index. Planned while a table is small or its statistics are old, one would read whole
 * tables until the next analyze; planned anew each time, the larger ones would cost a millisecond more.
 */
const PLANS = '-c enable_seqscan=off -c plan_cache_mode=force_generic_plan -c jit=off';

/** `transaction_read_only` is also on in recovery. */
const LOOK = `select current_setting('server_version_num')::int as version,
  current_setting('transaction_read_only') = 'on' as read_only,
  current_setting('server_encoding') as encoding`;

const NUMBERS = new Set([21, 23, 26, 700, 701]);
const JSONS = new Set([114, 3802]);
const BOOL = 16;
const BYTEA = 17;
const asText = (text: string) => text;
const asBytes = pg.types.getTypeParser(BYTEA, 'text') as unknown as (text: string) => Buffer;

/** `int8`, `numeric` and times stay text, as the port says. */
function parserOf(type: number): (text: string) => unknown {
  if (NUMBERS.has(type)) return Number;
  if (JSONS.has(type)) return JSON.parse;
  if (type === BOOL) return (text) => text === 't';
  if (type === BYTEA) return asBytes;
  return asText;
}
const types = { getTypeParser: parserOf } as unknown as pg.CustomTypesConfig;

/** Rejects with the error as it came, `NoAnswer` after `ms`, or `ReadOnly`. */
export async function connect(options: ConnectionOptions, ms: number): Promise<Connection> {
  const began = performance.now();
  // Our own socket, because only its owner can close it without saying goodbye: a half-open one never answers.
  const socket = new Socket();
  const client = new pg.Client({
    application_name: options.application,
    connectionString: options.connectionString,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    stream: () => socket,
    types,
    ...(options.timeouts
      ? {
          statement_timeout: options.timeouts.statementMs,
          // A process that was stopped in the middle of a transaction must not hold its locks for ever.
          idle_in_transaction_session_timeout: options.timeouts.idleInTransactionMs,
          options: PLANS,
        }
      : {}),
  });

  let alive = true;
  let ours = false;
  const gone = () => {
    if (!alive) return;
    alive = false;
    socket.destroy();
    if (!ours) connection.onGone?.();
  };
  client.on('error', gone);
  client.on('end', gone);

  /** What waits for an answer that will not come once the socket is closed by us. */
  const pending = new Set<(error: Error) => void>();
  const timed = <T>(limit: number, work: (done: (error: Error | null, result?: T) => void) => void): Promise<T> =>
    new Promise((resolve, reject) => {
      let over = false;
      const abandon = (error: Error) => {
        over = true;
        clearTimeout(timer);
        reject(error);
      };
      pending.add(abandon);
      const timer = setTimeout(() => {
        // After this process stood still the answer may lie there unread: one more round of the event loop reads it.
        setImmediate(() => {
          if (over) return;
          pending.delete(abandon);
          ours = true;
          alive = false;
          socket.destroy();
          reject(new NoAnswer(limit));
        });
      }, limit);
      work((error, result) => {
        if (over) return;
        over = true;
        pending.delete(abandon);
        clearTimeout(timer);
        if (error) reject(error);
        else resolve(result as T);
      });
    });

  const connection: Connection = {
    onGone: null,
    life: 0,
    version: 0,
    encoding: '',
    run: (text, values, name, limit) =>
      timed<Row[]>(limit, (done) => {
        // The named type wants a mutable array; pg only reads it.
        const query = { text, values: values as SqlValue[], ...(name === undefined ? {} : { name }) };
        client.query(query, (error: Error | null, result) => done(error, error ? [] : (result.rows as Row[])));
      }),
    command: (text, limit) =>
      timed<string>(limit, (done) => {
        client.query(text, (error: Error | null, result: Tagged | Tagged[]) =>
          done(error, error ? '' : ([result].flat().at(-1)?.command ?? '')),
        );
      }),
    alive: () => alive,
    clean: () => client.getTransactionStatus() === 'I',
    destroy() {
      ours = true;
      alive = false;
      socket.destroy();
      for (const abandon of [...pending]) abandon(new Error('the connection was closed'));
      pending.clear();
    },
    end() {
      if (!alive) return;
      ours = true;
      alive = false;
      client.end().catch(() => {});
      setTimeout(() => socket.destroy(), 500).unref();
    },
  };

  try {
    await timed<void>(ms, (done) => client.connect((error: Error | null | undefined) => done(error ?? null)));
    const left = Math.max(1, ms - (performance.now() - began));
    const [look] = await connection.run(LOOK, [], undefined, left);
    if (look?.read_only === true) throw new ReadOnly();
    connection.version = look?.version as number;
    connection.encoding = look?.encoding as string;
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  }
}
