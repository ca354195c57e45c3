/**
 * The keys of digests, kept in the record from the first start on. What is found by a digest (what a user has spent, what
 * is to be erased of him, a placeholder that a vendor has in its prompt cache) is found by it after the secret was rotated.
 */
import type { Row, Sql } from '../contract/ports.ts';
import type { Ring } from './ring.ts';
import type { Sealer } from './sealer.ts';
import { type DigestKeys, digestKeysOf } from './secrets.ts';

const READ = 'select use, sealed, key_id, made_from from mcp_kept_key order by use';

// Of two processes that start at once both get what the first one wrote.
const KEEP = `insert into mcp_kept_key (use, sealed, key_id, made_from)
  select use, decode(sealed, 'hex'), $2, $3 from json_to_recordset($1::json) as x(use text, sealed text)
  order by use on conflict (use) do nothing`;

const RESEAL = `update mcp_kept_key k set sealed = decode(x.sealed, 'hex'), key_id = $2
  from json_to_recordset($1::json) as x(use text, sealed text) where k.use = x.use and k.key_id <> $2`;

const REPLACE = `update mcp_kept_key k set sealed = decode(x.sealed, 'hex'), key_id = $2, made_from = $3
  from json_to_recordset($1::json) as x(use text, sealed text) where k.use = x.use`;

// Which secrets have signed the trail, the first one first.
const SIGNERS = 'select id from mcp_audit_key order by since, id';

interface KeptRow extends Row {
  use: string;
  sealed: Uint8Array;
  key_id: string;
  made_from: string;
}

const USES = { user: 'user id', found: 'found secret' } as const;
const SEALED_FOR = 'digest key';

/** Null: they are there, and no secret of the ring opens them. */
function openKept(rows: readonly KeptRow[], sealer: Sealer): DigestKeys | null {
  const of = (use: string): Buffer | null => {
    const row = rows.find((one) => one.use === use);
    return row ? sealer.open(row.key_id, SEALED_FOR, use, row.made_from, row.sealed) : null;
  };
  const [user, found, from] = [of(USES.user), of(USES.found), rows[0]?.made_from];
  return user && found && from !== undefined ? { user, found, from } : null;
}

function sealedRows(keys: DigestKeys, sealer: Sealer): string {
  const hex = (use: string, key: Buffer) => sealer.seal(SEALED_FOR, use, keys.from, key).toString('hex');
  return JSON.stringify([
    { use: USES.user, sealed: hex(USES.user, keys.user) },
    { use: USES.found, sealed: hex(USES.found, keys.found) },
  ]);
}

/**
 * `lost`: the id of the secret that sealed those of the record, when none of the ring opens them. `keys` are those of the
 * current secret then, under which nothing of before is found: nobody may serve with them.
 */
export async function loadDigestKeys(
  sql: Pick<Sql, 'query'>,
  ring: Ring,
  sealer: Sealer,
): Promise<{ keys: DigestKeys; lost: string | null }> {
  let rows = await sql.query<KeptRow>(READ);
  if (rows.length === 0) {
    const signers = await sql.query<{ id: string }>(SIGNERS);
    // An installation that was rotated before any were kept: those that everything so far was made with.
    const first = signers.map(({ id }) => ring.all.find((one) => one.id === id)).find((one) => one !== undefined);
    const keys = digestKeysOf((first ?? ring.current).secret);
    await sql.query(KEEP, [sealedRows(keys, sealer), sealer.keyId, keys.from]);
    rows = await sql.query<KeptRow>(READ);
  }
  const keys = openKept(rows, sealer);
  if (keys !== null) return { keys, lost: null };
  return { keys: digestKeysOf(ring.current.secret), lost: rows[0]?.key_id ?? 'unknown' };
}

/**
 * Seals them with the current secret. False: no secret of the ring opens them. With `forgetLost` those of the current
 * secret then take their place, for good.
 */
export async function resealDigestKeys(
  sql: Pick<Sql, 'query'>,
  ring: Ring,
  sealer: Sealer,
  forgetLost: boolean,
): Promise<boolean> {
  const keys = openKept(await sql.query<KeptRow>(READ), sealer);
  if (keys === null) {
    if (!forgetLost) return false;
    const own = digestKeysOf(ring.current.secret);
    await sql.query(REPLACE, [sealedRows(own, sealer), sealer.keyId, own.from]);
    return true;
  }
  await sql.query(RESEAL, [sealedRows(keys, sealer), sealer.keyId]);
  return true;
}
