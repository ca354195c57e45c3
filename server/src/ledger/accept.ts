/** How a request comes into the ledger: detached ones are queued, attached ones begin at once. */
import type { Sql } from '../contract/ports.ts';
import type { Acceptance, Accepted, AttemptStart, StoredBody } from '../contract/record.ts';
import { createGroup, type Group } from './group.ts';
import { dayOf } from './ids.ts';

/** Ten seconds of waiting are worth one step of priority, so that nobody starves. */
const PRIORITY_STEP = '10 seconds';
/** A request is pulled forward so that it starts a minute before its deadline at the latest. */
const DEADLINE_LEAD = '60 seconds';
export const IDEMPOTENCY_HOURS = 24;

// Writes requests with their bodies, events, idempotency keys, and first attempts of attached ones.
const ACCEPT = `
with input as (
  select * from json_to_recordset($1::json) as x(
    id uuid, day date, tenant text, key_id text, kind text, mode text, priority smallint, task_type text, model text,
    user_hash text, user_key text, not_before float8, deadline_ms float8, failover text, callback_url text,
    estimate_pico bigint, price_version text, labels jsonb, idem_key text, idem_hash text, encoding text, data text,
    owner text, provider text, attempt_model text, reason text)
), keys as (
  insert into mcp_idempotency (tenant, key, body_hash, request_id, expires_at)
  select tenant, idem_key, decode(idem_hash, 'hex'), id, now() + interval '${IDEMPOTENCY_HOURS} hours'
  from input where idem_key is not null
  on conflict do nothing
  returning request_id
), fresh as (
  select * from input where idem_key is null or id in (select request_id from keys)
), rows as (
  insert into mcp_request (id, day, tenant, key_id, kind, mode, state, priority, task_type, model, user_hash, user_key,
    not_before, deadline_at, queue_rank, owner, epoch, attempts, started_at, failover, callback_url, estimate_pico,
    price_version, labels)
  select id, day, tenant, key_id, kind, mode, case mode when 'attached' then 'running' else 'queued' end, priority,
    task_type, model, decode(user_hash, 'hex'), user_key, to_timestamp(not_before / 1000.0),
    now() + deadline_ms * interval '1 millisecond',
    least(coalesce(to_timestamp(not_before / 1000.0), now()) - priority * interval '${PRIORITY_STEP}',
      now() + deadline_ms * interval '1 millisecond' - interval '${DEADLINE_LEAD}'),
    owner, case mode when 'attached' then 1 else 0 end, case mode when 'attached' then 1 else 0 end,
    case mode when 'attached' then now() end, failover, callback_url, estimate_pico, price_version, labels
  from fresh
  returning id, created_at
), bodies as (
  insert into mcp_body (request_id, day, encoding, data) select id, day, encoding, decode(data, 'base64') from fresh
), attempts as (
  insert into mcp_attempt (request_id, attempt, tenant, epoch, provider, model, reason, status)
  select id, 1, tenant, 1, provider, attempt_model, reason, 'running' from fresh where mode = 'attached'
), events as (
  insert into mcp_event (tenant, request_id, type, actor, payload)
  select tenant, id, case mode when 'attached' then 'request.running' else 'request.queued' end, key_id,
    jsonb_build_object('kind', kind, 'mode', mode, 'task_type', task_type, 'priority', priority, 'model', model,
      'user', user_hash)
  from fresh
)
select id::text, (extract(epoch from created_at) * 1000)::float8 as created_at from rows`;

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

export function encodeBody(body: StoredBody): { encoding: string; data: string } {
  return { encoding: 'json', data: Buffer.from(JSON.stringify(body)).toString('base64') };
}

function toInput({ tenant, acceptance: a, owner, attempt }: Item): Record<string, unknown> {
  return {
    id: a.id,
    day: dayOf(a.id),
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
    idem_key: a.idempotency?.key ?? null,
    idem_hash: a.idempotency?.bodyHash ?? null,
    ...encodeBody(a.body),
    owner,
    provider: attempt?.provider ?? null,
    attempt_model: attempt?.model ?? null,
    reason: attempt?.reason ?? null,
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

export function createAcceptGroup(sql: Sql): Group<Item, Accepted> {
  async function write(items: Item[]): Promise<Accepted[]> {
    const rows = await sql.query<{ id: string; created_at: number }>(ACCEPT, [JSON.stringify(items.map(toInput))]);
    const created = new Map(rows.map((row) => [row.id, row.created_at]));
    const taken = items.filter((item) => !created.has(item.acceptance.id));
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
    return items.map((item) => {
      const a = item.acceptance;
      const createdAt = created.get(a.id);
      if (createdAt !== undefined) return { outcome: 'accepted', id: a.id, createdAt, estimatePico: a.estimatePico };
      const late = again.get(a.id);
      if (late) return late;
      const row = known.get(keyOf(item));
      if (!row || row.hash !== a.idempotency?.bodyHash) return { outcome: 'mismatch' };
      return { outcome: 'replayed', id: row.id, createdAt: row.created_at ?? 0, estimatePico: row.estimate };
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
