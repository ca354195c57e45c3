/** Requests that come to PostgreSQL when nobody waits for them any more. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { migrate } from '../../src/app/migrate.ts';
import type { Sql } from '../../src/contract/ports.ts';
import { openPostgres } from '../../src/drivers/postgres.ts';
import { createClock } from '../../src/ledger/clock.ts';
import { createLedger } from '../../src/ledger/index.ts';
import { type PostgresService, startPostgres } from '../support/services.ts';
import { acceptance, CAPS, T } from './suites/ledger-kit.ts';

let server: PostgresService;
let sql: Sql;
before(async () => {
  server = await startPostgres();
  sql = await openPostgres({ url: server.url, size: 2, application: 'contract', retryMs: 2_000 });
  await migrate(sql);
});
after(async () => {
  await sql?.close();
  await server?.stop();
});

const TABLES = ['mcp_request', 'mcp_body', 'mcp_event', 'mcp_idempotency'];
const rows = async (): Promise<number[]> =>
  Promise.all(TABLES.map(async (table) => Number((await sql.query(`select count(*) as n from ${table}`))[0]?.n)));

test('one that is late is not taken, nothing of it is stored, and its key is free', async () => {
  const seconds = (behind: number) => ({ ...createClock(), now: () => Date.now() - behind * 1000 });
  const idempotency = { key: 'late', bodyHash: '00'.repeat(32) };
  const before = await rows();
  const late = createLedger(sql, CAPS, seconds(3600));
  const group = [acceptance({ idempotency }), acceptance({ until: Date.now() + 60_000 })];
  const answers = await Promise.all(group.map((one) => late.accept(T, one)));
  assert.deepEqual(
    answers.map(({ outcome }) => outcome),
    ['late', 'accepted'],
  );
  assert.deepEqual(
    await rows(),
    [1, 1, 1, 0].map((more, n) => (before[n] ?? 0) + more),
  );
  const again = await createLedger(sql, CAPS, seconds(0)).accept(T, acceptance({ idempotency }));
  assert.equal(again.outcome, 'accepted');
});

test('one that lay in a socket while the server stood still is not taken when that goes on', async () => {
  const ledger = createLedger(sql, CAPS);
  await ledger.accept(T, acceptance());
  const before = await rows();
  const asked = performance.now();
  server.freeze();
  const lost = acceptance();
  await assert.rejects(ledger.accept(T, lost), { code: 'unavailable' });
  // Its caller was told so after five seconds.
  await sleep(Math.max(0, 5500 - (performance.now() - asked)));
  server.thaw();
  assert.ok(await ledger.back(20_000));
  await sleep(1000);
  assert.deepEqual(await rows(), before);
  assert.equal(await ledger.get(T, lost.id), null);
  assert.equal((await ledger.accept(T, acceptance())).outcome, 'accepted');
});
