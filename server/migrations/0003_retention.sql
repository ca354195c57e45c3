-- compatible-from: 3
-- A build that knows only migration 2 takes every body for plain JSON: it could not read the bodies that this one writes.

-- Parts of calls, stored once per tenant and day however often an agent sends its whole conversation again. A body of
-- a day refers to pieces of that day only, so the partitions of a day drop together.
create table mcp_piece (
  tenant text not null,
  -- The first 16 bytes of the SHA-256 of the piece's JSON text.
  hash bytea not null check (length(hash) = 16),
  day date not null,
  encoding text not null,
  data bytea not null,
  primary key (tenant, hash, day)
) partition by range (day);
-- It is compressed before it comes here.
alter table mcp_piece alter column data set storage external;

-- Makes the partitions of one day. Made apart and attached, because that lets reads and writes of the parent go on.
create function mcp_make_partition(day date) returns int
language plpgsql security definer set search_path from current set lock_timeout = '2s' as $$
declare
  parent text;
  child text;
  made int := 0;
begin
  foreach parent in array array['mcp_body', 'mcp_piece', 'mcp_result', 'mcp_partial', 'mcp_frame'] loop
    child := parent || '_' || to_char(day, 'YYYYMMDD');
    continue when exists (select 1 from pg_class where relname = child and relnamespace = current_schema()::regnamespace);
    -- One node at a time: two that make the same table at once would both look first, and one would fail. Looked for in
    -- the catalogue, because a session remembers what to_regclass has not found.
    perform pg_advisory_xact_lock(7168880, 3);
    continue when exists (select 1 from pg_class where relname = child and relnamespace = current_schema()::regnamespace);
    execute format('create table %I (like %I including all)', child, parent);
    execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent, child, day, day + 1);
    made := made + 1;
  end loop;
  return made;
end $$;

-- Makes the partitions of yesterday, today and the next `ahead` days, so that the application's role needs no DDL.
create or replace function mcp_make_partitions(ahead int) returns int
language plpgsql security definer set search_path from current set lock_timeout = '2s' as $$
declare
  today date := (now() at time zone 'utc')::date;
  made int := 0;
begin
  for n in -1 .. ahead loop
    made := made + mcp_make_partition(today + n);
  end loop;
  return made;
end $$;

-- Drops the oldest partitions of `parent` that hold only days before `before`, two at most: a drop waits for whoever
-- reads the parent, and whoever comes later waits for the drop, so it gives up soon. Never today's or a later one.
create or replace function mcp_drop_partitions(parent text, before date) returns int
language plpgsql security definer set search_path from current set lock_timeout = '500ms' as $$
declare
  child text;
  dropped int := 0;
begin
  if parent not in ('mcp_body', 'mcp_piece', 'mcp_result', 'mcp_partial', 'mcp_frame') then
    raise exception 'not a partitioned table of ours: %', parent;
  end if;
  for child in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = to_regclass(format('%I', parent)) and c.relname ~ (parent || '_\d{8}$')
      and right(c.relname, 8) < to_char(least(before, (now() at time zone 'utc')::date), 'YYYYMMDD')
    order by c.relname limit 2
  loop
    execute format('drop table %I', child);
    dropped := dropped + 1;
  end loop;
  return dropped;
end $$;

revoke execute on function mcp_make_partition(date), mcp_make_partitions(int), mcp_drop_partitions(text, date) from public;
