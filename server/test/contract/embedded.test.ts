/** The embedded drivers against the suites of their ports. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { migrate } from '../../src/app/migrate.ts';
import { createMemoryBus } from '../../src/drivers/memory-bus.ts';
import { createMemoryQueue } from '../../src/drivers/memory-queue.ts';
import { openPglite } from '../../src/drivers/pglite.ts';
import { ledgerConformance } from './suites/ledger.ts';
import { ledgerSpreadConformance } from './suites/ledger-spread.ts';
import { sqlConformance } from './suites/sql.ts';
import { busConformance, queueConformance } from './suites/wake.ts';

const folder = mkdtempSync(join(tmpdir(), 'goblin-contract-'));
after(() => rmSync(folder, { recursive: true, force: true }));

sqlConformance('pglite', () => openPglite(join(folder, 'sql')));
const migrated = (name: string) => async () => {
  const sql = await openPglite(join(folder, name));
  await migrate(sql);
  return sql;
};
ledgerConformance('pglite', migrated('ledger'));
ledgerSpreadConformance('pglite', migrated('spread'));
queueConformance('memory', async () => createMemoryQueue());
busConformance('memory', async () => createMemoryBus());
