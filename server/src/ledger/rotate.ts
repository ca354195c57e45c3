/**
 * Seals what rests in the record with the current secret: content that is encrypted, and what placeholders stand for.
 * Table by table, in bounded steps that each say how far they came; beside everything else that goes on. What is done
 * already is passed over, so it can begin anew at any time. Each row is changed only if it is still as it was read.
 */
import { setImmediate as pause } from 'node:timers/promises';
import type { Row, Sql } from '../contract/ports.ts';
import { type Found, type Resealed, type RotateDeps, TABLES, type Table } from './rotate-tables.ts';

export interface RotateStep {
  /** Where to go on; null: that was all. */
  next: string | null;
  resealed: number;
  /** Rows that no secret opens: they are left as they are. */
  lost: number;
}

/** Rows that a step looks at, and bytes of content that it takes at once. */
const LOOKED_AT = 2000;
const BYTES = 8 * 1024 * 1024;
/** What a step may take before it says how far it is. Milliseconds. */
const STEP_MS = 1000;

/** SQL of one table. $1: the current secret; $2 and $3: keys as JSON lists, between which it is looked. */
function statementsOf({ name, key, bytes, text, more, tenant }: Table) {
  const columns = key.map(([column]) => column).join(', ');
  const texts = `json_build_array(${key.map(([, as]) => as).join(', ')})`;
  const read = (from: string) => `(${key.map(([, , value], n) => value(`${from} ->> ${n}`)).join(', ')})`;
  const after = `($2::json is null or (${columns}) > ${read('$2::json')})`;
  const hasEncoding = text === null;
  return {
    bound: `select ${texts} as key from ${name} where ($1::text is not null) and ${after} order by ${columns} offset ${LOOKED_AT - 1} limit 1`,
    sizes: `select ${texts} as key, coalesce(octet_length(${bytes}), 0) as size from ${name}
      where ${after} and ($3::json is null or (${columns}) <= ${read('$3::json')})
        and (key_id is not null and key_id <> '' and key_id <> $1 or ${more}) order by ${columns}`,
    fetch: `select json_build_array(${key.map(([column, as]) => as.replace(column, `t.${column}`)).join(', ')}) as key,
        ${tenant} as tenant, t.key_id, ${hasEncoding ? 't.encoding' : 'null as encoding'}, t.${bytes} as bytes,
        ${text === null ? 'null' : `t.${text}::text`} as text
      from json_array_elements($1::json) k join ${name} t on ${key.map(([column, , value], n) => `t.${column} = ${value(`k ->> ${n}`)}`).join(' and ')}`,
    update: `update ${name} t set key_id = x.key_id${hasEncoding ? `, encoding = coalesce(x.encoding, t.encoding)` : ''},
        ${bytes} = coalesce(decode(x.bytes, 'base64'), t.${bytes})
        ${text === null ? '' : `, ${text} = coalesce(x.text${text === 'text' ? '' : '::json'}, t.${text})`}
      from json_to_recordset($1::json) as x(key json, old text, key_id text, encoding text, bytes text, text text)
      where ${key.map(([column, , value], n) => `t.${column} = ${value(`x.key ->> ${n}`)}`).join(' and ')}
        and t.key_id is not distinct from x.old`,
  };
}

const STATEMENTS = TABLES.map(statementsOf);

interface Mark {
  table: number;
  /** The last key that was looked at. */
  key: string[] | null;
}

function readMark(after: string | null): Mark {
  if (after === null) return { table: 0, key: null };
  try {
    const mark = JSON.parse(Buffer.from(after, 'base64url').toString('utf8')) as Mark;
    if (Number.isInteger(mark.table) && mark.table >= 0 && (mark.key === null || Array.isArray(mark.key))) return mark;
  } catch {
    // Not ours: from the beginning.
  }
  return { table: 0, key: null };
}

export async function rotateStep(sql: Sql, deps: RotateDeps, after: string | null): Promise<RotateStep> {
  const until = performance.now() + STEP_MS;
  const done = { resealed: 0, lost: 0 };
  let mark = readMark(after);
  while (mark.table < TABLES.length) {
    const { bound, sizes } = STATEMENTS[mark.table] as (typeof STATEMENTS)[number];
    const from = mark.key === null ? null : JSON.stringify(mark.key);
    const { keyId } = deps.content;
    const [last] = await sql.query<{ key: string[] }>(bound, [keyId, from]);
    const to = last ? JSON.stringify(last.key) : null;
    const found = await sql.query<Row & { key: string[]; size: number }>(sizes, [keyId, from, to]);
    for (const keys of batches(found)) await resealRows(sql, deps, mark.table, keys, done);
    mark = last ? { table: mark.table, key: last.key } : { table: mark.table + 1, key: null };
    if (performance.now() >= until) break;
  }
  const next = mark.table >= TABLES.length ? null : Buffer.from(JSON.stringify(mark)).toString('base64url');
  return { next, ...done };
}

function* batches(found: readonly { key: string[]; size: number }[]): Generator<string[][]> {
  let keys: string[][] = [];
  let size = 0;
  for (const one of found) {
    if (keys.length > 0 && size + one.size > BYTES) {
      yield keys;
      keys = [];
      size = 0;
    }
    keys.push(one.key);
    size += one.size;
  }
  if (keys.length > 0) yield keys;
}

async function resealRows(
  sql: Sql,
  deps: RotateDeps,
  table: number,
  keys: string[][],
  done: { resealed: number; lost: number },
): Promise<void> {
  const { fetch, update } = STATEMENTS[table] as (typeof STATEMENTS)[number];
  const rows = await sql.query<Found>(fetch, [JSON.stringify(keys)]);
  const changes: Record<string, unknown>[] = [];
  for (const row of rows) {
    // Its request is gone already: nobody can ask for it.
    if (row.tenant === null) continue;
    const again = resealed(deps, TABLES[table] as Table, row);
    if (again === null) {
      done.lost++;
      continue;
    }
    const { bytes, encoding, text, none } = again;
    changes.push({
      key: row.key,
      old: row.key_id,
      key_id: none ? '' : deps.content.keyId,
      ...(encoding === undefined ? {} : { encoding }),
      ...(bytes === undefined ? {} : { bytes: bytes.toString('base64') }),
      ...(text === undefined ? {} : { text }),
    });
    if (!none) done.resealed++;
    await pause();
  }
  if (changes.length > 0) await sql.query(update, [JSON.stringify(changes)]);
}

function resealed(deps: RotateDeps, table: Table, row: Found): Resealed | null {
  try {
    return table.reseal(deps, row);
  } catch {
    // Damaged: it stays as it is, and is counted.
    return null;
  }
}
