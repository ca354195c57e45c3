/** Retention over the embedded database. */
import { join } from 'node:path';
import { migrate } from '../../src/app/migrate.ts';
import { openPglite } from '../../src/drivers/pglite.ts';
import { tempFolder } from '../support/server.ts';
import { retainConformance } from './suites/retain.ts';

retainConformance('pglite', async () => {
  const sql = await openPglite(join(tempFolder(), 'db'));
  await migrate(sql);
  return sql;
});
