/**
 * Brings a database to this build's schema: forward only, each file once, one transaction for each. Processes that start
 * together wait for each other. A build starts on any newer schema that says it is compatible with it.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { Sql } from '../contract/ports.ts';

const FOLDER = new URL('../../migrations/', import.meta.url);
/** One lock for all migrations of a database: any number of ours. */
const LOCK = 715_604_291;

/** The schema and this build do not fit. The message is one sentence. */
export class SchemaError extends Error {}

export interface Migration {
  version: number;
  name: string;
  text: string;
  checksum: string;
  /** The oldest build, by its newest migration, that works on the schema as it is after this one. */
  compatibleFrom: number;
}

/** Reads a folder of migrations, lowest number first. */
export async function loadMigrations(folder: URL = FOLDER): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name)).sort();
  return await Promise.all(
    names.map(async (name) => {
      const text = await readFile(new URL(name, folder), 'utf8');
      const version = Number(name.slice(0, 4));
      return {
        version,
        name,
        text,
        checksum: createHash('sha256').update(text).digest('hex'),
        compatibleFrom: Number(/^-- compatible-from: (\d+)$/m.exec(text)?.[1] ?? version),
      };
    }),
  );
}

interface Applied extends Record<string, unknown> {
  version: number;
  compatible_from: number;
}

// What has run, and whom it suits; nothing where nothing has run.
async function applied(sql: Sql): Promise<Applied[]> {
  const [there] = await sql.query<{ columns: number }>(
    `select count(*)::int as columns from pg_attribute where attrelid = to_regclass('mcp_migration')
     and attname in ('version', 'compatible_from')`,
  );
  if (there?.columns !== 2) return [];
  return await sql.query<Applied>(
    // One that says nothing suits only those that know it.
    'select version, coalesce(compatible_from, version) as compatible_from from mcp_migration order by version',
  );
}

/** Throws `SchemaError` when the schema is too new for this build. Answers the migrations that have not run yet. */
export async function missingMigrations(sql: Sql, migrations: readonly Migration[]): Promise<Migration[]> {
  const done = await applied(sql);
  const newest = migrations.at(-1)?.version ?? 0;
  const there = done.at(-1)?.version ?? 0;
  const needed = Math.max(0, ...done.map((row) => row.compatible_from));
  if (needed > newest) {
    throw new SchemaError(
      `The database was brought up to date by a newer version (schema ${there}; it needs a version that knows schema ${needed}, this one knows ${newest}); start that version.`,
    );
  }
  const versions = new Set(done.map((row) => row.version));
  return migrations.filter((migration) => !versions.has(migration.version) && migration.version > 0);
}

/** Returns how many migrations it ran. Throws `SchemaError` when the schema is too new for this build. */
export async function migrate(sql: Sql, given?: readonly Migration[]): Promise<number> {
  const migrations = given ?? (await loadMigrations());
  const missing = await missingMigrations(sql, migrations);
  if (missing.length > 0) {
    await inTurn(
      sql,
      `create table if not exists mcp_migration (
        version int primary key, name text not null, checksum text not null, applied_at timestamptz not null default now());
      alter table mcp_migration add column if not exists compatible_from int;`,
    );
  }
  let ran = 0;
  for (const { version, name, text, checksum, compatibleFrom } of missing) {
    const first = `do $$ begin
      if exists (select 1 from mcp_migration where version = ${version}) then raise exception 'has run' using errcode = 'MCP01'; end if;
    end $$;`;
    const last = `insert into mcp_migration (version, name, checksum, compatible_from)
      values (${version}, '${name}', '${checksum}', ${compatibleFrom});`;
    try {
      await inTurn(sql, `${first}\n${text}\n${last}`);
      ran++;
    } catch (error) {
      // Another process was faster.
      if ((error as { sqlState?: string }).sqlState !== 'MCP01') throw error;
    }
  }
  await makePartitions(sql);
  return ran;
}

/** Partitions from yesterday to a week ahead. Processes that start together wait for each other. */
export async function makePartitions(sql: Sql): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await sql.query('select mcp_make_partitions(7)');
      return;
    } catch (error) {
      const lockTimeout = (error as { sqlState?: string }).sqlState === '55P03';
      if (!lockTimeout || tries === 10) throw error;
    }
  }
}

async function inTurn(sql: Sql, text: string): Promise<void> {
  try {
    await sql.script(`begin;\nselect pg_advisory_xact_lock(${LOCK});\n${text}\ncommit;`);
  } catch (error) {
    await sql.script('rollback').catch(() => {});
    throw error;
  }
}

/** The trail can be added to and read by the application, not changed. */
const RIGHTS: Readonly<Record<string, string>> = {
  mcp_migration: 'select',
  mcp_event: 'select, insert',
  mcp_audit_block: 'select, insert',
  mcp_audit_key: 'select, insert',
  mcp_policy: 'select, insert',
  mcp_secret_rules: 'select, insert',
};

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Gives the application's role what it needs and no more: rows of our tables, and the functions that stand in for DDL. */
export async function grantTo(owner: Sql, role: string): Promise<void> {
  const name = quoted(role);
  const tables = await owner.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = current_schema() and c.relkind in ('r', 'p') and not c.relispartition and c.relname like 'mcp\\_%' order by 1`,
  );
  const functions = await owner.query<{ name: string }>(
    `select p.oid::regprocedure::text as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname = current_schema() and p.proname like 'mcp\\_%' order by 1`,
  );
  const [schema] = await owner.query<{ name: string }>('select current_schema() as name');
  await owner.script(
    [
      'begin',
      `select pg_advisory_xact_lock(${LOCK})`,
      `grant usage on schema ${quoted(schema?.name ?? 'public')} to ${name}`,
      // Rights of an earlier version may have been wider.
      `revoke update, delete, truncate on mcp_event, mcp_audit_block, mcp_audit_key from ${name}`,
      ...tables.map(
        (table) =>
          `grant ${RIGHTS[table.name] ?? 'select, insert, update, delete'} on ${quoted(table.name)} to ${name}`,
      ),
      ...functions.map((one) => `grant execute on function ${one.name} to ${name}`),
      'commit',
    ].join(';\n'),
  );
}
