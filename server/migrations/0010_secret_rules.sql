-- compatible-from: 10
-- An older build would send what a tenant's rules replace.

-- Rules of tenants for the scanner. A change is a new version; none is changed or taken away.
create table mcp_secret_rules (
  tenant text not null references mcp_tenant (id),
  version int not null check (version > 0),
  -- `{rules, actions}`: guard/secrets/document.ts.
  document jsonb not null,
  actor text not null,
  created_at timestamptz not null default now(),
  primary key (tenant, version)
);

alter table mcp_secret_rules enable row level security;
create policy mcp_tenant on mcp_secret_rules using (not (
  (select case when coalesce(current_setting('goblin.tenant', true), '') = '' then 'open' else 'shut' end) = 'shut'
  and tenant <> (select current_setting('goblin.tenant', true)))) with check (true);
