/** What is told to somebody outside beside the ends of requests: rows, so a restart loses none. */
import type { Row, Sql } from '../contract/ports.ts';

export interface DueNotice extends Row {
  id: string;
  tenant: string;
  url: string;
  tries: number;
  /** JSON text, the same each time. */
  body: string;
}

// Takes due notices; whoever takes one has a minute before another may.
const TAKE = `
with due as (
  select id from mcp_notice where next_at <= now() order by next_at limit 50 for update skip locked
)
update mcp_notice n set next_at = now() + interval '60 seconds', tries = tries + 1
from due where n.id = due.id returning n.id, n.tenant, n.url, n.tries::int, n.body::text as body`;

// Notes how a delivery went.
const NOTE = `
update mcp_notice set status = $2, last_error = $3,
  next_at = case when $4::float8 is not null then now() + $4 * interval '1 millisecond' end where id = $1`;

export const takeNotices = (sql: Sql): Promise<DueNotice[]> => sql.query<DueNotice>(TAKE);

/** `againMs` null: no further try. */
export async function noteNotice(
  sql: Sql,
  id: string,
  status: 'delivered' | 'waiting' | 'given_up',
  error: string | null,
  againMs: number | null,
): Promise<void> {
  await sql.query(NOTE, [id, status, error, againMs]);
}

// Notices that went their way longer ago than anybody asks.
const FORGET = `delete from mcp_notice where next_at is null and created_at < now() - $1 * interval '1 day'`;

export async function forgetNotices(sql: Sql, days: number): Promise<void> {
  await sql.query(FORGET, [days]);
}
