/** `goblin migrate`: brings the database up to date, and gives the application's role its rights. */
import { ConfigError, readConfig } from '../config.ts';
import type { Verb } from './flags.ts';

export const verb: Verb = {
  name: 'migrate',
  usage: '',
  about:
    'Brings the database of DATABASE_URL up to date: as its owner by DATABASE_OWNER_URL, and the role of DATABASE_URL then\n' +
    'gets the rights that it needs and no more; or, without an owner URL, by DATABASE_URL itself. Every start does the same\n' +
    'where something is missing, and several at once wait for each other. The embedded database needs no such step.',
  words: { most: 0 },
  flags: {},
  examples: ['DATABASE_OWNER_URL=postgres://owner:secret@127.0.0.1/goblin npm run migrate'],
  run,
};

async function run(): Promise<number> {
  const { database } = readConfig(process.cwd(), process.env);
  if (!database) {
    throw new ConfigError(
      'DATABASE_URL is not set, and the embedded database is brought up to date by its server; set it, e.g. DATABASE_URL=postgres://goblin:secret@127.0.0.1:5432/goblin.',
    );
  }
  const { migrateAsOwner, openDatabase } = await import('../open.ts');
  const { sql, ran } = await openDatabase(database, 'goblin migrate', null);
  try {
    // Rights are given again also where nothing was missing: the role may be a new one.
    if (database.ownerUrl && ran === 0) await migrateAsOwner(database.ownerUrl, sql, 'goblin migrate');
    else if (!database.ownerUrl && ran > 0) {
      console.error(
        'Migrated with DATABASE_URL, so the application owns the tables; with DATABASE_OWNER_URL it needs fewer rights.',
      );
    }
    console.log(ran === 0 ? 'The database is up to date.' : `The database is up to date: ${ran} migrations ran.`);
    return 0;
  } finally {
    await sql.close();
  }
}
