/** The trail as its readers see it: by filters, newest first; and with the proof of each event of a request. */
import type { Row, Sql, SqlValue } from '../contract/ports.ts';
import { EVENT_COLUMNS, leafText, type SealedEvent } from './audit.ts';
import { leafOf, type ProofStep, proofOf } from './merkle.ts';

export interface AuditFilter {
  /** A type, or its beginning followed by `*`. */
  type?: string;
  requestId?: string;
  actor?: string;
  /** ISO times, UTC. */
  from?: string;
  to?: string;
  /** Events with lower ids only. */
  before?: number;
  limit: number;
}

export interface AuditEvent {
  id: string;
  at: string;
  type: string;
  actor: string | null;
  request_id: string | null;
  payload: unknown;
}

const out = (row: SealedEvent): AuditEvent => ({
  id: row.id,
  at: row.at,
  type: row.type,
  actor: row.actor,
  request_id: row.request_id,
  payload: JSON.parse(row.payload),
});

export async function readAudit(sql: Sql, tenant: string, filter: AuditFilter): Promise<AuditEvent[]> {
  const values: SqlValue[] = [tenant];
  const where = ['e.tenant = $1'];
  const add = (text: string, value: SqlValue): void => {
    values.push(value);
    where.push(text.replace('?', `$${values.length}`));
  };
  if (filter.requestId !== undefined) add('e.request_id = ?::uuid', filter.requestId);
  if (filter.type?.endsWith('*')) add('starts_with(e.type, ?)', filter.type.slice(0, -1));
  else if (filter.type !== undefined) add('e.type = ?', filter.type);
  if (filter.actor !== undefined) add('e.actor = ?', filter.actor);
  if (filter.from !== undefined) add('e.at >= ?::timestamptz', filter.from);
  if (filter.to !== undefined) add('e.at < ?::timestamptz', filter.to);
  if (filter.before !== undefined) add('e.id < ?', filter.before);
  values.push(filter.limit);
  // Events of the tenant, by filters.
  const rows = await sql.query<SealedEvent>(
    `select ${EVENT_COLUMNS} from mcp_event e where ${where.join(' and ')} order by e.id desc limit $${values.length}`,
    values,
  );
  return rows.map(out);
}

export interface ProvenEvent extends AuditEvent {
  tenant: string;
  /** The very text that was sealed by its digest. */
  payload_text: string;
  payload_digest: string;
  /** Null while it is not sealed. */
  proof: { header: string; signature: string; key_id: string; steps: ProofStep[] } | null;
}

// The events of one request.
const OF_REQUEST = `select ${EVENT_COLUMNS} from mcp_event e where e.tenant = $1 and e.request_id = $2::uuid order by e.id`;

// The block of an event, among those whose events reach so far.
const BLOCK_OF = `select array_to_json(events::text[]) as events, encode(payloads, 'hex') as payloads, header,
  encode(signature, 'hex') as signature, key_id from mcp_audit_block
  where writer = (select writer from mcp_event where id = $1::bigint) and last_id >= $1::bigint and $1::bigint = any(events)
  order by seq limit 1`;

const EVENTS = `select ${EVENT_COLUMNS} from mcp_event e
  where e.id in (select value::bigint from json_array_elements_text($1::json))`;

interface BlockRow extends Row {
  events: string[];
  payloads: string;
  header: string;
  signature: string;
  key_id: string;
}

export async function proveEvents(sql: Sql, tenant: string, requestId: string): Promise<ProvenEvent[]> {
  const events = await sql.query<SealedEvent>(OF_REQUEST, [tenant, requestId]);
  const blocks = new Map<string, { block: BlockRow; leaves: Buffer[] | null }>();
  const proven: ProvenEvent[] = [];
  for (const event of events) {
    let found = [...blocks.values()].find(({ block }) => block.events.includes(event.id));
    if (!found) {
      const [block] = await sql.query<BlockRow>(BLOCK_OF, [event.id]);
      if (block) {
        found = { block, leaves: await leavesOf(sql, block) };
        blocks.set(block.header, found);
      }
    }
    const place = found?.block.events.indexOf(event.id) ?? -1;
    const digest = found ? found.block.payloads.slice(64 * place, 64 * place + 64) : '';
    proven.push({
      ...out(event),
      tenant: event.tenant,
      payload_text: event.payload,
      payload_digest: digest,
      proof: found?.leaves
        ? {
            header: found.block.header,
            signature: found.block.signature,
            key_id: found.block.key_id,
            steps: proofOf(found.leaves, place),
          }
        : null,
    });
  }
  return proven;
}

/** Null when some of its events are older than the record keeps. */
async function leavesOf(sql: Sql, block: BlockRow): Promise<Buffer[] | null> {
  const rows = await sql.query<SealedEvent>(EVENTS, [JSON.stringify(block.events)]);
  const there = new Map(rows.map((row) => [row.id, row]));
  const leaves: Buffer[] = [];
  for (const [n, id] of block.events.entries()) {
    const event = there.get(id);
    if (!event) return null;
    leaves.push(leafOf(leafText(event, block.payloads.slice(64 * n, 64 * n + 64))));
  }
  return leaves;
}

/** Public keys of all secrets that have signed blocks, as PEM by id. */
export async function auditKeys(sql: Sql): Promise<[id: string, pem: string][]> {
  const rows = await sql.query<{ id: string; pem: string }>(
    'select id, public_key as pem from mcp_audit_key order by id',
  );
  return rows.map(({ id, pem }) => [id, pem]);
}
