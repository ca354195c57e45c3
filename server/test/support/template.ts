/**
 * A database as a first start makes it, made once for each set of migrations and copied from then on: most tests are not
 * about first starts, and each of those costs seconds.
 */
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  constants,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const SOURCES = [
  'server/migrations/*.sql',
  'server/src/drivers/pglite*.ts',
  'server/src/app/migrate.ts',
  'package-lock.json',
];

let made: Promise<string> | null = null;

async function template(): Promise<string> {
  const digest = createHash('sha256');
  for (const file of globSync(SOURCES, { cwd: ROOT }).sort()) digest.update(readFileSync(join(ROOT, file)));
  const folder = join(tmpdir(), `goblin-test-database-${digest.digest('hex').slice(0, 16)}`);
  if (existsSync(folder)) return folder;
  const own = `${folder}.${process.pid}`;
  const maker = fileURLToPath(new URL('./template-make.ts', import.meta.url));
  await promisify(execFile)(process.execPath, [maker, own]);
  try {
    renameSync(own, folder);
  } catch {
    // Another test process was faster.
    rmSync(own, { recursive: true, force: true });
  }
  return folder;
}

/** Puts a database into a data folder that does not exist yet, and a secret beside it, where none comes from outside. */
export async function seedDatabase(dataDir: string, secret = true): Promise<void> {
  made ??= template();
  const from = await made;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  if (secret) writeFileSync(join(dataDir, 'secret'), `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
  cpSync(from, join(dataDir, 'db'), { recursive: true, mode: constants.COPYFILE_FICLONE });
}
