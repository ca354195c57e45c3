/** Budgets as processes use them, in memory: holds come out of slices, and no slice is more than the store gave. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createBudgetBook } from '../../../src/admission/budgets/book.ts';
import { type Budgets, createBudgets, exceeded, type Holding, usd } from '../../../src/admission/budgets/budgets.ts';
import type { Purse } from '../../../src/admission/budgets/purse.ts';
import { GoblinError } from '../../../src/contract/errors.ts';
import type { Budget } from '../../../src/contract/limits.ts';
import { leftOf } from '../../../src/money/slices.ts';

const SPENDER = { tenant: 't', key: 'k', team: null, userHash: 'u', labels: null };
const AT = Date.UTC(2026, 5, 15, 12);

const budgetOf = (hardPico: number | null, more: Partial<Budget> = {}): Budget => ({
  ...{ id: 'b', name: null, tenant: null, scope: 'tenant', match: null, period: 'day', softPico: null },
  ...{ webhookUrl: null, source: 'api' },
  hardPico,
  ...more,
});

async function turn(times = 1) {
  for (let n = 0; n < times; n++) await new Promise((resolve) => setImmediate(resolve));
}

/** A store as the database is one: slices by process, and what was spent. */
function store(hardPico: number | null) {
  const slices = new Map<number, { owner: number; open: number }>();
  let spent = 0;
  let next = 1;
  const made = {
    away: false,
    /** The answer of the next taking is lost, not what it did. */
    loses: false,
    /** So many turns pass before something is done. */
    slow: 1,
    slices,
    exposed: () => spent + [...slices.values()].reduce((sum, { open }) => sum + open, 0),
    spent: () => spent,
    settle(slice: number, held: number, cost: number) {
      const of = slices.get(slice);
      assert.ok(of, 'a hold keeps its slice');
      of.open -= held;
      spent += cost;
    },
    /** It is believed to be dead: what requests hold is moved, and all else of its slice is for others. */
    forget(owner: number, held: (slice: number) => number): { from: number; to: number } | null {
      const [from] = [...slices].find(([, slice]) => slice.owner === owner) ?? [];
      if (from === undefined) return null;
      const to = next++;
      slices.set(to, { owner: -1, open: held(from) });
      slices.delete(from);
      return { from, to };
    },
    async take(owner: number, size: (left: number) => number) {
      await turn(made.slow);
      if (made.away) throw new GoblinError('unavailable', 'away');
      let [id] = [...slices].find(([, slice]) => slice.owner === owner) ?? [];
      if (id === undefined) {
        id = next++;
        slices.set(id, { owner, open: 0 });
      }
      const left = leftOf(hardPico, made.exposed());
      const grantedPico = size(left);
      (slices.get(id) as { open: number }).open += grantedPico;
      if (made.loses) {
        made.loses = false;
        throw new GoblinError('unavailable', 'lost');
      }
      const answer = { purse: 7, slice: id, grantedPico, leftPico: left - grantedPico, spentPico: spent, hardPico };
      await turn();
      return answer;
    },
  };
  return made;
}

function processes(number: number, budget: Budget) {
  const bank = store(budget.hardPico);
  let at = 0;
  const book = createBudgetBook([budget], (_, user) => user);
  /** By slice: what requests hold that are written. */
  const written = new Map<number, number>();
  const all = Array.from({ length: number }, (_, owner) =>
    createBudgets({
      take: (_name, size) => bank.take(owner, size),
      async giveBack(slice, pico) {
        await turn(bank.slow);
        const of = bank.slices.get(slice);
        if (of) of.open -= pico;
        await turn();
      },
      async recount(slice, keep) {
        await turn(bank.slow);
        const of = bank.slices.get(slice);
        if (of) of.open = (written.get(slice) ?? 0) + keep;
        await turn();
        return of !== undefined;
      },
      processes: () => number,
      now: () => at,
      book: () => book,
      refused() {},
    }),
  );
  const purse = (budgets: Budgets | undefined, when = AT): Purse => (budgets as Budgets).of(SPENDER, when)[0] as Purse;
  return {
    bank,
    all,
    written,
    purse,
    advance(ms: number) {
      at += ms;
    },
    async beat() {
      for (const budgets of all) budgets.beat();
      await turn();
    },
    async hold(n: number, pico: number): Promise<Holding | null> {
      const budgets = all[n] as Budgets;
      try {
        return await budgets.hold([purse(budgets)], pico);
      } catch (error) {
        if (error instanceof GoblinError && error.code === 'budget_exceeded') return null;
        throw error;
      }
    },
  };
}

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

  it('never come to more than there is, however requests come and go, answers are lost and processes die', async () => {
    const step = fc.record({
      process: fc.nat(2),
      pico: fc.integer({ min: 1, max: 400 }),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      turns: fc.nat(3),
      slow: fc.integer({ min: 1, max: 5 }),
      what: fc.constantFrom(
        'hold',
        'hold',
        'hold',
        'hold',
        'write',
        'write',
        'hear',
        'hear',
        'settle',
        'settle',
        'undo',
        'beat',
        'beat',
        'away',
        'lose',
        'dies',
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 3000 }), fc.array(step, { maxLength: 80 }), async (hard, steps) => {
        const { bank, hold, beat, advance, written } = processes(3, budgetOf(hard));
        /** Held in memory; written, but the process has not heard of it; and written. */
        const held: Holding[] = [];
        const unheard: Holding[] = [];
        const open: { slice: number; pico: number }[] = [];
        let asking = 0;
        const begin = async (process: number, pico: number, undone: boolean) => {
          asking++;
          const holding = await hold(process, pico).catch(() => null);
          asking--;
          if (holding === null || holding.holds.length === 0) return;
          if (undone) holding.undo();
          else held.push(holding);
        };
        const write = () => {
          for (const holding of held.splice(0)) {
            const [{ slice, pico }] = holding.holds as [{ slice: number; pico: number }];
            if (!bank.slices.has(slice)) {
              holding.undo({ sqlState: '23503' });
              continue;
            }
            written.set(slice, (written.get(slice) ?? 0) + pico);
            unheard.push(holding);
            open.push({ slice, pico });
          }
        };
        const hear = () => {
          for (const holding of unheard.splice(0)) holding.written();
        };
        for (const { process, pico, part, what, turns, slow } of steps) {
          advance(120);
          bank.slow = slow;
          if (what === 'hold') void begin(process, pico, false);
          else if (what === 'undo') {
            const one = held.shift();
            if (one) one.undo();
            else void begin(process, pico, true);
          } else if (what === 'write') write();
          else if (what === 'hear') hear();
          else if (what === 'settle') {
            for (const { slice, pico: of } of open.splice(0, 2)) {
              written.set(slice, (written.get(slice) ?? 0) - of);
              bank.settle(slice, of, Math.floor(of * part));
            }
          } else if (what === 'beat') await beat();
          else if (what === 'lose') bank.loses = true;
          else if (what === 'away') bank.away = !bank.away;
          else {
            const moved = bank.forget(process, (slice) => written.get(slice) ?? 0);
            if (moved) {
              written.set(moved.to, written.get(moved.from) ?? 0);
              for (const one of open) if (one.slice === moved.from) one.slice = moved.to;
            }
          }
          await turn(turns);
          assert.ok(bank.exposed() <= hard, `${bank.exposed()} of ${hard}`);
          for (const [id, { open: rest }] of bank.slices)
            assert.ok(rest >= (written.get(id) ?? 0), 'a hold is covered');
        }
        // When all is quiet nothing is left but what requests hold.
        bank.away = false;
        bank.loses = false;
        bank.slow = 1;
        for (let n = 0; n < 12 || asking > 0; n++) {
          advance(1000);
          write();
          hear();
          await beat();
          await turn(12);
        }
        for (const [id, { open: rest }] of bank.slices) assert.equal(rest, written.get(id) ?? 0);
      }),
      { numRuns: 400 },
    );
  });

  it('of a slice that others took away while an answer was lost, nothing stays behind', async () => {
    const { bank, all, hold, beat, advance, purse } = processes(1, budgetOf(1000));
    (await hold(0, 10))?.undo();
    await turn(4);
    bank.forget(0, () => 0);
    bank.loses = true;
    await purse(all[0])
      .ask(100)
      .catch(() => {});
    assert.ok(bank.exposed() > 0);
    for (let n = 0; n < 10; n++) {
      advance(1000);
      await beat();
      await turn(8);
    }
    assert.equal(bank.exposed(), 0);
  });

  it('are all covered when a slice is counted while requests come', async () => {
    for (let late = 0; late < 8; late++) {
      const { bank, all, hold, beat, advance, written, purse } = processes(1, budgetOf(1000));
      (await hold(0, 10))?.undo();
      bank.loses = true;
      await purse(all[0])
        .ask(100)
        .catch(() => {});
      // The counting lasts; the takings that come are fast.
      bank.slow = 8;
      await beat();
      bank.slow = 1;
      await turn(late);
      let sum = 0;
      for (const holding of await Promise.all(Array.from({ length: 40 }, () => hold(0, 20)))) {
        const [one] = holding?.holds ?? [];
        if (!holding || !one) continue;
        sum += one.pico;
        written.set(one.slice, (written.get(one.slice) ?? 0) + one.pico);
        holding.written();
      }
      await turn(12);
      assert.ok(sum > 0 && sum <= bank.exposed() && bank.exposed() <= 1000, `${sum} of ${bank.exposed()}`);
      for (let n = 0; n < 10; n++) {
        advance(1000);
        await beat();
        await turn(8);
      }
      assert.equal(bank.exposed(), sum);
    }
  });

  it('that come back while a slice is about to be counted are counted', async () => {
    const { bank, all, hold, beat, written, purse } = processes(1, budgetOf(1000));
    const first = await hold(0, 200);
    bank.loses = true;
    await purse(all[0])
      .ask(100)
      .catch(() => {});
    await beat();
    first?.undo();
    await turn(8);
    for (let n = 0; n < 5; n++) {
      const holding = await hold(0, 200);
      const [one] = holding?.holds ?? [];
      if (one) written.set(one.slice, (written.get(one.slice) ?? 0) + one.pico);
      holding?.written();
    }
    for (const [id, { open }] of bank.slices) assert.ok(open >= (written.get(id) ?? 0), `${open}`);
    assert.ok([...written.values()].some((pico) => pico > 0));
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
