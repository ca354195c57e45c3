-- compatible-from: 4
-- An older build would take a key that is bound to some models or to a closed account for one that may do everything in
-- its tenant.

alter table mcp_tenant
  add column name text,
  add column disabled_at timestamptz;

create table mcp_team (
  id text primary key,
  tenant text not null references mcp_tenant (id),
  name text not null,
  -- Rate limits, here and below.
  limits json,
  created_at timestamptz not null default now(),
  closed_at timestamptz
);
-- A closed team stays for the record; its name is free again.
create unique index mcp_team_name on mcp_team (tenant, name) where closed_at is null;

create table mcp_user (
  id text primary key,
  tenant text not null references mcp_tenant (id),
  -- As it was written, and in lower case: one account for each address of a tenant.
  email text not null,
  email_key text not null,
  name text,
  -- Argon2id in PHC form; null: signs in elsewhere.
  password text,
  -- What it is in its tenant.
  role text not null,
  -- Of all tenants: those who run the installation.
  everywhere boolean not null default false,
  limits json,
  created_at timestamptz not null default now(),
  seen_at timestamptz,
  disabled_at timestamptz,
  unique (tenant, email_key)
);

-- What a user is when it acts for a team, beside what it is in its tenant.
create table mcp_membership (
  team text not null references mcp_team (id) on delete cascade,
  user_id text not null references mcp_user (id) on delete cascade,
  tenant text not null,
  role text not null,
  -- `local`, or the issuer whose groups say so: each sign-in replaces only what it has said itself.
  source text not null default 'local',
  created_at timestamptz not null default now(),
  primary key (team, user_id)
);
create index mcp_membership_user on mcp_membership (user_id);

-- Who an account is at an issuer.
create table mcp_identity (
  issuer text not null,
  subject text not null,
  tenant text not null,
  user_id text not null references mcp_user (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (issuer, subject, tenant)
);
create index mcp_identity_user on mcp_identity (user_id);

-- A sign-in and all refresh tokens that come of it.
create table mcp_session (
  id text primary key,
  tenant text not null,
  user_id text not null references mcp_user (id) on delete cascade,
  -- For which it acts.
  team text references mcp_team (id),
  method text not null,
  created_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),
  expires_at timestamptz not null,
  ended_at timestamptz,
  -- `logout`, `reuse`, `password`, `disabled`, `revoked`
  ended_by text
);
create index mcp_session_user on mcp_session (user_id) where ended_at is null;
create index mcp_session_old on mcp_session (expires_at);

-- Each is used once; a used one stays as long as its session, so that a second use is seen.
create table mcp_refresh (
  -- SHA-256: it has 256 random bits.
  hash bytea primary key,
  session text not null references mcp_session (id) on delete cascade,
  created_at timestamptz not null default now(),
  used_at timestamptz
);
create index mcp_refresh_session on mcp_refresh (session);

-- Tokens that make the first owner.
create table mcp_setup (
  hash bytea primary key,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);

-- Tries to sign in, by a digest of who tries or at what.
create table mcp_throttle (
  name bytea primary key,
  tries int not null,
  last_at timestamptz not null default now()
);
create index mcp_throttle_old on mcp_throttle (last_at);

alter table mcp_key
  add column team text references mcp_team (id),
  -- Whose it is: it ends with the account, and never has more rights.
  add column user_id text references mcp_user (id),
  add column role text not null default 'service',
  -- Names and patterns of models; null: all.
  add column models text[],
  add column limits json,
  add column made_by text,
  -- How `hash` was made of the key; see identity/schemes.ts.
  add column scheme text not null default 'goblin';
create index mcp_key_tenant on mcp_key (tenant, created_at);

-- The second fence: a read that names a tenant in `goblin.tenant` sees no row of another one, whatever its own text
-- forgets. Statements of the service itself, which go over all tenants, leave the setting empty. It holds for a role that
-- does not own the tables. Written so that the planner expects to keep every row: as an equality it would expect a two
-- hundredth of them, and choose plans for that.
do $$
declare
  t text;
begin
  foreach t in array array['mcp_request', 'mcp_attempt', 'mcp_event', 'mcp_result', 'mcp_idempotency', 'mcp_piece',
    'mcp_key', 'mcp_team', 'mcp_user', 'mcp_membership', 'mcp_identity', 'mcp_session'] loop
    execute format('alter table %I enable row level security', t);
    execute format($p$create policy mcp_tenant on %I using (not (
      (select case when coalesce(current_setting('goblin.tenant', true), '') = '' then 'open' else 'shut' end) = 'shut'
      and tenant <> (select current_setting('goblin.tenant', true)))) with check (true)$p$, t);
  end loop;
end $$;
