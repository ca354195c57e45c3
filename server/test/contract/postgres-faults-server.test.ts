/** PostgreSQL itself breaks, or PgBouncer before it: what is a loss and what is none, and that nothing committed is lost. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openPostgres } from '../../src/drivers/postgres.ts';
import { until } from '../support/patience.ts';
import { startPgbouncer, startPostgres } from '../support/services.ts';
import { fails, open } from './postgres-faults-kit.ts';

const shared = await startPostgres();

describe('PostgreSQL itself', { concurrency: true }, () => {
  it('is killed, and what it had committed is there when it is back', async () => {
    const server = await startPostgres();
    const sql = await open(server.url);
    await sql.script('create table kept (n int)');
    await sql.query('insert into kept values (1)');
    const running = fails(sql.query('select pg_sleep(9)'));
    await sleep(50);
    await server.kill();
    await running;
    assert.notEqual(sql.lostFor(), null);
    await server.start();
    assert.equal(await sql.back(30_000), true);
    assert.deepEqual(await sql.query('select n from kept'), [{ n: 1 }]);
    // A restart ends idle connections: the loss is seen without a query.
    await server.stop();
    await until(() => sql.lostFor() !== null);
    await server.start();
    assert.equal(await sql.back(30_000), true);
    // Frozen: it takes connections and answers nothing.
    server.freeze();
    const frozen = sql.query('select 1').catch(() => {});
    await until(() => sql.lostFor() !== null);
    server.thaw();
    assert.equal(await sql.back(30_000), true);
    await frozen;
    assert.deepEqual(await sql.query('select n from kept'), [{ n: 1 }]);
    await sql.close();
    await server.stop();
  });

  it('turns read-only: lost until it takes writes', async () => {
    const server = await startPostgres();
    const sql = await open(server.url);
    await sql.script('create table kept (n int)');
    await server.sql('alter system set default_transaction_read_only = on');
    await server.sql('select pg_reload_conf()');
    // Its own session hears of that in its own time.
    const mode = "select current_setting('default_transaction_read_only') as mode";
    await until(async () => (await sql.query(mode))[0]?.mode === 'on');
    await fails(sql.query('insert into kept values (1)'));
    assert.notEqual(sql.lostFor(), null);
    assert.equal(await sql.back(500), false);
    await assert.rejects(openPostgres({ url: server.url, size: 1, application: 'x', retryMs: 5_000 }), /only reads/);
    await server.sql('alter system reset default_transaction_read_only');
    await server.sql('select pg_reload_conf()');
    assert.equal(await sql.back(30_000), true);
    await sql.query('insert into kept values (1)');
    await sql.close();
    await server.stop();
  });

  it('takes no more connections: that is no loss', async () => {
    const server = await startPostgres({ settings: { max_connections: '6', superuser_reserved_connections: '3' } });
    const one = await open(server.url, { size: 10 });
    const rows = await Promise.all(Array.from({ length: 40 }, () => one.query('select pg_sleep(0.02), 1 as a')));
    assert.equal(rows.length, 40);
    assert.equal(one.lostFor(), null);
    // All three are held, and whoever else comes is refused.
    const held = Array.from({ length: 3 }, () => one.query('select pg_sleep(9)'));
    const holding = `select 1 from pg_stat_activity where state = 'active' and query = 'select pg_sleep(9)'`;
    // Who looks takes a place for a moment: not before they have theirs.
    const end = performance.now() + 7_000;
    do await sleep(300);
    while ((await server.sql(holding)).length < 3 && performance.now() < end);
    assert.equal((await server.sql(holding)).length, 3);
    const others = await open(server.url, { size: 1, retryMs: 0 }).catch((error) => error);
    assert.match(String(others), /too many|remaining connection slots/);
    await Promise.all(held);
    await one.close();
    await server.stop();
  });

  it('ends one session: no loss', async () => {
    const sql = await open(shared.url);
    const [mine] = await sql.query<{ pid: number }>('select pg_backend_pid() as pid');
    await shared.sql(`select pg_terminate_backend(${mine?.pid})`);
    await sleep(50);
    assert.equal(sql.lostFor(), null);
    const ended = sql.transaction(async (tx) => {
      const [inside] = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
      await shared.sql(`select pg_terminate_backend(${inside?.pid})`);
      await tx.query('select 1');
    });
    await fails(ended);
    assert.equal(sql.lostFor(), null);
    assert.deepEqual(await sql.query('select 1 as a'), [{ a: 1 }]);
  });

  it('plans anew what an upgrade changed under a prepared statement', async () => {
    const sql = await open(shared.url, { size: 1 });
    await sql.script('create table changing (a int); insert into changing values (1)');
    const read = () => sql.query('select * from changing');
    await read();
    await sql.script('alter table changing add column b int default 2');
    assert.deepEqual(await read(), [{ a: 1, b: 2 }]);
    await sql.script('alter table changing add column c int default 3');
    let runs = 0;
    const rows = await sql.transaction(async (tx) => {
      runs++;
      await tx.query('update changing set a = a + 1');
      return await tx.query('select * from changing');
    });
    assert.deepEqual([rows, runs], [[{ a: 2, b: 2, c: 3 }], 2]);
  });

  it('does not call a transaction committed that was rolled back', async () => {
    const sql = await open(shared.url);
    await sql.script('create table passed_over (n int)');
    await assert.rejects(
      sql.transaction(async (tx) => {
        await tx.query('insert into passed_over values (1)');
        await tx.query('select 1/0').catch(() => {});
      }),
      /rolled back/,
    );
    assert.deepEqual(await sql.query('select n from passed_over'), []);
  });
});

describe('PgBouncer', { concurrency: true }, () => {
  it('mixes sessions under two drivers, and nobody notices', async () => {
    const bouncer = await startPgbouncer(shared, { default_pool_size: 2 });
    const [one, two] = await Promise.all([open(bouncer.url, { size: 6 }), open(bouncer.url, { size: 6 })]);
    await one.script('create table mixed (n int)');
    const work = Array.from({ length: 120 }, (_, n) => {
      const sql = n % 2 ? one : two;
      if (n % 3 === 0) return sql.query('insert into mixed values ($1)', [n]);
      return sql.transaction(async (tx) => {
        await tx.query('insert into mixed values ($1)', [n]);
        await tx.query(`select $1::int + ${n % 5}`, [n]);
      });
    });
    await Promise.all(work);
    assert.deepEqual(await one.query('select count(*)::int as n, count(distinct n)::int as d from mixed'), [
      { n: 120, d: 120 },
    ]);
    // PostgreSQL behind it goes away and comes back.
    await bouncer.kill();
    await fails(one.query('select 1'));
    assert.notEqual(one.lostFor(), null);
    await bouncer.start();
    assert.equal(await one.back(30_000), true);
    await one.query('select 1');
    await Promise.all([one.close(), two.close()]);
    await bouncer.stop();
  });
});
