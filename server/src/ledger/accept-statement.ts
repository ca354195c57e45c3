/** The statement that takes requests in. */

/** Ten seconds of waiting are worth one step of priority, so that nobody starves. */
export const PRIORITY_STEP = '10 seconds';
/** A request is pulled forward so that it starts a minute before its deadline at the latest. */
const DEADLINE_LEAD = '60 seconds';
/**
 * Requests that a user has waiting put the next one back: others of the tenant come in between. A second each at first,
 * more and more each later: 15 s by ten, 20 minutes by a hundred and twenty, 2.7 hours by three hundred, and no more by
 * the rest, so that few have to be counted.
 */
export const MOST_AHEAD = 300;
const setBack = (ahead: string): string => `${ahead} * power(1 + ${ahead} / 64.0, 2) * interval '1 second'`;
export const IDEMPOTENCY_HOURS = 24;

/** By the start of its statement: one that lay in a socket while the database stood still begins when that goes on. */
const IN_TIME = (of: string): string => `(${of}until is null or now() < to_timestamp(${of}until / 1000.0))`;

/** What a group has in it. A statement has only the steps that its group needs: each costs even where it has nothing to do. */
export interface Has {
  /** Idempotency keys. */
  keys: boolean;
  attached: boolean;
  /** Parts of calls that are not known to be stored. */
  pieces: boolean;
  /** Money that is held of budgets. */
  holds: boolean;
  /** Content that goes ten minutes after the end. */
  erases: boolean;
  /** The depth of the queue is to be looked at: $3 and $4 bound the queue of a tenant and of all. */
  caps: boolean;
  /**
   * What a user has waiting is to be counted; `joined` then is only how many of this group stand before it. Counting three
   * hundred costs as much as the rest of the statement.
   */
  users: boolean;
  /** Something that was sent before, and of which the answer was lost. */
  again: boolean;
  /** What is not there by `until` is not wanted any more. */
  fresh: boolean;
}

// Writes requests with their bodies, events, idempotency keys, and first attempts of attached ones.
export const acceptStatement = (has: Has): string => `
with input as (
  select * from json_to_recordset($1::json) as x(
    n int, id uuid, day date, tenant text, key_id text, kind text, mode text, priority smallint, task_type text,
    model text, user_hash text, user_key text, not_before float8, deadline_ms float8, failover text, callback_url text,
    estimate_pico bigint, price_version text, labels jsonb, team text, encoding text, data text, body_key text, joined int
    ${has.holds ? ', holds json' : ''} ${has.erases ? ', erases boolean' : ''}
    ${has.fresh ? ', until float8' : ''} ${has.keys ? ', idem_key text, idem_hash text' : ''}
    ${has.attached ? ', owner text, provider text, attempt_model text, key_ref text, reason text, input_pico bigint, output_pico bigint, plan jsonb' : ''})
)${
  has.again
    ? `, there as (
  select r.id, r.created_at from input i join mcp_request r on r.id = i.id and r.tenant = i.tenant
)`
    : ''
}${
  has.caps
    ? `, waiting as (
  select t.tenant, (select count(*) from (
      select 1 from mcp_request q where q.state = 'queued' and q.tenant = t.tenant limit $3::int + 1) c) as queued
  from (select distinct tenant from input where mode = 'detached') t
), total as (
  select count(*) as queued from (select 1 from mcp_request q where q.state = 'queued' limit $4::int + 1) c
), placed as (
  select i.*, w.queued + row_number() over (partition by i.tenant, i.mode order by i.n) as place,
    (select queued from total) + row_number() over (partition by i.mode order by i.n) as place_of_all
  from input i left join waiting w using (tenant)
)`
    : ''
}, allowed as (
  select * from ${has.caps ? 'placed' : 'input'} where true
    ${has.again ? 'and id not in (select id from there)' : ''}
    ${has.fresh ? `and ${IN_TIME('')}` : ''}
    ${has.caps ? `and (mode = 'attached' or (place <= $3::int and place_of_all <= $4::int))` : ''}
)${
  has.keys
    ? `, keys as (
  insert into mcp_idempotency (tenant, key, body_hash, request_id, expires_at)
  select tenant, idem_key, decode(idem_hash, 'hex'), id, now() + interval '${IDEMPOTENCY_HOURS} hours'
  from allowed where idem_key is not null order by tenant, idem_key
  on conflict do nothing
  returning request_id
), fresh as (
  select * from allowed where idem_key is null or id in (select request_id from keys)
)`
    : ', fresh as (select * from allowed)'
}${
  has.users
    ? `, users as (
  select u.tenant, u.user_hash, u.priority, (select count(*) from (
    select 1 from mcp_request q where q.state = 'queued' and q.tenant = u.tenant
      and q.user_hash = decode(u.user_hash, 'hex') and q.priority >= u.priority limit ${MOST_AHEAD}) c) as counted
  from (select distinct tenant, user_hash, priority from fresh where mode = 'detached') u
)`
    : ''
}, ranked as (
  select f.*, coalesce(to_timestamp(f.not_before / 1000.0), now()) as due, ${
    has.users ? `least(${MOST_AHEAD}, coalesce(u.counted, 0) + f.joined)` : 'f.joined'
  } as ahead
  from fresh f ${has.users ? 'left join users u on u.tenant = f.tenant and u.user_hash = f.user_hash and u.priority = f.priority' : ''}
), rows as (
  insert into mcp_request (id, day, tenant, key_id, kind, mode, state, priority, task_type, model, user_hash, user_key,
    not_before, deadline_at, due_at, queue_rank, ${has.attached ? 'owner, epoch, attempts, started_at, plan, ' : ''}failover,
    callback_url, estimate_pico, price_version, labels, team${has.erases ? ', erases' : ''})
  select id, day, tenant, key_id, kind, mode, case mode when 'attached' then 'running' else 'queued' end, priority,
    task_type, model, decode(user_hash, 'hex'), user_key, to_timestamp(not_before / 1000.0),
    now() + deadline_ms * interval '1 millisecond', due,
    least(due - priority * interval '${PRIORITY_STEP}' + ${setBack('ahead')},
      now() + deadline_ms * interval '1 millisecond' - interval '${DEADLINE_LEAD}'),
    ${
      has.attached
        ? `owner, case mode when 'attached' then 1 else 0 end, case mode when 'attached' then 1 else 0 end,
    case mode when 'attached' then now() end, plan, `
        : ''
    }failover, callback_url, estimate_pico, price_version, labels, team${has.erases ? ', coalesce(erases, false)' : ''}
  from ranked
  returning id, created_at
)${
  has.pieces
    ? `, pieces as (
  insert into mcp_piece (tenant, hash, day, encoding, data, key_id)
  select tenant, decode(hash, 'hex'), day, encoding, decode(data, 'base64'), key_id
  from json_to_recordset($2::json) as x(tenant text, hash text, day date, encoding text, data text, key_id text)
  order by tenant, hash
  on conflict do nothing
)`
    : ''
}, bodies as (
  insert into mcp_body (request_id, day, encoding, data, key_id) select id, day, encoding, decode(data, 'base64'), body_key from fresh
)${
  has.attached
    ? `, attempts as (
  insert into mcp_attempt (request_id, attempt, tenant, epoch, provider, model, key_ref, reason, status, input_pico, output_pico)
  select id, 1, tenant, 1, provider, attempt_model, key_ref, reason, 'running', input_pico, output_pico
  from fresh where mode = 'attached'
)`
    : ''
}${
  has.holds
    ? `, holds as (
  insert into mcp_hold (request_id, slice, pico)
  select f.id, h.slice, sum(h.pico)::bigint
  from fresh f cross join lateral json_to_recordset(coalesce(f.holds, '[]')) as h(slice bigint, pico bigint)
  group by f.id, h.slice
)`
    : ''
}, events as (
  insert into mcp_event (tenant, request_id, type, actor, payload)
  select tenant, id, case mode when 'attached' then 'request.running' else 'request.queued' end, key_id,
    jsonb_build_object('kind', kind, 'mode', mode, 'task_type', task_type, 'priority', priority, 'model', model,
      'user', user_hash)
  from fresh
)
select p.n, (extract(epoch from ${has.again ? 'coalesce(r.created_at, t.created_at)' : 'r.created_at'}) * 1000)::float8 as created_at${
  has.users ? ', u.counted::int' : ''
}${has.fresh ? `, not ${IN_TIME('p.')} as late` : ''}${
  has.caps
    ? `, coalesce(w.queued, 0)::int as queued, (select queued from total)::int as total,
  case when p.mode = 'attached' ${has.again ? 'or t.id is not null' : ''} then null when place > $3::int then 'tenant'
    when place_of_all > $4::int then 'all' end as full`
    : ''
}
from ${has.caps ? 'placed' : 'input'} p left join rows r using (id)
${has.again ? 'left join there t using (id)' : ''}
${has.users ? 'left join users u on u.tenant = p.tenant and u.user_hash = p.user_hash and u.priority = p.priority' : ''} ${has.caps ? 'left join waiting w on w.tenant = p.tenant' : ''}
where $2::json is not null`;
