/** What the ledger promises to many processes, over the embedded database. */
import { join } from 'node:path';
import { migrate } from '../../src/app/migrate.ts';
import { openPglite } from '../../src/drivers/pglite.ts';
import { tempFolder } from '../support/server.ts';
import { ledgerSpreadConformance } from './suites/ledger-spread.ts';

ledgerSpreadConformance('pglite', async () => {
  const sql = await openPglite(join(tempFolder(), 'db'));
  await migrate(sql);
  return sql;
});
