-- The ground: requests and all that hangs on them. Columns that nothing reads yet (hold, slice, vault, trace, chain …)
-- are here so that budgets, processes, audit and tenants do not have to tear the hot table up later.
-- Money is in picodollars (1e-12 USD) as bigint. Days are UTC days: of a request's creation, for frames of their writing.

create table mcp_tenant (
  id text primary key check (id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
  created_at timestamptz not null default now()
);

create table mcp_key (
  id text primary key,
  tenant text not null references mcp_tenant (id),
  -- SHA-256 of the key: it has 256 random bits, so a slow hash would only cost time.
  hash bytea not null unique,
  name text,
  last_four text not null,
  permissions text[] not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz
);

create table mcp_process (
  id text primary key,
  kind text not null,
  host text not null,
  pid int not null,
  started_at timestamptz not null default now(),
  -- One heartbeat renews every lease that the process owns.
  beat_at timestamptz not null default now(),
  lease_ms int not null,
  capacity int not null,
  running int not null default 0
);

create table mcp_request (
  id uuid primary key,
  day date not null,
  tenant text not null,
  key_id text,
  kind text not null,
  parent uuid,
  mode text not null check (mode in ('attached', 'detached')),
  state text not null check (state in ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'expired', 'blocked')),
  priority smallint not null check (priority between 0 and 9),
  task_type text not null,
  model text,
  user_hash bytea not null check (length(user_hash) = 16),
  user_key text not null,
  created_at timestamptz not null default now(),
  not_before timestamptz,
  deadline_at timestamptz,
  -- When it is due, pulled forward by priority and deadline: a fixed number that ages by itself.
  queue_rank timestamptz not null,
  owner text,
  epoch int not null default 0,
  attempts smallint not null default 0,
  crashes smallint not null default 0,
  last_seq int not null default 0,
  started_at timestamptz,
  finished_at timestamptz,
  failover text not null check (failover in ('continue', 'restart', 'fail')),
  callback_url text,
  estimate_pico bigint,
  cost_pico bigint,
  hold_pico bigint,
  slice text,
  price_version text,
  body_ref text,
  vault_ref text,
  trace text,
  plan jsonb,
  labels jsonb,
  error jsonb
) with (fillfactor = 80);

create index mcp_request_queue on mcp_request (tenant, queue_rank) where state = 'queued';
create index mcp_request_running on mcp_request (owner) where state = 'running';
create index mcp_request_deadline on mcp_request (deadline_at) where state = 'queued' and deadline_at is not null;
create index mcp_request_list on mcp_request (tenant, id desc);
create index mcp_request_unhappy on mcp_request (tenant, id desc) where state in ('failed', 'cancelled', 'expired', 'blocked');

create table mcp_idempotency (
  tenant text not null,
  key text not null,
  body_hash bytea not null,
  request_id uuid not null,
  expires_at timestamptz not null,
  primary key (tenant, key)
);
create index mcp_idempotency_expiry on mcp_idempotency (expires_at);

create table mcp_attempt (
  request_id uuid not null,
  attempt smallint not null,
  tenant text not null,
  epoch int not null,
  provider text not null,
  model text not null,
  region text,
  key_ref text,
  reason text not null,
  status text not null check (status in ('running', 'succeeded', 'failed', 'cancelled')),
  started_at timestamptz not null default now(),
  first_token_ms int,
  latency_ms int,
  usage jsonb,
  cost_pico bigint,
  price_version text,
  error jsonb,
  primary key (request_id, attempt)
) with (fillfactor = 80);
create index mcp_attempt_unsettled on mcp_attempt (started_at) where status = 'running';

create table mcp_event (
  id bigint generated always as identity primary key,
  tenant text not null,
  request_id uuid,
  at timestamptz not null default now(),
  type text not null,
  actor text,
  payload jsonb not null,
  writer text,
  chain_seq bigint,
  prev bytea,
  digest bytea
);
create index mcp_event_request on mcp_event (request_id, id) where request_id is not null;
create index mcp_event_tenant on mcp_event (tenant, at);

-- Content, apart from the hot rows, in partitions by day that retention drops whole.

create table mcp_body (
  request_id uuid not null,
  day date not null,
  encoding text not null,
  data bytea not null,
  primary key (request_id, day)
) partition by range (day);

create table mcp_result (
  request_id uuid not null,
  day date not null,
  tenant text not null,
  -- `json`, not `jsonb`: kept byte for byte.
  text text not null,
  message json not null,
  finish_reason text,
  provider text not null,
  model text not null,
  usage jsonb not null,
  cost_pico bigint,
  price_version text,
  latency_ms int not null,
  citations json,
  created_at timestamptz not null default now(),
  primary key (request_id, day)
) partition by range (day);

-- What had been shown of an answer that did not succeed.
create table mcp_partial (
  request_id uuid not null,
  day date not null,
  text text not null,
  primary key (request_id, day)
) partition by range (day);

create table mcp_frame (
  request_id uuid not null,
  seq int not null,
  day date not null,
  epoch int not null,
  type text not null,
  data json not null,
  primary key (request_id, seq, day)
) partition by range (day);

create table mcp_callback (
  request_id uuid primary key,
  tenant text not null,
  url text not null,
  status text not null,
  tries smallint not null default 0,
  next_at timestamptz,
  delivered_at timestamptz,
  last_error text
);
create index mcp_callback_due on mcp_callback (next_at) where next_at is not null;

-- Makes the partitions of today, yesterday and the next `ahead` days, so that the application's role needs no DDL.
create function mcp_make_partitions(ahead int) returns int
language plpgsql security definer set search_path from current as $$
declare
  parent text;
  d date;
  made int := 0;
begin
  foreach parent in array array['mcp_body', 'mcp_result', 'mcp_partial', 'mcp_frame'] loop
    for d in select generate_series((now() at time zone 'utc')::date - 1, (now() at time zone 'utc')::date + ahead, '1 day')::date loop
      if to_regclass(format('%I', parent || '_' || to_char(d, 'YYYYMMDD'))) is null then
        execute format('create table if not exists %I partition of %I for values from (%L) to (%L)',
          parent || '_' || to_char(d, 'YYYYMMDD'), parent, d, d + 1);
        made := made + 1;
      end if;
    end loop;
  end loop;
  return made;
end $$;

-- Drops the partitions of `parent` that hold only days before `before`.
create function mcp_drop_partitions(parent text, before date) returns int
language plpgsql security definer set search_path from current as $$
declare
  child text;
  dropped int := 0;
begin
  if parent not in ('mcp_body', 'mcp_result', 'mcp_partial', 'mcp_frame') then
    raise exception 'not a partitioned table of ours: %', parent;
  end if;
  for child in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = to_regclass(parent) and right(c.relname, 8) < to_char(before, 'YYYYMMDD')
  loop
    execute format('drop table %I', child);
    dropped := dropped + 1;
  end loop;
  return dropped;
end $$;

revoke execute on function mcp_make_partitions(int), mcp_drop_partitions(text, date) from public;
