/** The audit trail over PostgreSQL; and what the application's own role may not do to it. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { grantTo, migrate } from '../../src/app/migrate.ts';
import { openPostgres } from '../../src/drivers/postgres.ts';
import { deriveAuditKey } from '../../src/identity/secrets.ts';
import { createSealer } from '../../src/ledger/audit.ts';
import { verifyAudit } from '../../src/ledger/audit-verify.ts';
import { beat, leave } from '../../src/ledger/processes.ts';
import { buryProcesses } from '../../src/ledger/sweep.ts';
import { startPostgres } from '../support/services.ts';
import { auditConformance } from './suites/audit.ts';

const server = await startPostgres();
after(() => server.stop());

auditConformance('postgres', async () => {
  const sql = await openPostgres({ url: server.url, size: 1, application: 'contract', retryMs: 2_000 });
  await migrate(sql);
  return sql;
});

test('the role of the application adds to the trail and reads it, and can do nothing else to it', async () => {
  await server.database('audit_rights');
  const url = server.url.replace(/goblin$/, 'audit_rights');
  const owner = await openPostgres({ url, size: 1, application: 'owner', retryMs: 2_000 });
  await migrate(owner);
  await server.sql("create role clerk login password 'clerk'");
  await grantTo(owner, 'clerk');
  const clerk = await openPostgres({
    url: url.replace(/\/\/[^@]*@/, '//clerk:clerk@'),
    size: 1,
    application: 'clerk',
    retryMs: 2_000,
  });
  await clerk.query("insert into mcp_event (tenant, type, payload) values ('t', 'x', '{}')");
  for (const text of [
    "update mcp_event set type = 'y'",
    'delete from mcp_event',
    'truncate mcp_event',
    "update mcp_audit_block set header = ''",
    'delete from mcp_audit_block',
    "update mcp_audit_key set public_key = ''",
    'alter table mcp_event drop column payload',
  ]) {
    await assert.rejects(clerk.query(text), (error: { sqlState?: string }) => error.sqlState === '42501', text);
  }
  assert.deepEqual(await clerk.query('select mcp_drop_events(1, 10) as n'), [{ n: 0 }]);
  await Promise.all([owner.close(), clerk.close()]);
});

test('a process that is gone is not forgotten while a transaction of another keeps its trail open', async () => {
  const url = await server.database('audit_left');
  const open = (application: string) => openPostgres({ url, size: 1, application, retryMs: 2_000 });
  const gone = await open('gone');
  await migrate(gone);
  const [lives, other] = await Promise.all([open('lives'), open('other')]);
  const key = deriveAuditKey('a secret for tests that is long enough');
  const sealer = await createSealer(lives, 'lives', key);
  const bury = () =>
    buryProcesses(lives, async (who) => {
      while ((await sealer.sealFor(who)) === 'more');
    });
  const left = async () => [
    (await lives.query('select id from mcp_process')).map(({ id }) => id),
    (await verifyAudit(lives, new Map())).open,
  ];
  await other.transaction(async (held) => {
    await held.query('select pg_current_xact_id()');
    await beat(gone, { id: 'p', kind: 'all', host: 'h', pid: 1, leaseMs: 1, capacity: 1, secretIds: ['s'] }, 0, 0);
    await gone.query("insert into mcp_event (tenant, type, payload) values ('t', 'test.last', '{}')");
    await leave(gone, 'p');
    await bury();
    assert.deepEqual(await left(), [['p'], 1]);
  });
  await bury();
  assert.deepEqual(await left(), [[], 0]);
  await Promise.all([gone.close(), lives.close(), other.close()]);
});
