/** Erasure over PostgreSQL, also while others write, and with no more rights than the application has. */
import { after } from 'node:test';
import { grantTo, migrate } from '../../src/app/migrate.ts';
import { openPostgres } from '../../src/drivers/postgres.ts';
import { startPostgres } from '../support/services.ts';
import { erasureConformance } from './suites/erasure.ts';

const server = await startPostgres();
after(() => server.stop());

erasureConformance(
  'postgres',
  async () => {
    const owner = await openPostgres({ url: server.url, size: 1, application: 'owner', retryMs: 2_000 });
    await migrate(owner);
    await server.sql("create role clerk login password 'clerk'");
    await grantTo(owner, 'clerk');
    await owner.close();
    const url = server.url.replace(/\/\/[^@]*@/, '//clerk:clerk@');
    return await openPostgres({ url, size: 6, application: 'contract', retryMs: 2_000 });
  },
  true,
);
