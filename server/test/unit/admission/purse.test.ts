/** Budgets as processes use them, in memory: holds come out of slices, and no slice is more than the store gave. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Budgets, exceeded, usd } from '../../../src/admission/budgets/budgets.ts';
import { AT, budgetOf, processes } from './purse-kit.ts';

describe('holds', () => {
  it('of a burst never come to more than there is, and nearly all of it is used', async () => {
    for (const number of [1, 3, 8]) {
      const { bank, hold } = processes(number, budgetOf(100_000));
      const got = await Promise.all(Array.from({ length: 500 }, (_, n) => hold(n % number, 700)));
      const held = got.filter((one) => one !== null).length * 700;
      assert.ok(held <= 100_000 && bank.exposed() <= 100_000, `${held}`);
      assert.ok(held > 100_000 - (number + 1) * 700, `${held}`);
    }
  });

  it('once it runs, nobody waits for the database', async () => {
    const { all, purse, advance, beat } = processes(1, budgetOf(1e12));
    let waited = 0;
    for (let second = 0; second < 10; second++) {
      for (let n = 0; n < 100; n++) {
        const holding = (all[0] as Budgets).hold([purse(all[0])], 1000);
        if (holding instanceof Promise) waited++;
        (await holding).written();
        if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      advance(1000);
      await beat();
    }
    assert.ok(waited <= 10, `${waited} of 1,000`);
  });

  it('a budget that cannot be asked lets nothing through', async () => {
    const { bank, hold } = processes(1, budgetOf(1000));
    bank.away = true;
    await assert.rejects(hold(0, 10), { code: 'unavailable' });
  });

  it('without a hard limit everything is let in, and held all the same', async () => {
    const { bank, hold } = processes(2, budgetOf(null, { softPico: 5 }));
    for (let n = 0; n < 50; n++) (await hold(n % 2, 1_000_000))?.written();
    assert.ok(bank.exposed() >= 50_000_000);
  });

  it('of a request that is not accepted go back at once', async () => {
    const { hold } = processes(1, budgetOf(1000));
    for (let n = 0; n < 20; n++) (await hold(0, 900))?.undo();
    assert.ok(await hold(0, 1000));
  });

  it('each period has a purse of its own: a request of yesterday is covered by that of yesterday', async () => {
    const { all, purse } = processes(1, budgetOf(1000));
    const midnight = Date.UTC(2026, 5, 16);
    const [before, after] = [purse(all[0], midnight - 1), purse(all[0], midnight)];
    assert.notEqual(before, after);
    assert.deepEqual([before.name.starts, after.name.starts], ['2026-06-15', '2026-06-16']);
    assert.equal(purse(all[0], midnight - 86_400_000), before);
  });
});

describe('a refusal', () => {
  it('says what is left, what is spent, what is held and when it renews', () => {
    const name = {
      budget: budgetOf(1e12, { name: 'ops' }),
      tenant: 't',
      subject: 't',
      starts: '2026-06-15',
      endsMs: AT,
    };
    const error = exceeded({ name, leftPico: 2.5e11, spentPico: 5e11, hardPico: 1e12 }, 3e11);
    assert.equal(error.code, 'budget_exceeded');
    assert.equal(error.status, 402);
    assert.match(
      error.detail,
      /^The budget of this tenant \(ops\), \$1\.00 a day, has \$0\.25 left, and this request may cost \$0\.30: \$0\.50 is spent and \$0\.25 is held for requests that run\. It renews at 2026-06-15T12:00:00Z\./,
    );
    const total = { ...name, budget: budgetOf(1e12, { period: 'total' }), endsMs: null };
    assert.match(
      exceeded({ name: total, leftPico: 0, spentPico: 1e12, hardPico: 1e12 }, 1).detail,
      /in all.*does not renew/,
    );
  });

  it('writes money as people do', () => {
    const cases = [0, 1e12, 1.5e12, 123_456_789_000, 1_000_000, 999_999];
    assert.deepEqual(cases.map(usd), ['$0.00', '$1.00', '$1.50', '$0.123457', '$0.000001', '$0.000001']);
  });
});
