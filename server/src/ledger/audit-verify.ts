/** Checks the trail: that every block is signed and follows the one before, and that every event is as it was sealed. */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { Row, Sql } from '../contract/ports.ts';
import { EVENT_COLUMNS, type Header, leafText, payloadDigest, type SealedEvent, SLACK } from './audit.ts';
import { leafOf, rootOf, sha256 } from './merkle.ts';

export interface Finding {
  writer: string;
  /** Number of the block; null: of the chain as a whole. */
  seq: number | null;
  event: string | null;
  what: string;
}

export interface AuditReport {
  writers: number;
  blocks: number;
  events: number;
  /** Payloads that were erased, and events that are older than the record keeps. */
  erased: number;
  retired: number;
  /** Written lately, and not sealed yet. */
  open: number;
  /** Public keys by id, as PEM: compare them with those that you have kept. */
  keys: Record<string, string>;
  /** The newest header of each writer, for who wants to keep them elsewhere. */
  heads: Record<string, { seq: number; digest: string }>;
  findings: Finding[];
}

interface Block extends Row {
  seq: number;
  events: string[];
  payloads: string;
  header: string;
  digest: string;
  signature: string;
  key_id: string;
  upto: string;
}

const WRITERS = 'select distinct writer from mcp_audit_block order by writer';

const BLOCKS = `select seq::float8 as seq, array_to_json(events::text[]) as events, encode(payloads, 'hex') as payloads, header,
  encode(digest, 'hex') as digest, encode(signature, 'hex') as signature, key_id, upto::text
  from mcp_audit_block where writer = $1 and seq > $2 order by seq limit 100`;

const EVENTS = `select ${EVENT_COLUMNS} from mcp_event e
  where e.id in (select value::bigint from json_array_elements_text($1::json))`;

const OLDEST = 'select coalesce(min(id), 0)::float8 as id from mcp_event';

// Events of a writer that should be in a block and are in none: of transactions that were over before its newest block.
const UNSEALED = `select e.id::text from mcp_event e
  where e.writer = $1 and e.xid < $2::xid8 and not exists (
    select 1 from mcp_audit_block b where b.writer = $1 and e.id = any(b.events))
  and e.id > (select min(b.last_id) from mcp_audit_block b where b.writer = $1 and b.seq = 0) limit 20`;

// Events that wait to be sealed, and those that have waited for too long.
const OPEN = `select count(*) filter (where waits)::int as open, count(*) filter (where late)::int as late from (
  select true as waits, e.at < now() - interval '2 minutes' as late from mcp_event e
  left join lateral (select b.upto from mcp_audit_block b where b.writer = e.writer order by b.seq desc limit 1) l on true
  where e.id > (select coalesce(max(id), 0) - ${SLACK} from mcp_event) and e.writer is not null and e.xid >= coalesce(l.upto, '0'::xid8)) w`;

const KEYS = 'select id, public_key from mcp_audit_key';
const ERASED = '{"erased": true}';
const MOST_FINDINGS = 200;

/** `trusted`: public keys that the caller knows to be ours, by id; others are taken from the record and named in the report. */
export async function verifyAudit(sql: Sql, trusted: ReadonlyMap<string, KeyObject>): Promise<AuditReport> {
  const report: AuditReport = {
    writers: 0,
    blocks: 0,
    events: 0,
    erased: 0,
    retired: 0,
    open: 0,
    keys: {},
    heads: {},
    findings: [],
  };
  const keys = new Map<string, KeyObject>();
  for (const { id, public_key } of await sql.query<Row & { id: string; public_key: string }>(KEYS)) {
    report.keys[id] = public_key;
    keys.set(id, trusted.get(id) ?? createPublicKey(public_key));
  }
  for (const [id, key] of trusted) keys.set(id, key);
  const [oldest] = await sql.query<Row & { id: number }>(OLDEST);
  const find = (writer: string, seq: number | null, what: string, event: string | null = null): void => {
    if (report.findings.length < MOST_FINDINGS) report.findings.push({ writer, seq, event, what });
  };

  async function block(writer: string, one: Block, prev: string, expected: number): Promise<void> {
    report.blocks++;
    const wrong = (what: string, event: string | null = null) => find(writer, one.seq, what, event);
    if (one.seq !== expected) wrong(`block ${expected} is missing`);
    const key = keys.get(one.key_id);
    if (!key) wrong(`signed by the key ${one.key_id}, which nobody knows`);
    else if (!verify(null, Buffer.from(one.header), key, Buffer.from(one.signature, 'hex')))
      wrong('the signature is not right');
    if (sha256(one.header).toString('hex') !== one.digest) wrong('the digest is not that of the header');
    let header: Header;
    try {
      header = JSON.parse(one.header) as Header;
    } catch {
      wrong('the header cannot be read');
      return;
    }
    if (header.writer !== writer || header.seq !== one.seq || header.upto !== one.upto)
      wrong('the header is of another block');
    if (header.prev !== prev) wrong('it does not follow the block before it');
    if (header.count !== one.events.length || one.payloads.length !== 64 * one.events.length) {
      wrong('the list of its events was changed');
      return;
    }
    const rows = one.events.length === 0 ? [] : await sql.query<SealedEvent>(EVENTS, [JSON.stringify(one.events)]);
    const there = new Map(rows.map((row) => [row.id, row]));
    const leaves: Buffer[] = [];
    for (const [n, id] of one.events.entries()) {
      const event = there.get(id);
      const sealed = one.payloads.slice(64 * n, 64 * n + 64);
      if (!event) {
        if (Number(id) < (oldest?.id ?? 0)) report.retired++;
        else wrong('the event is gone', id);
        continue;
      }
      report.events++;
      if (payloadDigest(event.payload).toString('hex') !== sealed) {
        if (event.payload === ERASED) report.erased++;
        else wrong('its payload was changed', id);
      }
      leaves.push(leafOf(leafText(event, sealed)));
    }
    // Where some are retired the root can no longer be made; the signed header still holds the chain.
    if (leaves.length === one.events.length && rootOf(leaves).toString('hex') !== header.root)
      wrong('its events were changed');
  }

  for (const { writer } of await sql.query<Row & { writer: string }>(WRITERS)) {
    report.writers++;
    let last: Block | null = null;
    for (;;) {
      const page: Block[] = await sql.query<Block>(BLOCKS, [writer, last ? last.seq : -1]);
      for (const one of page) {
        await block(writer, one, last?.digest ?? '', last ? last.seq + 1 : 0);
        last = one;
      }
      if (page.length < 100) break;
    }
    if (!last) continue;
    report.heads[writer] = { seq: last.seq, digest: last.digest };
    for (const { id } of await sql.query<Row & { id: string }>(UNSEALED, [writer, last.upto])) {
      find(writer, null, 'the event was added afterwards: it is in no block', id);
    }
  }
  const [open] = await sql.query<Row & { open: number; late: number }>(OPEN);
  report.open = open?.open ?? 0;
  if (open && open.late > 0) find('', null, `${open.late} events have waited for more than two minutes to be sealed`);
  return report;
}
