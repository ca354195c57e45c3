/** Budgets over PostgreSQL, straight and through PgBouncer. */
import { after } from 'node:test';
import { migrate } from '../../src/app/migrate.ts';
import { openPostgres } from '../../src/drivers/postgres.ts';
import { startPgbouncer, startPostgres } from '../support/services.ts';
import { budgetConformance } from './suites/budgets.ts';
import { budgetRulesConformance } from './suites/budgets-rules.ts';

const server = await startPostgres();
const bouncer = await startPgbouncer(server, { default_pool_size: 3 });
after(async () => {
  await bouncer.stop();
  await server.stop();
});

let number = 0;
/** A database of its own, reached by the URL of `by`. */
const fresh = (by: { url: string }) => async () => {
  const name = `budgets_${++number}`;
  await server.database(name);
  const url = by.url.replace(/goblin$/, name);
  const sql = await openPostgres({ url, size: 8, application: 'contract', retryMs: 2_000 });
  await migrate(sql);
  return sql;
};

budgetConformance('postgres', fresh(server));
budgetRulesConformance('postgres', fresh(server));
budgetConformance('postgres behind pgbouncer', fresh(bouncer));
