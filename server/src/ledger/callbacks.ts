/** Call-backs that wait to be delivered. They are rows, so a restart loses none. */
import type { Row, Sql } from '../contract/ports.ts';

export interface DueCallback extends Row {
  id: string;
  tenant: string;
  url: string;
  tries: number;
  state: string;
}

// Takes due call-backs; whoever takes one has a minute before another may.
const TAKE = `
with due as (
  select request_id from mcp_callback where next_at <= now() order by next_at limit 50 for update skip locked
), taken as (
  update mcp_callback c set next_at = now() + interval '60 seconds', tries = tries + 1
  from due where c.request_id = due.request_id returning c.request_id, c.tenant, c.url, c.tries
)
select t.request_id::text as id, t.tenant, t.url, t.tries::int, r.state from taken t join mcp_request r on r.id = t.request_id`;

// Notes how a delivery went. Where no further one follows the address goes: it may say whom the request was for.
const NOTE = `
update mcp_callback set status = $2, last_error = $3, url = case when $4::float8 is null then '' else url end,
  next_at = case when $4::float8 is null then null else now() + $4 * interval '1 millisecond' end,
  delivered_at = case when $2 = 'delivered' then now() end
where request_id = $1`;

export async function takeCallbacks(sql: Sql): Promise<DueCallback[]> {
  return await sql.query<DueCallback>(TAKE);
}

/** `againMs` null: no further try. */
export async function noteCallback(
  sql: Sql,
  id: string,
  status: 'delivered' | 'waiting' | 'given_up',
  error: string | null,
  againMs: number | null,
): Promise<void> {
  await sql.query(NOTE, [id, status, error, againMs]);
}
