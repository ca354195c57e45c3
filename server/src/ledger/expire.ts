/**
 * Content of tenants that keep none: it goes ten minutes after the end, from every place where it is. Any node does it,
 * in bounded steps. Rows of requests, attempts and money stay, and the trail.
 */
import type { Row, Sql } from '../contract/ports.ts';
import { NOTE_PIECES } from './erase-statement.ts';
import { RULES_CHANGED } from './rules.ts';

/** SQL: from the end of a request on. */
export const EXPIRES_AFTER = "interval '10 minutes'";
/** Requests of one step. */
const MOST = 500;
/** Steps of one turn. */
const STEPS = 4;

// Marks the next requests of a tenant that were let in before its content was to go. Ids begin with their time.
const MARK = `
with next as (
  select id as tenant, erase_from from mcp_tenant where erase_from is not null order by id limit 1 for update skip locked
), page as (
  select r.id, r.day from next n cross join lateral (
    select r.id, r.day from mcp_request r where r.tenant = n.tenant and r.id > n.erase_from order by r.id limit ${MOST}) r
), marked as (
  update mcp_request r set erases = true from page p where r.id = p.id and not r.erases and r.erased_at is null returning 1
), moved as (
  update mcp_tenant t set erase_from = case when (select count(*) from page) < ${MOST} then null else (select max(id::text)::uuid from page) end
  from next n where t.id = n.tenant returning 1
)
select (select count(*) from page)::int as n, (select count(*) from marked)::int as marked, (select count(*) from moved)::int as moved`;

// The tenant with the oldest content that is to go.
const NEXT = `select tenant from mcp_request where erases and finished_at <= now() - ${EXPIRES_AFTER}
  and settle_by is null order by finished_at limit 1`;

// Takes the content of requests of tenant $1 away. A vendor's words about a failure may repeat the prompt.
const EXPIRE = `
with over as (
  select id, day from mcp_request
  where erases and tenant = $1 and finished_at <= now() - ${EXPIRES_AFTER} and settle_by is null
  order by finished_at limit ${MOST} for update skip locked
), bodies as (
  delete from mcp_body b using over o where b.request_id = o.id and b.day = o.day returning b.day, b.encoding, b.data
), pieces as (
${NOTE_PIECES}
), results as (
  delete from mcp_result t using over o where t.request_id = o.id and t.day = o.day
), partials as (
  delete from mcp_partial t using over o where t.request_id = o.id and t.day = o.day
), frames as (
  delete from mcp_frame t using over o where t.request_id = o.id and t.day >= o.day
), attempts as (
  update mcp_attempt t set error = t.error || '{"detail": "erased"}' from over o
  where t.request_id = o.id and t.error is not null
), callbacks as (
  -- One that is still to be delivered keeps its address until it was, or was given up (callbacks.ts).
  update mcp_callback t set url = '', last_error = null from over o where t.request_id = o.id and t.next_at is null
), requests as (
  update mcp_request t set erases = false, erased_at = coalesce(t.erased_at, now()), callback_url = null,
    error = case when t.error is not null then t.error || '{"message": "erased"}' end
  from over o where t.id = o.id returning t.id
), events as (
  insert into mcp_event (tenant, request_id, type, actor, payload)
  select $1, id, 'request.erased', 'sweeper', '{"why": "the tenant keeps no content"}'::jsonb from requests
)
select coalesce(json_agg(id), '[]') as ids, exists (select 1 from bodies where encoding like 'pieces+%') as shared from requests`;

// The pieces that such bodies held go as those of an erased user do: when every process has let go of what it remembers,
// and nobody else holds them.
const ORDER = `
with version as (${RULES_CHANGED} returning version)
insert into mcp_erasure (tenant, users, actor, step, mark, let_go_at)
select $1, '{}', 'sweeper', 'caches', (select version::text from version), now()`;

/** Answers the ids whose content is gone. */
export async function expireContent(sql: Sql): Promise<string[]> {
  const gone: string[] = [];
  for (let step = 0; step < STEPS; step++) {
    const [marked] = await sql.query<{ n: number }>(MARK);
    if ((marked?.n ?? 0) < MOST) break;
  }
  for (let step = 0; step < STEPS; step++) {
    const [next] = await sql.query<{ tenant: string }>(NEXT);
    if (!next) break;
    const [row] = await sql.query<Row & { ids: string[]; shared: boolean }>(EXPIRE, [next.tenant]);
    if (!row || row.ids.length === 0) break;
    gone.push(...row.ids);
    if (row.shared) await sql.query(ORDER, [next.tenant]);
  }
  return gone;
}
