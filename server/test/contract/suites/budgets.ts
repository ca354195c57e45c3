/** Slices, holds and settling over any database: nothing is spent twice, nothing is lost, nothing is left. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Sql } from '../../../src/contract/ports.ts';
import { moneyOf, settleHolds } from '../../../src/ledger/holds.ts';
import { beat } from '../../../src/ledger/processes.ts';
import { recountSlice, returnSlice, takeSlice, tidySlices } from '../../../src/ledger/slices.ts';
import { expireLeases, settleLostMoney } from '../../../src/ledger/sweep.ts';
import { periodAt } from '../../../src/money/periods.ts';
import { all, budgetKit, ended, NOW } from './budgets-kit.ts';
import { acceptance, start, success, T, worker } from './ledger-kit.ts';

export function budgetConformance(name: string, open: () => Promise<Sql>): void {
  describe(`Budgets: ${name}`, async () => {
    const sql = await open();
    const kit = await budgetKit(sql);
    const { ledger, purseOf, row, spentOf } = kit;
    const run = kit.run.bind(kit);

    it('many who take at once never get more than there is', async () => {
      const purse = await purseOf({ hardPico: 1000 });
      const taken = await Promise.all(
        Array.from({ length: 40 }, (_, n) => takeSlice(sql, `p${n % 5}`, purse, (left) => Math.min(left, 7 + n))),
      );
      const sum = taken.reduce((total, { grantedPico }) => total + grantedPico, 0);
      assert.equal(sum, 1000);
      assert.equal(new Set(taken.map(({ slice }) => slice)).size, 5);
      assert.equal((await takeSlice(sql, 'late', purse, all(1))).grantedPico, 0);
    });

    it('a hold becomes what its request has cost, once', async () => {
      const purse = await purseOf();
      const { slice, purse: id } = await takeSlice(sql, 'w1', purse, all(500));
      const request = await run([{ slice, pico: 300 }], 120);
      assert.deepEqual(await row(slice), { open: 500, used: 0 });
      const charged = await Promise.all([1, 2, 3, 4].map(() => settleHolds(sql, [request])));
      assert.equal(charged.flat().length, 1);
      assert.deepEqual(await row(slice), { open: 200, used: 120 });
      assert.deepEqual(await settleHolds(sql, null), []);
      assert.equal(await spentOf(id), 120);
      // What came back is there for others.
      const { leftPico, spentPico } = await takeSlice(sql, 'w2', purse, () => 0);
      assert.deepEqual([leftPico, spentPico], [680, 120]);
    });

    it('one that is not over, or whose money is not written, keeps its hold', async () => {
      const { slice } = await takeSlice(sql, 'w1', await purseOf(), all(500));
      const opening = { id: await kit.open([{ slice, pico: 50 }]) };
      assert.deepEqual(await settleHolds(sql, [opening.id]), []);
      await ledger.end(T, opening.id, 'cancelled', { code: 'cancelled', message: '' }, 'test');
      assert.deepEqual(await settleHolds(sql, null), []);
      await ledger.settleAttempt(T, opening.id, 1, ended(20), null);
      assert.equal((await settleHolds(sql, null)).length, 1);
      assert.deepEqual(await row(slice), { open: 450, used: 20 });
    });

    it('what costs more than was held is charged all the same, and what has no price costs what it held', async () => {
      const purse = await purseOf();
      const { slice, purse: id } = await takeSlice(sql, 'w1', purse, all(900));
      await settleHolds(sql, [await run([{ slice, pico: 10 }], 990), await run([{ slice, pico: 70 }], null)]);
      assert.equal(await spentOf(id), 1060);
      assert.equal((await takeSlice(sql, 'w2', purse, all(1))).grantedPico, 0);
    });

    it('of several budgets each is charged, of several slices of one purse the first', async () => {
      const [one, other] = [await purseOf(), await purseOf({ period: 'month' })];
      const a = await takeSlice(sql, 'w1', one, all(100));
      const b = await takeSlice(sql, 'w2', one, all(100));
      const c = await takeSlice(sql, 'w1', other, all(100));
      const holds = [a, b, c].map(({ slice }) => ({ slice, pico: 40 }));
      await settleHolds(sql, [await run(holds, 55)]);
      assert.deepEqual([await spentOf(a.purse), await spentOf(c.purse)], [55, 55]);
      assert.deepEqual(
        [await row(a.slice), await row(b.slice)],
        [
          { open: 60, used: 55 },
          { open: 60, used: 0 },
        ],
      );
    });

    it('a further attempt may hold more, and is charged with the rest', async () => {
      const { slice, purse } = await takeSlice(sql, 'w1', await purseOf(), all(500));
      const opening = { id: await kit.open([{ slice, pico: 50 }]) };
      const next = { ...start, attempt: 2, holds: [{ slice, pico: 30 }] };
      const write = { id: opening.id, tenant: T, epoch: 1, firstSeq: 1, day: '2026-01-01', frames: [] };
      // Sent twice, as when an answer was lost.
      for (let n = 0; n < 2; n++) assert.ok(await ledger.attempt(write, next, ended(7)));
      const money = await moneyOf(sql, T, opening.id);
      assert.deepEqual([money?.heldPico, money?.spentPico, money?.team], [80, 7, null]);
      await ledger.settle(success(opening.id, 1, 1, { frames: [], attempt: ended(11, 2) }));
      await settleHolds(sql, [opening.id]);
      assert.deepEqual(await row(slice), { open: 420, used: 18 });
      assert.equal(await spentOf(purse), 18);
    });

    it('settled after midnight it is of the day on which it was accepted', async () => {
      const midnight = (Math.floor(NOW / 86_400_000) + 1) * 86_400_000;
      const purse = await purseOf({}, midnight - 1);
      const { starts, endsMs } = periodAt('day', midnight);
      const next = { ...purse, starts, endsMs };
      const before = await takeSlice(sql, 'w1', purse, all(300));
      const request = await run([{ slice: before.slice, pico: 300 }], 250);
      const after = await takeSlice(sql, 'w1', next, all(1000));
      assert.equal(after.grantedPico, 1000, 'the new day has all of it');
      await settleHolds(sql, [request]);
      assert.deepEqual([await spentOf(before.purse), await spentOf(after.purse)], [250, 0]);
    });

    it('what a process does not need goes back, and no more than that', async () => {
      const purse = await purseOf();
      const { slice } = await takeSlice(sql, 'w1', purse, all(600));
      await returnSlice(sql, 'w1', slice, 250);
      await returnSlice(sql, 'somebody else', slice, 250);
      await returnSlice(sql, 'w1', slice, 100_000);
      assert.deepEqual(await row(slice), { open: 350, used: 0 });
      assert.equal((await takeSlice(sql, 'w2', purse, () => 0)).leftPico, 650);
    });

    it('a taking whose answer was lost is counted anew', async () => {
      const purse = await purseOf();
      const { slice } = await takeSlice(sql, 'w1', purse, all(100));
      await takeSlice(sql, 'w1', purse, all(500));
      await kit.open([{ slice, pico: 60 }]);
      assert.equal(await recountSlice(sql, 'somebody else', slice, 40), false);
      assert.equal(await recountSlice(sql, 'w1', slice, 40), true);
      assert.deepEqual(await row(slice), { open: 100, used: 0 });
    });

    it('of a dead process only what its requests hold is kept, and it can use nothing of it any more', async () => {
      const purse = await purseOf();
      await beat(sql, { id: 'dying', ...worker }, 0, 0);
      const { slice, purse: id } = await takeSlice(sql, 'dying', purse, all(800));
      const opening = { id: await kit.open([{ slice, pico: 300 }], 'dying') };
      await run([{ slice, pico: 100 }], 90);
      await settleHolds(sql, null);
      await sql.query(`update mcp_process set beat_at = '-infinity' where id = 'dying'`);
      await tidySlices(sql);
      assert.equal(await row(slice), undefined);
      // 90 are spent, 300 held.
      assert.equal((await takeSlice(sql, 'w1', purse, () => 0)).leftPico, 610);
      await assert.rejects(
        ledger.open(T, {
          ...acceptance({ mode: 'attached', holds: [{ slice, pico: 1 }] }),
          owner: 'dying',
          attempt: start,
        }),
        { sqlState: '23503' },
      );
      await expireLeases(sql);
      await settleHolds(sql, null);
      await tidySlices(sql);
      // By estimate: 1,000 would be more than was held.
      assert.equal(await spentOf(id), 390);
      const left = await sql.query(
        'select owner, open_pico::float8 as open from mcp_slice where purse = $1 and open_pico <> 0',
        [id],
      );
      assert.deepEqual(left, []);
      assert.deepEqual(await sql.query('select 1 from mcp_hold where request_id = $1', [opening.id]), []);
    });

    it('a detached request keeps its hold when the process that took it dies', async () => {
      const purse = await purseOf();
      await beat(sql, { id: 'taker', ...worker }, 0, 0);
      const { slice, purse: id } = await takeSlice(sql, 'taker', purse, all(800));
      const waits = acceptance({ holds: [{ slice, pico: 300 }], team: 'team_1', labels: { a: 'b' } });
      await ledger.accept(T, waits);
      await sql.query(`update mcp_process set beat_at = '-infinity' where id = 'taker'`);
      for (let n = 0; n < 2; n++) await tidySlices(sql);
      assert.equal((await takeSlice(sql, 'w1', purse, () => 0)).leftPico, 700);
      const money = await moneyOf(sql, T, waits.id);
      assert.deepEqual([money?.heldPico, money?.spentPico, money?.team, money?.labels], [300, 0, 'team_1', { a: 'b' }]);
      await ledger.end(T, waits.id, 'cancelled', { code: 'cancelled', message: '' }, 'test');
      await settleHolds(sql, null);
      await tidySlices(sql);
      assert.equal(await spentOf(id), 0);
      assert.equal((await takeSlice(sql, 'w1', purse, () => 0)).leftPico, 1000);
    });

    it('money that nobody reports is charged by estimate, at most what was held', async () => {
      const { slice, purse } = await takeSlice(sql, 'w1', await purseOf(), all(500));
      const opening = { id: await kit.open([{ slice, pico: 50 }]) };
      await ledger.end(T, opening.id, 'cancelled', { code: 'cancelled', message: '' }, 'test');
      await sql.query(`update mcp_request set settle_by = now() - interval '1 second' where id = $1`, [opening.id]);
      await settleLostMoney(sql);
      await settleHolds(sql, null);
      assert.equal(await spentOf(purse), 50);
    });

    it('money beyond 2^53 picodollars neither overflows nor leaks', async () => {
      const purse = await purseOf({ hardPico: 1e18 });
      const taken = await Promise.all(
        Array.from({ length: 20 }, (_, n) => takeSlice(sql, `big${n}`, purse, (left) => Math.floor(left / 3))),
      );
      const [sum] = await sql.query<{ ok: boolean }>(
        'select sum(open_pico) <= 1000000000000000000 as ok from mcp_slice where purse = $1',
        [taken[0]?.purse ?? 0],
      );
      assert.equal(sum?.ok, true);
    });

    it('closes', async () => {
      await ledger.idle();
      await sql.close();
    });
  });
}
