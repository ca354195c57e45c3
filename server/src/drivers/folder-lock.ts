/**
 * One process per data folder: PGlite has no lock of its own, and a second process would silently lose data. The
 * lock is SQLite's, which is the operating system's: it ends with the process, however that dies.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const SQLITE_BUSY = 5;

/** Returns the function that gives the lock back, or null when another process holds it. */
export function lockFolder(folder: string): (() => void) | null {
  const db = new DatabaseSync(join(folder, 'lock'));
  try {
    db.exec('pragma locking_mode = exclusive; pragma journal_mode = memory; begin exclusive');
  } catch (error) {
    db.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return null;
    throw error;
  }
  return () => db.close();
}
