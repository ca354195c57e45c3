/** Who runs next. The order is decided here and nowhere else. */
import type { Sql } from '../contract/ports.ts';
import type { Claim } from '../contract/record.ts';
import type { FailoverMode } from '../contract/states.ts';
import { unpackBodies } from './unpack.ts';

/**
 * A tenant with four times as many waiting as the one with the fewest has half a voice: with equal turns the other would
 * still wait more than twice as long as alone. So many of each tenant are looked at for that.
 */
const LOOKED_AT = 256;

// Takes the next $2 queued requests: tenants in turn (those with the least running first), each tenant's by rank. More are looked at than are taken, so that claims at the same time do not wait for each other or come back empty.
const CLAIM = `
with recursive tenants(tenant) as (
  (select tenant from mcp_request where state = 'queued' order by tenant limit 1)
  union all
  select (select r.tenant from mcp_request r where r.state = 'queued' and r.tenant > t.tenant order by r.tenant limit 1)
  from tenants t where t.tenant is not null
), busy as (
  select tenant, count(*) as n from mcp_request where state = 'running' and mode = 'detached' group by tenant
), candidates as (
  select c.id, c.queue_rank, coalesce(b.n, 0) + row_number() over (partition by t.tenant order by c.queue_rank) as place,
    count(*) over (partition by t.tenant) as waiting
  from tenants t left join busy b using (tenant)
  cross join lateral (
    select r.id, r.queue_rank from mcp_request r
    where r.state = 'queued' and r.tenant = t.tenant
      and r.due_at <= now() and (r.deadline_at is null or r.deadline_at > now())
    order by r.queue_rank limit greatest($2::int * 4, ${LOOKED_AT})
  ) c
  where t.tenant is not null
), turns as (
  select id, queue_rank, place * case when waiting >= 4 * min(waiting) over () then 2 else 1 end as turn from candidates
), wanted as (
  select id, turn, queue_rank from turns order by turn, queue_rank limit $2::int * 4
), picked as (
  select r.id from wanted w join mcp_request r using (id) where r.state = 'queued'
  order by w.turn, w.queue_rank limit $2::int for update of r skip locked
), claimed as (
  update mcp_request r
  set state = 'running', epoch = r.epoch + 1, owner = $1, started_at = coalesce(r.started_at, now())
  from picked p where r.id = p.id
  returning r.*
), events as (
  insert into mcp_event (tenant, request_id, type, actor, payload)
  select tenant, id, 'request.running', $1, jsonb_build_object('epoch', epoch) from claimed
)
select c.id::text, c.tenant, c.epoch, c.task_type, c.failover, c.attempts::int, c.unburnt::int, c.last_seq, c.callback_url,
  (extract(epoch from now() - c.started_at) * 1000)::float8 as running_for,
  (extract(epoch from c.deadline_at - now()) * 1000)::float8 as deadline_in,
  c.last_seq > 0 and exists (select 1 from mcp_frame f where f.request_id = c.id and f.day >= c.day
    and f.type in ('text', 'reasoning', 'tool_call')) as shown, c.day::text, b.encoding, b.data
from claimed c left join mcp_body b on b.request_id = c.id and b.day = c.day
order by c.queue_rank`;

interface ClaimRow extends Record<string, unknown> {
  id: string;
  tenant: string;
  epoch: number;
  task_type: string;
  failover: FailoverMode;
  attempts: number;
  unburnt: number;
  last_seq: number;
  callback_url: string | null;
  running_for: number;
  deadline_in: number | null;
  shown: boolean;
  day: string;
  encoding: string | null;
  data: Uint8Array | null;
}

export async function claim(sql: Sql, owner: string, n: number): Promise<Claim[]> {
  const rows = await sql.query<ClaimRow>(CLAIM, [owner, n]);
  if (rows.length === 0) return [];
  const bodies = await unpackBodies(sql, rows);
  return rows.map((row, index) => ({
    id: row.id,
    tenant: row.tenant,
    epoch: row.epoch,
    taskType: row.task_type,
    failover: row.failover,
    attempts: row.attempts,
    unburnt: row.unburnt,
    lastSeq: row.last_seq,
    runningForMs: row.running_for,
    deadlineInMs: row.deadline_in,
    shown: row.shown,
    callbackUrl: row.callback_url,
    body: bodies[index] as Claim['body'],
  }));
}
