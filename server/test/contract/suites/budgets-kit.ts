/** What the suites of budgets share. */
import assert from 'node:assert/strict';
import type { Budget } from '../../../src/contract/limits.ts';
import type { Sql } from '../../../src/contract/ports.ts';
import type { AttemptEnd, Hold } from '../../../src/contract/record.ts';
import { createBudget } from '../../../src/ledger/budgets.ts';
import type { PurseName } from '../../../src/ledger/slices.ts';
import { periodAt } from '../../../src/money/periods.ts';
import { acceptance, ledgerOf, start, success, T } from './ledger-kit.ts';

export const NOW = Date.now();
let made = 0;

export const budgetOf = (more: Partial<Budget> = {}): Budget => ({
  ...{ id: `b${++made}`, name: 'ours', tenant: T, scope: 'tenant', match: T, period: 'day' },
  ...{ hardPico: 1000, softPico: null, webhookUrl: null, source: 'api' },
  ...more,
});

/** An attempt that came to this. */
export const ended = (costPico: number | null, attempt = 1): AttemptEnd => ({
  ...(success('', 1, 1).attempt as AttemptEnd),
  attempt,
  costPico,
});

/** As much as is needed, or nothing. */
export const all = (need: number) => (left: number) => (left >= need ? need : 0);

export async function budgetKit(sql: Sql) {
  const { ledger } = await ledgerOf(sql);

  return {
    ledger,
    async purseOf(more: Partial<Budget> = {}, atMs = NOW): Promise<PurseName> {
      const budget = budgetOf(more);
      await createBudget(sql, { ...budget, tenant: T }, null);
      // Made before the period began, so that what the other tests cost does not count.
      await sql.query(`update mcp_budget set created_at = now() - interval '400 days' where id = $1`, [budget.id]);
      const { starts, endsMs } = periodAt(budget.period, atMs);
      return { budget, tenant: T, subject: T, starts, endsMs };
    },
    async row(slice: number): Promise<{ open: number; used: number } | undefined> {
      const [row] = await sql.query<{ open: number; used: number }>(
        'select open_pico::float8 as open, used_pico::float8 as used from mcp_slice where id = $1',
        [slice],
      );
      return row;
    },
    async spentOf(purse: number): Promise<number> {
      const [row] = await sql.query<{ spent: number }>(
        `select (p.spent_pico + coalesce((select sum(used_pico) from mcp_slice where purse = p.id), 0))::float8 as spent
         from mcp_purse p where id = $1`,
        [purse],
      );
      return row?.spent ?? Number.NaN;
    },
    /** Begins an attached request that holds; answers its id. */
    async open(holds: Hold[], owner = 'w1', more: Parameters<typeof acceptance>[0] = {}): Promise<string> {
      const opening = { ...acceptance({ mode: 'attached', holds, ...more }), owner, attempt: start };
      assert.equal((await ledger.open(T, opening)).outcome, 'accepted');
      return opening.id;
    },
    /** One that has come to its end. */
    async run(holds: Hold[], costPico: number | null): Promise<string> {
      const id = await this.open(holds);
      assert.ok(await ledger.settle(success(id, 1, 1, { frames: [], attempt: ended(costPico) })));
      return id;
    },
  };
}
