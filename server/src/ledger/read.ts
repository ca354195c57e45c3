/** What callers ask of the record. Each function takes the tenant first; another tenant's id finds nothing. */

import type { Usage } from '../contract/part.ts';
import type { Row, Sql, SqlValue } from '../contract/ports.ts';
import type { StoredBody, StoredFrame, StoredResult } from '../contract/record.ts';
import type { AttemptRow, EventRow, ListFilter, QueueNumbers, RequestRow } from '../contract/rows.ts';
import { type Content, unreadable } from './content.ts';
import { FENCE } from './fence.ts';
import { dayOf } from './ids.ts';
import { RESULT_PLACE } from './settle.ts';
import { type StoredRow, unpackBodies } from './unpack.ts';
import { framePlace, PARTIAL_PLACE } from './write.ts';

const ms = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`;

const REQUEST_COLUMNS = `id::text, mode, state, task_type, priority::int, model, ${ms('created_at')} as created_at,
  ${ms('started_at')} as started_at, ${ms('finished_at')} as finished_at, estimate_pico::float8, cost_pico::float8,
  labels, error, settle_by is not null as unsettled, last_seq, epoch, erased_at is not null as erased, key_id, encode(user_hash, 'hex') as user_hash`;

// One request.
const GET = `select ${REQUEST_COLUMNS}, plan from mcp_request where tenant = $1 and id = $2 and ${FENCE}`;

// The attempts of one request.
const ATTEMPTS = `select attempt::int, provider, model, key_ref, reason, status, ${ms('started_at')} as started_at, first_token_ms, latency_ms,
  usage, cost_pico::float8, price_version, error from mcp_attempt where request_id = $2 and tenant = $1 and ${FENCE} order by attempt`;

// The trail of one request.
const EVENTS = `select id::float8, ${ms('at')} as at, type, payload from mcp_event
  where request_id = $2 and tenant = $1 and id > $3 and ${FENCE} order by id limit $4`;

// The result of one request.
const RESULT = `select text, message, sealed, key_id, finish_reason, provider, model, usage, cost_pico::float8, price_version, latency_ms
  from mcp_result where request_id = $2 and day = $3 and tenant = $1 and ${FENCE}`;

// What was shown of one request that did not succeed.
const PARTIAL = `select p.text, p.sealed, p.key_id from mcp_partial p join mcp_request r on r.id = p.request_id
  where p.request_id = $2 and p.day = $3 and r.tenant = $1 and ${FENCE}`;

// Frames of one request above a number.
const FRAMES = `select f.seq, f.type, f.data::text as json, f.sealed, f.key_id from mcp_frame f
  where f.request_id = $2 and f.seq > $3 and f.day >= $5
    and exists (select 1 from mcp_request r where r.id = $2 and r.tenant = $1 and ${FENCE})
  order by f.seq limit $4`;

// The body of one request.
const BODY = `select $1::text as tenant, b.request_id::text as id, b.day::text, b.encoding, b.data, b.key_id from mcp_body b join mcp_request r on r.id = b.request_id
  where b.request_id = $2 and b.day = $3 and r.tenant = $1 and ${FENCE}`;

// How many wait and run, and since when the oldest waits.
const QUEUE = `select q.depth, q.oldest, (select count(*) from mcp_request where state = 'running')::int as running from (
  select count(*)::int as depth, coalesce(max(extract(epoch from now() - due_at) * 1000), 0)::float8 as oldest
  from mcp_request where state = 'queued') q`;

interface RequestColumns extends Row {
  id: string;
  mode: RequestRow['mode'];
  state: RequestRow['state'];
  task_type: string;
  priority: number;
  model: string | null;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
  estimate_pico: number | null;
  cost_pico: number | null;
  labels: Record<string, string> | null;
  error: RequestRow['error'];
  unsettled: boolean;
  last_seq: number;
  epoch: number;
  erased: boolean;
  key_id: string | null;
  user_hash: string;
  plan?: RequestRow['plan'];
}

const toRequest = (row: RequestColumns): RequestRow => ({
  id: row.id,
  mode: row.mode,
  state: row.state,
  taskType: row.task_type,
  priority: row.priority,
  model: row.model,
  createdAt: row.created_at,
  startedAt: row.started_at,
  finishedAt: row.finished_at,
  estimatePico: row.estimate_pico,
  costPico: row.cost_pico,
  labels: row.labels,
  error: row.error,
  unsettled: row.unsettled,
  lastSeq: row.last_seq,
  epoch: row.epoch,
  erased: row.erased,
  keyId: row.key_id,
  userHash: row.user_hash,
  plan: row.plan ?? null,
});

export async function getRequest(sql: Sql, tenant: string, id: string): Promise<RequestRow | null> {
  const [row] = await sql.query<RequestColumns>(GET, [tenant, id]);
  return row ? toRequest(row) : null;
}

export async function listRequests(sql: Sql, tenant: string, filter: ListFilter): Promise<RequestRow[]> {
  const values: SqlValue[] = [tenant];
  const where = ['tenant = $1', FENCE];
  const and = (text: string, value: SqlValue) => {
    values.push(value);
    where.push(text.replace('?', `$${values.length}`));
  };
  if (filter.status) and('state = ?', filter.status);
  if (filter.taskType) and('task_type = ?', filter.taskType);
  if (filter.after) and('id < ?', filter.after);
  values.push(filter.limit);
  const rows = await sql.query<RequestColumns>(
    `select ${REQUEST_COLUMNS} from mcp_request where ${where.join(' and ')} order by id desc limit $${values.length}`,
    values,
  );
  return rows.map(toRequest);
}

interface AttemptColumns extends Row {
  attempt: number;
  provider: string;
  model: string;
  key_ref: string | null;
  reason: string;
  status: AttemptRow['status'];
  started_at: number;
  first_token_ms: number | null;
  latency_ms: number | null;
  usage: Usage | null;
  cost_pico: number | null;
  price_version: string | null;
  error: AttemptRow['error'];
}

export async function listAttempts(sql: Sql, tenant: string, id: string): Promise<AttemptRow[]> {
  const rows = await sql.query<AttemptColumns>(ATTEMPTS, [tenant, id]);
  return rows.map((row) => ({
    attempt: row.attempt,
    provider: row.provider,
    model: row.model,
    keyRef: row.key_ref,
    reason: row.reason,
    status: row.status,
    startedAt: row.started_at,
    firstTokenMs: row.first_token_ms,
    latencyMs: row.latency_ms,
    usage: row.usage,
    costPico: row.cost_pico,
    priceVersion: row.price_version,
    error: row.error,
  }));
}

export async function listEvents(
  sql: Sql,
  tenant: string,
  id: string,
  after: number,
  limit: number,
): Promise<EventRow[]> {
  return (await sql.query(EVENTS, [tenant, id, after, limit])) as unknown as EventRow[];
}

/** Content as it rests; where `sealed` is set, the columns beside it are empty. */
interface Sealable extends Row {
  sealed: Uint8Array | null;
  key_id: string | null;
}

interface ResultColumns extends Sealable {
  text: string;
  message: Record<string, unknown>;
  finish_reason: StoredResult['finishReason'];
  provider: string;
  model: string;
  usage: Usage;
  cost_pico: number | null;
  price_version: string | null;
  latency_ms: number;
}

/** Null: it is not encrypted. Throws `unavailable` for what cannot be opened. */
function opened(content: Content | null, tenant: string, id: string, place: string, row: Sealable): string | null {
  if (row.sealed === null) return null;
  if (content === null) throw unreadable();
  return content.open(tenant, id, place, row.key_id, row.sealed);
}

export async function getResult(
  sql: Sql,
  tenant: string,
  id: string,
  content: Content | null,
): Promise<StoredResult | null> {
  const [row] = await sql.query<ResultColumns>(RESULT, [tenant, id, dayOf(id)]);
  if (!row) return null;
  const sealed = opened(content, tenant, id, RESULT_PLACE, row);
  const { text, message } = sealed === null ? row : (JSON.parse(sealed) as Pick<StoredResult, 'text' | 'message'>);
  return {
    text,
    message,
    finishReason: row.finish_reason,
    provider: row.provider,
    model: row.model,
    usage: row.usage,
    costPico: row.cost_pico,
    priceVersion: row.price_version,
    latencyMs: row.latency_ms,
  };
}

export async function getPartial(
  sql: Sql,
  tenant: string,
  id: string,
  content: Content | null,
): Promise<string | null> {
  const [row] = await sql.query<Sealable & { text: string | null }>(PARTIAL, [tenant, id, dayOf(id)]);
  return row ? (opened(content, tenant, id, PARTIAL_PLACE, row) ?? row.text) : await shownIn(sql, tenant, id, content);
}

/** A process that dies says nothing of what it has shown: that stands in the frames. */
async function shownIn(sql: Sql, tenant: string, id: string, content: Content | null): Promise<string | null> {
  let text = '';
  for (let after = 0; ; ) {
    const frames = await framesAfter(sql, tenant, id, after, FRAMES_AT_ONCE, content);
    for (const { type, json } of frames) {
      if (type === 'restart') text = '';
      else if (type === 'text') text += (JSON.parse(json) as { text: string }).text;
    }
    const last = frames.at(-1);
    if (!last || frames.length < FRAMES_AT_ONCE) return text === '' ? null : text;
    after = last.seq;
  }
}

const FRAMES_AT_ONCE = 1000;

type FrameRow = Sealable & StoredFrame;

export async function framesAfter(
  sql: Sql,
  tenant: string,
  id: string,
  after: number,
  limit: number,
  content: Content | null,
): Promise<StoredFrame[]> {
  const rows = (await sql.query(FRAMES, [tenant, id, after, limit, dayOf(id)])) as unknown as FrameRow[];
  return rows.map((row) => {
    const { seq, type } = row;
    return { seq, type, json: opened(content, tenant, id, framePlace(seq), row) ?? row.json };
  });
}

export async function getBody(
  sql: Sql,
  tenant: string,
  id: string,
  content: Content | null,
): Promise<StoredBody | null> {
  const rows = await sql.query<StoredRow & Row>(BODY, [tenant, id, dayOf(id)]);
  const [row] = rows;
  if (!row) return null;
  if (/(^|\+)sealed\+/.test(row.encoding ?? '') && !content?.knows(row.key_id ?? '')) throw unreadable();
  return (await unpackBodies(sql, rows, content))[0] ?? null;
}

export async function queueNumbers(sql: Sql): Promise<QueueNumbers> {
  const [row] = await sql.query<{ depth: number; running: number; oldest: number }>(QUEUE);
  return { depth: row?.depth ?? 0, running: row?.running ?? 0, oldestAgeMs: Math.max(0, Math.round(row?.oldest ?? 0)) };
}
