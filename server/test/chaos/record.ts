/** What the database holds, read by plain SQL, and a fence in it that notes every write that should not have been. */
import type { Row } from '../../src/contract/ports.ts';

/** `values` are never needed here: texts are ours. */
export type Query = (text: string) => Promise<Row[]>;

export interface RequestRecord {
  id: string;
  label: string | null;
  mode: 'attached' | 'detached';
  state: string;
  epoch: number;
  unburnt: number;
  last_seq: number;
  cost: number | null;
  hold: number | null;
  created: number;
  finished: number | null;
  code: string | null;
}

export interface AttemptRecord {
  id: string;
  attempt: number;
  epoch: number;
  status: string;
  usage: { inputTokens: number; outputTokens: number; source: string } | null;
  cost: number | null;
  code: string | null;
}

export interface EventRecord {
  id: string;
  type: string;
  epoch: number | null;
  reason: string | null;
  at: number;
}

export interface FrameRecord {
  id: string;
  seq: number;
  type: string;
  json: string;
}

export interface ResultRecord {
  id: string;
  text: string;
  cost: number | null;
}

export interface FenceRecord {
  id: string;
  what: string;
}

export interface Recorded {
  requests: RequestRecord[];
  attempts: AttemptRecord[];
  events: EventRecord[];
  frames: FrameRecord[];
  results: ResultRecord[];
  fence: FenceRecord[];
  /** What the budget that is over all of them says is spent; null when there is none. */
  spent: number | null;
  /** Slices of budgets that dead processes still have. */
  stale: number;
}

const ms = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`;

const REQUESTS = `select id::text, labels ->> 'chaos' as label, mode, state, epoch, unburnt::int, last_seq, cost_pico::float8 as cost,
  (select sum(h.pico)::float8 from mcp_hold h where h.request_id = mcp_request.id) as hold, ${ms('created_at')} as created, ${ms('finished_at')} as finished, error ->> 'code' as code
  from mcp_request order by id`;
const ATTEMPTS = `select request_id::text as id, attempt::int, epoch, status, usage, cost_pico::float8 as cost, error ->> 'code' as code
  from mcp_attempt order by request_id, attempt`;
const EVENTS = `select request_id::text as id, type, (payload ->> 'epoch')::int as epoch, payload ->> 'reason' as reason, ${ms('at')} as at
  from mcp_event where request_id is not null order by mcp_event.id`;
const FRAMES = `select request_id::text as id, seq, type, data::text as json from mcp_frame order by request_id, seq`;
const RESULTS = `select request_id::text as id, text, cost_pico::float8 as cost from mcp_result order by request_id`;
const FENCE = `select coalesce(request_id::text, '') as id, what from chaos_fence order by n`;

const SPENT = `select sum(p.spent_pico + coalesce((select sum(s.used_pico) from mcp_slice s where s.purse = p.id), 0))::float8 as spent
  from mcp_purse p`;

/** SQL: a slice of a process that is gone; what is open in it can nobody spend. */
const STALE = `from mcp_slice s where s.owner <> '' and not exists (
  select 1 from mcp_process p where p.id = s.owner and p.beat_at >= now() - p.lease_ms * interval '1 millisecond')`;

export async function readRecord(query: Query): Promise<Recorded> {
  const read = async <T>(text: string): Promise<T[]> => (await query(text)) as T[];
  return {
    requests: await read<RequestRecord>(REQUESTS),
    attempts: await read<AttemptRecord>(ATTEMPTS),
    events: await read<EventRecord>(EVENTS),
    frames: await read<FrameRecord>(FRAMES),
    results: await read<ResultRecord>(RESULTS),
    fence: await read<FenceRecord>(FENCE),
    spent: (await read<{ spent: number | null }>(SPENT))[0]?.spent ?? null,
    stale: (await read<{ stale: number }>(`select count(*)::int as stale ${STALE}`))[0]?.stale ?? 0,
  };
}

/** How many requests have not ended, and how many attempts, requests, holds and slices of the dead wait for their money. */
export const UNQUIET = `select (select count(*) from mcp_request where state in ('queued', 'running'))::int as open,
  ((select count(*) from mcp_attempt where status = 'running')
    + (select count(*) from mcp_request where settle_by is not null) + (select count(*) from mcp_hold) + (select count(*) ${STALE}))::int as unsettled`;

/**
 * I5 and the table of states, watched from inside the test database: whatever statement writes, these see each row. They
 * note and let pass, so that what happens is what would happen without them.
 */
export const FENCE_SQL = `
create table chaos_fence (n bigint generated always as identity primary key, request_id uuid, what text not null);

create function chaos_epoch(of uuid) returns int language sql volatile as
  'select epoch from mcp_request where id = of';

-- Frames are inserted only; the epoch that writes one must be the newest.
create function chaos_frame() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    insert into chaos_fence (request_id, what) values (old.request_id, format('frame %s: %s', old.seq, tg_op));
  elsif new.epoch < chaos_epoch(new.request_id) then
    insert into chaos_fence (request_id, what) values (new.request_id,
      format('frame %s of epoch %s landed after epoch %s began', new.seq, new.epoch, chaos_epoch(new.request_id)));
  end if;
  return new;
end $$;
create trigger chaos_frame before insert or update on mcp_frame for each row execute function chaos_frame();

-- The sweep may price what a dead process left behind; it says so. Nobody else writes an older epoch's attempt.
create function chaos_attempt() returns trigger language plpgsql as $$
begin
  if new.epoch < chaos_epoch(new.request_id) and new.error ->> 'code' is distinct from 'interrupted' then
    insert into chaos_fence (request_id, what) values (new.request_id,
      format('%s of attempt %s of epoch %s after epoch %s began', tg_op, new.attempt, new.epoch, chaos_epoch(new.request_id)));
  end if;
  if tg_op = 'UPDATE' and old.status <> 'running' and new.status is distinct from old.status then
    insert into chaos_fence (request_id, what) values (new.request_id,
      format('attempt %s went from %s to %s', new.attempt, old.status, new.status));
  end if;
  return new;
end $$;
create trigger chaos_attempt before insert or update on mcp_attempt for each row execute function chaos_attempt();

-- A result has no epoch of its own: the event beside it has.
create function chaos_event() returns trigger language plpgsql as $$
begin
  if (new.payload ->> 'epoch')::int < chaos_epoch(new.request_id) then
    insert into chaos_fence (request_id, what) values (new.request_id,
      format('%s of epoch %s after epoch %s began', new.type, new.payload ->> 'epoch', chaos_epoch(new.request_id)));
  end if;
  return new;
end $$;
create trigger chaos_event before insert on mcp_event for each row when (new.request_id is not null)
  execute function chaos_event();

-- Terminal states absorb, epochs only grow and only with a claim, numbers of frames only grow, and what is queued takes no
-- other write.
create function chaos_request() returns trigger language plpgsql as $$
declare problem text;
begin
  problem := case
    when old.state not in ('queued', 'running') and new.state <> old.state then format('%s became %s', old.state, new.state)
    when new.epoch < old.epoch then format('epoch %s became %s', old.epoch, new.epoch)
    when new.epoch > old.epoch and not (old.state = 'queued' and new.state = 'running' and new.epoch = old.epoch + 1)
      then format('epoch %s became %s from %s to %s', old.epoch, new.epoch, old.state, new.state)
    when old.state = 'queued' and new.state = 'running' and new.epoch <> old.epoch + 1 then 'claimed without a new epoch'
    when old.state = 'queued' and new.state = 'queued' and (new.last_seq, new.attempts) <> (old.last_seq, old.attempts)
      then 'written while queued'
    when new.mode = 'attached' and new.state = 'queued' then 'attached, and queued'
    when new.last_seq < old.last_seq then format('last frame %s became %s', old.last_seq, new.last_seq)
  end;
  if problem is not null then insert into chaos_fence (request_id, what) values (new.id, problem); end if;
  return new;
end $$;
create trigger chaos_request before update on mcp_request for each row execute function chaos_request();
`;
