-- compatible-from: 10
-- An older build goes on beside this one: it keeps what is set by hand in memory alone.

-- Breakers that were set by hand and hold until somebody takes them back, or for a time.
create table mcp_breaker (
  provider text not null,
  model text not null,
  state text not null check (state in ('open', 'closed')),
  -- Who set it, as the trail names him.
  actor text not null,
  until timestamptz,
  set_at timestamptz not null,
  primary key (provider, model)
);
