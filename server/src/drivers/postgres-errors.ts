/** What an error of PostgreSQL, of a pooler before it, or of the network between means to us. */
import pg from 'pg';
import { GoblinError } from '../contract/errors.ts';
import { SqlError } from './sql-error.ts';

/** Why the driver cannot start. One sentence for the operator; never holds the password. */
export class PostgresStartError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PostgresStartError';
  }
}

/** Nothing came back within a limit of ours; the connection was closed for it. */
export class NoAnswer extends Error {
  constructor(ms: number) {
    super(`no answer within ${Math.round(ms / 100) / 10} s`);
    this.name = 'NoAnswer';
  }
}

/** The server answers, but is not one that we can use now: a standby, or one that is set read-only. */
export class ReadOnly extends Error {
  constructor() {
    super('the database is read-only');
    this.name = 'ReadOnly';
  }
}

/**
 * - `sql`: the statement was refused, the connection is good.
 * - `busy`: the server is short of something (time, memory, disk); the connection is good.
 * - `full`: the server takes no more connections.
 * - `gone`: this connection ended; whether the server did must be looked at.
 * - `lost`: the server does not answer, or does not take writes.
 */
export type Failure = 'sql' | 'busy' | 'full' | 'gone' | 'lost';

const NETWORK_LOST = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ETIMEDOUT',
  'ENOENT',
]);
/** Ends of this one session: told to stop, a crash next door, idle for too long, idle in a transaction for too long. */
const SESSION_ENDED = new Set(['57P01', '57P02', '57P05', '25P03', '25P04']);

export function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

/** `connected`: the connection that it came from still stands. */
export function classify(error: unknown, connected: boolean): Failure {
  if (error instanceof NoAnswer || error instanceof ReadOnly) return 'lost';
  const code = codeOf(error);
  if (error instanceof pg.DatabaseError) {
    if (code === '57P03' || code === '25006') return 'lost';
    if (code === '53300') return 'full';
    if (code.startsWith('08') || SESSION_ENDED.has(code)) return 'gone';
    if (error.severity === 'FATAL' || error.severity === 'PANIC') return 'gone';
    // 53: out of disk, memory. 58: the server's own files fail. 57014: the statement's time was over.
    if (code.startsWith('53') || code.startsWith('58') || code === '57014') return 'busy';
    return 'sql';
  }
  if (NETWORK_LOST.has(code)) return 'lost';
  return connected ? 'sql' : 'gone';
}

export function unavailable(sentence: string, cause?: unknown): GoblinError {
  return new GoblinError('unavailable', sentence, { retryAfterMs: 1_000, cause });
}

/** What the rest of the house is told. */
export function translate(error: unknown, failure: Failure): Error {
  if (failure === 'sql') {
    const { message, code } = error as { message: string; code?: string };
    return new SqlError(message, code, { cause: error });
  }
  if (failure === 'busy') return unavailable('The record could not take this now; try again in a moment.', error);
  if (failure === 'full') return unavailable('The record takes no more connections; try again in a moment.', error);
  if (failure === 'gone') return unavailable('The connection to the record was lost; try again in a moment.', error);
  return unavailable('The record does not answer; try again in a moment.', error);
}

/** A statement that the server does not know, or knows already: a pooler has put another server behind the connection. */
export function namesFail(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return false;
  return error.code === '26000' || error.code === '42P05';
}

/** The table behind a prepared statement has changed; a new name has it planned anew. */
export function planIsOld(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '0A000' && /cached plan/.test(error.message);
}

/** PgBouncer takes only the startup parameters that it knows. */
export function parameterRefused(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '08P01' && /startup parameter/.test(error.message);
}

/** Whether a server that is only just starting could answer like this. */
export function worthWaiting(error: unknown): boolean {
  if (error instanceof ReadOnly) return false;
  const failure = classify(error, false);
  if (failure === 'lost' || failure === 'full') return true;
  if (failure !== 'gone' || parameterRefused(error)) return false;
  if (!(error instanceof pg.DatabaseError)) return !isTls(error) && codeOf(error) !== 'EACCES';
  const { code, message } = error;
  if (code?.startsWith('08')) return !/no such (database|user)|password|auth/i.test(message);
  return SESSION_ENDED.has(code ?? '');
}

function isTls(error: unknown): boolean {
  const { message } = error as Error;
  if (/SSL connection|self-signed|certificate/i.test(message)) return true;
  return /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH)/.test(codeOf(error));
}

const EXAMPLE = 'DATABASE_URL=postgres://user:password@localhost:5432/goblin';

export interface Where {
  /** Host and port, or the socket's folder. */
  address: string;
  user: string;
  database: string;
}

/** The one sentence for whoever reads the log of a start that failed. */
export function startSentence(error: unknown, { address, user, database }: Where, waitedMs: number): string {
  const message = lastWords(error);
  const code = codeOf(error);
  if (error instanceof ReadOnly) {
    return `DATABASE_URL leads to a database that only reads (a standby, or default_transaction_read_only is on): give the address of the primary of ${address}/${database}.`;
  }
  if (code === '53300') {
    return `DATABASE_URL: PostgreSQL at ${address} takes no more connections (${message}): raise its max_connections or the role's limit, or lower DATABASE_POOL.`;
  }
  if (code === '28P01' || /password authentication failed|SASL authentication failed/i.test(message)) {
    return `DATABASE_URL: PostgreSQL at ${address} refused the login of user "${user}": check user and password, as in ${EXAMPLE} (special characters of the password percent-encoded).`;
  }
  if (code === '28000' && /no encryption|SSL off/i.test(message)) {
    return `DATABASE_URL: PostgreSQL at ${address} refused the login of user "${user}" without TLS: add ?sslmode=verify-full (or no-verify for a certificate of its own).`;
  }
  if (code.startsWith('28') || /SASL|SCRAM|client password must be/i.test(message)) {
    return `DATABASE_URL: PostgreSQL at ${address} refused the login of user "${user}" (${message}): check user and password, as in ${EXAMPLE}.`;
  }
  if (code === '3D000' || /no such database/i.test(message)) {
    return `DATABASE_URL: there is no database "${database}" at ${address}: create it (createdb ${database}), or name another one, as in ${EXAMPLE}.`;
  }
  if (isTls(error)) {
    return `DATABASE_URL: TLS with PostgreSQL at ${address} failed (${message}): use sslmode=disable without TLS, sslmode=verify-full with sslrootcert=<file> for a private certificate authority, or sslmode=no-verify.`;
  }
  if (worthWaiting(error)) {
    return `DATABASE_URL: PostgreSQL at ${address} did not answer within ${Math.max(1, Math.round(waitedMs / 1000))} s (${message}): start it, or correct the address, as in ${EXAMPLE}.`;
  }
  return `DATABASE_URL: PostgreSQL at ${address} cannot be used (${message}): correct it, as in ${EXAMPLE}.`;
}

/** Of several addresses that were tried, each has its own error, and the whole has no text. */
export function lastWords(error: unknown): string {
  if (error instanceof AggregateError) return lastWords(error.errors.at(-1));
  const { message } = error as Error;
  return (message || codeOf(error) || 'unknown error').split('\n', 1)[0] ?? '';
}
