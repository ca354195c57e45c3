-- compatible-from: 8
-- An older build cannot read what is encrypted here, and would take it for gone.

-- The keys of digests (user ids, placeholders), sealed with MCP_SECRET: digests stay the same when that is rotated.
create table mcp_kept_key (
  use text primary key,
  sealed bytea not null,
  -- Which MCP_SECRET it is sealed with, and which one it came from.
  key_id text not null,
  made_from text not null
);

-- Keys of vendors that were set through the API.
create table mcp_provider_key (
  id text primary key,
  -- Null: of the installation, for every tenant that has none of its own.
  tenant text references mcp_tenant (id),
  provider text not null,
  name text not null,
  -- Where it may be sent, and nowhere else.
  origin text not null,
  sealed bytea not null,
  -- Which MCP_SECRET, here and below; null or empty: nothing in the row depends on one.
  key_id text not null,
  last_four text not null,
  created_at timestamptz not null default now(),
  created_by text not null
);
create unique index mcp_provider_key_name on mcp_provider_key (coalesce(tenant, ''), provider, name);

alter table mcp_provider_key enable row level security;
create policy mcp_tenant on mcp_provider_key using (not (
  (select case when coalesce(current_setting('goblin.tenant', true), '') = '' then 'open' else 'shut' end) = 'shut'
  and coalesce(tenant, '') <> (select current_setting('goblin.tenant', true)))) with check (true);

alter table mcp_tenant
  -- How content rests; null: as goblin.yaml says.
  add column bodies text check (bodies in ('stored', 'encrypted', 'erased')),
  -- Since when.
  add column bodies_at timestamptz,
  -- What came in before `erased` was set is marked in steps; the next one begins after this request. Null: nothing to mark.
  add column erase_from uuid;

alter table mcp_request
  -- Its content goes ten minutes after its end; then this is false again.
  add column erases boolean not null default false;
create index mcp_request_erases on mcp_request (finished_at) where erases;

-- Where `sealed` is set, what stands beside it is empty.
alter table mcp_body add column key_id text;
alter table mcp_piece add column key_id text;
alter table mcp_result add column sealed bytea, add column key_id text,
  alter column text drop not null, alter column message drop not null;
alter table mcp_partial add column sealed bytea, add column key_id text, alter column text drop not null;
alter table mcp_frame add column sealed bytea, add column key_id text, alter column data drop not null;

-- Which secrets it can read: all must be able to read what any of them writes.
alter table mcp_process add column secret_ids text[];
