/** The trail told to the outside, over PostgreSQL. */
import { after } from 'node:test';
import { migrate } from '../../src/app/migrate.ts';
import { openPostgres } from '../../src/drivers/postgres.ts';
import { startPostgres } from '../support/services.ts';
import { trailStreamConformance } from './suites/trail-stream.ts';

const server = await startPostgres();
after(() => server.stop());

trailStreamConformance('postgres', async () => {
  const sql = await openPostgres({ url: server.url, size: 4, application: 'contract', retryMs: 2_000 });
  await migrate(sql);
  return sql;
});
