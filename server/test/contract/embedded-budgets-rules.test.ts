/** Budgets as they are kept in the embedded database. In a file of its own: one PGlite in a process at a time, as in the program. */
import { join } from 'node:path';
import { migrate } from '../../src/app/migrate.ts';
import { openPglite } from '../../src/drivers/pglite.ts';
import { tempFolder } from '../support/server.ts';
import { budgetRulesConformance } from './suites/budgets-rules.ts';

budgetRulesConformance('pglite', async () => {
  const sql = await openPglite(join(tempFolder(), 'db'));
  await migrate(sql);
  return sql;
});
