/** `goblin copy`: everything from an embedded folder to PostgreSQL, and back. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Sql } from '../../contract/ports.ts';
import { ConfigError, readConfig } from '../config.ts';
import { CopyError, copyDatabase } from '../copy.ts';
import { openFolder } from '../folder.ts';
import { migrate } from '../migrate.ts';
import { columns, type Input, type Verb, VerbError } from './flags.ts';

export const verb: Verb = {
  name: 'copy',
  usage: '--from <folder or URL> --to <folder or URL>',
  about: [
    'Copies everything from a data folder to PostgreSQL, or back: requests, results, streams, events, keys.',
    'Both sides stand still meanwhile: stop every server first. The destination is empty; it is brought up to',
    'date first, and compared with the source at the end. The source stays as it is.',
  ].join('\n'),
  words: { most: 0 },
  flags: {
    from: { value: 'place', help: 'a data folder, or the URL of a PostgreSQL database' },
    to: { value: 'place', help: 'the same; a folder is made, a database must exist. The role makes the tables' },
    again: { help: 'empty the destination of a copy that was interrupted, and start afresh' },
  },
  examples: [
    'npm run goblin -- copy --from ./data --to postgres://goblin:secret@127.0.0.1:5432/goblin',
    'npm run goblin -- copy --from postgres://goblin:secret@127.0.0.1:5432/goblin --to ./data',
  ],
  run,
};

/** How long a database that does not answer is waited for. */
const PATIENCE_MS = 5_000;

interface Place {
  flag: 'from' | 'to';
  /** As it may be shown: without a password. */
  shown: string;
  /** Null for a folder. */
  url: URL | null;
  path: string;
}

interface Opened {
  sql: Sql;
  close(): Promise<void>;
}

async function run(input: Input): Promise<number> {
  const from = placeOf(input.text('from'), 'from');
  const to = placeOf(input.text('to'), 'to');
  if (from.path === to.path) throw new VerbError('goblin copy: --from and --to are the same place.');
  try {
    return await copy(from, to, input.on('again'));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const ours = error instanceof VerbError || error instanceof CopyError || error instanceof ConfigError;
    const sentence = ours ? error.message : (error.message.split('\n')[0] ?? '');
    const what = sentence.startsWith('goblin copy') ? sentence : `goblin copy: ${sentence}`;
    throw new VerbError(withoutPasswords(what, [from, to]));
  }
}

async function copy(from: Place, to: Place, again: boolean): Promise<number> {
  const secret = secretFor(from, to);
  const source = await openSource(from);
  try {
    const target = await openTarget(to, secret);
    try {
      const live = process.stderr.isTTY;
      const tables = await copyDatabase(source.sql, target.sql, {
        again,
        ...(live ? { progress: (table, rows) => process.stderr.write(`\r\x1b[K${table}: ${rows}`) } : {}),
      });
      if (live) process.stderr.write('\r\x1b[K');
      const rows = tables.map(({ name, rows: count }) => [name, String(count)]);
      console.log(columns([['table', 'rows, the same on both sides'], ...rows]).join('\n'));
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
  console.log(`\n${whatElse(from, to).join('\n')}`);
  return 0;
}

function placeOf(text: string | undefined, flag: 'from' | 'to'): Place {
  if (text === undefined || text.trim() === '') {
    throw new VerbError(
      `goblin copy: say where with --${flag}, e.g. goblin copy --from ./data --to postgres://goblin@127.0.0.1/goblin`,
    );
  }
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    const path = resolve(text);
    return { flag, shown: path, url: null, path };
  }
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^postgres(ql)?:$/.test(url.protocol)) {
    throw new VerbError(
      `goblin copy: --${flag} is neither a folder nor the URL of a PostgreSQL database; write it like ./data or postgres://goblin:secret@127.0.0.1:5432/goblin.`,
    );
  }
  const shown = `${url.protocol}//${url.username === '' ? '' : `${url.username}@`}${url.host}${url.pathname}`;
  return { flag, shown, url, path: text };
}

/** The secret that the destination folder gets; null when the destination is no folder. */
function secretFor(from: Place, to: Place): string | null {
  if (to.url) return null;
  const file = join(from.path, 'secret');
  const given = readConfigSecret();
  const secret = !from.url && existsSync(file) ? readFileSync(file, 'utf8').trim() : given;
  if (secret === null) {
    throw new VerbError(
      'goblin copy: the new folder needs the secret that belongs to this data; set MCP_SECRET to the one that the servers of the database have.',
    );
  }
  const own = join(to.path, 'secret');
  if (existsSync(own) && readFileSync(own, 'utf8').trim() !== secret) {
    throw new VerbError(`goblin copy: ${to.path} has a secret of its own already; choose a folder that is new.`);
  }
  return secret;
}

function readConfigSecret(): string | null {
  // DATABASE_URL needs a secret beside it, and neither end of the copy is taken from there.
  const { DATABASE_URL: _url, DATABASE_OWNER_URL: _owner, DATABASE_POOL: _pool, ...env } = process.env;
  return readConfig(process.cwd(), env).secret;
}

async function openSource(place: Place): Promise<Opened> {
  if (place.url) {
    const opened = await openUrl(place);
    try {
      const { loadMigrations, missingMigrations } = await import('../migrate.ts');
      if ((await missingMigrations(opened.sql, await loadMigrations())).length > 0) {
        throw new VerbError(
          `goblin copy: ${place.shown} is not on the schema of this version; start this version on it once, or give the database that you meant.`,
        );
      }
      await standsStill(opened.sql, place);
      return opened;
    } catch (error) {
      await opened.close();
      throw error;
    }
  }
  if (!existsSync(join(place.path, 'db', 'PG_VERSION'))) {
    throw new VerbError(`goblin copy: there is no data in ${place.shown}; give the folder that MCP_DATA_DIR names.`);
  }
  // Any secret does: none is made where there is none.
  return await openPath(place, 'unused');
}

async function openTarget(place: Place, secret: string | null): Promise<Opened> {
  if (secret !== null) {
    const opened = await openPath(place, secret);
    // Before the data: a copy that is interrupted leaves the right one.
    writeFileSync(join(place.path, 'secret'), `${secret}\n`, { mode: 0o600 });
    return opened;
  }
  const opened = await openUrl(place);
  try {
    await migrate(opened.sql);
    await standsStill(opened.sql, place);
    return opened;
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function openPath(place: Place, secret: string): Promise<Opened> {
  const { openEmbedded } = await import('../open.ts');
  const folder = openFolder(place.path, secret);
  try {
    const sql = await openEmbedded(folder.database);
    return {
      sql,
      async close() {
        await sql.close();
        folder.release();
      },
    };
  } catch (error) {
    folder.release();
    throw error;
  }
}

async function openUrl(place: Place): Promise<Opened> {
  const { openPostgres } = await import('../../drivers/postgres.ts');
  try {
    const sql = await openPostgres({ url: place.path, size: 2, application: 'goblin-copy', retryMs: PATIENCE_MS });
    return { sql, close: () => sql.close() };
  } catch (error) {
    // The driver knows its URL by the name that it has everywhere else.
    if (error instanceof Error) throw new VerbError(error.message.replaceAll('DATABASE_URL', `--${place.flag}`));
    throw error;
  }
}

/** A folder has a lock; a database has processes that give signs of life. */
async function standsStill(sql: Sql, place: Place): Promise<void> {
  const [process] = await sql.query<{ kind: string; host: string; pid: number }>(
    "select kind, host, pid from mcp_process where beat_at > now() - lease_ms * interval '1 millisecond' limit 1",
  );
  if (!process) return;
  throw new VerbError(
    `goblin copy: ${place.shown} is in use by a process of kind ${process.kind} (${process.host}, process ${process.pid}); stop all servers, and try again.`,
  );
}

function whatElse(from: Place, to: Place): string[] {
  const file = join(from.path, 'secret');
  if (!to.url) return [`To use it: MCP_DATA_DIR=${to.shown}, and DATABASE_URL unset. The secret is in the folder.`];
  const secret = from.url || !existsSync(file) ? 'the one that is set now' : `the content of ${file}`;
  return [
    'What else the servers of the new database need:',
    `  DATABASE_URL  ${to.shown}, with its password`,
    `  MCP_SECRET    ${secret}; with another one, user ids and call-backs no longer fit`,
    'goblin.yaml and the keys of providers are not in the database: they go with the servers.',
  ];
}

/** Also out of what a driver says. */
function withoutPasswords(text: string, places: readonly Place[]): string {
  let clean = text;
  for (const { url, path, shown } of places) {
    if (!url) continue;
    clean = clean.replaceAll(path, shown);
    const passwords = [url.password, decoded(url.password), url.searchParams.get('password') ?? ''];
    for (const password of passwords) if (password !== '') clean = clean.replaceAll(password, '…');
  }
  return clean;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
