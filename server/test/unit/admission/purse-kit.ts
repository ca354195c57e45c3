/** Budgets of several processes in memory, and one store of slices as the database is one. */
import assert from 'node:assert/strict';
import { createBudgetBook } from '../../../src/admission/budgets/book.ts';
import { type Budgets, createBudgets, type Holding } from '../../../src/admission/budgets/budgets.ts';
import type { Purse } from '../../../src/admission/budgets/purse.ts';
import { GoblinError } from '../../../src/contract/errors.ts';
import type { Budget } from '../../../src/contract/limits.ts';
import { leftOf } from '../../../src/money/slices.ts';

const SPENDER = { tenant: 't', key: 'k', team: null, userHash: 'u', labels: null };
export const AT = Date.UTC(2026, 5, 15, 12);

export const budgetOf = (hardPico: number | null, more: Partial<Budget> = {}): Budget => ({
  ...{ id: 'b', name: null, tenant: null, scope: 'tenant', match: null, period: 'day', softPico: null },
  ...{ webhookUrl: null, source: 'api' },
  hardPico,
  ...more,
});

export async function turn(times = 1) {
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

export function processes(number: number, budget: Budget) {
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
