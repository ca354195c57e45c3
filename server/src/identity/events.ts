/** Audit events of this room: written by the statement that makes the change, or, for what changes nothing, alone. */
import type { Sql } from '../contract/ports.ts';

/**
 * The part of a statement that writes one event for each row of `from`, which has a column `tenant`. `payload` is SQL
 * over its columns, `actor` is SQL too.
 */
export const eventOf = (type: string, from: string, payload: string, actor: string): string =>
  `insert into mcp_event (tenant, type, actor, payload) select tenant, '${type}', ${actor}, ${payload} from ${from}`;

// One event of a tenant that exists: a name that somebody made up gets none.
const NOTE = `insert into mcp_event (tenant, type, actor, payload, request_id)
  select id, $2, $3, $4::jsonb, $5::uuid from mcp_tenant where id = $1`;

/** Rejects when it cannot be written: who must not act without a trace waits for it. */
export async function note(
  sql: Sql,
  tenant: string,
  type: string,
  actor: string | null,
  payload: Record<string, unknown>,
  request: string | null = null,
): Promise<void> {
  await sql.query(NOTE, [tenant, type, actor, JSON.stringify(payload), request]);
}
