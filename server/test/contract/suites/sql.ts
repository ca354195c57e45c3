/** What every `Sql` driver must do. Call it with a factory; it registers the tests. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Sql } from '../../../src/contract/ports.ts';

export function sqlConformance(name: string, open: () => Promise<Sql>): void {
  describe(`Sql: ${name}`, async () => {
    const sql = await open();

    it('gives rows as objects, with values by position', async () => {
      const rows = await sql.query('select $1::int as a, $2::text as b, $3::boolean as c, $4::text as d', [
        1,
        'ü\n"',
        true,
        null,
      ]);
      assert.deepEqual(rows, [{ a: 1, b: 'ü\n"', c: true, d: null }]);
    });

    it('gives int8, numeric and times as text, json parsed, bytea as bytes', async () => {
      const [row] = await sql.query<{ big: unknown; num: unknown; at: unknown; j: unknown; b: Uint8Array }>(
        `select 9007199254740993::int8 as big, 1.10::numeric as num, '2026-01-31T00:00:00Z'::timestamptz as at, '{"a":[1]}'::json as j, '\\x00ff'::bytea as b`,
      );
      assert.equal(row?.big, '9007199254740993');
      assert.equal(row?.num, '1.10');
      assert.equal(typeof row?.at, 'string');
      assert.deepEqual(row?.j, { a: [1] });
      assert.deepEqual([...(row?.b ?? [])], [0, 255]);
    });

    it('takes bytes', async () => {
      const [row] = await sql.query<{ hex: string }>(`select encode($1::bytea, 'hex') as hex`, [
        Buffer.from([0, 1, 255]),
      ]);
      assert.equal(row?.hex, '0001ff');
    });

    it('rejects with the SQL state and goes on', async () => {
      await assert.rejects(sql.query('select 1/0'), (error: { sqlState?: string }) => error.sqlState === '22012');
      assert.deepEqual(await sql.query('select 1 as a'), [{ a: 1 }]);
    });

    it('commits what resolves and rolls back what throws', async () => {
      await sql.script('create table if not exists t_conformance (n int); truncate t_conformance');
      await sql.transaction(async (tx) => {
        await tx.query('insert into t_conformance values (1)');
      });
      await assert.rejects(
        sql.transaction(async (tx) => {
          await tx.query('insert into t_conformance values (2)');
          throw new Error('no');
        }),
        /no/,
      );
      assert.deepEqual(await sql.query('select n from t_conformance'), [{ n: 1 }]);
    });

    it('keeps others out of an open transaction', async () => {
      await sql.script('truncate t_conformance');
      const inside = sql.transaction(async (tx) => {
        await tx.query('insert into t_conformance values (1)');
        await new Promise((resolve) => setTimeout(resolve, 50));
        await tx.query('insert into t_conformance values (2)');
      });
      await new Promise((resolve) => setTimeout(resolve, 10));
      const [seen] = await sql.query<{ n: number }>('select count(*)::int as n from t_conformance');
      assert.ok(seen?.n === 0 || seen?.n === 2, `saw ${seen?.n}`);
      await inside;
    });

    it('runs many at once', async () => {
      const rows = await Promise.all(
        Array.from({ length: 200 }, (_, n) => sql.query<{ n: number }>('select $1::int as n', [n])),
      );
      assert.deepEqual(
        rows.map(([row]) => row?.n),
        Array.from({ length: 200 }, (_, n) => n),
      );
    });

    it('says that it is there', async () => {
      assert.equal(sql.lostFor(), null);
      assert.equal(await sql.back(1_000), true);
      const { driver, size, waiting } = sql.pool();
      assert.match(driver, /^(pglite|postgres)$/);
      assert.ok(size >= 1);
      assert.equal(waiting, 0);
    });

    it('closes, twice too', async () => {
      await sql.script('drop table t_conformance');
      await sql.close();
      await sql.close();
    });
  });
}
