/** The tables that a copy moves, read from the catalogue: what a later migration adds is not forgotten. */
import type { Sql } from '../contract/ports.ts';

export interface CopyTable {
  name: string;
  columns: { name: string; type: string }[];
  /** Columns of the primary key, in its order. */
  key: string[];
  /** The column whose numbers the database gives out. */
  identity: string | null;
}

/** Processes, tokens that make the first owner, tries to sign in and the version of rules belong to the place where they run; migrations, to the database. */
const LEFT_OUT = ['mcp_process', 'mcp_setup', 'mcp_throttle', 'mcp_rules', 'mcp_migration', 'mcp_copy'];

// Our tables with columns and primary keys; a table comes after those that it refers to.
const TABLES = `
select c.relname as name,
  (select json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) order by a.attname)
   from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns,
  (select json_agg(a.attname order by array_position(i.indkey::int2[], a.attnum))
   from pg_index i join pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey::int2[])
   where i.indrelid = c.oid and i.indisprimary) as key,
  (select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and a.attidentity <> '') as identity,
  (select json_agg(distinct f.relname) from pg_constraint k join pg_class f on f.oid = k.confrelid
   where k.conrelid = c.oid and k.contype = 'f' and k.confrelid <> c.oid) as refers
from pg_class c
where c.relnamespace = to_regnamespace(current_schema()) and c.relkind in ('r', 'p') and not c.relispartition
  and c.relname like 'mcp\\_%' order by c.relname`;

interface TableRow extends Record<string, unknown> {
  name: string;
  columns: CopyTable['columns'];
  key: string[] | null;
  identity: string | null;
  refers: string[] | null;
}

export async function readTables(sql: Sql): Promise<CopyTable[]> {
  const rows = (await sql.query<TableRow>(TABLES)).filter(({ name }) => !LEFT_OUT.includes(name));
  const ordered: CopyTable[] = [];
  const placed = new Set<string>(LEFT_OUT);
  while (ordered.length < rows.length) {
    const next = rows.find((row) => !placed.has(row.name) && (row.refers ?? []).every((name) => placed.has(name)));
    if (!next) throw new Error('Tables refer to each other in a ring.');
    if (!next.key) throw new Error(`${next.name} has no primary key.`);
    placed.add(next.name);
    ordered.push({ name: next.name, columns: next.columns, key: next.key, identity: next.identity });
  }
  return ordered;
}
