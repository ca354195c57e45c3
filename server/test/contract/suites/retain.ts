/** What retention promises over every `Sql` driver: nothing too early, everything in the end, in bounded steps. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { GoblinError } from '../../../src/contract/errors.ts';
import type { Row, Sql } from '../../../src/contract/ports.ts';
import { dayOf } from '../../../src/ledger/ids.ts';
import { type Keep, retain } from '../../../src/ledger/retain.ts';
import { calmDay } from '../../support/calm-day.ts';

const KEEP: Keep = { frameHours: 24, bodyDays: 30, rowDays: 400 };
const PARENTS = ['mcp_body', 'mcp_piece', 'mcp_result', 'mcp_partial', 'mcp_frame'];
const DAY = 86_400_000;

/** `days` ago, or ahead when negative. */
const dayAgo = (days: number): string => new Date(Date.now() - days * DAY).toISOString().slice(0, 10);

let made = 0;
function idOf(days: number): string {
  const hex = Math.round(Date.now() - days * DAY)
    .toString(16)
    .padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${(++made).toString(16).padStart(12, '0')}`;
}

/** `open` gives an empty, migrated database. `parallel`: it has more than one connection. */
export function retainConformance(name: string, open: () => Promise<Sql>, parallel = false): void {
  describe(`Retention: ${name}`, async () => {
    await calmDay();
    const sql = await open();
    after(() => sql.close());

    const days = async (parent: string): Promise<string[]> => {
      const rows = await sql.query<{ day: string }>(
        `select right(c.relname, 8) as day from pg_inherits i join pg_class c on c.oid = i.inhrelid
         where i.inhparent = to_regclass($1) order by 1`,
        [parent],
      );
      return rows.map(({ day }) => `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`);
    };
    const count = async (table: string): Promise<number> => {
      const [row] = await sql.query<{ n: number }>(`select count(*)::int as n from ${table}`);
      return row?.n ?? 0;
    };
    const makeDay = (day: string) => sql.query('select mcp_make_partition($1::date)', [day]);
    /** Until nothing is left to do; answers the sum of all calls. */
    const all = async (keep = KEEP) => {
      const sum = { made: 0, dropped: 0, deleted: 0, calls: 0 };
      for (let more = true; more; sum.calls++) {
        const done = await retain(sql, keep, { rows: 10, steps: 3 });
        assert.deepEqual(done.failed, []);
        sum.made += done.made;
        sum.dropped += done.dropped;
        sum.deleted += done.deleted;
        more = done.more;
        assert.ok(sum.calls < 100);
      }
      return sum;
    };
    const request = async (daysAgo: number, state = 'succeeded', seq = 0): Promise<string> => {
      const id = idOf(daysAgo);
      await sql.query(
        `insert into mcp_request (id, day, tenant, kind, mode, state, priority, task_type, user_hash, user_key, queue_rank, failover, last_seq)
         values ($1, $2::date, 't', 'answer', 'detached', $3, 5, 'chat', decode('00112233445566778899aabbccddeeff', 'hex'), 'k', now(), 'fail', $4)`,
        [id, dayOf(id), state, seq],
      );
      await sql.query(
        `insert into mcp_attempt (request_id, attempt, tenant, epoch, provider, model, reason, status)
         select $1::uuid, n, 't', 1, 'p', 'm', 'test', 'failed' from generate_series(1, 3) n`,
        [id],
      );
      await sql.query(
        "insert into mcp_callback (request_id, tenant, url, status) values ($1, 't', 'http://x', 'delivered')",
        [id],
      );
      await sql.query(
        "insert into mcp_event (tenant, request_id, at, type, payload) values ('t', $1::uuid, now() - $2::float8 * interval '1 day', 'request.queued', '{}')",
        [id, daysAgo],
      );
      return id;
    };

    it('has the partitions of yesterday, today and a week ahead', async () => {
      const wanted = Array.from({ length: 9 }, (_, n) => dayAgo(1 - n));
      await all();
      for (const parent of PARENTS) assert.deepEqual(await days(parent), wanted, parent);
      await sql.query('delete from mcp_piece');
      await sql.query(`drop table mcp_piece_${wanted[8]?.replaceAll('-', '')}`);
      assert.equal((await all()).made, 1);
      assert.deepEqual(await days('mcp_piece'), wanted);
      // What is made by hand is a partition like any other: with its key, and found by its day.
      await sql.query(
        `insert into mcp_piece (tenant, hash, day, encoding, data)
         values ('t', decode('00112233445566778899aabbccddeeff', 'hex'), $1::date, 'json', '\\x00'::bytea)`,
        [wanted[8] as string],
      );
      await assert.rejects(
        sql.query(
          `insert into mcp_piece (tenant, hash, day, encoding, data)
           values ('t', decode('00112233445566778899aabbccddeeff', 'hex'), $1::date, 'json', '\\x00'::bytea)`,
          [wanted[8] as string],
        ),
        (error: { sqlState?: string }) => error.sqlState === '23505',
      );
      await sql.query('delete from mcp_piece');
    });

    it('drops days that are out of age, the oldest first, two at a time, and no other', async () => {
      for (let n = 2; n <= 36; n++) await makeDay(dayAgo(n));
      const first = await retain(sql, KEEP);
      assert.equal(first.dropped, 2 * PARENTS.length);
      assert.equal(first.more, true);
      assert.equal((await days('mcp_body'))[0], dayAgo(34));
      assert.equal((await days('mcp_frame'))[0], dayAgo(34));
      await all();
      for (const parent of PARENTS) {
        assert.equal((await days(parent))[0], dayAgo(parent === 'mcp_frame' ? 2 : 30), parent);
        assert.equal((await days(parent)).at(-1), dayAgo(-7), parent);
      }
      await all({ ...KEEP, bodyDays: 3 });
      assert.equal((await days('mcp_piece'))[0], dayAgo(3));
      assert.equal((await days('mcp_body'))[0], dayAgo(3));
    });

    it('never drops today or later, whatever it is asked', async () => {
      for (let n = 0; n < 5; n++) await sql.query("select mcp_drop_partitions('mcp_partial', '2999-01-01'::date)");
      assert.deepEqual((await days('mcp_partial'))[0], dayAgo(0));
      await all();
      await assert.rejects(
        sql.query("select mcp_drop_partitions('mcp_request', '2999-01-01'::date)"),
        /not a partitioned/,
      );
    });

    it('keeps the frames of a request that is not over', async () => {
      for (let n = 1; n <= 20; n++) await makeDay(dayAgo(n));
      const id = await request(10, 'queued', 3);
      await all();
      assert.equal((await days('mcp_frame'))[0], dayAgo(10));
      await sql.query("update mcp_request set state = 'running' where id = $1", [id]);
      await all();
      assert.equal((await days('mcp_frame'))[0], dayAgo(10));
      await all({ ...KEEP, bodyDays: 5 });
      assert.equal((await days('mcp_frame'))[0], dayAgo(5), 'but not longer than its body');
      await sql.query("update mcp_request set state = 'failed' where id = $1", [id]);
      await all();
      assert.equal((await days('mcp_frame'))[0], dayAgo(2));
    });

    it('deletes rows that are out of age with all that hangs on them, in steps', async () => {
      for (const table of ['mcp_request', 'mcp_attempt', 'mcp_callback', 'mcp_event'])
        await sql.query(`delete from ${table}`);
      for (let n = 0; n < 45; n++) await request(400.01 + n);
      const waiting = await request(401, 'queued');
      const kept = [await request(399.99), await request(0), waiting];
      const first = await retain(sql, KEEP, { rows: 10, steps: 2 });
      assert.deepEqual([first.deleted, first.more], [40, true], 'two steps of ten requests and of ten events');
      await all();
      const rows = await sql.query<{ id: string }>('select id::text as id from mcp_request');
      assert.deepEqual(rows.map(({ id }) => id).sort(), kept.sort());
      assert.equal(await count('mcp_attempt'), 9);
      assert.equal(await count('mcp_callback'), 3);
      assert.equal(await count('mcp_event'), 2, 'events go by their own age');
    });

    it('deletes idempotency keys a day after they are out of date', async () => {
      for (let n = 0; n < 25; n++) {
        await sql.query(
          "insert into mcp_idempotency (tenant, key, body_hash, request_id, expires_at) values ('t', $1, '\\x00', $2::uuid, now() - $3::int * interval '1 hour')",
          [`k${n}`, idOf(0), n < 20 ? 25 : n - 22],
        );
      }
      assert.equal((await all()).deleted, 20);
      assert.equal(await count('mcp_idempotency'), 5);
    });

    it('does nothing when there is nothing to do', async () => {
      assert.deepEqual(await retain(sql, KEEP), { made: 0, dropped: 0, deleted: 0, more: false, failed: [] });
    });

    it('may run several times at once', async () => {
      for (let n = 2; n <= 40; n++) await makeDay(dayAgo(n));
      for (let n = 0; n < 60; n++) await request(500);
      await sql.query(`drop table mcp_frame_${dayAgo(-7).replaceAll('-', '')}`);
      const runs = await Promise.all(Array.from({ length: 8 }, () => retain(sql, KEEP, { rows: 7, steps: 3 })));
      assert.deepEqual(
        runs.flatMap((run) => run.failed),
        [],
      );
      await all();
      assert.equal((await days('mcp_body'))[0], dayAgo(30));
      assert.equal((await days('mcp_frame')).at(-1), dayAgo(-7));
      assert.equal((await sql.query("select 1 from mcp_event where at < now() - interval '400 days'")).length, 0);
    });

    it('goes on after a step that fails, and stops when the database is away', async () => {
      await makeDay(dayAgo(40));
      const without = (part: string, error: Error): Sql => ({
        ...sql,
        query: async <R extends Row>(text: string, values: Parameters<Sql['query']>[1] = []) => {
          if (text.includes(part)) throw error;
          return await sql.query<R>(text, values);
        },
      });
      const done = await retain(without('mcp_make_partitions', new Error('no')), KEEP);
      assert.deepEqual(
        done.failed.map(({ step }) => step),
        ['make partitions'],
      );
      assert.equal(done.dropped, PARENTS.length);
      const away = new GoblinError('unavailable', 'away');
      await assert.rejects(retain(without('mcp_idempotency', away), KEEP), (error) => error === away);
    });

    it('does not stand in the way of a long reader', { skip: !parallel }, async () => {
      await makeDay(dayAgo(40));
      await sql.transaction(async (reader) => {
        await reader.query('select count(*) from mcp_body');
        const began = performance.now();
        const done = await retain(sql, KEEP);
        assert.deepEqual(
          done.failed.map(({ step }) => step),
          ['drop mcp_body'],
        );
        assert.equal(done.dropped, PARENTS.length - 2, 'the pieces wait for their bodies');
        assert.ok(performance.now() - began < 8_000);
        // Making is possible beside readers.
        assert.equal(
          (await sql.query<{ n: number }>('select mcp_make_partition($1::date) as n', [dayAgo(50)]))[0]?.n,
          5,
        );
      });
      assert.equal((await all()).dropped, 2 + PARENTS.length);
    });
  });
}
