/** The statements that take the content of requests that are over out of the record. */

/** SQL: the pieces that a body refers to, of a row with `encoding` and `data` (bodies.ts); one row for each. */
export const piecesOf = (body: string): string => `
  generate_series(0, case when ${body}.encoding like 'pieces+%' then get_byte(${body}.data, 0) + 256 * get_byte(${body}.data, 1)
    + 65536 * get_byte(${body}.data, 2) else 0 end - 1)`;

/** SQL: the one with the number `n`. */
export const pieceAt = (body: string, n: string): string => `substring(${body}.data from 5 + 16 * ${n} for 16)`;

/** SQL: notes the pieces of the deleted `bodies` (with `day`, `encoding` and `data`) of tenant $1. */
export const NOTE_PIECES = `
  insert into mcp_erasure_piece (tenant, day, hash)
  select distinct $1, b.day, ${pieceAt('b', 'g.n')} from bodies b cross join lateral ${piecesOf('b')} as g(n)
  on conflict (tenant, day, hash) do update set noted_at = now()`;

/**
 * Erases requests of tenant $1: what was asked and answered, and everything that may repeat some of it. What they were
 * made of is noted, to be looked at later.
 */
export const ERASE_MANY = `
with over as (
  select r.id, r.day from mcp_request r
  where r.tenant = $1 and r.id in (select value::uuid from json_array_elements_text($2::json))
    and r.state not in ('queued', 'running') and r.settle_by is null and not r.wiped for update
), bodies as (
  delete from mcp_body b using over o where b.request_id = o.id and b.day = o.day returning b.day, b.encoding, b.data
), pieces as (
${NOTE_PIECES}
), results as (
  delete from mcp_result t using over o where t.request_id = o.id and t.day = o.day returning 1
), partials as (
  delete from mcp_partial t using over o where t.request_id = o.id and t.day = o.day returning 1
), frames as (
  delete from mcp_frame t using over o where t.request_id = o.id and t.day >= o.day returning 1
), callbacks as (
  delete from mcp_callback t using over o where t.request_id = o.id returning 1
), attempts as (
  -- A vendor's words may repeat the prompt.
  update mcp_attempt t set error = jsonb_strip_nulls(jsonb_build_object('code', t.error -> 'code',
    'upstream_status', t.error -> 'upstream_status', 'detail', 'erased')) from over o where t.request_id = o.id and t.error is not null
), requests as (
  update mcp_request t set erased_at = coalesce(t.erased_at, now()), wiped = true, labels = null,
    callback_url = null, trace = null, error = case when t.error is not null then jsonb_strip_nulls(jsonb_build_object('code', t.error -> 'code',
      'upstream_status', t.error -> 'upstream_status', 'message', 'erased')) end
  from over o where t.id = o.id
)
select coalesce((select json_agg(id) from over), '[]') as ids, json_build_object('requests', (select count(*) from over),
  'bodies', (select count(*) from bodies), 'results', (select count(*) from results), 'partials', (select count(*) from partials),
  'frames', (select count(*) from frames), 'callbacks', (select count(*) from callbacks)) as counts`;

/** The payloads of their events: the application's role may not do that itself. */
export const ERASE_PAYLOADS = `
select mcp_erase_events(array(select value::uuid from json_array_elements_text($1::json))) as n`;
