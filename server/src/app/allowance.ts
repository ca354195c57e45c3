/** Limits and budgets of a process: read from file and database, kept in step with the other processes, and upheld. */
import { type Allowance, createAllowance } from '../admission/allowance.ts';
import { createBudgetBook } from '../admission/budgets/book.ts';
import { type Budgets, createBudgets } from '../admission/budgets/budgets.ts';
import { createLimitBook } from '../admission/limits/book.ts';
import { createLimiter } from '../admission/limits/limiter.ts';
import type { Sql } from '../contract/ports.ts';
import type { Price, Provider } from '../contract/provider.ts';
import type { CallbackSender } from '../dispatch/callbacks.ts';
import { startNotices } from '../dispatch/notices.ts';
import { createMemoryRates } from '../drivers/memory-rates.ts';
import type { Secrets } from '../identity/secrets.ts';
import { forgetPurses, keepFileBudgets } from '../ledger/budgets.ts';
import { createGroup } from '../ledger/group.ts';
import { moneyOf, noteReached, type Reached, settleHolds } from '../ledger/holds.ts';
import { forgetNotices } from '../ledger/notices.ts';
import { livingProcesses } from '../ledger/processes.ts';
import { loadRules, type StoredRules } from '../ledger/rules.ts';
import { recountSlice, returnSlice, takeSlice, tidySlices } from '../ledger/slices.ts';
import type { Look } from '../ledger/sweep.ts';
import { ratesFromSettings } from '../money/cost.ts';
import type { Parts } from './parts.ts';

export interface AllowanceRoom {
  allowance: Allowance;
  /** As live.price, with the ceiling for what nobody knows, if one is set. */
  price(provider: Provider, model: string): Price | null;
  /** Told what each sweep has seen. */
  looked(seen: Look): void;
  /** Somebody changed limits or budgets here: they hold at once. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

const BEAT_MS = 1000;
/** Holds of requests that ended elsewhere, and slices of the dead, are looked for this often. */
const UPKEEP_MS = 2000;
const LIVING_MS = 3000;
const FORGET_MS = 3_600_000;
const NO_RULES: StoredRules = { version: 0, limits: [], budgets: [] };

export async function openAllowance(parts: Parts, secrets: Secrets): Promise<AllowanceRoom> {
  const { clock, config, instance, live, recorder, sql } = parts;
  const { settings } = config;
  const now = () => performance.now();
  let rules = NO_RULES;
  let limits = createLimitBook(settings.limits, [], secrets.userHash);
  let book = createBudgetBook(settings.budgets, secrets.userHash);
  /** Processes that let requests in, and all of them; of an embedded database only this one. */
  let living = { takes: [instance], runs: [instance] };

  async function read(of: Sql): Promise<void> {
    rules = await loadRules(of);
    limits = createLimitBook(settings.limits, rules.limits, secrets.userHash);
    book = createBudgetBook([...settings.budgets, ...rules.budgets], secrets.userHash);
  }

  const failed = (what: string) => (error: unknown) => {
    if (sql?.lostFor() === null) recorder.log('error', what, { error: String(error) });
  };

  let reading: Promise<void> | null = null;
  function reload(): Promise<void> {
    if (sql === null) return Promise.resolve();
    reading ??= read(sql).finally(() => {
      reading = null;
    });
    return reading;
  }

  if (sql) {
    await keepFileBudgets(sql, settings.budgets);
    await read(sql);
    if (config.database) living = await livingProcesses(sql);
  }

  const limiter = createLimiter({
    rates: parts.rates,
    own: createMemoryRates(now),
    unsaid: createMemoryRates(now),
    processes: () => Math.max(1, living.takes.length),
    share(limit, runs) {
      const of = runs ? living.runs : living.takes;
      const rank = of.indexOf(instance);
      // One that is not known yet comes after all others.
      const [place, count] = rank === -1 ? [of.length, of.length + 1] : [rank, of.length];
      return Math.floor(limit / count) + (place < limit % count ? 1 : 0);
    },
    now,
    refused: (scope, kind) => recorder.count('goblin.mcp.limit.refused', { scope, kind }),
  });

  function tell(reached: readonly Reached[]): void {
    for (const { type, budget, name, scope, tenant } of reached) {
      recorder.count('goblin.mcp.budget.reached', { type, scope });
      recorder.log('warn', type === 'budget.warned' ? 'a budget reached its soft limit' : 'a budget is used up', {
        ...{ budget, name, tenant },
      });
    }
    if (reached.some(({ told }) => told)) notices?.wake();
  }

  const said = new Set<number>();
  const budgets: Budgets | null = sql
    ? createBudgets({
        take: (name, size) => takeSlice(sql, instance, name, size),
        giveBack: (slice, pico) => returnSlice(sql, instance, slice, pico),
        recount: (slice, keep) => recountSlice(sql, instance, slice, keep),
        processes: () => Math.max(1, living.runs.length),
        now,
        book: () => book,
        refused({ purse }) {
          recorder.count('goblin.mcp.budget.refused', {});
          if (said.has(purse)) return;
          if (said.size > 10_000) said.clear();
          said.add(purse);
          noteReached(sql, [purse], true).then(tell, failed('a refusal of a budget was not noted'));
        },
      })
    : null;

  const notices: CallbackSender | null = sql
    ? startNotices({
        sql,
        transport: parts.transport,
        secrets: secrets.webhookSecrets,
        allowPrivate: settings.allowPrivateCallbacks,
        telemetry: recorder,
      })
    : null;

  async function settle(of: Sql, ids: readonly string[] | null): Promise<void> {
    tell(await noteReached(of, await settleHolds(of, ids), false));
  }

  const settles = createGroup<string, void>(
    async (ids) => {
      if (sql) await settle(sql, ids);
      return ids.map(() => undefined);
    },
    { most: 200, limit: 20_000 },
  );

  const { unknownPrice } = settings;
  const ceiling: Price | null =
    unknownPrice === 'refuse'
      ? null
      : {
          ...ratesFromSettings({ input: unknownPrice.usdPerMillion, output: unknownPrice.usdPerMillion }),
          version: 'ceiling',
        };
  const price = (provider: Provider, model: string): Price | null => live.price(provider, model) ?? ceiling;

  const allowance = createAllowance({
    limits: () => limits,
    limiter,
    budgets,
    anyBudget: () => budgets !== null && book.any,
    userHash: secrets.userHash,
    now: clock.now,
    provider: live.provider,
    price,
    maxOutput: (of, model) => live.info(of, model)?.maxOutput ?? undefined,
    moneyOf: async (tenant, id) => (sql ? await moneyOf(sql, tenant, id) : null),
    settle: (id) => void settles.add(id).catch(() => {}),
  });

  let nextLiving = 0;
  function countProcesses(): void {
    if (!sql || !config.database || !allowance.any() || now() < nextLiving || sql.lostFor() !== null) return;
    nextLiving = now() + LIVING_MS;
    livingProcesses(sql).then((found) => {
      living = found;
    }, failed('the other processes could not be counted'));
  }

  const beats = setInterval(() => {
    countProcesses();
    limiter.beat();
    budgets?.beat();
  }, BEAT_MS).unref();

  let nextUpkeep = 0;
  let nextForget = now();
  let keeping = false;
  async function upkeep(of: Sql): Promise<void> {
    await settle(of, null);
    await tidySlices(of);
    if (now() < nextForget) return;
    nextForget = now() + FORGET_MS;
    await forgetPurses(of, settings.rowsDays);
    await forgetNotices(of, settings.rowsDays);
  }

  return {
    allowance,
    price,
    looked(seen) {
      if (!sql) return;
      if (seen.rules !== rules.version) reload().catch(failed('limits and budgets could not be read'));
      if (seen.notices) notices?.wake();
      if (!seen.slices || keeping || now() < nextUpkeep) return;
      keeping = true;
      nextUpkeep = now() + UPKEEP_MS;
      upkeep(sql)
        .catch((error: unknown) => {
          // Two that meet at the same rows: one of them gives way, and comes again.
          const { sqlState = '' } = error as { sqlState?: string };
          if (!['40P01', '40001', '23503'].includes(sqlState)) failed('budgets could not be tidied')(error);
        })
        .finally(() => {
          keeping = false;
        });
    },
    reload,
    async close() {
      clearInterval(beats);
      await notices?.stop();
      if (sql?.lostFor() !== null) return;
      await settles.idle();
      if (sql && rules.budgets.length + settings.budgets.length > 0) await settle(sql, null).catch(() => {});
      await budgets?.close();
    },
  };
}
