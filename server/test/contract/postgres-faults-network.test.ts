/** The network before PostgreSQL breaks: what the driver says, how soon, and that it comes back by itself. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { took, until } from '../support/patience.ts';
import { startPostgres } from '../support/services.ts';
import { fails, proxied } from './postgres-faults-kit.ts';

const shared = await startPostgres();

describe('PostgreSQL through a bad network', { concurrency: true }, () => {
  it('takes a dropped idle connection for what it is', async () => {
    const { proxy, sql, changes } = await proxied(shared);
    await Promise.all([sql.query('select 1'), sql.query('select 1'), sql.query('select 1')]);
    proxy.reset();
    await sleep(100);
    assert.equal(sql.lostFor(), null);
    assert.deepEqual(await sql.query('select 1 as a'), [{ a: 1 }]);
    assert.deepEqual(changes, []);
  });

  it('says unavailable for a connection that is reset under a statement, and goes on', async () => {
    const { proxy, sql, changes } = await proxied(shared);
    const running = fails(sql.query('select pg_sleep(9) /* cut */'));
    const inside = fails(
      sql.transaction(async (tx) => {
        await tx.query('select pg_sleep(9) /* cut inside */');
      }),
    );
    const both = `select 1 from pg_stat_activity where state = 'active' and query like 'select pg_sleep(9) /* cut%'`;
    await until(async () => (await shared.sql(both)).length === 2);
    proxy.reset();
    assert.ok((await took(Promise.all([running, inside]))) < 4_000);
    assert.equal(sql.lostFor(), null);
    assert.deepEqual(await sql.query('select 1 as a'), [{ a: 1 }]);
    assert.deepEqual(changes, []);
  });

  it('is lost when refused, fails at once meanwhile, and comes back', async () => {
    const { proxy, sql, changes } = await proxied(shared);
    const running = fails(sql.query('select pg_sleep(9)'));
    await sleep(50);
    await proxy.refuse(true);
    proxy.reset();
    await running;
    assert.notEqual(sql.lostFor(), null);
    assert.ok((await fails(sql.query('select 1'))) < 500);
    assert.ok((await fails(sql.transaction(async () => {}))) < 500);
    assert.ok((await fails(sql.script('select 1'))) < 500);
    assert.equal(await sql.back(200), false);
    const back = sql.back(30_000);
    await proxy.refuse(false);
    assert.equal(await back, true);
    assert.equal(sql.lostFor(), null);
    assert.equal(await sql.back(0), true);
    assert.deepEqual(await sql.query('select 1 as a'), [{ a: 1 }]);
    assert.deepEqual(changes, [true, false]);
  });

  it('finds a half-open network in 5 s, hangs nobody longer than 10 s, and comes back', async () => {
    const { proxy, sql, changes } = await proxied(shared);
    await sql.query('select 1');
    proxy.freeze();
    const running = fails(sql.query('select 1'));
    await until(() => sql.lostFor() !== null, 5_500);
    assert.ok((await fails(sql.query('select 1'))) < 500);
    const ms = await running;
    assert.ok(ms < 6_000, `what was under way is let go with the rest: ${ms}`);
    proxy.thaw();
    assert.equal(await sql.back(30_000), true);
    assert.deepEqual(await sql.query('select 1 as a'), [{ a: 1 }]);
    assert.deepEqual(changes, [true, false]);
  });

  it('works over a slow network that cuts everything into single bytes', async () => {
    const { proxy, sql } = await proxied(shared);
    proxy.slice(1);
    proxy.latency(5);
    const text = 'ü'.repeat(200);
    assert.deepEqual(await sql.query('select $1::text as t', [text]), [{ t: text }]);
    const done = await sql.transaction(async (tx) => (await tx.query<{ n: number }>('select 7 as n'))[0]?.n);
    assert.equal(done, 7);
  });

  it('sends nothing at rest', async () => {
    const { proxy, sql } = await proxied(shared);
    await sql.query('select 1');
    const before = proxy.received();
    await sleep(3_000);
    assert.equal(proxy.received(), before);
  });

  it('gives up on a pool that stays busy for 5 s, which is no loss', async () => {
    const { sql } = await proxied(shared, { size: 1 });
    const slow = sql.query('select pg_sleep(9)');
    await sleep(50);
    assert.deepEqual(sql.pool(), { driver: 'postgres', size: 1, idle: 0, waiting: 0 });
    const waiting = fails(sql.query('select 1'));
    assert.equal(sql.pool().waiting, 1);
    const began = performance.now();
    const ms = await waiting;
    assert.ok(performance.now() - began > 4_500 && ms < 7_000, `${ms}`);
    await slow;
    assert.equal(sql.lostFor(), null);
    assert.deepEqual(sql.pool(), { driver: 'postgres', size: 1, idle: 1, waiting: 0 });
  });

  it('ends a statement of more than 10 s, and keeps its connection', async () => {
    const { sql, changes } = await proxied(shared, { size: 1 });
    const [before] = await sql.query('select pg_backend_pid() as pid');
    const began = performance.now();
    await fails(sql.query('select pg_sleep(20)'));
    const ms = performance.now() - began;
    assert.ok(ms > 9_000 && ms < 16_000, `${ms}`);
    assert.deepEqual(await sql.query('select pg_backend_pid() as pid'), [before]);
    assert.deepEqual(changes, []);
  });

  it('closes although a statement never ends', async () => {
    const { proxy, sql } = await proxied(shared);
    const running = fails(sql.query('select pg_sleep(60)'));
    await sleep(50);
    proxy.freeze();
    assert.ok((await took(Promise.all([sql.close(), sql.close()]))) < 6_000);
    await running;
    assert.ok((await fails(sql.query('select 1'))) < 500);
    assert.equal(await sql.back(1_000), false);
    await proxy.close();
  });
});
