/**
 * Takes what a user asked out of the record, wherever it is: in bounded steps, each of which says how far it came, so
 * that any process can go on. Rows of requests, attempts and money stay, and of each event its digest.
 */
import type { Row, Sql } from '../contract/ports.ts';
import { pieceStep } from './erase-pieces.ts';
import { ERASE_MANY, ERASE_PAYLOADS } from './erase-statement.ts';
import { FENCE } from './fence.ts';
import { RULES_CHANGED } from './rules.ts';

export interface Erasure {
  id: number;
  tenant: string;
  /** Hashes of the user, 32 hex digits each. */
  users: string[];
  actor: string;
  step: 'requests' | 'keys' | 'caches' | 'pieces' | 'done';
  mark: string | null;
  counts: Record<string, number>;
  createdAt: number;
  doneAt: number | null;
}

/** What a step did. */
export interface Stepped {
  /** `wait`: come back in a moment. `again`: there is more to do now. */
  next: 'again' | 'wait' | 'done';
  /** Requests whose content is gone. */
  erased: string[];
  /** Requests that must end first. */
  running: string[];
}

const COLUMNS = `id::float8, tenant, (select json_agg(encode(u, 'hex')) from unnest(users) u) as users, actor, step, mark, counts,
  (extract(epoch from created_at) * 1000)::float8 as created, (extract(epoch from done_at) * 1000)::float8 as done`;

// Orders an erasure, with its event.
const ORDER = `
with made as (
  insert into mcp_erasure (tenant, users, actor)
  select $1, array(select decode(value, 'hex') from json_array_elements_text($2::json)), $3 returning *
), events as (
  insert into mcp_event (tenant, type, actor, payload)
  select tenant, 'user.erasing', actor, jsonb_build_object('erasure', id, 'users', (select json_agg(encode(u, 'hex')) from unnest(users) u))
  from made
)
select ${COLUMNS} from made`;

// One of the tenant.
const GET = `select ${COLUMNS} from mcp_erasure where tenant = $1 and id = $2 and ${FENCE}`;

/** How long a process that works on one keeps it. */
const LEASE = "interval '30 seconds'";

// Takes one that nobody works on.
const TAKE = `
update mcp_erasure set due_at = now() + ${LEASE}
where id = (select id from mcp_erasure where due_at <= now() order by due_at limit 1 for update skip locked)
returning ${COLUMNS}`;

// Says how far it is.
const SAVE = `
update mcp_erasure set step = $2, mark = $3, counts = $4::jsonb,
  due_at = case when $5 then now() + interval '1 second' else now() + ${LEASE} end
where id = $1`;

// The next requests of the tenant, and which of them are of the user and still have content.
const PAGE = `
with page as (
  select id, user_hash, wiped, state in ('queued', 'running') or settle_by is not null as busy, state in ('queued', 'running') as running
  from mcp_request where tenant = $1 and ($2::uuid is null or id > $2::uuid) and created_at <= (select created_at from mcp_erasure where id = $3)
  order by id limit ${2000}
), mine as (
  select id, busy, running from page
  where not wiped and user_hash in (select decode(value, 'hex') from json_array_elements_text($4::json))
)
select (select max(id::text) from page) as last, (select count(*) from page)::int as seen,
  (select coalesce(json_agg(json_build_object('id', id, 'busy', busy, 'running', running) order by id), '[]') from mine) as mine`;

// Idempotency keys of requests that were erased: a page of the tenant's.
const KEYS = `
with page as (
  select key, request_id from mcp_idempotency where tenant = $1 and key > $2 order by key limit ${2000}
), gone as (
  delete from mcp_idempotency i using page p, mcp_request r
  where i.tenant = $1 and i.key = p.key and r.id = p.request_id and r.tenant = $1 and r.wiped
    and r.user_hash in (select decode(value, 'hex') from json_array_elements_text($3::json))
  returning 1
)
select (select key from page order by key desc limit 1) as last, (select count(*) from page)::int as seen, (select count(*) from gone)::int as gone`;

// From now on every process has to let go of what it remembers.
const LET_GO = `
with version as (${RULES_CHANGED} returning version)
update mcp_erasure set step = 'caches', mark = (select version::text from version), counts = $2::jsonb, let_go_at = now(),
  due_at = now() + interval '1 second'
where id = $1`;

// Whether all that live have done so. A database that was copied counts its versions anew.
const ALL_LET_GO = `
select not exists (
  select 1 from mcp_process where beat_at > now() - lease_ms * interval '1 millisecond'
    and coalesce((report ->> 'let_go')::bigint, 0) < least($1::bigint, (select version from mcp_rules))) as yes`;

// Whether an erasure waits for the processes to let go.
const ANY_LETS_GO = "select exists (select 1 from mcp_erasure where step = 'caches') as yes";

// It is done: what it was found by goes as well.
const DONE = `
with done as (
  update mcp_erasure set step = 'done', mark = null, users = '{}', counts = $2::jsonb, due_at = null, done_at = now()
  where id = $1 and done_at is null returning id, tenant, actor, counts
), of_user as (
  -- One without a user is of a tenant that keeps no content (expire.ts).
  select d.* from done d join mcp_erasure e using (id) where e.users <> '{}'
)
insert into mcp_event (tenant, type, actor, payload)
select tenant, 'user.erased', actor, jsonb_build_object('erasure', id, 'counts', counts) from of_user`;

/** Requests that one step erases at most. */
const MOST = 100;

interface Columns extends Row {
  id: number;
  tenant: string;
  users: string[] | null;
  actor: string;
  step: Erasure['step'];
  mark: string | null;
  counts: Record<string, number>;
  created: number;
  done: number | null;
}

const toErasure = ({ created, done, users, ...row }: Columns): Erasure => ({
  ...row,
  users: users ?? [],
  createdAt: created,
  doneAt: done,
});

export async function orderErasure(
  sql: Sql,
  tenant: string,
  users: readonly string[],
  actor: string,
): Promise<Erasure> {
  const [row] = await sql.query<Columns>(ORDER, [tenant, JSON.stringify(users), actor]);
  return toErasure(row as Columns);
}

export async function getErasure(sql: Sql, tenant: string, id: number): Promise<Erasure | null> {
  const [row] = await sql.query<Columns>(GET, [tenant, id]);
  return row ? toErasure(row) : null;
}

export async function anyLetsGo(sql: Sql): Promise<boolean> {
  const [row] = await sql.query<{ yes: boolean }>(ANY_LETS_GO);
  return row?.yes ?? false;
}

/** Null when there is nothing to do, or others do it. */
export async function takeErasure(sql: Sql): Promise<Erasure | null> {
  const [row] = await sql.query<Columns>(TAKE);
  return row ? toErasure(row) : null;
}

/** One step; `of` is told how far it is. */
export async function erasureStep(sql: Sql, of: Erasure): Promise<Stepped> {
  if (of.step === 'requests') return await requestStep(sql, of);
  if (of.step === 'keys') return await keyStep(sql, of);
  if (of.step === 'caches') {
    const [row] = await sql.query<{ yes: boolean }>(ALL_LET_GO, [of.mark ?? '0']);
    if (row?.yes) return await save(sql, of, 'pieces', null);
    return await save(sql, of, 'caches', of.mark, 'wait');
  }
  if (of.step === 'pieces') {
    const { mark, pieces, over } = await pieceStep(sql, of);
    add(of.counts, { pieces });
    if (!over) return await save(sql, of, 'pieces', mark);
    await sql.query(DONE, [of.id, JSON.stringify(of.counts)]);
    of.step = 'done';
  }
  return { next: 'done', erased: [], running: [] };
}

async function save(
  sql: Sql,
  of: Erasure,
  step: Erasure['step'],
  mark: string | null,
  next: 'again' | 'wait' = 'again',
): Promise<Stepped> {
  await sql.query(SAVE, [of.id, step, mark, JSON.stringify(of.counts), next === 'wait']);
  of.step = step;
  of.mark = mark;
  return { next, erased: [], running: [] };
}

function add(counts: Record<string, number>, more: Record<string, number>): void {
  for (const [name, n] of Object.entries(more)) counts[name] = (counts[name] ?? 0) + n;
}

interface Page extends Row {
  last: string | null;
  seen: number;
  mine: { id: string; busy: boolean; running: boolean }[];
}

async function requestStep(sql: Sql, of: Erasure): Promise<Stepped> {
  const users = JSON.stringify(of.users);
  const [page] = await sql.query<Page>(PAGE, [of.tenant, of.mark, of.id, users]);
  const { last, mine } = page as Page;
  const ready = mine.filter(({ busy }) => !busy).slice(0, MOST);
  const erased =
    ready.length > 0
      ? await eraseThese(
          sql,
          of,
          ready.map(({ id }) => id),
        )
      : [];
  const running = mine.filter((one) => one.running).map(({ id }) => id);
  if (mine.length > erased.length) {
    // Those that have not ended are looked for again.
    const stay = await save(sql, of, 'requests', of.mark, erased.length > 0 ? 'again' : 'wait');
    return { ...stay, erased, running };
  }
  const stepped = last === null ? await save(sql, of, 'keys', '') : await save(sql, of, 'requests', last);
  return { ...stepped, erased };
}

async function eraseThese(sql: Sql, of: Erasure, ids: readonly string[]): Promise<string[]> {
  return await sql.transaction(async (inner) => {
    const [row] = await inner.query<Row & { ids: string[]; counts: Record<string, number> }>(ERASE_MANY, [
      of.tenant,
      JSON.stringify(ids),
    ]);
    const gone = row?.ids ?? [];
    const [events] = await inner.query<{ n: number }>(ERASE_PAYLOADS, [JSON.stringify(gone)]);
    add(of.counts, { ...row?.counts, events: events?.n ?? 0 });
    return gone;
  });
}

async function keyStep(sql: Sql, of: Erasure): Promise<Stepped> {
  const [page] = await sql.query<Row & { last: string | null; gone: number }>(KEYS, [
    of.tenant,
    of.mark ?? '',
    JSON.stringify(of.users),
  ]);
  add(of.counts, { idempotency_keys: page?.gone ?? 0 });
  if (page?.last != null) return await save(sql, of, 'keys', page.last);
  await sql.query(LET_GO, [of.id, JSON.stringify(of.counts)]);
  return { next: 'wait', erased: [], running: [] };
}
