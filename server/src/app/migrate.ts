/** Brings a database to this build's schema: forward only, each file once, all in one transaction per file. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { GoblinError } from '../contract/errors.ts';
import type { Sql } from '../contract/ports.ts';

const FOLDER = new URL('../../migrations/', import.meta.url);

interface Migration {
  version: number;
  name: string;
  text: string;
  checksum: string;
}

async function load(): Promise<Migration[]> {
  const names = (await readdir(FOLDER)).filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name)).sort();
  return await Promise.all(
    names.map(async (name) => {
      const text = await readFile(new URL(name, FOLDER), 'utf8');
      return {
        version: Number(name.slice(0, 4)),
        name,
        text,
        checksum: createHash('sha256').update(text).digest('hex'),
      };
    }),
  );
}

/** Returns how many migrations it ran. Throws `unavailable` when the database was made by a newer build. */
export async function migrate(sql: Sql): Promise<number> {
  await sql.script(`create table if not exists mcp_migration (
    version int primary key, name text not null, checksum text not null, applied_at timestamptz not null default now())`);
  const migrations = await load();
  const newest = migrations.at(-1)?.version ?? 0;
  const done = await sql.query<{ version: number }>('select version from mcp_migration order by version');
  const there = done.at(-1)?.version ?? 0;
  if (there > newest) {
    throw new GoblinError(
      'unavailable',
      `The data was written by a newer version (schema ${there}, this one knows ${newest}). Start the newer version, or choose another folder with MCP_DATA_DIR.`,
    );
  }
  const applied = new Set(done.map((row) => row.version));
  let ran = 0;
  for (const migration of migrations) {
    if (applied.has(migration.version)) continue;
    await sql.script(
      `begin;\n${migration.text}\ninsert into mcp_migration (version, name, checksum) values (${migration.version}, '${migration.name}', '${migration.checksum}');\ncommit;`,
    );
    ran++;
  }
  await sql.query('select mcp_make_partitions(7)');
  return ran;
}
