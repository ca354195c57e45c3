/**
 * The thread that owns the embedded database: PGlite blocks whatever thread it runs on, and the event loop must not wait.
 * Messages in: `Ask`; messages out: `Reply`.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { PGLITE_START } from './pglite-start.ts';
import { type Cell, createStatements } from './pglite-statements.ts';

export type Ask =
  | { id: number; op: 'query'; text: string; values: Cell[] }
  | { id: number; op: 'script'; text: string }
  | { id: number; op: 'close' };
export type Reply =
  | { id: number; rows: Record<string, unknown>[] }
  | { id: number; error: { message: string; code?: string } };

/**
 * There is no checkpointer process in here, so the log would grow for ever: we ask for a checkpoint ourselves, and
 * vacuum the tables that see updates, once enough statements went by. Both take tens of milliseconds.
 */
const CHECKPOINT_EVERY = 2_000;
const VACUUM_EVERY = 20_000;
const UPDATED_TABLES = 'mcp_request, mcp_attempt, mcp_process, mcp_callback';

const port = parentPort;
if (!port) throw new Error('pglite-worker runs only as a worker thread');

let chain: Promise<void> = Promise.resolve();
let sinceCheckpoint = 0;
let sinceVacuum = 0;
let inTransaction = false;
let quiet: NodeJS.Timeout | undefined;

const db = await PGlite.create({ dataDir: workerData as string, startParams: PGLITE_START });
const statements = createStatements(db);

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
    const rows = await statements.run(ask.text, ask.values);
    if (ask.text === 'begin') inTransaction = true;
    if (ask.text === 'commit' || ask.text === 'rollback') inTransaction = false;
    port?.postMessage({ id: ask.id, rows } satisfies Reply);
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
