/** Everything that a database or Redis holds, as text in which one can look for what should not be there. */
import { inflateRawSync } from 'node:zlib';
import { openPostgres } from '../../src/drivers/postgres.ts';

/** A compressed text, wherever in the bytes it begins. */
function inflated(bytes: Buffer): string {
  const found: string[] = [];
  // Behind the count and the hashes of pieces, or at once.
  const starts = [0, ...Array.from({ length: 64 }, (_, n) => 4 + 16 * n)];
  for (const start of starts) {
    if (start >= bytes.length) break;
    try {
      found.push(inflateRawSync(bytes.subarray(start)).toString('utf8'));
    } catch {
      // Not there.
    }
  }
  return found.join('\n');
}

/** All rows of all tables, by table; bytes also as text, and decompressed where they are compressed. */
export async function allRows(url: string): Promise<Map<string, string>> {
  const sql = await openPostgres({ url, size: 1, application: 'rows', retryMs: 2000 });
  try {
    const tables = await sql.query<{ name: string }>(
      `select c.relname as name from pg_class c where c.relnamespace = to_regnamespace('public') and c.relkind in ('r', 'p')
       and not c.relispartition order by 1`,
    );
    const all = new Map<string, string>();
    for (const { name } of tables) {
      const rows = await sql.query<{ row: Record<string, unknown> }>(`select to_jsonb(t) as row from "${name}" t`);
      all.set(
        name,
        rows
          .map(({ row }) => {
            const bytes = Object.values(row)
              .filter((value): value is string => typeof value === 'string' && value.startsWith('\\x'))
              .map((value) => Buffer.from(value.slice(2), 'hex'));
            return [JSON.stringify(row), ...bytes.flatMap((one) => [one.toString('utf8'), inflated(one)])].join('\n');
          })
          .join('\n'),
      );
    }
    return all;
  } finally {
    await sql.close();
  }
}

/** The tables in which a text stands. */
export const placesOf = (all: ReadonlyMap<string, string>, text: string): string[] =>
  [...all].filter(([, rows]) => rows.includes(text)).map(([name]) => name);
