-- compatible-from: 4
-- An older build goes on beside this one, but holds nothing for what it lets in.

-- Limits and budgets. A budget has a purse for each of its periods and for each one that it counts apart. What processes
-- take from a purse are slices; what requests hold is of a slice. Picodollars. At any time
--   spent + sum over slices (open + used)  is at most the hard limit,
-- where `open` is what its process may still hold and what requests hold of it, and `used` what they have come to.
create table mcp_budget (
  id text primary key,
  -- Null: each tenant, by itself.
  tenant text,
  -- `file`: of goblin.yaml, which is read at each start; here because its first day and its limits are asked for in SQL.
  source text not null check (source in ('file', 'api')),
  name text,
  scope text not null,
  match text,
  period text not null check (period in ('day', 'month', 'total')),
  hard_pico bigint check (hard_pico >= 0),
  soft_pico bigint check (soft_pico >= 0),
  webhook_url text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  removed_at timestamptz,
  check (hard_pico is not null or soft_pico is not null)
);
create index mcp_budget_tenant on mcp_budget (tenant) where removed_at is null;

create table mcp_purse (
  id bigint generated always as identity primary key,
  budget text not null,
  tenant text not null,
  -- Whose it is, as the budget's scope says.
  subject text not null,
  -- Its first day, UTC; the first of all for those without an end.
  starts date not null,
  ends timestamptz,
  spent_pico bigint not null default 0,
  -- When the soft and the hard limit were reached: it is said once.
  warned_at timestamptz,
  exceeded_at timestamptz,
  unique (budget, tenant, subject, starts)
);
create index mcp_purse_tenant on mcp_purse (tenant, starts);

create table mcp_slice (
  id bigint generated always as identity primary key,
  purse bigint not null references mcp_purse (id),
  -- The process; empty: of a dead one, kept for what its requests hold.
  owner text not null,
  open_pico bigint not null,
  used_pico bigint not null default 0,
  changed_at timestamptz not null default now(),
  unique (purse, owner)
) with (fillfactor = 50);

-- Whoever deletes a hold charges its request, so that it happens once. A slice that is gone takes no hold: a process that
-- was believed dead cannot spend what was given back.
create table mcp_hold (
  request_id uuid not null,
  slice bigint not null references mcp_slice (id),
  pico bigint not null check (pico > 0),
  primary key (request_id, slice)
);
create index mcp_hold_slice on mcp_hold (slice);

-- What is told to somebody outside by a signed POST, beside the ends of requests.
create table mcp_notice (
  id text primary key,
  tenant text not null,
  url text not null,
  body json not null,
  status text not null default 'waiting',
  tries smallint not null default 0,
  next_at timestamptz default now(),
  last_error text,
  created_at timestamptz not null default now()
);
create index mcp_notice_due on mcp_notice (next_at) where next_at is not null;

-- Grows when limits or budgets change, so that every process reads them again.
create table mcp_rules (
  one boolean primary key default true check (one),
  version bigint not null default 1
);
insert into mcp_rules default values;

alter table mcp_request
  -- For which the caller acts.
  add column team text;

-- What a tenant may use, beside what goblin.yaml says; keys, teams and accounts have the same.
alter table mcp_tenant add column limits json;
alter table mcp_slice set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
alter table mcp_hold set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
