-- compatible-from: 2
-- What many processes over one database need: when a request is due, what is owed, how fast the queue moves.

alter table mcp_request
  -- From when it may be claimed: the sweep asks for the first of these, not for all that wait.
  add column due_at timestamptz not null default now(),
  -- Attempts that a process handed back when it stopped: they do not count against the limit.
  add column unburnt smallint not null default 0,
  -- Ended from outside while an attempt ran: from then on its money is settled by estimate.
  add column settle_by timestamptz;

update mcp_request set due_at = greatest(created_at, not_before) where not_before is not null;

create index mcp_request_due on mcp_request (due_at) where state = 'queued';
create index mcp_request_user on mcp_request (tenant, user_hash, priority) where state = 'queued';
create index mcp_request_owed on mcp_request (settle_by) where settle_by is not null;
-- Asked for no more: what is owed stands at the request. Nor by tenant and time for events: nothing ever did.
drop index mcp_attempt_unsettled;
drop index mcp_event_tenant;

alter table mcp_attempt
  -- What the input is charged at least, and each output token: a lost attempt is priced in SQL. Picodollars.
  add column input_pico bigint,
  add column output_pico bigint;

alter table mcp_process
  -- Requests that it brought to an end since it started: how fast the queue moves.
  add column ended bigint not null default 0,
  -- What it says of itself: its last minute, what it found in Redis that was not ours.
  add column report jsonb,
  -- Which MCP_SECRET it has: all must have the same.
  add column secret_id text;

-- Rows that change often: dead versions at the head of the queue's indexes would slow every claim.
alter table mcp_request set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);
alter table mcp_attempt set (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 2000);
alter table mcp_process set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
