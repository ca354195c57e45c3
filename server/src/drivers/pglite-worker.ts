/**
 * The thread that owns the embedded database: PGlite blocks whatever thread it runs on, and the event loop must not wait.
 * Messages in: `Ask`; messages out: `Reply`.
 */
import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';

export type Ask =
  | { id: number; op: 'query'; text: string; values: unknown[] }
  | { id: number; op: 'script'; text: string }
  | { id: number; op: 'close' };
export type Reply =
  | { id: number; rows: Record<string, unknown>[] }
  | { id: number; error: { message: string; code?: string } };

/** Oids whose text form we keep: int8, numeric, timestamps. SQL casts what it needs as a number. */
const asText = (text: string) => text;
const PARSERS = { 20: asText, 1700: asText, 1114: asText, 1184: asText, 1082: asText };

/**
 * There is no checkpointer process in here, so the log would grow for ever: we ask for a checkpoint ourselves, and
 * vacuum the tables that see updates, once enough statements went by. Both take tens of milliseconds.
 */
const CHECKPOINT_EVERY = 2_000;
const VACUUM_EVERY = 20_000;
const UPDATED_TABLES = 'mcp_request, mcp_attempt, mcp_process, mcp_callback';

const START = [
  ...PGlite.defaultStartParams,
  // One connection and no replicas: small buffers and a small log keep the process near 250 MB.
  ...[
    'shared_buffers=32MB',
    'wal_level=minimal',
    'max_wal_senders=0',
    'min_wal_size=32MB',
    'max_wal_size=64MB',
  ].flatMap((setting) => ['-c', setting]),
  // The folder is written without fsync: it survives the death of the process, not of the machine. Page images guard only the latter.
  ...['-c', 'full_page_writes=off', '-c', 'jit=off'],
];

async function open(folder: string): Promise<PGlite> {
  const options = { parsers: PARSERS, startParams: START };
  const exists = await stat(join(folder, 'PG_VERSION')).then(
    () => true,
    () => false,
  );
  if (exists) return await PGlite.create({ dataDir: folder, ...options });
  // A first start is made beside and moved into place, so that a kill in the middle leaves nothing half made.
  const making = `${folder}.making`;
  await rm(making, { recursive: true, force: true });
  const { dataDir } = await import('@electric-sql/pglite-prepopulatedfs');
  const first = await PGlite.create({ dataDir: making, loadDataDir: await dataDir(), ...options });
  await first.close();
  await rename(making, folder);
  return await PGlite.create({ dataDir: folder, ...options });
}

const port = parentPort;
if (!port) throw new Error('pglite-worker runs only as a worker thread');

let chain: Promise<void> = Promise.resolve();
let sinceCheckpoint = 0;
let sinceVacuum = 0;
let inTransaction = false;
let quiet: NodeJS.Timeout | undefined;

const db = await open((workerData as { folder: string }).folder);

async function maintain(): Promise<void> {
  if (inTransaction) return;
  if (sinceVacuum >= VACUUM_EVERY) {
    sinceVacuum = 0;
    await db.exec(`vacuum ${UPDATED_TABLES}`);
  }
  sinceCheckpoint = 0;
  await db.exec('checkpoint');
}

/** After half a minute without statements the log is folded in, so that the next start has nothing to replay. */
function armQuiet(): void {
  clearTimeout(quiet);
  quiet = setTimeout(() => {
    if (sinceCheckpoint > 200) chain = chain.then(() => maintain().catch(() => {}));
  }, 30_000);
  quiet.unref();
}

async function answer(ask: Ask): Promise<void> {
  try {
    if (ask.op === 'close') {
      await db.close();
      port?.postMessage({ id: ask.id, rows: [] } satisfies Reply);
      port?.close();
      return;
    }
    if (ask.op === 'script') {
      await db.exec(ask.text);
      port?.postMessage({ id: ask.id, rows: [] } satisfies Reply);
      return;
    }
    const result = await db.query<Record<string, unknown>>(ask.text, ask.values);
    if (ask.text === 'begin') inTransaction = true;
    if (ask.text === 'commit' || ask.text === 'rollback') inTransaction = false;
    port?.postMessage({ id: ask.id, rows: result.rows } satisfies Reply);
  } catch (error) {
    if (ask.op === 'query' && ask.text === 'rollback') inTransaction = false;
    const { message, code } = error as { message: string; code?: string };
    port?.postMessage({ id: ask.id, error: { message, ...(code ? { code } : {}) } } satisfies Reply);
  }
  sinceCheckpoint++;
  sinceVacuum++;
  if (sinceCheckpoint >= CHECKPOINT_EVERY) await maintain().catch(() => {});
  else armQuiet();
}

port.on('message', (ask: Ask) => {
  chain = chain.then(() => answer(ask));
});
port.postMessage({ id: 0, rows: [] } satisfies Reply);
