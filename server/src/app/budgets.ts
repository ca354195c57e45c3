/** Limits and budgets as they are set by hand: kept, and in force here at once. */
import { randomBytes } from 'node:crypto';
import type { Sql } from '../contract/ports.ts';
import type { BudgetDeps } from '../edge/budgets.ts';
import { changeBudget, createBudget, listBudgets, removeBudget, subjectThere } from '../ledger/budgets.ts';
import { listLimits, setLimits } from '../ledger/rules.ts';
import type { House } from './assembly.ts';

export function budgetsOf(house: House, sql: Sql): BudgetDeps {
  const { userHash } = house.secrets;
  const changed = async <T>(answer: T): Promise<T> => {
    await house.allowance.reload();
    return answer;
  };
  return {
    list: (tenant, id) => listBudgets(sql, tenant, id),
    there: (tenant, scope, match) => subjectThere(sql, tenant, scope, match),
    async create(budget, actor) {
      const id = `bud_${randomBytes(9).toString('base64url')}`;
      await createBudget(sql, { ...budget, id, source: 'api' }, actor);
      return await changed(id);
    },
    change: async (tenant, id, change, actor) => await changed(await changeBudget(sql, tenant, id, change, actor)),
    remove: async (tenant, id, actor) => await changed(await removeBudget(sql, tenant, id, actor)),
    userHash,
    limits: (tenant) => listLimits(sql, tenant),
    setLimits: async (tenant, scope, id, limits, actor) =>
      await changed(await setLimits(sql, tenant, scope, id, limits, actor)),
  };
}
