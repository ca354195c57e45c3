/** How a request comes into the ledger: detached ones are queued, attached ones begin at once. */
import type { Sql } from '../contract/ports.ts';
import type { Acceptance, Accepted, AttemptStart, Hold } from '../contract/record.ts';
import { acceptStatement, MOST_AHEAD } from './accept-statement.ts';
import type { BodyPacker, PackedBody } from './bodies.ts';
import type { Clock } from './clock.ts';
import type { Content } from './content.ts';
import { createGauge, createLines, type QueueCaps } from './gauge.ts';
import { createGroup, type Group } from './group.ts';
import { createVariants } from './variants.ts';

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

/**
 * A statement of ours that is on its way for longer may be one that nobody waits for: a lost database is found after
 * four and a half seconds, and its callers are told 503 after five (admission/admit.ts).
 */
const FRESH_MS = 4000;

interface Item {
  tenant: string;
  acceptance: Acceptance;
  owner: string | null;
  attempt: AttemptStart | null;
}

/** Of the acceptance, and of the attempt that begins with it. */
const holdsOf = ({ acceptance, attempt }: Item): readonly Hold[] => [
  ...(acceptance.holds ?? []),
  ...(attempt?.holds ?? []),
];

function toInput(
  item: Item,
  n: number,
  body: PackedBody,
  joined: number,
  content: Content | null,
): Record<string, unknown> {
  const { tenant, acceptance: a, owner, attempt } = item;
  const holds = holdsOf(item);
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
    team: a.team,
    encoding: body.encoding,
    data: body.data,
    body_key: body.keyId,
    joined,
    ...(a.until !== undefined && { until: a.until }),
    ...(content?.of(tenant) === 'erased' && { erases: true }),
    ...(holds.length > 0 && { holds }),
    ...(a.idempotency && { idem_key: a.idempotency.key, idem_hash: a.idempotency.bodyHash }),
    ...(attempt && {
      owner,
      provider: attempt.provider,
      attempt_model: attempt.model,
      key_ref: attempt.keyRef,
      reason: attempt.reason,
      plan: attempt.plan,
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
  /** With `fresh` only. */
  late?: boolean;
  /** With `users` only; null for attached ones. */
  counted?: number | null;
}

export function createAcceptGroup(
  sql: Sql,
  packer: BodyPacker,
  caps: QueueCaps,
  content: Content | null,
  clock: Clock,
): Group<Item, Accepted> {
  // Nothing is lost on the way to a database of our own.
  const travels = sql.pool().driver === 'postgres';
  const gauge = createGauge(caps);
  const lines = createLines();
  const accepts = createVariants(acceptStatement);

  /** How many of its user's stand before each: in the queue, as far as it need not be counted, and in this group. */
  function standing(items: readonly Item[]): { joined: number[]; users: boolean } {
    const detached = items.filter((item) => item.acceptance.mode === 'detached');
    const before = new Map<string, number | null>();
    for (const item of detached) before.set(lineOf(item), lines.before(lineOf(item)));
    const users = [...before.values()].some((known) => known === null);
    const inGroup = new Map<string, number>();
    const joined = items.map((item) => {
      if (item.acceptance.mode === 'attached') return 0;
      const line = lineOf(item);
      const place = inGroup.get(line) ?? 0;
      inGroup.set(line, place + 1);
      return users ? place : Math.min(MOST_AHEAD, place + (before.get(line) ?? 0));
    });
    return { joined, users };
  }

  async function write(items: Item[]): Promise<Accepted[]> {
    const packed = packer.pack(
      items.map(({ tenant, acceptance }) => ({ id: acceptance.id, tenant, body: acceptance.body })),
    );
    const { bodies, pieces } = packed instanceof Promise ? await packed : packed;
    const look = gauge.mustLook(items.filter((item) => item.acceptance.mode === 'detached').map((item) => item.tenant));
    const { joined, users } = standing(items);
    if (travels) {
      for (const { acceptance: a } of items) if (a.mode === 'detached') a.until ??= clock.now() + FRESH_MS;
    }
    const statement = accepts({
      keys: items.some((item) => item.acceptance.idempotency !== null),
      attached: items.some((item) => item.attempt !== null),
      pieces: pieces.length > 0,
      holds: items.some((item) => holdsOf(item).length > 0),
      erases: content !== null && items.some(({ tenant }) => content.of(tenant) === 'erased'),
      caps: look,
      users,
      again: items.some((item) => item.acceptance.sent === true),
      fresh: items.some((item) => item.acceptance.until !== undefined),
    });
    for (const item of items) item.acceptance.sent = true;
    const written = await sql.query<Written>(statement, [
      JSON.stringify(items.map((item, n) => toInput(item, n, bodies[n] as PackedBody, joined[n] ?? 0, content))),
      pieces.length === 0 ? '[]' : JSON.stringify(pieces),
      ...(look ? [caps.perTenant, caps.total] : []),
    ]);
    packer.stored(pieces);
    const rows = new Map(written.map((row) => [row.n, row]));
    if (look) for (const row of written) gauge.saw(items[row.n]?.tenant ?? '', row.queued ?? 0, row.total ?? 0);
    if (users)
      for (const row of written) if (row.counted != null) lines.counted(lineOf(items[row.n] as Item), row.counted);
    const taken = items.filter((_, n) => {
      const row = rows.get(n);
      return row?.created_at == null && !row?.full && !row?.late;
    });
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
        if (a.mode === 'detached') {
          gauge.added(item.tenant);
          lines.added(lineOf(item));
        }
        return { outcome: 'accepted', id: a.id, createdAt: row.created_at, estimatePico: a.estimatePico };
      }
      if (row?.late) return { outcome: 'late' };
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

const lineOf = ({ tenant, acceptance }: Item): string => `${tenant}\n${acceptance.userHash}\n${acceptance.priority}`;

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
