import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { migrate } from '../../src/app/migrate.ts';
import { openPglite } from '../../src/drivers/pglite.ts';
import { ledgerConformance } from './suites/ledger.ts';

const folder = mkdtempSync(join(tmpdir(), 'goblin-contract-'));
after(() => rmSync(folder, { recursive: true, force: true }));
ledgerConformance('pglite', async () => {
  const sql = await openPglite(join(folder, 'ledger'));
  await migrate(sql);
  return sql;
});
