/**
 * Old content goes: partitions are made ahead and dropped whole, rows are deleted by age, all in bounded steps. Any node
 * may run it at any time; what another node is busy with is left to that one.
 */
import { GoblinError } from '../contract/errors.ts';
import type { Row, Sql, SqlValue } from '../contract/ports.ts';
import { IDEMPOTENCY_HOURS } from './accept-statement.ts';

export interface Keep {
  /** Hours after the end of a request during which its stream can be replayed. */
  frameHours: number;
  /** Days from the day of a request: its body, result and partial text. */
  bodyDays: number;
  /** Days of requests, attempts and events. */
  rowDays: number;
}

export interface Limits {
  /** Rows that one statement deletes at most. */
  rows: number;
  /** Statements that delete from one table, at most. */
  steps: number;
}

export interface Retained {
  /** Partitions. */
  made: number;
  dropped: number;
  /** Rows. */
  deleted: number;
  /** There is more to do: call again soon. */
  more: boolean;
  /** What went wrong; the other steps were done all the same, and the next call tries again. */
  failed: { step: string; error: unknown }[];
}

const LIMITS: Limits = { rows: 2_000, steps: 10 };
const AHEAD_DAYS = 7;
/** `mcp_drop_partitions` drops this many a call. */
const DROPS = 2;
/** Held for one statement by the node that changes partitions; also by `mcp_make_partition`. */
const LOCK = '7168880, 3';
const TODAY = "(now() at time zone 'utc')::date";

// Makes the partitions of the next week, unless another node is at it.
const MAKE = `select case when pg_try_advisory_xact_lock(${LOCK}) then mcp_make_partitions(${AHEAD_DAYS}) else 0 end as n`;

// Drops the oldest partitions of table $1 whose days are more than $2 days ago, unless another node is at it.
const DROP = `select case when pg_try_advisory_xact_lock(${LOCK}) then mcp_drop_partitions($1, ${TODAY} - $2::int) else 0 end as n`;

// Drops the oldest partitions of frames: none of a request that goes on, however long it waited between its attempts, as long as its body is kept.
const DROP_FRAMES = `
select case when pg_try_advisory_xact_lock(${LOCK}) then mcp_drop_partitions('mcp_frame', greatest(${TODAY} - $2::int, least(${TODAY} - $1::int,
  (select min(day) from mcp_request where state = 'queued' and last_seq > 0),
  (select min(day) from mcp_request where state = 'running' and last_seq > 0)))) else 0 end as n`;

// Deletes requests older than $1 days with all that hangs on them. Ids begin with their time, so the oldest are the lowest.
const REQUESTS = `
with old as (
  select id from mcp_request
  where id < (lpad(to_hex((extract(epoch from now() - $1::int * interval '1 day') * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
    and state not in ('queued', 'running')
  order by id limit $2::int for update skip locked
), attempts as (
  delete from mcp_attempt where request_id in (select id from old)
), callbacks as (
  delete from mcp_callback where request_id in (select id from old)
), gone as (
  delete from mcp_request where id in (select id from old) returning 1
)
select count(*)::int as n from gone`;

// Deletes events older than $1 days, $2 at most: the application's role may not do that itself.
const EVENTS = 'select mcp_drop_events($1::int, $2::int) as n';

// Deletes idempotency keys that have been out of date for $1 hours.
const KEYS = `
with old as (
  select tenant, key from mcp_idempotency where expires_at < now() - $1::int * interval '1 hour'
  order by expires_at limit $2::int for update skip locked
), gone as (
  delete from mcp_idempotency i using old where i.tenant = old.tenant and i.key = old.key returning 1
)
select count(*)::int as n from gone`;

// Deletes notes of pieces whose day is over for $1 days.
const NOTED = `
with old as (
  select tenant, day, hash from mcp_erasure_piece where day < ${TODAY} - $1::int limit $2::int for update skip locked
), gone as (
  delete from mcp_erasure_piece p using old o where p.tenant = o.tenant and p.day = o.day and p.hash = o.hash returning 1
)
select count(*)::int as n from gone`;

/** Throws only `unavailable`: the database is away, so no other step would get through. */
export async function retain(sql: Sql, keep: Keep, limits: Limits = LIMITS): Promise<Retained> {
  const answer: Retained = { made: 0, dropped: 0, deleted: 0, more: false, failed: [] };

  async function count(step: string, text: string, values: readonly SqlValue[] = []): Promise<number | null> {
    try {
      const [row] = await sql.query<Row & { n: number }>(text, values);
      return row?.n ?? 0;
    } catch (error) {
      if (error instanceof GoblinError && error.code === 'unavailable') throw error;
      answer.failed.push({ step, error });
      return null;
    }
  }

  async function drop(table: string, text: string, values: readonly SqlValue[]): Promise<boolean> {
    const n = await count(`drop ${table}`, text, values);
    answer.dropped += n ?? 0;
    if (n === DROPS) answer.more = true;
    return n !== null;
  }

  async function remove(table: string, text: string, age: number): Promise<void> {
    for (let step = 0; step < limits.steps; step++) {
      const n = await count(`delete ${table}`, text, [age, limits.rows]);
      answer.deleted += n ?? 0;
      if (n === null || n < limits.rows) return;
    }
    answer.more = true;
  }

  // Nobody can ask for the content of a request that is gone.
  const bodyDays = Math.min(keep.bodyDays, keep.rowDays);
  answer.made = (await count('make partitions', MAKE)) ?? 0;
  // A frame is of the day on which it was written: at most a day before the end of its request (`total_ms`), or else of
  // an unfinished one. The day of the end is not over when it begins, so one more.
  await drop('mcp_frame', DROP_FRAMES, [Math.ceil(keep.frameHours / 24) + 1, bodyDays]);
  for (const table of ['mcp_result', 'mcp_partial']) await drop(table, DROP, [table, bodyDays]);
  // Pieces last as long as the bodies that refer to them.
  if (await drop('mcp_body', DROP, ['mcp_body', bodyDays])) await drop('mcp_piece', DROP, ['mcp_piece', bodyDays]);
  await remove('mcp_request', REQUESTS, keep.rowDays);
  await remove('mcp_event', EVENTS, keep.rowDays);
  await remove('mcp_idempotency', KEYS, IDEMPOTENCY_HOURS);
  await remove('mcp_erasure_piece', NOTED, bodyDays);
  return answer;
}
