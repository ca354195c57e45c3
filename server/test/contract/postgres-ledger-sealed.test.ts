/** The ledger over PostgreSQL, with content that is encrypted, and with content that goes. */
import { after } from 'node:test';
import { migrate } from '../../src/app/migrate.ts';
import { openPostgres } from '../../src/drivers/postgres.ts';
import { startPostgres } from '../support/services.ts';
import { ledgerConformance } from './suites/ledger.ts';

const server = await startPostgres();
after(() => server.stop());

const fresh = (name: string) => async () => {
  await server.database(name);
  const url = server.url.replace(/goblin$/, name);
  const sql = await openPostgres({ url, size: 5, application: 'contract', retryMs: 2_000 });
  await migrate(sql);
  return sql;
};

ledgerConformance('postgres, encrypted', fresh('encrypted'), 'encrypted');
ledgerConformance('postgres, erased', fresh('erased'), 'erased');
