/** Takes the content of one request out of the record, before its time. */
import type { Row, Sql } from '../contract/ports.ts';
import type { Erased } from '../contract/record.ts';
import { NOTE_PIECES } from './erase-statement.ts';
import { FENCE } from './fence.ts';
import { dayOf } from './ids.ts';

// Erases body, result, shown text and frames of a request that is over and settled; the last frame, which says how it ended, stays.
const ERASE = `
with found as (
  select id, state in ('queued', 'running') or settle_by is not null as busy from mcp_request
  where tenant = $1 and id = $2 and ${FENCE} for update
), over as (
  select id from found where not busy
), bodies as (
  delete from mcp_body where day = $3::date and request_id in (select id from over) returning day, encoding, data
), pieces as (${NOTE_PIECES}
), results as (
  delete from mcp_result where day = $3::date and request_id in (select id from over)
), partials as (
  delete from mcp_partial where day = $3::date and request_id in (select id from over)
), frames as (
  delete from mcp_frame where day >= $3::date and request_id in (select id from over) and type <> 'end'
), callbacks as (
  -- One that is still to be delivered keeps its address until it was, or was given up (callbacks.ts).
  update mcp_callback t set url = '', last_error = null where t.request_id in (select id from over) and t.next_at is null
), requests as (
  update mcp_request set erased_at = coalesce(erased_at, now()), callback_url = null where id in (select id from over)
), events as (
  insert into mcp_event (tenant, request_id, type, actor, payload)
  select $1, id, 'request.erased', $4, '{}'::jsonb from over
)
select busy, exists (select 1 from bodies where encoding like 'pieces+%') as shared from found`;

/** Null for an unknown id. */
export async function erase(sql: Sql, tenant: string, id: string, actor: string): Promise<Erased | null> {
  const [row] = await sql.query<Row & { busy: boolean; shared: boolean }>(ERASE, [tenant, id, dayOf(id), actor]);
  if (!row) return null;
  return row.busy ? { outcome: 'busy' } : { outcome: 'erased', shared: row.shared };
}
