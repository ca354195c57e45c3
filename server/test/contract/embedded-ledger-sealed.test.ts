/** The ledger over the embedded database, with content that is encrypted. */
import { join } from 'node:path';
import { migrate } from '../../src/app/migrate.ts';
import { openPglite } from '../../src/drivers/pglite.ts';
import { tempFolder } from '../support/server.ts';
import { ledgerConformance } from './suites/ledger.ts';

ledgerConformance(
  'pglite, encrypted',
  async () => {
    const sql = await openPglite(join(tempFolder(), 'db'));
    await migrate(sql);
    return sql;
  },
  'encrypted',
);
