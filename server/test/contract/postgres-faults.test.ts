/** PostgreSQL and the network before it break; what the driver says, how soon, and that it comes back by itself. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GoblinError } from '../../src/contract/errors.ts';
import type { Sql } from '../../src/contract/ports.ts';
import { openPostgres, type PostgresOptions } from '../../src/drivers/postgres.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { startPgbouncer, startPostgres } from '../support/services.ts';

const shared = await startPostgres();
const opened: Sql[] = [];
after(async () => {
  await Promise.all(opened.map((sql) => sql.close()));
});

async function open(url: string, more: Partial<PostgresOptions> = {}): Promise<Sql> {
  const sql = await openPostgres({ url, size: 3, application: 'faults', retryMs: 5_000, ...more });
  opened.push(sql);
  return sql;
}

/** A driver behind a proxy of its own. */
async function proxied(more: Partial<PostgresOptions> = {}, port = shared.port) {
  const proxy = await startFaultProxy(port);
  const changes: boolean[] = [];
  const url = shared.url.replace(/:\d+\/goblin$/, `:${proxy.port}/goblin`);
  const sql = await open(url, { onChange: (lost) => changes.push(lost), ...more });
  return { proxy, sql, changes };
}

const isUnavailable = (error: GoblinError) => {
  assert.equal(error.name, 'GoblinError', String(error));
  assert.equal(error.code, 'unavailable');
  assert.equal(error.retryAfterMs, 1000);
  return true;
};

async function fails(work: Promise<unknown>): Promise<number> {
  const began = performance.now();
  await assert.rejects(work, isUnavailable);
  return performance.now() - began;
}

async function until(what: () => boolean, ms = 5_000): Promise<void> {
  for (const end = performance.now() + ms; !what(); await sleep(10)) assert.ok(performance.now() < end, 'in time');
}

describe('PostgreSQL through a bad network', { concurrency: true }, () => {
  it('takes a dropped idle connection for what it is', async () => {
    const { proxy, sql, changes } = await proxied();
    await Promise.all([sql.query('select 1'), sql.query('select 1'), sql.query('select 1')]);
    proxy.reset();
    await sleep(100);
    assert.equal(sql.lostFor(), null);
    assert.deepEqual(await sql.query('select 1 as a'), [{ a: 1 }]);
    assert.deepEqual(changes, []);
  });

  it('says unavailable for a connection that is reset under a statement, and goes on', async () => {
    const { proxy, sql, changes } = await proxied();
    const running = fails(sql.query('select pg_sleep(5) /* cut */'));
    const inside = fails(
      sql.transaction(async (tx) => {
        await tx.query('select pg_sleep(5) /* cut inside */');
      }),
    );
    const both = `select 1 from pg_stat_activity where state = 'active' and query like 'select pg_sleep(5) /* cut%'`;
    while ((await shared.sql(both)).length < 2) await sleep(10);
    const began = performance.now();
    proxy.reset();
    await Promise.all([running, inside]);
    assert.ok(performance.now() - began < 2_500);
    assert.equal(sql.lostFor(), null);
    assert.deepEqual(await sql.query('select 1 as a'), [{ a: 1 }]);
    assert.deepEqual(changes, []);
  });

  it('is lost when refused, fails at once meanwhile, and comes back', async () => {
    const { proxy, sql, changes } = await proxied();
    const running = sql.query('select pg_sleep(5)');
    await sleep(50);
    await proxy.refuse(true);
    proxy.reset();
    await fails(running);
    assert.notEqual(sql.lostFor(), null);
    assert.ok((await fails(sql.query('select 1'))) < 500);
    assert.ok((await fails(sql.transaction(async () => {}))) < 500);
    assert.ok((await fails(sql.script('select 1'))) < 500);
    assert.equal(await sql.back(200), false);
    const back = sql.back(5_000);
    await proxy.refuse(false);
    assert.equal(await back, true);
    assert.equal(sql.lostFor(), null);
    assert.equal(await sql.back(0), true);
    assert.deepEqual(await sql.query('select 1 as a'), [{ a: 1 }]);
    assert.deepEqual(changes, [true, false]);
  });

  it('finds a half-open network in 5 s, hangs nobody longer than 10 s, and comes back', async () => {
    const { proxy, sql, changes } = await proxied();
    await sql.query('select 1');
    proxy.freeze();
    const began = performance.now();
    const running = fails(sql.query('select 1'));
    await until(() => sql.lostFor() !== null, 6_000);
    assert.ok(performance.now() - began < 5_500);
    assert.ok((await fails(sql.query('select 1'))) < 500);
    const took = await running;
    assert.ok(took < 6_000, `what was under way is let go with the rest: ${took}`);
    proxy.thaw();
    assert.equal(await sql.back(8_000), true);
    assert.deepEqual(await sql.query('select 1 as a'), [{ a: 1 }]);
    assert.deepEqual(changes, [true, false]);
  });

  it('works over a slow network that cuts everything into single bytes', async () => {
    const { proxy, sql } = await proxied();
    proxy.slice(1);
    proxy.latency(5);
    const text = 'ü'.repeat(200);
    assert.deepEqual(await sql.query('select $1::text as t', [text]), [{ t: text }]);
    const done = await sql.transaction(async (tx) => (await tx.query<{ n: number }>('select 7 as n'))[0]?.n);
    assert.equal(done, 7);
  });

  it('sends nothing at rest', async () => {
    const { proxy, sql } = await proxied();
    await sql.query('select 1');
    const before = proxy.received();
    await sleep(3_000);
    assert.equal(proxy.received(), before);
  });

  it('gives up on a pool that stays busy for 5 s, which is no loss', async () => {
    const { sql } = await proxied({ size: 1 });
    const slow = sql.query('select pg_sleep(6)');
    await sleep(50);
    assert.deepEqual(sql.pool(), { driver: 'postgres', size: 1, idle: 0, waiting: 0 });
    const waiting = fails(sql.query('select 1'));
    assert.equal(sql.pool().waiting, 1);
    const took = await waiting;
    assert.ok(took > 4_500 && took < 5_900, `${took}`);
    await slow;
    assert.equal(sql.lostFor(), null);
    assert.deepEqual(sql.pool(), { driver: 'postgres', size: 1, idle: 1, waiting: 0 });
  });

  it('ends a statement of more than 10 s, and keeps its connection', async () => {
    const { sql, changes } = await proxied({ size: 1 });
    const [before] = await sql.query('select pg_backend_pid() as pid');
    const took = await fails(sql.query('select pg_sleep(20)'));
    assert.ok(took > 9_000 && took < 10_500, `${took}`);
    assert.deepEqual(await sql.query('select pg_backend_pid() as pid'), [before]);
    assert.deepEqual(changes, []);
  });

  it('closes although a statement never ends', async () => {
    const { proxy, sql } = await proxied();
    const running = fails(sql.query('select pg_sleep(60)'));
    await sleep(50);
    proxy.freeze();
    const began = performance.now();
    await Promise.all([sql.close(), sql.close()]);
    assert.ok(performance.now() - began < 6_000);
    await running;
    assert.ok((await fails(sql.query('select 1'))) < 500);
    assert.equal(await sql.back(1_000), false);
    await proxy.close();
  });
});

describe('PostgreSQL itself', { concurrency: true }, () => {
  it('is killed, and what it had committed is there when it is back', async () => {
    const server = await startPostgres();
    const sql = await open(server.url);
    await sql.script('create table kept (n int)');
    await sql.query('insert into kept values (1)');
    const running = fails(sql.query('select pg_sleep(5)'));
    await sleep(50);
    await server.kill();
    await running;
    assert.notEqual(sql.lostFor(), null);
    await server.start();
    assert.equal(await sql.back(10_000), true);
    assert.deepEqual(await sql.query('select n from kept'), [{ n: 1 }]);
    // A restart ends idle connections: the loss is seen without a query.
    await server.stop();
    await until(() => sql.lostFor() !== null);
    await server.start();
    assert.equal(await sql.back(10_000), true);
    // Frozen: it takes connections and answers nothing.
    server.freeze();
    const frozen = sql.query('select 1').catch(() => {});
    await until(() => sql.lostFor() !== null, 6_000);
    server.thaw();
    assert.equal(await sql.back(8_000), true);
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
    await sleep(100);
    await fails(sql.query('insert into kept values (1)'));
    assert.notEqual(sql.lostFor(), null);
    assert.equal(await sql.back(500), false);
    await assert.rejects(openPostgres({ url: server.url, size: 1, application: 'x', retryMs: 5_000 }), /only reads/);
    await server.sql('alter system reset default_transaction_read_only');
    await server.sql('select pg_reload_conf()');
    assert.equal(await sql.back(5_000), true);
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
    const held = Array.from({ length: 3 }, () => one.query('select pg_sleep(3)'));
    const holding = `select 1 from pg_stat_activity where state = 'active' and query = 'select pg_sleep(3)'`;
    while ((await server.sql(holding)).length < 3) await sleep(10);
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
    assert.equal(await one.back(5_000), true);
    await one.query('select 1');
    await Promise.all([one.close(), two.close()]);
    await bouncer.stop();
  });
});
