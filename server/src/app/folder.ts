/** The data folder: its lock, its secret, and the note that tells the command line where the server is. */
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { lockFolder } from '../drivers/folder-lock.ts';
import { ConfigError } from './config.ts';

export interface ServerNote {
  pid: number;
  /** Where the server listens. */
  address: string;
  /** The command line's credential, new at each start. */
  token: string;
}

export interface DataFolder {
  path: string;
  database: string;
  secret: string;
  /** The folder's own, where another one was given: what it has written can still be read. */
  previous: readonly string[];
  writeNote(note: ServerNote): void;
  /** Takes the note away and gives the lock back. */
  release(): void;
}

const NOTE = 'server.json';

/** Another process has the folder. */
export class FolderHeld extends ConfigError {}

/** Takes the folder for this process. Throws `ConfigError` when it cannot be written or is in use, or has lost its secret. */
export function openFolder(path: string, secret: string | null): DataFolder {
  try {
    // Not with `recursive` where the parent is there: on some file systems it would try for ever.
    if (!existsSync(path)) mkdirSync(path, { recursive: !existsSync(dirname(path)), mode: 0o700 });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new ConfigError(
      `The data folder ${path} cannot be written (${(error as { code?: string }).code ?? 'unknown reason'}); choose another with MCP_DATA_DIR, e.g. MCP_DATA_DIR=./data.`,
    );
  }
  let release: (() => void) | null;
  try {
    release = lockFolder(path);
  } catch (error) {
    throw new ConfigError(
      `The data folder ${path} cannot be locked (${(error as Error).message}); choose another with MCP_DATA_DIR, e.g. MCP_DATA_DIR=./data.`,
    );
  }
  if (!release) {
    const note = readNote(path);
    const who = note ? ` (process ${note.pid}, ${note.address})` : '';
    throw new FolderHeld(
      `The data folder ${path} is in use by another server${who}; stop that one, or choose another folder with MCP_DATA_DIR.`,
    );
  }
  const file = join(path, NOTE);
  let secrets: Pick<DataFolder, 'secret' | 'previous'>;
  try {
    secrets = {
      secret: secret ?? ownSecret(path),
      previous: secret !== null && existsSync(join(path, 'secret')) ? [ownSecret(path)] : [],
    };
  } catch (error) {
    release();
    throw error;
  }
  return {
    path,
    database: join(path, 'db'),
    ...secrets,
    writeNote(note) {
      writeFileSync(file, `${JSON.stringify(note)}\n`, { mode: 0o600 });
      chmodSync(file, 0o600);
    },
    release() {
      rmSync(file, { force: true });
      release();
    },
  };
}

/**
 * The note of a process that has no folder to itself: the last one to start is whom the command line asks. Answers the
 * function that takes the note away again, if it is still this one.
 */
export function leaveNote(path: string, note: ServerNote): () => void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const file = join(path, NOTE);
    writeFileSync(`${file}.${note.pid}`, `${JSON.stringify(note)}\n`, { mode: 0o600 });
    renameSync(`${file}.${note.pid}`, file);
  } catch {
    // Only the command line needs it: on a read-only disk there is none.
  }
  return () => dropNote(path);
}

function ownSecret(path: string): string {
  const file = join(path, 'secret');
  if (existsSync(file)) {
    const secret = readFileSync(file, 'utf8').trim();
    if (secret.length >= 32) return secret;
    throw new ConfigError(`${file} is damaged; put the secret back that made this folder, or set MCP_SECRET.`);
  }
  // The secret is made before the database: one without the other has lost it, and a new one would open nothing.
  if (existsSync(join(path, 'db', 'PG_VERSION'))) {
    throw new ConfigError(
      `The data folder ${path} has a database, but no secret (${file}); put the file back from a copy, or set MCP_SECRET to the secret that the database was made with.`,
    );
  }
  const secret = randomBytes(32).toString('hex');
  writeFileSync(file, `${secret}\n`, { mode: 0o600 });
  return secret;
}

/** Where the server of this folder is, if one says so. It may be dead. */
export function readNote(path: string): ServerNote | null {
  try {
    return JSON.parse(readFileSync(join(path, NOTE), 'utf8')) as ServerNote;
  } catch {
    return null;
  }
}

/** Takes away the note of this process, for an end that leaves no time for `release`. */
export function dropNote(path: string): void {
  if (readNote(path)?.pid === process.pid) rmSync(join(path, NOTE), { force: true });
}
