/**
 * Parts of conversations are stored once for a tenant and a day, and other requests may hold them too (bodies.ts): those
 * of erased requests go when no body refers to them any more.
 *
 * It begins when every process has forgotten what it had stored: from then on whoever needs a part sends it along. The
 * bodies of the day are looked through while requests come in; the last of them once more, and alone, with the parts
 * then deleted in the same transaction: nobody can begin to refer to one in between.
 */
import type { Row, Sql } from '../contract/ports.ts';
import { pieceAt, piecesOf } from './erase-statement.ts';
import { dayOf, lowestIdAt } from './ids.ts';

const DAY_MS = 86_400_000;
/** A request gets its id so long before its body is there at most: half a minute may pass while the record is away. */
const LATE_MS = 120_000;
const PAGE = 1000;

/** SQL: pieces of the tenant that were noted before the processes let go. */
const OURS = 'tenant = $2 and noted_at <= (select let_go_at from mcp_erasure where id = $1)';

// The first day of which there are pieces.
const NEXT_DAY = `select min(day)::text as day from mcp_erasure_piece where ${OURS}`;

// Keeps the pieces that other requests of the day hold, of those with ids from $4 to $5.
const KEEP_HELD = (limit: string): string => `
with page as (
  select id from mcp_request where tenant = $2 and id > $4::uuid and id < $5::uuid order by id ${limit}
), held as (
  select distinct ${pieceAt('b', 'g.n')} as hash from page p join mcp_body b on b.request_id = p.id and b.day = $3::date
  cross join lateral ${piecesOf('b')} as g(n)
), kept as (
  delete from mcp_erasure_piece e using held h where e.${OURS} and e.day = $3::date and e.hash = h.hash
)
select count(*)::int as seen, max(id::text) as last from page`;

// Nobody writes a body meanwhile; whoever has begun is waited for, but not for long: those that come wait behind us.
const ALONE = ["set local lock_timeout = '500ms'", 'lock table only mcp_body in share row exclusive mode'];

// Deletes those that are left.
const DELETE = `
with left_over as (
  delete from mcp_erasure_piece where ${OURS} and day = $3::date returning hash
), gone as (
  delete from mcp_piece p using left_over l where p.tenant = $2 and p.day = $3::date and p.hash = l.hash returning 1
)
select count(*)::int as n from gone`;

interface Of {
  id: number;
  tenant: string;
  mark: string | null;
}

/** `mark`: the last request that was looked at. */
export async function pieceStep(sql: Sql, of: Of): Promise<{ mark: string | null; pieces: number; over: boolean }> {
  const [next] = await sql.query<{ day: string | null }>(NEXT_DAY, [of.id, of.tenant]);
  const day = next?.day;
  if (!day) return { mark: null, pieces: 0, over: true };
  const first = Date.parse(`${day}T00:00:00Z`);
  const end = lowestIdAt(first + DAY_MS);
  const from = of.mark !== null && dayOf(of.mark) === day ? of.mark : lowestIdAt(first - 1);
  const [page] = await sql.query<Row & { seen: number; last: string | null }>(KEEP_HELD(`limit ${PAGE}`), [
    of.id,
    of.tenant,
    day,
    from,
    end,
  ]);
  if (page && page.seen === PAGE) return { mark: page.last, pieces: 0, over: false };
  const reached = page?.last ?? from;
  const late = lowestIdAt(Math.max(first - 1, timeOf(reached) - LATE_MS));
  const pieces = await sql.transaction(async (inner) => {
    for (const text of ALONE) await inner.query(text);
    await inner.query(KEEP_HELD(''), [of.id, of.tenant, day, late, end]);
    const [gone] = await inner.query<{ n: number }>(DELETE, [of.id, of.tenant, day]);
    return gone?.n ?? 0;
  });
  return { mark: null, pieces, over: false };
}

const timeOf = (id: string): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
