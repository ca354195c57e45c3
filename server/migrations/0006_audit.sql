-- compatible-from: 4
-- The trail becomes a chain: every second each process seals what it has written since, in a signed block that names the
-- block before it. Blocks hold digests, not contents, so a payload can be erased and the chain still holds.

alter table mcp_event
  drop column chain_seq, drop column prev, drop column digest,
  -- Who wrote it, and in which transaction: what is older than every open transaction is there for good, and can be sealed.
  alter column writer set default nullif(current_setting('application_name'), ''),
  add column xid xid8 default pg_current_xact_id();

create table mcp_audit_block (
  writer text not null,
  seq bigint not null,
  -- The events in it, and the SHA-256 of each one's payload (32 bytes each, in the same order).
  events bigint[] not null,
  payloads bytea not null,
  -- Everything with a transaction below this that the writer wrote is in this block or an earlier one.
  upto xid8 not null,
  last_id bigint not null,
  -- What is signed: JSON with the writer, the number, the time, the root of the events' digests, and the digest of the block before.
  header text not null,
  -- SHA-256 of the header, and its Ed25519 signature.
  digest bytea not null,
  signature bytea not null,
  key_id text not null,
  primary key (writer, seq)
);

-- Whose signatures these are: a public key for each MCP_SECRET that was in use.
create table mcp_audit_key (
  id text primary key,
  public_key text not null,
  since timestamptz not null default now()
);

-- Under which name a process writes: when it is gone, another one seals what it has left, before its row goes.
alter table mcp_process add column writer text default nullif(current_setting('application_name'), '');

-- The application's role may add to the trail, not change it: what has to go goes by these.

-- Deletes events older than `days` days: among the lowest ids, so that a look that finds none costs no more than one that does.
create function mcp_drop_events(days int, most int) returns int
language sql security definer set search_path from current as $$
  with lowest as materialized (
    select id, at from mcp_event order by id limit most
  ), old as (
    select e.id from mcp_event e join lowest l on l.id = e.id
    where days >= 1 and l.at < now() - days * interval '1 day' order by e.id for update of e skip locked
  ), gone as (
    delete from mcp_event where id in (select id from old) returning 1
  )
  select count(*)::int from gone
$$;

-- Takes the payloads of these requests' events away. What happened, when and to which request stays, and so does the chain.
create function mcp_erase_events(requests uuid[]) returns int
language sql security definer set search_path from current as $$
  with gone as (
    update mcp_event set payload = '{"erased": true}' where request_id = any(requests) and payload <> '{"erased": true}' returning 1
  )
  select count(*)::int from gone
$$;

revoke execute on function mcp_drop_events(int, int), mcp_erase_events(uuid[]) from public;
