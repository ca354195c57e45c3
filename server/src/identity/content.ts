/** Who may read what was asked: whoever asked it, by the same key; others only with a permission of its own, and not without a trace. */
import type { Caller } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Sql } from '../contract/ports.ts';
import { note } from './events.ts';

// Whether a request was made with this key.
const OWN = 'select key_id = $3 as own from mcp_request where tenant = $1 and id = $2';

/** Rejects with `forbidden`, and when the event cannot be written: then nothing may be shown. */
export async function readContent(sql: Sql, caller: Caller, request: string): Promise<void> {
  const { tenant, key, user, permissions } = caller;
  if (key !== null) {
    const [row] = await sql.query<{ own: boolean | null }>(OWN, [tenant, request, key]);
    if (row?.own) return;
  }
  if (!permissions.has('content:read')) {
    throw new GoblinError(
      'forbidden',
      'What others asked is read with the permission content:read only; you read what the same key asked.',
      { requestId: request },
    );
  }
  await note(sql, tenant, 'content.read', key ?? user, {}, request);
}
