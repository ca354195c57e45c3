/** What nobody else will do: dead processes, deadlines, unsettled money, old content. Any node may run any of it at any time. */
import type { Sql } from '../contract/ports.ts';
import { IDEMPOTENCY_HOURS } from './accept.ts';

export interface ProcessInfo {
  id: string;
  kind: 'all' | 'api' | 'worker';
  host: string;
  pid: number;
  leaseMs: number;
  capacity: number;
}

export interface ProcessRow {
  id: string;
  kind: string;
  host: string;
  pid: number;
  running: number;
  capacity: number;
  beatAgeMs: number;
}

/** A request that crashed its worker this often ends `failed`, code `poisoned`. */
export const MOST_CRASHES = 3;

// A process begins, or says that it is alive: this renews every lease it owns.
const BEAT = `
insert into mcp_process (id, kind, host, pid, lease_ms, capacity, running) values ($1, $2, $3, $4, $5, $6, $7)
on conflict (id) do update set beat_at = now(), running = excluded.running`;

// Requests whose owner's lease ended: detached ones run again or are poisoned, attached ones ended with their process.
const LOST = `
with lost as (
  select r.id, r.tenant, r.day, r.mode, r.epoch, r.crashes + 1 as crashes, r.estimate_pico, r.last_seq
  from mcp_request r left join mcp_process p on p.id = r.owner
  where r.state = 'running' and (p.id is null or p.beat_at < now() - p.lease_ms * interval '1 millisecond')
  limit 500 for update of r skip locked
), verdict as (
  select *, case when mode = 'attached' then 'interrupted' when crashes >= ${MOST_CRASHES} then 'poisoned' end as code from lost
), moved as (
  update mcp_request r
  set state = case when v.code is null then 'queued' else 'failed' end, owner = null, crashes = v.crashes,
    finished_at = case when v.code is not null then now() end,
    last_seq = r.last_seq + (v.code is not null and r.mode = 'detached')::int,
    cost_pico = case when v.code is not null then (
      select case when bool_or(a.status <> 'running' and a.cost_pico is null) then null
        else coalesce(sum(case a.status when 'running' then v.estimate_pico else a.cost_pico end), 0) end
      from mcp_attempt a where a.request_id = v.id) end,
    error = case when v.code is not null then jsonb_build_object('code', v.code, 'message',
      case v.code when 'poisoned' then 'The request stopped its worker ${MOST_CRASHES} times.' else 'The process that ran the request stopped.' end) end
  from verdict v where r.id = v.id
  returning r.id, r.tenant, r.mode, r.state, r.epoch, r.last_seq, r.callback_url, r.error, r.estimate_pico
), attempts as (
  update mcp_attempt a set status = 'failed', latency_ms = (extract(epoch from now() - a.started_at) * 1000)::int,
    cost_pico = m.estimate_pico, error = jsonb_build_object('code', 'interrupted', 'detail', 'The process that ran it stopped; charged by estimate.')
  from moved m where a.request_id = m.id and a.status = 'running'
  returning a.request_id
), frames as (
  insert into mcp_frame (request_id, seq, day, epoch, type, data)
  select id, last_seq, (now() at time zone 'utc')::date, epoch, 'end',
    format('{"seq":%s,"type":"end","status":"failed","finish_reason":null,"error":%s}', last_seq, error)::json
  from moved where state = 'failed' and mode = 'detached'
), events as (
  insert into mcp_event (tenant, request_id, type, payload)
  select tenant, id, 'request.' || state, jsonb_strip_nulls(jsonb_build_object('epoch', epoch, 'reason', 'lease ended', 'code', error ->> 'code'))
  from moved
), callbacks as (
  insert into mcp_callback (request_id, tenant, url, status, next_at)
  select id, tenant, callback_url, 'waiting', now() from moved where state = 'failed' and callback_url is not null
)
select id::text, state from moved`;

// Queued requests whose deadline has passed.
const LATE = `select id::text, tenant from mcp_request
  where state = 'queued' and deadline_at is not null and deadline_at <= now() order by deadline_at limit 500`;

// Attempts that still run five seconds after their request ended: charged by estimate, marked so.
const UNSETTLED = `
with over as (
  select a.request_id, a.attempt, r.estimate_pico from mcp_attempt a join mcp_request r on r.id = a.request_id
  where a.status = 'running' and r.finished_at < now() - interval '5 seconds' limit 500 for update of a skip locked
), ended as (
  update mcp_attempt a set status = 'failed', latency_ms = (extract(epoch from now() - a.started_at) * 1000)::int,
    cost_pico = o.estimate_pico, error = jsonb_build_object('code', 'interrupted', 'detail', 'Not settled in time; charged by estimate.')
  from over o where a.request_id = o.request_id and a.attempt = o.attempt
  returning a.request_id
)
update mcp_request r set cost_pico = (
  select case when bool_or(a.status <> 'running' and a.cost_pico is null) then null
    else sum(case a.status when 'running' then r.estimate_pico else a.cost_pico end) end
  from mcp_attempt a where a.request_id = r.id)
where r.id in (select request_id from ended)`;

export async function beat(sql: Sql, info: ProcessInfo, running: number): Promise<void> {
  await sql.query(BEAT, [info.id, info.kind, info.host, info.pid, info.leaseMs, info.capacity, running]);
}

/** The embedded folder's lock is ours, so every other process of its past is dead: their leases are void. */
export async function voidLeases(sql: Sql, owner: string): Promise<void> {
  await sql.query('delete from mcp_process where id <> $1', [owner]);
}

export async function leave(sql: Sql, owner: string): Promise<void> {
  await sql.query('delete from mcp_process where id = $1', [owner]);
}

/** Ids that went back to the queue, and ids that ended. */
export async function expireLeases(sql: Sql): Promise<{ queued: string[]; ended: string[] }> {
  const rows = await sql.query<{ id: string; state: string }>(LOST);
  return {
    queued: rows.filter((row) => row.state === 'queued').map((row) => row.id),
    ended: rows.filter((row) => row.state === 'failed').map((row) => row.id),
  };
}

export async function lateRequests(sql: Sql): Promise<{ id: string; tenant: string }[]> {
  return await sql.query<{ id: string; tenant: string }>(LATE);
}

export async function settleLostMoney(sql: Sql): Promise<void> {
  await sql.query(UNSETTLED);
}

/** Days are kept as the settings say; returns nothing, drops whole partitions. */
export async function retain(sql: Sql, keep: { frameHours: number; bodyDays: number }): Promise<void> {
  await sql.query('select mcp_make_partitions(7)');
  const frameDays = Math.ceil(keep.frameHours / 24) + 1;
  const day = "(now() at time zone 'utc')::date";
  await sql.query(`select mcp_drop_partitions('mcp_frame', ${day} - $1::int)`, [frameDays]);
  for (const table of ['mcp_body', 'mcp_result', 'mcp_partial']) {
    await sql.query(`select mcp_drop_partitions($2, ${day} - $1::int)`, [keep.bodyDays, table]);
  }
  await sql.query(`delete from mcp_idempotency where expires_at < now() - interval '${IDEMPOTENCY_HOURS} hours'`);
  await sql.query(`delete from mcp_process where beat_at < now() - interval '1 day'`);
}

export async function listProcesses(sql: Sql): Promise<ProcessRow[]> {
  const rows = await sql.query(`select id, kind, host, pid, running, capacity,
    (extract(epoch from now() - beat_at) * 1000)::float8 as age from mcp_process order by started_at`);
  return rows.map((row) => ({
    id: row.id as string,
    kind: row.kind as string,
    host: row.host as string,
    pid: row.pid as number,
    running: row.running as number,
    capacity: row.capacity as number,
    beatAgeMs: Math.max(0, Math.round(row.age as number)),
  }));
}
