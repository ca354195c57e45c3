/** What nobody else will do: dead processes, deadlines, unsettled money. Any node may do any of it at any time. */
import type { Sql } from '../contract/ports.ts';
import { SLACK } from './audit.ts';
import { EXPIRES_AFTER } from './expire.ts';

/** A request that crashed its worker this often ends `failed`, code `poisoned`. */
export const MOST_CRASHES = 3;

/** What there is to do. */
export interface Look {
  /** A request waits that may be claimed. */
  due: boolean;
  lost: boolean;
  late: boolean;
  owed: boolean;
  callbacks: boolean;
  /** Something is told to somebody outside, beside the ends of requests. */
  notices: boolean;
  /** Content of a user is to be erased. */
  erasures: boolean;
  /** Content of a tenant goes ten minutes after the end. */
  expiring: boolean;
  /** Processes have slices of budgets. */
  slices: boolean;
  /** Which limits and budgets hold. */
  rules: number;
  /** Ends of all processes so far, and requests that wait: how fast the queue moves. */
  ended: number;
  /** The time of the database, in milliseconds. */
  now: number;
}

// Whether there is anything to do: probes of small indexes.
const LOOK = `
select
  exists (select 1 from mcp_request where state = 'queued' and due_at <= now()) as due,
  exists (select 1 from mcp_process where beat_at < now() - lease_ms * interval '1 millisecond') as lost,
  exists (select 1 from mcp_request where state = 'queued' and deadline_at <= now()) as late,
  exists (select 1 from mcp_request where settle_by <= now()) as owed,
  exists (select 1 from mcp_callback where next_at <= now()) as callbacks,
  exists (select 1 from mcp_notice where next_at <= now()) as notices,
  exists (select 1 from mcp_erasure where due_at <= now()) as erasures,
  exists (select 1 from mcp_request where erases and finished_at <= now() - ${EXPIRES_AFTER})
    or exists (select 1 from mcp_tenant where erase_from is not null) as expiring,
  exists (select 1 from mcp_slice) as slices,
  (select version from mcp_rules)::float8 as rules,
  (select coalesce(sum(ended), 0) from mcp_process)::float8 as ended,
  (extract(epoch from clock_timestamp()) * 1000)::float8 as now`;

/** Bytes of visible text that make a token, when a lost attempt is charged for what it has shown: rather too many tokens than too few. */
const BYTES_PER_TOKEN = 3;

// What an attempt costs that nobody will report: the estimate, or what its input and all that it has shown cost, if that is more; never more than what is held for it.
const byEstimate = (request: string, attempt: string) => `
  case when ${attempt}.input_pico is null or ${attempt}.output_pico is null then ${request}.estimate_pico
  else least((select max(h.pico) from mcp_hold h where h.request_id = ${request}.id),
    greatest(coalesce(${request}.estimate_pico, 0), ${attempt}.input_pico + ${attempt}.output_pico * (
    select coalesce(ceil(sum(coalesce(octet_length(f.sealed), octet_length(f.data::text))) / ${BYTES_PER_TOKEN}.0), 0)::bigint from mcp_frame f
    where f.request_id = ${request}.id and f.day >= ${request}.day and f.epoch = ${attempt}.epoch
      and f.type in ('text', 'reasoning', 'tool_call')))) end`;

// Requests whose owner's lease ended, and those of $1, which their owner gives up: detached ones run again or are poisoned, attached ones ended with their process.
const LOST = `
with given as (
  select value::uuid as id from json_array_elements_text($1::json)
), dead as (
  select o.owner from (select distinct owner from mcp_request where state = 'running') o
  left join mcp_process p on p.id = o.owner
  where p.id is null or p.beat_at < now() - p.lease_ms * interval '1 millisecond'
), lost as (
  select r.id, r.tenant, r.day, r.mode, r.epoch, r.estimate_pico, r.crashes + (r.id not in (select id from given))::int as crashes
  from mcp_request r
  where r.state = 'running' and (r.owner in (select owner from dead) or r.id in (select id from given))
  limit 500 for update of r skip locked
), verdict as (
  select *, case when mode = 'attached' then 'interrupted' when crashes >= ${MOST_CRASHES} then 'poisoned' end as code from lost
), priced as (
  select v.id, a.attempt, ${byEstimate('v', 'a')} as cost
  from verdict v join mcp_attempt a on a.request_id = v.id where a.status = 'running'
), moved as (
  update mcp_request r
  set state = case when v.code is null then 'queued' else 'failed' end, owner = null, crashes = v.crashes,
    due_at = case when v.code is null then now() else r.due_at end,
    finished_at = case when v.code is not null then now() end,
    last_seq = r.last_seq + (v.code is not null and r.mode = 'detached')::int,
    cost_pico = case when v.code is not null then (
      select case when bool_or(a.status <> 'running' and a.cost_pico is null or a.status = 'running' and p.cost is null) then null
        else coalesce(sum(case a.status when 'running' then p.cost else a.cost_pico end), 0) end
      from mcp_attempt a left join priced p on p.id = a.request_id and p.attempt = a.attempt where a.request_id = v.id) end,
    error = case when v.code is not null then jsonb_build_object('code', v.code, 'message',
      case v.code when 'poisoned' then 'The request stopped its worker ${MOST_CRASHES} times.' else 'The process that ran the request stopped.' end) end
  from verdict v where r.id = v.id
  returning r.id, r.tenant, r.mode, r.state, r.epoch, r.last_seq, r.callback_url, r.error
), attempts as (
  update mcp_attempt a set status = 'failed', latency_ms = (extract(epoch from now() - a.started_at) * 1000)::int,
    cost_pico = p.cost, error = jsonb_build_object('code', 'interrupted', 'detail', 'The process that ran it stopped; charged by estimate.')
  from priced p where a.request_id = p.id and a.attempt = p.attempt
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
const LATE = `select id::text, tenant, attempts > 0 as begun from mcp_request
  where state = 'queued' and deadline_at <= now() order by deadline_at limit 500`;

// Attempts that still run five seconds after their request was ended from outside: charged by estimate.
const OWED = `
with over as (
  select r.id, r.day, r.estimate_pico from mcp_request r where r.settle_by <= now()
  order by r.settle_by limit 500 for update of r skip locked
), priced as (
  select o.id, a.attempt, ${byEstimate('o', 'a')} as cost
  from over o join mcp_attempt a on a.request_id = o.id where a.status = 'running'
), ended as (
  update mcp_attempt a set status = 'failed', latency_ms = (extract(epoch from now() - a.started_at) * 1000)::int,
    cost_pico = p.cost, error = jsonb_build_object('code', 'interrupted', 'detail', 'Not settled in time; charged by estimate.')
  from priced p where a.request_id = p.id and a.attempt = p.attempt
)
update mcp_request r set settle_by = null, cost_pico = (
  select case when bool_or(a.status <> 'running' and a.cost_pico is null or a.status = 'running' and p.cost is null) then null
    else coalesce(sum(case a.status when 'running' then p.cost else a.cost_pico end), 0) end
  from mcp_attempt a left join priced p on p.id = a.request_id and p.attempt = a.attempt where a.request_id = r.id)
from over o where r.id = o.id`;

export async function look(sql: Sql): Promise<Look> {
  const [row] = await sql.query<Look & Record<string, unknown>>(LOOK);
  return row as Look;
}

/** Ids that went back to the queue, and ids that ended. `given`: ids of our own that nobody in this process runs. */
export async function expireLeases(
  sql: Sql,
  given: readonly string[] = [],
): Promise<{ queued: string[]; ended: string[] }> {
  const rows = await sql.query<{ id: string; state: string }>(LOST, [JSON.stringify(given)]);
  return {
    queued: rows.filter((row) => row.state === 'queued').map((row) => row.id),
    ended: rows.filter((row) => row.state === 'failed').map((row) => row.id),
  };
}

// Dead processes of which nothing is left.
const DEAD = `
select p.id, p.writer from mcp_process p where p.beat_at < now() - p.lease_ms * interval '1 millisecond'
  and not exists (select 1 from mcp_request r where r.owner = p.id and r.state = 'running')`;

// Forgets processes that are dead still, and of whose trail nothing waits to be sealed: transactions of others may keep it open.
const BURY = `
with dead as materialized (
  select p.id, p.writer, coalesce((select b.upto from mcp_audit_block b where b.writer = p.writer order by b.seq desc limit 1), '0'::xid8) as upto
  from mcp_process p join json_array_elements_text($1::json) as x(id) on p.id = x.id
)
delete from mcp_process p using dead d
where p.id = d.id and p.beat_at < now() - p.lease_ms * interval '1 millisecond' and not exists (
  select 1 from mcp_event e where e.writer = d.writer and e.id > (select coalesce(max(id), 0) - ${SLACK} from mcp_event)
    and e.xid >= d.upto and e.xid < pg_snapshot_xmax(pg_current_snapshot()))`;

/** Forgets dead processes of which nothing is left. `seal` seals what one has left of the trail. */
export async function buryProcesses(sql: Sql, seal: (writer: string) => Promise<void>): Promise<void> {
  const dead = await sql.query<{ id: string; writer: string | null }>(DEAD);
  if (dead.length === 0) return;
  for (const { writer } of dead) if (writer !== null) await seal(writer);
  await sql.query(BURY, [JSON.stringify(dead.map(({ id }) => id))]);
}

export async function lateRequests(sql: Sql): Promise<{ id: string; tenant: string; begun: boolean }[]> {
  return await sql.query<{ id: string; tenant: string; begun: boolean }>(LATE);
}

export async function settleLostMoney(sql: Sql): Promise<void> {
  await sql.query(OWED);
}
