-- compatible-from: 10
-- Earlier builds wrote events of `goblin key` with no process to seal them. They are left as those of a process that is
-- gone, so that the next one that looks seals and tells them.
insert into mcp_process (id, kind, host, pid, beat_at, lease_ms, capacity, writer)
select 'left by ' || e.writer, 'all', '', 0, '-infinity', 0, 0, e.writer
from (
  select distinct writer from mcp_event
  where writer in ('goblin key', 'goblin') and id > (select coalesce(max(id), 0) - 100000 from mcp_event)
) e;
