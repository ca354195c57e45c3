/**
 * What a running request writes. Every statement is fenced: nothing of epoch n lands once n + 1 began or the request
 * ended. Every statement may be sent again when its answer was lost: the second time it finds its own work and says yes.
 */

import type { FrameBody } from '../contract/part.ts';
import type { Sql } from '../contract/ports.ts';
import type { AttemptEnd, AttemptStart, FrameWrite, StoredFrame } from '../contract/record.ts';
import { PRIORITY_STEP } from './accept-statement.ts';
import { type Content, withoutWords } from './content.ts';
import { createGroup, type Group } from './group.ts';
import { createVariants } from './variants.ts';

export interface AttemptWrite extends FrameWrite {
  start: AttemptStart;
  ended: AttemptEnd | null;
}

/** What a group has in it: steps that have nothing to do are left out of its statement (variants.ts). */
interface Has {
  /** Attempts that end as the next one begins. */
  ended: boolean;
  frames: boolean;
  /** Plans that had something to choose from. */
  plans: boolean;
  /** Money that is held of budgets. */
  holds: boolean;
  /** Frames that are encrypted. */
  sealed: boolean;
}

/** Ends the attempts that `input` names, of the requests in `ours`. */
export const ATTEMPT_OF_OURS = `
  update mcp_attempt a set status = i.status, first_token_ms = i.first_token_ms, latency_ms = i.latency_ms,
    usage = i.usage, cost_pico = i.cost_pico, price_version = i.price_version, error = i.error
  from input i join ours using (id)
  where a.request_id = i.id and a.attempt = i.ended and a.status = 'running'`;

/** Inserts the frames of $2 that belong to the requests in `ours`; those that are there already stay. */
export const framesOfOurs = (sealed: boolean): string => `
  insert into mcp_frame (request_id, seq, day, epoch, type, data${sealed ? ', sealed, key_id' : ''})
  select f.id, f.seq, f.day, o.epoch, f.type, f.data${sealed ? ", decode(f.sealed, 'base64'), f.key_id" : ''}
  from json_to_recordset($2::json) as f(id uuid, seq int, day date, type text, data json${sealed ? ', sealed text, key_id text' : ''})
  join ours o using (id)
  on conflict do nothing`;

// Begins attempts of running requests, ends the ones before them, and commits the frames that say so.
const attempt = (has: Has): string => `
with input as (
  select * from json_to_recordset($1::json) as x(id uuid, tenant text, epoch int, last_seq int, attempt smallint,
    provider text, model text, reason text, key_ref text, input_pico bigint, output_pico bigint
    ${has.plans ? ', plan jsonb' : ''} ${has.holds ? ', holds json' : ''} ${has.ended ? ', ended smallint, status text, first_token_ms int, latency_ms int, usage jsonb, cost_pico bigint, price_version text, error jsonb' : ''})
), ours as (
  update mcp_request r set attempts = i.attempt, last_seq = greatest(r.last_seq, i.last_seq)
    ${has.plans ? ', plan = coalesce(i.plan, r.plan)' : ''} from input i
  where r.id = i.id and r.tenant = i.tenant and r.epoch = i.epoch and r.state = 'running'
  returning r.id, r.epoch
)${
  has.ended
    ? `, closed as (${ATTEMPT_OF_OURS}
  returning a.request_id, a.provider, a.model
), hops as (
  insert into mcp_event (tenant, request_id, type, payload)
  select i.tenant, i.id, 'request.fallback', jsonb_build_object('attempt', i.attempt, 'from', c.provider || '/' || c.model,
    'to', i.provider || '/' || i.model, 'code', i.error ->> 'code')
  from input i join closed c on c.request_id = i.id where (c.provider, c.model) <> (i.provider, i.model)
)`
    : ''
}, begun as (
  insert into mcp_attempt (request_id, attempt, tenant, epoch, provider, model, key_ref, reason, status, input_pico, output_pico)
  select i.id, i.attempt, i.tenant, i.epoch, i.provider, i.model, i.key_ref, i.reason, 'running', i.input_pico, i.output_pico
  from input i join ours using (id)
  on conflict (request_id, attempt) do nothing${has.holds ? '\n  returning request_id' : ''}
)${
  has.holds
    ? `, holds as (
  insert into mcp_hold (request_id, slice, pico)
  select i.id, h.slice, sum(h.pico)::bigint
  from input i join begun b on b.request_id = i.id
  cross join lateral json_to_recordset(coalesce(i.holds, '[]')) as h(slice bigint, pico bigint)
  group by i.id, h.slice
  on conflict (request_id, slice) do update set pico = mcp_hold.pico + excluded.pico
)`
    : ''
}${has.frames ? `, frames as (${framesOfOurs(has.sealed)}\n)` : ''}
select id::text from ours where $2::json is not null`;

// Commits frames of running requests and moves their highest number.
const frames = ({ sealed }: { sealed: boolean }): string => `
with input as (
  select * from json_to_recordset($1::json) as x(id uuid, tenant text, epoch int, last_seq int)
), ours as (
  update mcp_request r set last_seq = greatest(r.last_seq, i.last_seq) from input i
  where r.id = i.id and r.tenant = i.tenant and r.epoch = i.epoch and r.state = 'running'
  returning r.id, r.epoch
), frames as (${framesOfOurs(sealed)}
)
select id::text from ours`;

// Ends one attempt of a request that is over or not: its money is written apart from its state, by the epoch that opened it.
const SETTLE_ATTEMPT = `
with ended as (
  update mcp_attempt set status = $5, first_token_ms = $6, latency_ms = $7, usage = $8::jsonb, cost_pico = $9::bigint,
    price_version = $10, error = $11::jsonb
  where request_id = $1 and tenant = $2 and attempt = $3 and epoch = $4 and status = 'running'
  returning 1
), partial as (
  insert into mcp_partial (request_id, day, text, sealed, key_id)
  select $1, r.day, $12::text, decode($13, 'base64'), $14 from mcp_request r
  where r.id = $1 and r.tenant = $2 and coalesce($12::text, $13) is not null and r.state in ('cancelled', 'expired', 'failed', 'blocked')
    and exists (select 1 from ended)
  on conflict do nothing
)
update mcp_request r set settle_by = null, cost_pico = (
  select case when coalesce(bool_or(a.cost_pico is null), false) then null else coalesce(sum(a.cost_pico), 0) end + $9::bigint
  from mcp_attempt a where a.request_id = $1 and a.attempt <> $3)
where r.id = $1 and r.tenant = $2 and exists (select 1 from ended)`;

// Hands a running request back to the queue; $6 attempts of it do not count against the limit.
const RELEASE = `
with back as (
  update mcp_request set state = 'queued', owner = null, due_at = now() + $4 * interval '1 millisecond',
    queue_rank = case when $4 > 0 then greatest(queue_rank, now() + $4 * interval '1 millisecond' - priority * interval '${PRIORITY_STEP}')
      else queue_rank end, unburnt = unburnt + $6::smallint,
    -- Its time has not begun before something was tried.
    started_at = case when attempts > 0 then started_at end
  where id = $1 and tenant = $2 and epoch = $3 and state = 'running'
  returning id, tenant, epoch
), events as (
  insert into mcp_event (tenant, request_id, type, payload)
  select tenant, id, 'request.queued', jsonb_build_object('epoch', epoch, 'reason', $5::text, 'delay_ms', $4) from back
)
select id from back`;

/** Frames as they are stored and sent: the same text everywhere. */
export function numberFrames(firstSeq: number, frames: readonly FrameBody[]): StoredFrame[] {
  return frames.map((frame, index) => {
    const seq = firstSeq + index;
    return { seq, type: frame.type, json: `{"seq":${seq},${JSON.stringify(frame).slice(1)}` };
  });
}

export const framePlace = (seq: number): string => `frame ${seq}`;

/** One JSON array for `json_to_recordset`, without parsing the frames' text again. */
export function frameRows(
  { id, tenant, day }: Pick<FrameWrite, 'id' | 'tenant' | 'day'>,
  frames: readonly StoredFrame[],
  content: Content | null,
): string[] {
  const sealing = content?.seals(tenant) ? content : null;
  return frames.map((frame) => {
    const head = `{"id":"${id}","seq":${frame.seq},"day":"${day}","type":"${frame.type}",`;
    if (sealing === null) return `${head}"data":${frame.json}}`;
    return head + JSON.stringify(sealing.seal(tenant, id, framePlace(frame.seq), frame.json)).slice(1);
  });
}

/** Whether any of them has content that is encrypted. */
export const anySealed = (items: readonly { tenant: string }[], content: Content | null): boolean =>
  content !== null && items.some(({ tenant }) => content.seals(tenant));

export function attemptColumns(
  ended: AttemptEnd | null,
  tenant: string,
  content: Content | null,
): Record<string, unknown> {
  const error = ended?.error ?? null;
  return {
    ended: ended?.attempt ?? null,
    status: ended?.status ?? null,
    first_token_ms:
      ended?.firstTokenMs === undefined || ended?.firstTokenMs === null ? null : Math.round(ended.firstTokenMs),
    latency_ms: ended ? Math.round(ended.latencyMs) : null,
    usage: ended?.usage ?? null,
    cost_pico: ended?.costPico ?? null,
    price_version: ended?.priceVersion ?? null,
    error: error && content?.seals(tenant) ? withoutWords(error, 'detail') : error,
  };
}

/** What a write of frames names, whatever goes along with it. */
const head = (item: FrameWrite): Record<string, unknown> => ({
  id: item.id,
  tenant: item.tenant,
  epoch: item.epoch,
  last_seq: item.firstSeq + item.frames.length - 1,
});

function frameGroup<I extends FrameWrite>(
  sql: Sql,
  content: Content | null,
  statement: (items: readonly I[], frames: boolean) => string,
  toInput: (item: I) => Record<string, unknown>,
): Group<I, StoredFrame[] | null> {
  return createGroup(
    async (items) => {
      const stored = items.map((item) => numberFrames(item.firstSeq, item.frames));
      const rows = items.flatMap((item, index) => frameRows(item, stored[index] ?? [], content));
      const ours = await sql.query<{ id: string }>(statement(items, rows.length > 0), [
        JSON.stringify(items.map(toInput)),
        `[${rows.join(',')}]`,
      ]);
      const ids = new Set(ours.map((row) => row.id));
      return items.map((item, index) => (ids.has(item.id) ? (stored[index] ?? []) : null));
    },
    { most: 256, limit: 20_000 },
  );
}

export function createFrameGroup(sql: Sql, content: Content | null): Group<FrameWrite, StoredFrame[] | null> {
  const variants = createVariants(frames);
  return frameGroup(sql, content, (items) => variants({ sealed: anySealed(items, content) }), head);
}

export function createAttemptGroup(sql: Sql, content: Content | null): Group<AttemptWrite, StoredFrame[] | null> {
  const attempts = createVariants(attempt);
  return frameGroup(
    sql,
    content,
    (items, frames) =>
      attempts({
        ended: items.some((item) => item.ended !== null),
        frames,
        plans: items.some((item) => item.start.plan !== undefined),
        holds: items.some((item) => item.start.holds !== undefined),
        sealed: anySealed(items, content),
      }),
    (item) => ({
      ...head(item),
      attempt: item.start.attempt,
      provider: item.start.provider,
      model: item.start.model,
      key_ref: item.start.keyRef,
      reason: item.start.reason,
      plan: item.start.plan,
      holds: item.start.holds,
      input_pico: item.start.inputPico,
      output_pico: item.start.outputPico,
      ...(item.ended && attemptColumns(item.ended, item.tenant, content)),
    }),
  );
}

export async function settleAttempt(
  sql: Sql,
  tenant: string,
  id: string,
  epoch: number,
  ended: AttemptEnd,
  partialText: string | null,
  content: Content | null,
): Promise<void> {
  const c = attemptColumns(ended, tenant, content);
  const partial = partialColumns(tenant, id, partialText, content);
  await sql.query(SETTLE_ATTEMPT, [
    id,
    tenant,
    ended.attempt,
    epoch,
    ended.status,
    c.first_token_ms as number | null,
    c.latency_ms as number,
    ended.usage ? JSON.stringify(ended.usage) : null,
    ended.costPico,
    ended.priceVersion,
    c.error ? JSON.stringify(c.error) : null,
    partial.partial,
    partial.sealed ?? null,
    partial.key_id ?? null,
  ]);
}

export const PARTIAL_PLACE = 'partial';

/** Text that was shown before an end that is no success. */
export function partialColumns(
  tenant: string,
  id: string,
  text: string | null,
  content: Content | null,
): { partial: string | null; sealed?: string; key_id?: string } {
  if (text === null || !content?.seals(tenant)) return { partial: text };
  return { partial: null, ...content.seal(tenant, id, PARTIAL_PLACE, text) };
}

/** `unburnt`: attempts of this epoch that must not count against the limit. */
export async function release(
  sql: Sql,
  tenant: string,
  id: string,
  epoch: number,
  delayMs: number,
  reason: string,
  unburnt: number,
): Promise<boolean> {
  const rows = await sql.query(RELEASE, [id, tenant, epoch, delayMs, reason, unburnt]);
  return rows.length === 1;
}
