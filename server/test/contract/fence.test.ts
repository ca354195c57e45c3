/**
 * The second fence: reads whose own condition on the tenant is taken away still find nothing of another tenant, for the
 * role of the application; and what the service itself does, over all tenants, goes on.
 */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { grantTo, migrate } from '../../src/app/migrate.ts';
import type { Sql } from '../../src/contract/ports.ts';
import { openPostgres } from '../../src/drivers/postgres.ts';
import { readPast } from '../../src/guard/policy/past.ts';
import { POLICY_VERSIONS } from '../../src/guard/policy/store.ts';
import { SECRET_RULE_VERSIONS } from '../../src/guard/secrets/document.ts';
import { createKey, listKeys } from '../../src/identity/keys.ts';
import { createTeam, listTeams } from '../../src/identity/teams.ts';
import { createUser, listUsers } from '../../src/identity/users.ts';
import { createLedger } from '../../src/ledger/index.ts';
import { spentByKey } from '../../src/ledger/usage.ts';
import { startPostgres } from '../support/services.ts';
import { ledgerConformance } from './suites/ledger.ts';
import { acceptance, DAY, start, success } from './suites/ledger-kit.ts';

const server = await startPostgres();
await server.sql("create role app login password 'goblin-test'");
const open: Sql[] = [];
after(async () => {
  for (const sql of open) await sql.close().catch(() => {});
  await server.stop();
});

let number = 0;

/** As the role of the application, which owns nothing. */
async function fresh(): Promise<Sql> {
  const name = `fence_${++number}`;
  const owner = await openPostgres({ url: await server.database(name), size: 2, application: 'owner', retryMs: 2000 });
  await migrate(owner);
  await grantTo(owner, 'app');
  await owner.close();
  const ours = server.url.replace('goblin:', 'app:').replace(/goblin$/, name);
  const sql = await openPostgres({ url: ours, size: 3, application: 'app', retryMs: 2000 });
  open.push(sql);
  return sql;
}

const CAPS = { perTenant: 1000, total: 1000 };

/** Every condition on the tenant is forgotten but the fence. */
function forgetful(sql: Sql): { sql: Sql; rewritten: () => number } {
  let count = 0;
  return {
    rewritten: () => count,
    sql: {
      ...sql,
      query(text, values) {
        // The tenant stays among the values, so it must stay in the text.
        const fixed = text.replace(/\b(\w+\.)?tenant = \$1(?!\w)/g, () => '$1::text is not null');
        if (fixed !== text) count++;
        return sql.query(fixed, values);
      },
    },
  };
}

describe('the fence', () => {
  it('finds nothing of another tenant, whatever a read forgets', async () => {
    const sql = await fresh();
    const ledger = createLedger(sql, CAPS);
    const made = acceptance();
    await ledger.accept('acme', made);
    const [claim] = await ledger.claim('w1', 1);
    assert.ok(claim, 'the service claims over all tenants');
    const frame = { type: 'text', text: 'secret' } as const;
    await ledger.frames({ id: made.id, tenant: 'acme', epoch: 1, firstSeq: 1, day: DAY, frames: [frame] });
    await ledger.settle({ ...success(made.id, 1, 2), tenant: 'acme', attempt: null });

    const { sql: careless, rewritten } = forgetful(sql);
    const reads = createLedger(careless, CAPS);
    const all = (tenant: string) =>
      Promise.all([
        reads.get(tenant, made.id),
        reads.list(tenant, { limit: 10 }).then((rows) => rows[0] ?? null),
        reads.events(tenant, made.id, 0, 10).then((rows) => rows[0] ?? null),
        reads.result(tenant, made.id),
        reads.framesAfter(tenant, made.id, 0, 10).then((rows) => rows[0] ?? null),
        reads.body(tenant, made.id),
      ]);
    const mine = await all('acme');
    assert.ok(
      mine.every((one) => one !== null),
      `the reads are real: ${JSON.stringify(mine.map((one) => one !== null))}`,
    );
    assert.ok(rewritten() >= 6, `and their own conditions are gone: ${rewritten()}`);
    assert.deepEqual(await all('other'), [null, null, null, null, null, null]);
    // Without the fence the same careless read finds it: it is the fence that holds.
    const bare = await sql.query('select 1 from mcp_request where id = $1', [made.id]);
    assert.equal(bare.length, 1);
  });

  it('stands around keys, users and teams', async () => {
    const sql = await fresh();
    await createKey(sql, { tenant: 'acme', makeTenant: true });
    const user = { tenant: 'acme', email: 'a@example.com', name: null, role: 'member' as const, password: null };
    await createUser(sql, { ...user, actor: 'test' }, true);
    await createTeam(sql, 'acme', 'research', 'test');
    const { sql: careless } = forgetful(sql);
    const all = async (tenant: string | null) =>
      (await Promise.all([listKeys(careless, tenant), listUsers(careless, tenant), listTeams(careless, tenant)])).map(
        (rows) => rows.length,
      );
    assert.deepEqual(await all('acme'), [1, 1, 1]);
    assert.deepEqual(await all('other'), [0, 0, 0]);
    assert.deepEqual(await all(null), [1, 1, 1], 'who runs the installation sees all');
  });

  it('stands around policies, rules of the scanner, past requests and what they have cost', async () => {
    const sql = await fresh();
    const ledger = createLedger(sql, CAPS);
    const made = acceptance();
    await ledger.accept('acme', made);
    await ledger.claim('w1', 1);
    const write = { id: made.id, tenant: 'acme', epoch: 1, firstSeq: 1, day: DAY, frames: [] };
    await ledger.attempt(write, start, null);
    await ledger.settle({ ...success(made.id, 1, 1), tenant: 'acme' });
    await POLICY_VERSIONS.save(sql, 'acme', [{ id: 'a', cedar: 'x' }], 'test', null, true);
    await SECRET_RULE_VERSIONS.save(sql, 'acme', { rules: [], actions: {} }, 'test', null, true);
    const { sql: careless } = forgetful(sql);
    const all = async (tenant: string) => [
      (await POLICY_VERSIONS.read(careless, tenant, null))?.version ?? 0,
      (await SECRET_RULE_VERSIONS.read(careless, tenant, null))?.version ?? 0,
      (await readPast(careless, tenant, 3_600_000, true)).length,
      (await spentByKey(careless, tenant, 0, Number.POSITIVE_INFINITY)).length,
    ];
    assert.deepEqual(await all('acme'), [1, 1, 1, 1]);
    assert.deepEqual(await all('other'), [0, 0, 0, 0]);
    // And nothing of it is changed or taken away by the application.
    for (const table of ['mcp_policy', 'mcp_secret_rules'])
      for (const change of [`update ${table} set version = 7`, `delete from ${table}`])
        await assert.rejects(sql.query(change), /permission denied/);
  });

  it('ends with its statement', async () => {
    const sql = await fresh();
    const ledger = createLedger(sql, CAPS);
    await ledger.accept('acme', acceptance());
    for (let n = 0; n < 10; n++) await ledger.list('other', { limit: 1 });
    const settings = await Promise.all(
      Array.from({ length: 10 }, () =>
        sql.query("select coalesce(current_setting('goblin.tenant', true), '') as tenant"),
      ),
    );
    assert.ok(
      settings.every(([row]) => row?.tenant === ''),
      JSON.stringify(settings),
    );
    assert.equal((await ledger.claim('w1', 5)).length, 1);
  });

  it('is a filter that is tried once, above the scan', async () => {
    const sql = await fresh();
    const { FENCE } = await import('../../src/ledger/fence.ts');
    const text = `explain select 1 from mcp_request where id = $2::uuid and ${FENCE}`
      .replaceAll('$1', "'other'")
      .replaceAll('$2', "'01890000-0000-7000-8000-000000000000'");
    const plan = (await sql.query(text)).map((row) => String(row['QUERY PLAN'])).join('\n');
    assert.match(plan, /One-Time Filter/, plan);
  });
});

ledgerConformance('postgres, as the application’s own role', () => fresh());
