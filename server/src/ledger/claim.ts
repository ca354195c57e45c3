/** Who runs next. The order is decided here and nowhere else. */
import type { Sql } from '../contract/ports.ts';
import type { Claim } from '../contract/record.ts';
import type { FailoverMode } from '../contract/states.ts';
import type { Content } from './content.ts';
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
    -- The last row of tenants is empty.
    order by r.queue_rank limit case when (select count(*) from tenants) > 2 then greatest($2::int * 4, ${LOOKED_AT}) else $2::int * 4 end
  ) c
  where t.tenant is not null
), turns as (
  select id, queue_rank, place * case when waiting >= 4 * min(waiting) over () then 2 else 1 end as turn from candidates
), wanted as (
  select array(select id from turns order by turn, queue_rank limit $2::int * 4) as ids
), picked as (
  -- Found by their ids: the state is written so that no index of it can be used, or all that waits would be read.
  select r.id from mcp_request r where r.id = any((select ids from wanted)::uuid[]) and r.state || '' = 'queued'
  order by array_position((select ids from wanted), r.id) limit $2::int for update of r skip locked
), claimed as (
  update mcp_request r
  set state = 'running', epoch = r.epoch + 1, owner = $1, started_at = coalesce(r.started_at, now())
  from picked p where r.id = p.id
  returning r.*
), events as (
  insert into mcp_event (tenant, request_id, type, actor, payload)
  select tenant, id, 'request.running', $1, jsonb_build_object('epoch', epoch) from claimed
)
select c.id::text, c.tenant, c.key_id, c.epoch, c.task_type, c.failover, c.attempts::int, c.unburnt::int, c.last_seq, c.callback_url,
  (extract(epoch from now() - c.started_at) * 1000)::float8 as running_for,
  (extract(epoch from c.deadline_at - now()) * 1000)::float8 as deadline_in, c.day::text, b.encoding, b.data, b.key_id as body_key
from claimed c left join mcp_body b on b.request_id = c.id and b.day = $3::date and c.day = $3::date
order by c.queue_rank`;

// Bodies of one day: with the day as a value the plan looks at one partition, and not at all.
const BODIES = `
select b.request_id::text as id, b.encoding, b.data, b.key_id as body_key from mcp_body b
where b.day = $2::date and b.request_id in (select value::uuid from json_array_elements_text($1::json))`;

// Which of these requests have shown something of an answer. Days from $2 on.
const SHOWN = `
select i.id::text from (select value::uuid as id from json_array_elements_text($1::json)) i
where exists (select 1 from mcp_frame f where f.request_id = i.id and f.day >= $2::date
  and f.type in ('text', 'reasoning', 'tool_call'))`;

interface ClaimRow extends Record<string, unknown> {
  id: string;
  tenant: string;
  key_id: string | null;
  epoch: number;
  task_type: string;
  failover: FailoverMode;
  attempts: number;
  unburnt: number;
  last_seq: number;
  callback_url: string | null;
  running_for: number;
  deadline_in: number | null;
  day: string;
  encoding: string | null;
  data: Uint8Array | null;
  body_key: string | null;
}

/** `today`: the day of most of what waits; bodies of other days cost a query more. */
export async function claim(
  sql: Sql,
  owner: string,
  n: number,
  today: string,
  content: Content | null = null,
): Promise<Claim[]> {
  const rows = await sql.query<ClaimRow>(CLAIM, [owner, n, today]);
  if (rows.length === 0) return [];
  await addOlderBodies(sql, rows, today);
  const [bodies, shown] = await Promise.all([
    unpackBodies(
      sql,
      rows.map((row) => ({ ...row, key_id: row.body_key })),
      content,
    ),
    whichShown(sql, rows),
  ]);
  return rows.map((row, index) => ({
    id: row.id,
    tenant: row.tenant,
    keyId: row.key_id,
    epoch: row.epoch,
    taskType: row.task_type,
    failover: row.failover,
    attempts: row.attempts,
    unburnt: row.unburnt,
    lastSeq: row.last_seq,
    runningForMs: row.running_for,
    deadlineInMs: row.deadline_in,
    shown: shown.has(row.id),
    callbackUrl: row.callback_url,
    body: bodies[index] as Claim['body'],
  }));
}

async function addOlderBodies(sql: Sql, rows: ClaimRow[], today: string): Promise<void> {
  const older = Map.groupBy(
    rows.filter((row) => row.day !== today),
    (row) => row.day,
  );
  for (const [day, of] of older) {
    const ids = JSON.stringify(of.map((row) => row.id));
    const found = await sql.query<{ id: string; encoding: string; data: Uint8Array; body_key: string | null }>(BODIES, [
      ids,
      day,
    ]);
    const bodies = new Map(found.map((body) => [body.id, body]));
    for (const row of of) Object.assign(row, bodies.get(row.id));
  }
}

async function whichShown(sql: Sql, rows: readonly ClaimRow[]): Promise<Set<string>> {
  const begun = rows.filter((row) => row.last_seq > 0);
  if (begun.length === 0) return new Set();
  const since = begun.map((row) => row.day).sort()[0] as string;
  const shown = await sql.query<{ id: string }>(SHOWN, [JSON.stringify(begun.map((row) => row.id)), since]);
  return new Set(shown.map((row) => row.id));
}
