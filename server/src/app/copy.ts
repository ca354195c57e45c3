/**
 * Moves a whole database into an empty one. Values never become JavaScript's: each column travels as the text that
 * PostgreSQL writes for it, so large numbers, `json` byte for byte, NUL inside it and bytes arrive as they were.
 */
import type { Sql } from '../contract/ports.ts';
import { type CopyTable, readTables } from './copy-tables.ts';

/** A copy that cannot go on: one sentence. */
export class CopyError extends Error {}

export interface CopiedTable {
  name: string;
  rows: number;
}

export interface CopyOptions {
  /** Empties a destination that an interrupted copy left half full. */
  again: boolean;
  /** Told after every page. */
  progress?(table: string, rows: number): void;
}

/** A page ends with the row that passes one of these: a statement has ten seconds, and PGlite's memory is small. */
const PAGE_ROWS = 1_000;
const PAGE_BYTES = 2 * 1024 * 1024;

/** Stands in the destination while a copy is under way. */
const MARK = 'mcp_copy';

/** Both sides are on this build's schema, and nobody else works on either. Throws `CopyError`. */
export async function copyDatabase(from: Sql, to: Sql, options: CopyOptions): Promise<CopiedTable[]> {
  const [half] = await from.query<{ there: boolean }>('select to_regclass($1) is not null as there', [MARK]);
  if (half?.there) {
    throw new CopyError('The source is a copy that was not finished; make it anew with --again, and copy it then.');
  }
  const tables = await readTables(from);
  if (JSON.stringify(tables) !== JSON.stringify(await readTables(to))) {
    throw new CopyError('The two databases have different tables; bring both up to date with this version first.');
  }
  await clear(to, tables, options.again);
  await to.script(`create table ${MARK} (begun_at timestamptz not null default now())`);
  await makeDays(from, to);
  for (const table of tables) await copyTable(from, to, table, options);
  for (const { name, identity } of tables) if (identity) await advance(to, name, identity);
  const copied: CopiedTable[] = [];
  for (const table of tables) {
    const [here, there] = [await measure(from, table), await measure(to, table)];
    if (here.sum !== there.sum || here.rows !== there.rows) {
      throw new CopyError(
        `${table.name} arrived different (${here.rows} rows there, ${there.rows} here); see that nobody uses either side, and copy once more with --again.`,
      );
    }
    copied.push({ name: table.name, rows: there.rows });
  }
  await to.script(`drop table ${MARK}`);
  return copied;
}

/** Sees that the destination is empty, or empties what an interrupted copy left. */
async function clear(to: Sql, tables: readonly CopyTable[], again: boolean): Promise<void> {
  const [mark] = await to.query<{ there: boolean }>('select to_regclass($1) is not null as there', [MARK]);
  if (mark?.there) {
    if (!again) {
      throw new CopyError(
        'An earlier copy to this destination did not come to its end; add --again to empty it and copy once more.',
      );
    }
    await to.script(`begin; truncate ${tables.map(({ name }) => name).join(', ')}; drop table ${MARK}; commit;`);
  }
  for (const { name } of tables) {
    const [row] = await to.query(`select 1 as there from ${name} limit 1`);
    if (row) {
      throw new CopyError(
        `The destination holds data already (there are rows in ${name}); choose an empty one, because two records cannot become one.`,
      );
    }
  }
}

// Days that have a partition in the source.
const DAYS = `
select distinct to_char(to_date(right(c.relname, 8), 'YYYYMMDD'), 'YYYY-MM-DD') as day
from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
where p.relkind = 'p' and p.relnamespace = to_regnamespace(current_schema()) and p.relname like 'mcp\\_%' and c.relname ~ '_\\d{8}$' order by 1`;

async function makeDays(from: Sql, to: Sql): Promise<void> {
  for (const { day } of await from.query<{ day: string }>(DAYS)) {
    await to.query('select mcp_make_partition($1::date)', [day]);
  }
}

/** The rows of a table after a key, as a table expression `page` with each value as text. */
function pageOf(table: CopyTable, after: string | null): string {
  const key = table.key.join(', ');
  const last = table.key.map((name, at) => fromText(`($1::json ->> ${at})`, typeOf(table, name))).join(', ');
  const size = table.columns.map(({ name }) => `coalesce(pg_column_size(${name}), 0)`).join(' + ');
  const texts = table.columns.map(({ name, type }) => `${toText(name, type)} as ${name}`).join(', ');
  return `
with rows as (
  select * from ${table.name} ${after === null ? '' : `where (${key}) > (${last})`} order by ${key} limit ${PAGE_ROWS}
), sized as (
  select *, sum(${size}) over (order by ${key} rows unbounded preceding) - (${size}) as bytes_before from rows
), page as (
  select ${texts} from sized where bytes_before < ${PAGE_BYTES} order by ${key.replace(/\w+/g, 'sized.$&')}
), last as (
  select ${key} from sized where bytes_before < ${PAGE_BYTES} order by ${table.key.map((name) => `${name} desc`).join(', ')} limit 1
)`;
}

/** Every value has one text, whatever the time zone, the version and the settings of the server. */
function toText(name: string, type: string): string {
  if (type === 'bytea') return `encode(${name}, 'base64')`;
  if (type === 'date') return `to_char(${name}, 'YYYY-MM-DD')`;
  if (type.startsWith('timestamp')) {
    return `to_char(${name} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
  }
  return `${name}::text`;
}

const fromText = (text: string, type: string): string =>
  type === 'bytea' ? `decode(${text}, 'base64')` : `${text}::${type}`;

const typeOf = (table: CopyTable, name: string): string =>
  table.columns.find((column) => column.name === name)?.type ?? 'text';

interface Page extends Record<string, unknown> {
  n: number;
  rows: string;
  last: string | null;
}

const lastOf = (table: CopyTable): string => {
  const texts = table.key.map((name) => toText(name, typeOf(table, name)));
  return `(select json_build_array(${texts.join(', ')})::text from last)`;
};

async function copyTable(from: Sql, to: Sql, table: CopyTable, options: CopyOptions): Promise<void> {
  const names = table.columns.map(({ name }) => name);
  const insert = `insert into ${table.name} (${names.join(', ')}) ${table.identity ? 'overriding system value' : ''}
    select ${table.columns.map(({ name, type }) => fromText(`x.${name}`, type)).join(', ')}
    from json_to_recordset($1::json) as x(${names.map((name) => `${name} text`).join(', ')})`;
  let done = 0;
  for (let after: string | null = null; ; ) {
    const [page]: Page[] = await from.query<Page>(
      `${pageOf(table, after)} select count(*)::int as n, json_agg(page)::text as rows, ${lastOf(table)} as last from page`,
      after === null ? [] : [after],
    );
    if (!page || page.n === 0) return;
    // One statement is one transaction.
    await to.query(insert, [page.rows]);
    done += page.n;
    after = page.last;
    options.progress?.(table.name, done);
  }
}

interface Measure extends Record<string, unknown> {
  n: number;
  high: string;
  low: string;
  last: string | null;
}

/** Rows, and a sum over the digests of their texts: the same in whatever order they lie. */
async function measure(sql: Sql, table: CopyTable): Promise<{ rows: number; sum: string }> {
  const part = (from: number) => `coalesce(sum(('x' || substr(digest, ${from}, 15))::bit(60)::bigint), 0)::text`;
  let rows = 0;
  let high = 0n;
  let low = 0n;
  for (let after: string | null = null; ; ) {
    const [page]: Measure[] = await sql.query<Measure>(
      `${pageOf(table, after)}, digests as (
        select encode(sha256(convert_to(row_to_json(page)::text, 'UTF8')), 'hex') as digest from page
      ) select count(*)::int as n, ${part(1)} as high, ${part(16)} as low, ${lastOf(table)} as last from digests`,
      after === null ? [] : [after],
    );
    if (!page || page.n === 0) return { rows, sum: `${high} ${low}` };
    rows += page.n;
    high += BigInt(page.high);
    low += BigInt(page.low);
    after = page.last;
  }
}

/** The next number of an identity column is one that no row has. */
async function advance(to: Sql, table: string, column: string): Promise<void> {
  await to.query(
    `select setval(pg_get_serial_sequence($1, $2), coalesce(max(${column}), 1), max(${column}) is not null)::text from ${table}`,
    [table, column],
  );
}
