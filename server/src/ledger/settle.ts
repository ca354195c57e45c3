/** The ends of a request: settled by its runner, or cancelled by its caller. */
import type { Sql } from '../contract/ports.ts';
import type { Settlement, StoredFrame } from '../contract/record.ts';
import type { State } from '../contract/states.ts';
import { type Content, withoutWords } from './content.ts';
import { createGroup, type Group } from './group.ts';
import { dayOf } from './ids.ts';
import { createVariants } from './variants.ts';
import {
  ATTEMPT_OF_OURS,
  anySealed,
  attemptColumns,
  frameRows,
  framesOfOurs,
  numberFrames,
  partialColumns,
} from './write.ts';

/** What a group has in it: steps that have nothing to do are left out of its statement (variants.ts). */
interface Has {
  /** Ends that are successes: they have results. */
  results: boolean;
  /** Text that was shown before an end that is none. */
  partials: boolean;
  frames: boolean;
  /** Requests that want a call-back. */
  callbacks: boolean;
  /** Content that is encrypted. */
  sealed: boolean;
}

// Ends running requests: state, result, last attempt, last frames, event and call-back, all or nothing.
const settle = (has: Has): string => `
with input as (
  select * from json_to_recordset($1::json) as x(id uuid, day date, tenant text, epoch int, state text, request_error jsonb,
    last_seq int, finish_reason text, result_provider text, result_model text
    ${has.results ? ', text text, message json, result_usage jsonb, result_price_version text, result_latency int' : ''}
    ${has.partials ? ', partial text' : ''} ${has.sealed ? ', sealed text, key_id text' : ''},
    ended smallint, status text, first_token_ms int, latency_ms int, usage jsonb, cost_pico bigint, price_version text,
    error jsonb)
), ours as (
  update mcp_request r
  set state = i.state, finished_at = now(), error = i.request_error, last_seq = greatest(r.last_seq, i.last_seq),
    -- One attempt without a price makes the whole unknown: never a smaller number that looks true.
    cost_pico = case when i.ended is not null and i.cost_pico is null then null
      when i.ended = 1 and r.attempts = 1 then i.cost_pico else (
      select case when coalesce(bool_or(a.cost_pico is null), false) then null
        else coalesce(sum(a.cost_pico), 0) + coalesce(i.cost_pico, 0) end
      from mcp_attempt a where a.request_id = i.id and a.attempt is distinct from i.ended) end
  from input i
  where r.id = i.id and r.tenant = i.tenant and r.epoch = i.epoch and r.state = 'running'
  returning r.id, r.epoch, r.cost_pico, r.callback_url
), attempts as (${ATTEMPT_OF_OURS}
)${
  has.results
    ? `, results as (
  insert into mcp_result (request_id, day, tenant, text, message, finish_reason, provider, model, usage, cost_pico,
    price_version, latency_ms${has.sealed ? ', sealed, key_id' : ''})
  select i.id, i.day, i.tenant, i.text, i.message, i.finish_reason, i.result_provider, i.result_model, i.result_usage,
    o.cost_pico, i.result_price_version, i.result_latency${has.sealed ? ", decode(i.sealed, 'base64'), i.key_id" : ''}
  from input i join ours o using (id) where i.state = 'succeeded'
)`
    : ''
}${
  has.partials
    ? `, partials as (
  insert into mcp_partial (request_id, day, text${has.sealed ? ', sealed, key_id' : ''})
  select i.id, i.day, i.partial${has.sealed ? ", decode(i.sealed, 'base64'), i.key_id" : ''} from input i join ours using (id)
  where ${has.sealed ? 'coalesce(i.partial, i.sealed)' : 'i.partial'} is not null and i.state <> 'succeeded'
)`
    : ''
}${has.frames ? `, frames as (${framesOfOurs(has.sealed)}\n)` : ''}, events as (
  insert into mcp_event (tenant, request_id, type, payload)
  select i.tenant, i.id, 'request.' || i.state, jsonb_strip_nulls(jsonb_build_object('epoch', i.epoch,
    'provider', i.result_provider, 'model', i.result_model, 'finish_reason', i.finish_reason,
    'cost_pico', o.cost_pico, 'code', i.request_error ->> 'code'))
  from input i join ours o using (id)
)${
  has.callbacks
    ? `, callbacks as (
  insert into mcp_callback (request_id, tenant, url, status, next_at)
  select i.id, i.tenant, o.callback_url, 'waiting', now() from input i join ours o using (id) where o.callback_url is not null
)`
    : ''
}
select id::text from ours where $2::json is not null`;

// Which of them have ended already just so: the answer to an earlier try was lost.
const SETTLED = `
select r.id::text from json_to_recordset($1::json) as i(id uuid, tenant text, epoch int, owner text, state text, last_seq int)
join mcp_request r using (id)
where r.tenant = i.tenant and r.epoch = i.epoch and r.owner = i.owner and r.state = i.state
  and i.state in ('succeeded', 'failed') and (i.last_seq = 0 or r.last_seq = i.last_seq)`;

// Ends a request as cancelled or expired from outside, with its end frame; the runner finds out by the fence and the bus.
const END = `
with ended as (
  update mcp_request
  set state = $3, finished_at = now(), error = $4::jsonb, last_seq = last_seq + (mode = 'detached')::int,
    -- Its runner has five seconds to say what the open attempt cost. What earlier attempts of one that waits have cost is
    -- for the sweep to add up: this statement may have begun before the last of them was settled, and would not see that.
    settle_by = case when state = 'running' then now() + interval '5 seconds' when attempts > 0 then now() end,
    cost_pico = case when state = 'queued' and attempts = 0 then 0 end
  where tenant = $1 and id = $2 and state in ('queued', 'running')
  returning id, day, tenant, mode, epoch, last_seq, callback_url
), frames as (
  insert into mcp_frame (request_id, seq, day, epoch, type, data)
  select id, last_seq, (now() at time zone 'utc')::date, epoch, 'end', replace($5, '"seq":0', '"seq":' || last_seq)::json
  from ended where mode = 'detached'
), events as (
  insert into mcp_event (tenant, request_id, type, actor, payload)
  select tenant, id, 'request.' || $3, $6, jsonb_build_object('epoch', epoch) from ended
), callbacks as (
  insert into mcp_callback (request_id, tenant, url, status, next_at)
  select id, tenant, callback_url, 'waiting', now() from ended where callback_url is not null
)
select mode, last_seq from ended`;

// The state of one request.
const STATE = 'select state from mcp_request where tenant = $1 and id = $2';

export function createSettleGroup(sql: Sql, content: Content | null): Group<Settlement, StoredFrame[] | null> {
  const settles = createVariants(settle);
  return createGroup(
    async (items) => {
      const stored = items.map((item) => numberFrames(item.firstSeq, item.frames));
      const rows = items.flatMap((item, index) => frameRows(item, stored[index] ?? [], content));
      const input = items.map((item) => toInput(item, content));
      const statement = settles({
        results: items.some((item) => item.result !== null),
        partials: items.some((item) => item.partialText !== null),
        frames: rows.length > 0,
        callbacks: items.some((item) => item.callback),
        sealed: anySealed(items, content),
      });
      const ours = await sql.query<{ id: string }>(statement, [JSON.stringify(input), `[${rows.join(',')}]`]);
      const ids = new Set(ours.map((row) => row.id));
      const others = input.filter((item) => !ids.has(item.id as string));
      if (others.length > 0) {
        const settled = await sql.query<{ id: string }>(SETTLED, [JSON.stringify(others)]);
        for (const { id } of settled) ids.add(id);
      }
      return items.map((item, index) => (ids.has(item.id) ? (stored[index] ?? []) : null));
    },
    { most: 256, limit: 20_000 },
  );
}

export const RESULT_PLACE = 'result';

function toInput(s: Settlement, content: Content | null): Record<string, unknown> {
  const result = s.result;
  const sealing = content?.seals(s.tenant) ? content : null;
  return {
    id: s.id,
    day: dayOf(s.id),
    tenant: s.tenant,
    epoch: s.epoch,
    owner: s.owner,
    state: s.state,
    request_error: s.error && sealing ? withoutWords(s.error, 'message') : s.error,
    last_seq: s.frames.length === 0 ? 0 : s.firstSeq + s.frames.length - 1,
    ...(result && {
      ...(sealing
        ? sealing.seal(s.tenant, s.id, RESULT_PLACE, JSON.stringify({ text: result.text, message: result.message }))
        : { text: result.text, message: result.message }),
      finish_reason: result.finishReason,
      result_provider: result.provider,
      result_model: result.model,
      result_usage: result.usage,
      result_price_version: result.priceVersion,
      result_latency: Math.round(result.latencyMs),
    }),
    ...(result ? {} : partialColumns(s.tenant, s.id, s.partialText, content)),
    ...attemptColumns(s.attempt, s.tenant, content),
  };
}

/** Answers whether it ended the request, and with which last frame; null for an unknown id. */
export async function endFromOutside(
  sql: Sql,
  tenant: string,
  id: string,
  state: 'cancelled' | 'expired' | 'failed',
  error: { code: string; message: string },
  actor: string,
): Promise<{ state: State; changed: boolean; frame: StoredFrame | null } | null> {
  const end = JSON.stringify({ seq: 0, type: 'end', status: state, finish_reason: null, error });
  const [row] = await sql.query<{ mode: string; last_seq: number }>(END, [
    tenant,
    id,
    state,
    JSON.stringify(error),
    end,
    actor,
  ]);
  if (row) {
    const json = end.replace('"seq":0', `"seq":${row.last_seq}`);
    return { state, changed: true, frame: row.mode === 'detached' ? { seq: row.last_seq, type: 'end', json } : null };
  }
  const [now] = await sql.query<{ state: State }>(STATE, [tenant, id]);
  return now ? { state: now.state, changed: false, frame: null } : null;
}
