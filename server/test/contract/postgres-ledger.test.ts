/** The ledger and its retention over PostgreSQL, straight and through PgBouncer. */
import { after } from 'node:test';
import { migrate } from '../../src/app/migrate.ts';
import { openPostgres } from '../../src/drivers/postgres.ts';
import { startPgbouncer, startPostgres } from '../support/services.ts';
import { ledgerConformance } from './suites/ledger.ts';
import { ledgerSpreadConformance } from './suites/ledger-spread.ts';
import { retainConformance } from './suites/retain.ts';

const server = await startPostgres();
const bouncer = await startPgbouncer(server, { default_pool_size: 3 });
after(async () => {
  await bouncer.stop();
  await server.stop();
});

let number = 0;
/** A database of its own, reached by the URL of `by`. */
const fresh = (by: { url: string }) => async () => {
  const name = `ledger_${++number}`;
  await server.database(name);
  const url = by.url.replace(/goblin$/, name);
  const sql = await openPostgres({ url, size: 5, application: 'contract', retryMs: 2_000 });
  await migrate(sql);
  return sql;
};

ledgerConformance('postgres', fresh(server));
ledgerSpreadConformance('postgres', fresh(server));
retainConformance('postgres', fresh(server), true);
ledgerConformance('postgres behind pgbouncer', fresh(bouncer));
ledgerSpreadConformance('postgres behind pgbouncer', fresh(bouncer));
