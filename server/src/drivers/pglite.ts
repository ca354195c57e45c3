/** `Sql` over PGlite in a worker thread, in a folder that this process has locked (see folder-lock.ts). */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Bag } from '../contract/bag.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Row, Sql, SqlValue } from '../contract/ports.ts';
import type { Ask, Reply } from './pglite-worker.ts';
import { SqlError } from './sql-error.ts';

/** Ask without its number. */
type Body<T> = T extends Ask ? Omit<T, 'id'> : never;

function make(folder: string): Promise<void> {
  const script = fileURLToPath(new URL('./pglite-make.ts', import.meta.url));
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [script, folder], (error, _output, errors) => {
      if (error) reject(new Error(errors.trim().split('\n').at(-1) || error.message));
      else resolve();
    });
  });
}

/** Opens (on a first start: makes) the database in `folder`. Throws when the folder cannot be read or is damaged. */
export async function openPglite(folder: string): Promise<Sql> {
  if (!existsSync(join(folder, 'PG_VERSION'))) await make(folder);
  const worker = new Worker(new URL('./pglite-worker.ts', import.meta.url), { workerData: folder });
  const waiting = new Bag<{ resolve(rows: Row[]): void; reject(error: Error): void }>();
  let dead: Error | null = null;
  let deadSince = 0;
  let closed = false;

  const fail = (error: Error) => {
    if (!dead) deadSince = performance.now();
    dead ??= error;
    for (const { reject } of waiting) {
      reject(
        new GoblinError('unavailable', 'The embedded database has stopped; restart the server.', { cause: error }),
      );
    }
  };
  worker.on('error', fail);
  worker.on('exit', (code) => {
    if (!closed) fail(new Error(`The database thread ended with code ${code}.`));
  });
  worker.on('message', (reply: Reply) => {
    const entry = waiting.at(reply.id);
    if (!entry) return;
    waiting.remove(reply.id);
    if ('error' in reply) entry.reject(new SqlError(reply.error.message, reply.error.code));
    else entry.resolve(reply.rows);
  });

  const send = (ask: Body<Ask>): Promise<Row[]> =>
    new Promise((resolve, reject) => {
      if (dead) {
        reject(
          new GoblinError('unavailable', 'The embedded database has stopped; restart the server.', { cause: dead }),
        );
        return;
      }
      const id = waiting.add({ resolve, reject });
      worker.postMessage({ ...ask, id });
    });

  // The thread says 0 when the database is open.
  await new Promise<void>((resolve, reject) => {
    waiting.add({ resolve: () => resolve(), reject: () => reject(dead) });
  });

  // One connection: while a transaction is open, everything else waits here.
  let gate: Promise<void> = Promise.resolve();
  let held = 0;
  const query = (text: string, values: readonly SqlValue[] = []) => send({ op: 'query', text, values: [...values] });

  return {
    async query<R extends Row>(text: string, values: readonly SqlValue[] = []) {
      while (held > 0) await gate;
      return (await query(text, values)) as R[];
    },
    async transaction(work) {
      while (held > 0) await gate;
      held++;
      let open = () => {};
      gate = new Promise((resolve) => {
        open = resolve;
      });
      try {
        await query('begin');
        const result = await work({
          query: async <R extends Row>(text: string, values: readonly SqlValue[] = []) =>
            (await query(text, values)) as R[],
        });
        await query('commit');
        return result;
      } catch (error) {
        await query('rollback').catch(() => {});
        throw error;
      } finally {
        held--;
        open();
      }
    },
    async script(text) {
      while (held > 0) await gate;
      await send({ op: 'script', text });
    },
    // The thread does not come back: whoever sees this for long restarts the process.
    lostFor: () => (dead ? Math.round(performance.now() - deadSince) : null),
    back: async (ms) => dead === null || (await sleep(ms, false)),
    pool: () => ({
      driver: 'pglite',
      size: 1,
      idle: waiting.size === 0 ? 1 : 0,
      waiting: Math.max(0, waiting.size - 1),
    }),
    async close() {
      if (closed) return;
      closed = true;
      await send({ op: 'close' }).catch(() => {});
      await worker.terminate();
    },
  };
}
