/** How a request comes into the ledger: detached ones are queued, attached ones begin at once. */
import type { Sql } from '../contract/ports.ts';
import type { Acceptance, Accepted, AttemptStart } from '../contract/record.ts';
import type { BodyPacker, PackedBody } from './bodies.ts';
import { createGauge, type QueueCaps } from './gauge.ts';
import { createGroup, type Group } from './group.ts';
import { createVariants } from './variants.ts';

/** Ten seconds of waiting are worth one step of priority, so that nobody starves. */
export const PRIORITY_STEP = '10 seconds';
/** A request is pulled forward so that it starts a minute before its deadline at the latest. */
const DEADLINE_LEAD = '60 seconds';
/**
 * Requests that a user has waiting put the next one back: others of the tenant come in between. A second each at first,
 * more and more each later: 15 s by ten, 20 minutes by a hundred and twenty, 2.7 hours by three hundred, and no more by
 * the rest, so that few have to be counted.
 */
const MOST_AHEAD = 300;
const setBack = (ahead: string): string => `${ahead} * power(1 + ${ahead} / 64.0, 2) * interval '1 second'`;
export const IDEMPOTENCY_HOURS = 24;

/** What a group has in it. A statement has only the steps that its group needs: each costs even where it has nothing to do. */
interface Has {
  /** Idempotency keys. */
  keys: boolean;
  attached: boolean;
  /** Parts of calls that are not known to be stored. */
  pieces: boolean;
  /** The depth of the queue is to be looked at: $3 and $4 bound the queue of a tenant and of all. */
  caps: boolean;
  /** Something that was sent before, and of which the answer was lost. */
  again: boolean;
}

// Writes requests with their bodies, events, idempotency keys, and first attempts of attached ones.
const accept = (has: Has): string => `
with input as (
  select * from json_to_recordset($1::json) as x(
    n int, id uuid, day date, tenant text, key_id text, kind text, mode text, priority smallint, task_type text,
    model text, user_hash text, user_key text, not_before float8, deadline_ms float8, failover text, callback_url text,
    estimate_pico bigint, price_version text, labels jsonb, encoding text, data text
    ${has.keys ? ', idem_key text, idem_hash text' : ''}
    ${has.attached ? ', owner text, provider text, attempt_model text, reason text, input_pico bigint, output_pico bigint' : ''})
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
}, users as (
  select u.tenant, u.user_hash, u.priority, (select count(*) from (
    select 1 from mcp_request q where q.state = 'queued' and q.tenant = u.tenant
      and q.user_hash = decode(u.user_hash, 'hex') and q.priority >= u.priority limit ${MOST_AHEAD}) c) as ahead
  from (select distinct tenant, user_hash, priority from fresh where mode = 'detached') u
), ranked as (
  select f.*, coalesce(to_timestamp(f.not_before / 1000.0), now()) as due, least(${MOST_AHEAD}, coalesce(u.ahead, 0)
    + row_number() over (partition by f.tenant, f.user_hash, f.priority order by f.n) - 1) as ahead
  from fresh f left join users u on u.tenant = f.tenant and u.user_hash = f.user_hash and u.priority = f.priority
), rows as (
  insert into mcp_request (id, day, tenant, key_id, kind, mode, state, priority, task_type, model, user_hash, user_key,
    not_before, deadline_at, due_at, queue_rank, ${has.attached ? 'owner, epoch, attempts, started_at, ' : ''}failover,
    callback_url, estimate_pico, price_version, labels)
  select id, day, tenant, key_id, kind, mode, case mode when 'attached' then 'running' else 'queued' end, priority,
    task_type, model, decode(user_hash, 'hex'), user_key, to_timestamp(not_before / 1000.0),
    now() + deadline_ms * interval '1 millisecond', due,
    least(due - priority * interval '${PRIORITY_STEP}' + ${setBack('ahead')},
      now() + deadline_ms * interval '1 millisecond' - interval '${DEADLINE_LEAD}'),
    ${
      has.attached
        ? `owner, case mode when 'attached' then 1 else 0 end, case mode when 'attached' then 1 else 0 end,
    case mode when 'attached' then now() end, `
        : ''
    }failover, callback_url, estimate_pico, price_version, labels
  from ranked
  returning id, created_at
)${
  has.pieces
    ? `, pieces as (
  insert into mcp_piece (tenant, hash, day, encoding, data)
  select tenant, decode(hash, 'hex'), day, encoding, decode(data, 'base64')
  from json_to_recordset($2::json) as x(tenant text, hash text, day date, encoding text, data text)
  order by tenant, hash
  on conflict do nothing
)`
    : ''
}, bodies as (
  insert into mcp_body (request_id, day, encoding, data) select id, day, encoding, decode(data, 'base64') from fresh
)${
  has.attached
    ? `, attempts as (
  insert into mcp_attempt (request_id, attempt, tenant, epoch, provider, model, reason, status, input_pico, output_pico)
  select id, 1, tenant, 1, provider, attempt_model, reason, 'running', input_pico, output_pico
  from fresh where mode = 'attached'
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
  has.caps
    ? `, coalesce(w.queued, 0)::int as queued, (select queued from total)::int as total,
  case when p.mode = 'attached' ${has.again ? 'or t.id is not null' : ''} then null when place > $3::int then 'tenant'
    when place_of_all > $4::int then 'all' end as full`
    : ''
}
from ${has.caps ? 'placed' : 'input'} p left join rows r using (id)
${has.again ? 'left join there t using (id)' : ''} ${has.caps ? 'left join waiting w using (tenant)' : ''}
where $2::json is not null`;

// Finds what earlier requests the idempotency keys stand for.
const FIND_KEYS = `
select i.tenant, i.key, encode(i.body_hash, 'hex') as hash, i.request_id::text as id, r.estimate_pico::float8 as estimate,
  (extract(epoch from r.created_at) * 1000)::float8 as created_at
from mcp_idempotency i join json_to_recordset($1::json) as x(tenant text, key text) using (tenant, key)
left join mcp_request r on r.id = i.request_id where i.expires_at > now()`;

// Drops idempotency keys that are out of date, so that they can be used again.
const EXPIRE_KEYS = `
delete from mcp_idempotency i using json_to_recordset($1::json) as x(tenant text, key text)
where i.tenant = x.tenant and i.key = x.key and i.expires_at <= now()`;

interface Item {
  tenant: string;
  acceptance: Acceptance;
  owner: string | null;
  attempt: AttemptStart | null;
}

function toInput(
  { tenant, acceptance: a, owner, attempt }: Item,
  n: number,
  body: PackedBody,
): Record<string, unknown> {
  return {
    n,
    id: a.id,
    day: body.day,
    tenant,
    key_id: a.keyId,
    kind: a.kind,
    mode: a.mode,
    priority: a.priority,
    task_type: a.taskType,
    model: a.model,
    user_hash: a.userHash,
    user_key: a.userKeyId,
    not_before: a.notBefore,
    deadline_ms: a.deadlineMs,
    failover: a.failover,
    callback_url: a.callbackUrl,
    estimate_pico: a.estimatePico,
    price_version: a.priceVersion,
    labels: a.labels,
    encoding: body.encoding,
    data: body.data,
    ...(a.idempotency && { idem_key: a.idempotency.key, idem_hash: a.idempotency.bodyHash }),
    ...(attempt && {
      owner,
      provider: attempt.provider,
      attempt_model: attempt.model,
      reason: attempt.reason,
      input_pico: attempt.inputPico,
      output_pico: attempt.outputPico,
    }),
  };
}

interface KeyRow extends Record<string, unknown> {
  tenant: string;
  key: string;
  hash: string;
  id: string;
  estimate: number | null;
  created_at: number | null;
}

interface Written extends Record<string, unknown> {
  n: number;
  created_at: number | null;
  /** With `caps` only. */
  queued?: number;
  total?: number;
  full?: 'tenant' | 'all' | null;
}

export function createAcceptGroup(sql: Sql, packer: BodyPacker, caps: QueueCaps): Group<Item, Accepted> {
  const gauge = createGauge(caps);
  const accepts = createVariants(accept);

  async function write(items: Item[]): Promise<Accepted[]> {
    const packed = packer.pack(
      items.map(({ tenant, acceptance }) => ({ id: acceptance.id, tenant, body: acceptance.body })),
    );
    const { bodies, pieces } = packed instanceof Promise ? await packed : packed;
    const look = gauge.mustLook(items.filter((item) => item.acceptance.mode === 'detached').map((item) => item.tenant));
    const statement = accepts({
      keys: items.some((item) => item.acceptance.idempotency !== null),
      attached: items.some((item) => item.attempt !== null),
      pieces: pieces.length > 0,
      caps: look,
      again: items.some((item) => item.acceptance.sent === true),
    });
    for (const item of items) item.acceptance.sent = true;
    const written = await sql.query<Written>(statement, [
      JSON.stringify(items.map((item, n) => toInput(item, n, bodies[n] as PackedBody))),
      pieces.length === 0 ? '[]' : JSON.stringify(pieces),
      ...(look ? [caps.perTenant, caps.total] : []),
    ]);
    packer.stored(pieces);
    const rows = new Map(written.map((row) => [row.n, row]));
    if (look) for (const row of written) gauge.saw(items[row.n]?.tenant ?? '', row.queued ?? 0, row.total ?? 0);
    const taken = items.filter((_, n) => rows.get(n)?.created_at == null && !rows.get(n)?.full);
    const known = taken.length > 0 ? await findKeys(sql, taken) : new Map<string, KeyRow>();
    const stale = taken.filter((item) => !known.has(keyOf(item)));
    const again = new Map<string, Accepted>();
    if (stale.length > 0) {
      await sql.query(EXPIRE_KEYS, [
        JSON.stringify(stale.map((item) => ({ tenant: item.tenant, key: item.acceptance.idempotency?.key }))),
      ]);
      for (const item of stale) {
        const [answer] = await write([item]);
        if (answer) again.set(item.acceptance.id, answer);
      }
    }
    return items.map((item, n) => {
      const a = item.acceptance;
      const row = rows.get(n);
      if (row?.created_at != null) {
        if (a.mode === 'detached') gauge.added(item.tenant);
        return { outcome: 'accepted', id: a.id, createdAt: row.created_at, estimatePico: a.estimatePico };
      }
      if (row?.full) return { outcome: 'full', of: row.full };
      const late = again.get(a.id);
      if (late) return late;
      const found = known.get(keyOf(item));
      if (!found || found.hash !== a.idempotency?.bodyHash) return { outcome: 'mismatch' };
      return { outcome: 'replayed', id: found.id, createdAt: found.created_at ?? 0, estimatePico: found.estimate };
    });
  }
  return createGroup(write, { most: 256, limit: 20_000 });
}

const keyOf = (item: Item): string => `${item.tenant}\n${item.acceptance.idempotency?.key}`;

async function findKeys(sql: Sql, items: Item[]): Promise<Map<string, KeyRow>> {
  const wanted = items.map((item) => ({ tenant: item.tenant, key: item.acceptance.idempotency?.key ?? '' }));
  const rows = await sql.query<KeyRow>(FIND_KEYS, [JSON.stringify(wanted)]);
  return new Map(rows.map((row) => [`${row.tenant}\n${row.key}`, row]));
}

/** Looks an idempotency key up without using it. */
export async function findByIdempotencyKey(
  sql: Sql,
  tenant: string,
  key: string,
): Promise<{ id: string; bodyHash: string } | null> {
  const [row] = await sql.query<KeyRow>(FIND_KEYS, [JSON.stringify([{ tenant, key }])]);
  return row ? { id: row.id, bodyHash: row.hash } : null;
}
