-- compatible-from: 7
-- An older build goes on beside this one: it shows of an erased request that it ended, and takes no part in what is new here.

alter table mcp_request
  -- When its content was taken out: from then on its stream and its result are gone, not empty.
  add column erased_at timestamptz,
  -- With the erasure of its user: nothing is left of it but numbers.
  add column wiped boolean not null default false;

-- What an end user asked, taken out of the record wherever it is. In bounded steps, which any process may go on with.
create table mcp_erasure (
  id bigint generated always as identity primary key,
  tenant text not null,
  -- By which hashes the user's requests are found; never the name itself.
  users bytea[] not null,
  actor text not null,
  -- `requests`: request by request. `keys`: idempotency keys. `caches`: until every process has let go of what it
  -- remembers. `pieces`: parts of conversations that nobody else holds. `done`.
  step text not null default 'requests' check (step in ('requests', 'keys', 'caches', 'pieces', 'done')),
  -- How far the step has come, as its own mark.
  mark text,
  counts jsonb not null default '{}',
  created_at timestamptz not null default now(),
  -- When the processes were told to let go: parts that were noted later are not its own.
  let_go_at timestamptz,
  -- Until when the process that works on it keeps it.
  due_at timestamptz default now(),
  done_at timestamptz
);
create index mcp_erasure_due on mcp_erasure (due_at) where due_at is not null;

-- Parts of bodies that were erased: each goes, unless another request holds it too.
create table mcp_erasure_piece (
  tenant text not null,
  day date not null,
  hash bytea not null,
  noted_at timestamptz not null default now(),
  primary key (tenant, day, hash)
);

-- Where the trail is told to, since when: what was sealed before is not told.
create table mcp_audit_sink (
  sink text primary key,
  since timestamptz not null default now()
);

-- How far: the newest block of each writer. One process at a time tells of a writer.
create table mcp_audit_cursor (
  sink text not null,
  writer text not null,
  seq bigint not null,
  owner text,
  until timestamptz,
  told_at timestamptz,
  primary key (sink, writer)
);

-- From where a key was used: a keyed digest of the network and the kind of client.
create table mcp_key_place (
  key_id text not null references mcp_key (id) on delete cascade,
  place bytea not null check (length(place) = 16),
  tenant text not null,
  first_at timestamptz not null default now(),
  primary key (key_id, place)
);

do $$
declare
  t text;
begin
  foreach t in array array['mcp_erasure', 'mcp_erasure_piece', 'mcp_key_place'] loop
    execute format('alter table %I enable row level security', t);
    execute format($p$create policy mcp_tenant on %I using (not (
      (select case when coalesce(current_setting('goblin.tenant', true), '') = '' then 'open' else 'shut' end) = 'shut'
      and tenant <> (select current_setting('goblin.tenant', true)))) with check (true)$p$, t);
  end loop;
end $$;
