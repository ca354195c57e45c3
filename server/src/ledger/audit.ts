/**
 * The trail as a chain. Each process seals what it has written, once a second while there is something: the digests of
 * its events become a tree, and its root stands in a signed header that names the header before it. Nobody waits for it.
 */
import type { KeyObject } from 'node:crypto';
import { createPublicKey, sign } from 'node:crypto';
import type { Row, Sql } from '../contract/ports.ts';
import { leafOf, rootOf, sha256 } from './merkle.ts';

export interface AuditKey {
  /** Which `MCP_SECRET` it comes from. */
  id: string;
  /** Ed25519. */
  key: KeyObject;
}

/** An event as it is sealed. `at` has microseconds, UTC. */
export interface SealedEvent extends Row {
  id: string;
  tenant: string;
  request_id: string | null;
  at: string;
  type: string;
  actor: string | null;
  payload: string;
}

type Found = SealedEvent & { xid: string };

export interface Header {
  v: 1;
  writer: string;
  seq: number;
  /** By the database's clock. */
  at: string;
  /** Events in it. */
  count: number;
  /** Of their leaves (merkle.ts), as hex digits. */
  root: string;
  /** Everything that the writer wrote in transactions below this is sealed by now. */
  upto: string;
  /** SHA-256 of the header before, as hex digits; empty for the first. */
  prev: string;
}

export const EVENT_COLUMNS = `e.id::text, e.tenant, e.request_id::text, e.type, e.actor, e.payload::text as payload,
  to_char(e.at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`;

/** What a leaf is the digest of: everything of the event, its payload by digest alone. */
export const leafText = (event: SealedEvent, payloadDigest: string): string =>
  JSON.stringify([event.id, event.tenant, event.request_id, event.at, event.type, event.actor, payloadDigest]);

export const payloadDigest = (payload: string): Buffer => sha256(payload);

// Where everything is, and the newest block of a writer ($1): without one it has no `seq`, and nothing of it is older.
const PLACE = `
select pg_snapshot_xmin(pg_current_snapshot())::text as now_upto,
  pg_snapshot_xmin(pg_current_snapshot()) = pg_snapshot_xmax(pg_current_snapshot()) as still,
  coalesce((select max(id) from mcp_event), 0)::float8 as now_id,
  to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as now,
  h.seq::float8 as seq, encode(h.digest, 'hex') as digest, h.upto::text as upto, h.last_id::float8 as last_id
from (select 1) one left join lateral (
  select seq, digest, upto, last_id from mcp_audit_block where writer = $1 order by seq desc limit 1
) h on true`;

// What a writer has written in transactions that are over, from $2 on.
const TAKE = `select e.xid::text, ${EVENT_COLUMNS} from mcp_event e
  where e.writer = $1 and e.xid >= $2::xid8 and e.xid < $3::xid8 and e.id > $4 order by e.xid, e.id limit $5`;

// All of one transaction.
const TAKE_ONE = `select e.xid::text, ${EVENT_COLUMNS} from mcp_event e where e.writer = $1 and e.xid = $2::xid8 order by e.id`;

// Adds a block, unless another process has added that number.
const ADD = `
insert into mcp_audit_block (writer, seq, events, payloads, upto, last_id, header, digest, signature, key_id)
values ($1, $2, array(select value::bigint from json_array_elements_text($3::json)), decode($4, 'hex'), $5::xid8, $6, $7,
  decode($8, 'hex'), decode($9, 'hex'), $10)
on conflict do nothing returning 1 as added`;

const ADD_KEY = 'insert into mcp_audit_key (id, public_key) values ($1, $2) on conflict do nothing';

/** In one block at most. */
const MOST = 5000;
/** Ids are given before transactions end, so a later one may have a lower id; by no more than this. */
export const SLACK = 100_000;

interface Head {
  seq: number;
  digest: string;
  upto: string;
  last_id: number;
}

interface Now {
  upto: string;
  /** No transaction is open: all that was ever written is below `upto`. */
  still: boolean;
  last_id: number;
  now: string;
}

type PlaceRow = { [name in keyof Head]: Head[name] | null } & {
  now_upto: string;
  still: boolean;
  now_id: number;
  now: string;
};

async function placeOf(sql: Sql, writer: string): Promise<{ head: Head | null; now: Now }> {
  const [row] = await sql.query<PlaceRow & Row>(PLACE, [writer]);
  if (!row) throw new Error('The place of a chain has one row.');
  const { now_upto, still, now_id, now, seq } = row;
  const head = seq === null ? null : (row as unknown as Head);
  return { head, now: { upto: now_upto, still, last_id: now_id, now } };
}

export interface Sealer {
  /** Seals what this process has written. */
  seal(): Promise<Sealed>;
  /** The same for a process that is gone. */
  sealFor(writer: string): Promise<Sealed>;
}

/** What is left to seal: `more` at once, `open` when transactions that are open now have ended, `all` nothing. */
export type Sealed = 'more' | 'open' | 'all';

/** Begins the chain of `writer` if it has none. `added` is told of each writer that got a block. */
export async function createSealer(
  sql: Sql,
  writer: string,
  key: AuditKey,
  added: (writer: string) => void = () => {},
): Promise<Sealer> {
  const pem = createPublicKey(key.key).export({ type: 'spki', format: 'pem' }) as string;
  await sql.query(ADD_KEY, [key.id, pem]);

  async function add(
    who: string,
    head: Head | null,
    events: readonly SealedEvent[],
    upto: string,
    now: Now,
  ): Promise<boolean> {
    const digests = events.map((event) => payloadDigest(event.payload));
    const leaves = events.map((event, n) => leafOf(leafText(event, (digests[n] as Buffer).toString('hex'))));
    const header: Header = {
      v: 1,
      writer: who,
      seq: head ? head.seq + 1 : 0,
      at: now.now,
      count: events.length,
      root: rootOf(leaves).toString('hex'),
      upto,
      prev: head?.digest ?? '',
    };
    const text = JSON.stringify(header);
    const highest = events.reduce((most, event) => Math.max(most, Number(event.id)), head?.last_id ?? now.last_id);
    const rows = await sql.query(ADD, [
      who,
      header.seq,
      JSON.stringify(events.map((event) => event.id)),
      Buffer.concat(digests).toString('hex'),
      upto,
      highest,
      text,
      sha256(text).toString('hex'),
      sign(null, Buffer.from(text), key.key).toString('hex'),
      key.id,
    ]);
    return rows.length > 0;
  }

  async function sealFor(who: string): Promise<Sealed> {
    const { head, now } = await placeOf(sql, who);
    // A writer without a beginning: all that it wrote is still to be sealed, as far back as a check looks for it.
    const from = head ?? { upto: '0', last_id: now.last_id };
    const found = await sql.query<Found>(TAKE, [who, from.upto, now.upto, Math.max(0, from.last_id - SLACK), MOST]);
    const { events, upto } = await whole(found, now.upto, who);
    if (events.length > 0 && (await add(who, head, events, upto, now))) added(who);
    if (upto !== now.upto) return 'more';
    return now.still ? 'all' : 'open';
  }

  /** A full take may end inside a transaction: that one waits for the next block. */
  async function whole(found: readonly Found[], upto: string, who: string): Promise<{ events: Found[]; upto: string }> {
    const last = found.at(-1)?.xid;
    if (found.length < MOST || last === undefined) return { events: [...found], upto };
    const events = found.filter(({ xid }) => xid !== last);
    if (events.length > 0) return { events, upto: last };
    // One transaction alone is larger than a block: it is one block.
    return { events: await sql.query<Found>(TAKE_ONE, [who, last]), upto: String(BigInt(last) + 1n) };
  }

  const { head, now } = await placeOf(sql, writer);
  if (!head) await add(writer, null, [], now.upto, now);
  return { seal: () => sealFor(writer), sealFor };
}
