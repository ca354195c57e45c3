/** How far the trail was told to the outside: a cursor for each writer, held by one process at a time. */
import type { Row, Sql } from '../contract/ports.ts';
import { EVENT_COLUMNS, type SealedEvent } from './audit.ts';

/** How long a process that tells of a writer keeps it without telling anything; a third of it when it lives no more. */
const LEASE = "interval '30 seconds'";
const OF_THE_DEAD = "interval '20 seconds'";

// A sink that is new: it is told of what is sealed from now on.
const BEGIN = `
with made as (
  insert into mcp_audit_sink (sink) values ($1) on conflict do nothing returning 1
)
insert into mcp_audit_cursor (sink, writer, seq)
select $1, writer, max(seq) from mcp_audit_block where exists (select 1 from made) group by writer
on conflict do nothing`;

// Takes a writer, unless another process tells of it; answers the last block that was told.
const TAKE = `
insert into mcp_audit_cursor (sink, writer, seq, owner, until) values ($1, $2, -1, $3, now() + ${LEASE})
on conflict (sink, writer) do update set owner = excluded.owner, until = excluded.until
where mcp_audit_cursor.owner = excluded.owner or mcp_audit_cursor.until is null or mcp_audit_cursor.until < now()
  or (mcp_audit_cursor.until < now() + ${OF_THE_DEAD} and not exists (select 1 from mcp_process p
    where p.id = mcp_audit_cursor.owner and p.beat_at > now() - p.lease_ms * interval '1 millisecond'))
returning seq::float8`;

// Says how far it is; nothing when the writer is another process's by now.
const TOLD = `
update mcp_audit_cursor set seq = $4, told_at = now(), until = now() + ${LEASE}
where sink = $1 and writer = $2 and owner = $3 returning 1 as ours`;

// Lets go of it.
const LEAVE = 'update mcp_audit_cursor set until = null where sink = $1 and writer = $2 and owner = $3';

// Writers that nobody alive is, with blocks that were not told. Each is found by one step through the index.
const LEFT = `
with recursive w as (
  select min(writer) as writer from mcp_audit_block
  union all select (select min(b.writer) from mcp_audit_block b where b.writer > w.writer) from w where w.writer is not null
)
select w.writer from w left join mcp_audit_cursor c on c.sink = $1 and c.writer = w.writer
where w.writer is not null
  and (select max(b.seq) from mcp_audit_block b where b.writer = w.writer) > coalesce(c.seq, -1)
  and not exists (select 1 from mcp_process p where p.writer = w.writer and p.beat_at > now() - p.lease_ms * interval '1 millisecond')
limit 10000`;

// The next blocks of a writer.
const BLOCKS = `
select seq::float8, array_to_json(events::text[]) as events from mcp_audit_block where writer = $1 and seq > $2
order by seq limit 50`;

// Events of a block.
const EVENTS = `select ${EVENT_COLUMNS} from mcp_event e
  where e.id in (select value::bigint from json_array_elements_text($1::json))`;

export interface BlockOfEvents {
  seq: number;
  /** Ids, in their order. */
  events: string[];
}

export async function beginSink(sql: Sql, sink: string): Promise<void> {
  await sql.query(BEGIN, [sink]);
}

/** Null: another process tells of it. */
export async function takeWriter(sql: Sql, sink: string, writer: string, owner: string): Promise<number | null> {
  const [row] = await sql.query<{ seq: number }>(TAKE, [sink, writer, owner]);
  return row?.seq ?? null;
}

/** False: it is another process's by now. */
export async function toldUpTo(sql: Sql, sink: string, writer: string, owner: string, seq: number): Promise<boolean> {
  return (await sql.query(TOLD, [sink, writer, owner, seq])).length === 1;
}

export async function leaveWriter(sql: Sql, sink: string, writer: string, owner: string): Promise<void> {
  await sql.query(LEAVE, [sink, writer, owner]);
}

export async function writersLeft(sql: Sql, sink: string): Promise<string[]> {
  return (await sql.query<{ writer: string }>(LEFT, [sink])).map(({ writer }) => writer);
}

export async function blocksAfter(sql: Sql, writer: string, seq: number): Promise<BlockOfEvents[]> {
  return (await sql.query(BLOCKS, [writer, seq])) as unknown as BlockOfEvents[];
}

/** In the order of the ids; those that the record no longer keeps are left out. */
export async function eventsOf(sql: Sql, ids: readonly string[]): Promise<SealedEvent[]> {
  const rows = await sql.query<SealedEvent & Row>(EVENTS, [JSON.stringify(ids)]);
  const there = new Map(rows.map((row) => [row.id, row]));
  return ids.flatMap((id) => there.get(id) ?? []);
}
