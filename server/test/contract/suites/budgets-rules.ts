/** Budgets as they are kept, over any database: how they stand, when they are reached, who sees changes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Sql } from '../../../src/contract/ports.ts';
import { changeBudget, createBudget, keepFileBudgets, listBudgets, removeBudget } from '../../../src/ledger/budgets.ts';
import { noteReached, settleHolds } from '../../../src/ledger/holds.ts';
import { loadRules } from '../../../src/ledger/rules.ts';
import { takeSlice } from '../../../src/ledger/slices.ts';
import { periodAt } from '../../../src/money/periods.ts';
import { all, budgetKit, budgetOf, ended, NOW } from './budgets-kit.ts';
import { success, T } from './ledger-kit.ts';

export function budgetRulesConformance(name: string, open: () => Promise<Sql>): void {
  describe(`Budgets as they are kept: ${name}`, async () => {
    const sql = await open();
    const kit = await budgetKit(sql);
    const { ledger, purseOf } = kit;
    const run = kit.run.bind(kit);

    it('limits are reached once in a period, and again when they were raised', async () => {
      const purse = await purseOf({ softPico: 100, webhookUrl: 'https://example.com/hook' });
      const { slice, purse: id } = await takeSlice(sql, 'w1', purse, all(900));
      const charge = async (cost: number) => {
        const purses = await settleHolds(sql, [await run([{ slice, pico: cost }], cost)]);
        const both = await Promise.all([noteReached(sql, purses, false), noteReached(sql, purses, false)]);
        return both.flat().map(({ type, told }) => [type, told]);
      };
      assert.deepEqual(await charge(60), []);
      assert.deepEqual(await charge(60), [['budget.warned', true]]);
      assert.deepEqual(await charge(60), []);
      const change = { name: null, hardPico: 1000, softPico: 300, webhookUrl: null };
      assert.ok(await changeBudget(sql, T, purse.budget.id, change, null));
      assert.deepEqual(await charge(150), [['budget.warned', false]]);
      assert.deepEqual(
        (await noteReached(sql, [id], true)).map(({ type }) => type),
        ['budget.exceeded'],
      );
      assert.deepEqual(await noteReached(sql, [id], true), []);
      const notices = await sql.query<{ body: { data: Record<string, unknown> } }>(
        'select body from mcp_notice where id like $1',
        [`${purse.budget.id}:%`],
      );
      assert.equal(notices.length, 1);
      assert.deepEqual(notices[0]?.body.data.limit_usd, 1e-10);
    });

    it('one made in the midst of a period counts what that has cost already; of another subject it does not', async () => {
      const hash = 'ffeeddccbbaa99887766554433221100';
      const id = await kit.open([], 'w1', { userHash: hash, keyId: 'key_h', labels: { project: 'x=y' } });
      await ledger.settle(success(id, 1, 1, { frames: [], attempt: ended(77) }));
      const subjects = { user: hash, key: 'key_h', label: 'project=x=y' } as const;
      for (const [scope, subject] of Object.entries(subjects)) {
        const budget = budgetOf({ scope: scope as 'user', match: null, period: 'month', hardPico: 1e6 });
        await createBudget(sql, { ...budget, tenant: T }, null);
        const name = { budget, tenant: T, subject, ...periodAt('month', NOW) };
        assert.equal((await takeSlice(sql, 'w1', name, () => 0)).spentPico, 77, scope);
        assert.equal(
          (await takeSlice(sql, 'w1', { ...name, subject: subject.replace(/.$/, '9') }, () => 0)).spentPico,
          0,
          scope,
        );
      }
    });

    it('the limit that counts is the one of now', async () => {
      const purse = await purseOf({ hardPico: 1000 });
      await changeBudget(sql, T, purse.budget.id, { name: null, hardPico: 10, softPico: null, webhookUrl: null }, null);
      assert.equal((await takeSlice(sql, 'w1', purse, (left) => left)).grantedPico, 10);
    });

    it('lists budgets with what is spent, held and left, and none of another tenant', async () => {
      const purse = await purseOf({ name: 'listed' });
      const { slice } = await takeSlice(sql, 'w1', purse, all(500));
      await kit.open([{ slice, pico: 50 }]);
      await settleHolds(sql, [await run([{ slice, pico: 70 }], 30)]);
      const [listed] = await listBudgets(sql, T, purse.budget.id);
      assert.deepEqual(
        listed?.use.map(({ subject, spentPico, heldPico, slicedPico }) => [subject, spentPico, heldPico, slicedPico]),
        [[T, 30, 50, 380]],
      );
      assert.deepEqual(await listBudgets(sql, 'another', purse.budget.id), []);
      assert.equal(
        await changeBudget(
          sql,
          'another',
          purse.budget.id,
          { name: null, hardPico: 1, softPico: null, webhookUrl: null },
          null,
        ),
        false,
      );
      assert.equal(await removeBudget(sql, 'another', purse.budget.id, null), false);
    });

    it('every change is seen by who looks for the version, and a removed one is gone', async () => {
      const { version } = await loadRules(sql);
      const { budget } = await purseOf();
      const then = await loadRules(sql);
      assert.ok(then.version > version);
      assert.ok(then.budgets.some(({ id }) => id === budget.id));
      assert.ok(await removeBudget(sql, T, budget.id, null));
      const last = await loadRules(sql);
      assert.ok(last.version > then.version);
      assert.ok(!last.budgets.some(({ id }) => id === budget.id));
    });

    it('budgets of the file keep their first day, and go with it', async () => {
      const file = budgetOf({
        id: 'file_one',
        tenant: null,
        match: null,
        period: 'month',
        hardPico: 5,
        source: 'file',
      });
      await keepFileBudgets(sql, [file]);
      const [first] = await listBudgets(sql, T, file.id);
      await keepFileBudgets(sql, [{ ...file, hardPico: 9 }]);
      const [second] = await listBudgets(sql, T, file.id);
      assert.deepEqual([second?.hardPico, second?.createdAt], [9, first?.createdAt]);
      assert.ok(!(await loadRules(sql)).budgets.some(({ id }) => id === file.id), 'the file itself is what counts');
      await keepFileBudgets(sql, []);
      assert.deepEqual(await listBudgets(sql, T, file.id), []);
    });

    it('closes', async () => {
      await ledger.idle();
      await sql.close();
    });
  });
}
