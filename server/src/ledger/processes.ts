/** Processes and what they hold: one heartbeat renews every lease of a process, by database time. */
import type { Sql } from '../contract/ports.ts';

export type ProcessKind = 'all' | 'api' | 'worker';

export interface ProcessInfo {
  id: string;
  kind: ProcessKind;
  host: string;
  pid: number;
  leaseMs: number;
  capacity: number;
  /** Which secrets it can read, the one that it writes with first; says nothing about them. */
  secretIds: readonly string[];
}

export interface ProcessRow {
  id: string;
  kind: string;
  host: string;
  pid: number;
  running: number;
  capacity: number;
  beatAgeMs: number;
  report: unknown;
}

// A process begins, or says that it is alive: this renews every lease it owns, and answers which these are.
const BEAT = `
with beat as (
  insert into mcp_process (id, kind, host, pid, lease_ms, capacity, running, ended, report, secret_id, secret_ids)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10, array(select json_array_elements_text($11::json)))
  on conflict (id) do update set beat_at = now(), running = excluded.running, ended = excluded.ended, report = excluded.report
)
select id::text from mcp_request where owner = $1 and state = 'running'`;

// A process that lives and writes what one with the secrets $2 cannot read, or cannot read what that one writes with $1.
const OTHER_SECRET = `select id from mcp_process
  where beat_at > now() - lease_ms * interval '1 millisecond'
    and (secret_id not in (select json_array_elements_text($2::json)) or $1 <> all (coalesce(secret_ids, array[secret_id]))) limit 1`;

/** The id of a living process that shares no secret with this one, as far as both need it; null when there is none. */
export async function otherSecret(sql: Sql, secretIds: readonly string[]): Promise<string | null> {
  const [row] = await sql.query<{ id: string }>(OTHER_SECRET, [secretIds[0] ?? '', JSON.stringify(secretIds)]);
  return row?.id ?? null;
}

// All processes that have a row.
const LIST = `select id, kind, host, pid, running, capacity, report,
  (extract(epoch from now() - beat_at) * 1000)::float8 as age from mcp_process
  where beat_at > '-infinity' order by started_at`;

/** `report` is shown to operators. Answers the ids of the requests that this process runs, as the database has it. */
export async function beat(
  sql: Sql,
  info: ProcessInfo,
  running: number,
  ended: number,
  report: unknown = null,
): Promise<string[]> {
  const values = [
    info.id,
    info.kind,
    info.host,
    info.pid,
    info.leaseMs,
    info.capacity,
    running,
    ended,
    report ? JSON.stringify(report) : null,
    info.secretIds[0] ?? '',
    JSON.stringify(info.secretIds),
  ];
  return (await sql.query<{ id: string }>(BEAT, values)).map((row) => row.id);
}

/** The embedded folder's lock is ours, so every other process of its past is dead: their leases are void. */
export async function voidLeases(sql: Sql, owner: string): Promise<void> {
  await sql.query("update mcp_process set beat_at = '-infinity' where id <> $1", [owner]);
}

/** A process that ends gives its lease back: what it could not hand back is found at once. */
export async function leave(sql: Sql, owner: string): Promise<void> {
  await sql.query("update mcp_process set beat_at = '-infinity' where id = $1", [owner]);
}

export async function listProcesses(sql: Sql): Promise<ProcessRow[]> {
  const rows = await sql.query(LIST);
  return rows.map((row) => ({
    id: row.id as string,
    kind: row.kind as string,
    host: row.host as string,
    pid: row.pid as number,
    running: row.running as number,
    capacity: row.capacity as number,
    beatAgeMs: Math.max(0, Math.round(row.age as number)),
    report: row.report,
  }));
}

// Those that are alive, in an order that is the same for all.
const LIVING = `select id, kind from mcp_process where beat_at >= now() - lease_ms * interval '1 millisecond' order by id`;

/** Processes that let requests in, and those that run them. */
export async function livingProcesses(sql: Sql): Promise<{ takes: string[]; runs: string[] }> {
  const rows = await sql.query<{ id: string; kind: ProcessKind }>(LIVING);
  return {
    takes: rows.filter(({ kind }) => kind !== 'worker').map(({ id }) => id),
    runs: rows.map(({ id }) => id),
  };
}

// A process that lives and still writes with another secret.
const OLD_WRITER = `select id from mcp_process
  where secret_id <> $1 and beat_at > now() - lease_ms * interval '1 millisecond' limit 1`;

/** The id of a living process that writes with another secret than this one; null when there is none. */
export async function oldWriter(sql: Sql, secretId: string): Promise<string | null> {
  const [row] = await sql.query<{ id: string }>(OLD_WRITER, [secretId]);
  return row?.id ?? null;
}
