/** Budgets of requests: what each may cost is held of all budgets that concern it, or of none. */
import { GoblinError } from '../../contract/errors.ts';
import { dollars } from '../../money/cost.ts';
import { periodAt } from '../../money/periods.ts';
import type { BudgetBook, Spender } from './book.ts';
import { type Hold, Purse, type PurseDeps, type Standing } from './purse.ts';

export interface BudgetsDeps extends PurseDeps {
  book(): BudgetBook;
  /** Told of purses that refused something. */
  refused(purse: Purse, standing: Standing): void;
}

/** What one request holds: the same of each purse that concerns it. */
export interface Holding {
  readonly holds: readonly Hold[];
  /** The database has them. */
  written(): void;
  /** It has not; with an error of which that is not known, or which says that a slice is gone. */
  undo(error?: unknown): void;
}

export interface Budgets {
  /** The purses of a request that was accepted at that moment. */
  of(spender: Spender, atMs: number): Purse[];
  /** Throws `budget_exceeded`, and `unavailable` when the budgets cannot be asked. */
  hold(purses: readonly Purse[], pico: number): Holding | Promise<Holding>;
  /** Once a second. */
  beat(): void;
  /** All that lies in slices goes back. */
  close(): Promise<void>;
}

/** Others may be faster each time. */
const PATIENCE_MS = 3000;
export const NOTHING: Holding = { holds: [], written() {}, undo() {} };

export function createBudgets(deps: BudgetsDeps): Budgets {
  const purses = new Map<string, Purse>();

  async function wait(wanted: readonly Purse[], pico: number): Promise<Holding> {
    for (const until = deps.now() + PATIENCE_MS; ; ) {
      const lacking = wanted.filter((purse) => !purse.ready(pico));
      if (lacking.length === 0) return use(wanted, pico);
      for (const purse of lacking) {
        const standing = purse.refusal(pico);
        if (standing === null) continue;
        deps.refused(purse, standing);
        throw exceeded(standing, pico);
      }
      if (deps.now() > until) {
        throw new GoblinError('unavailable', 'Too many requests ask the same budget at once; try again in a moment.', {
          retryAfterMs: 1000,
        });
      }
      await Promise.all(lacking.map((purse) => purse.ask(pico)));
    }
  }

  function use(wanted: readonly Purse[], pico: number): Holding {
    const holds = wanted.map((purse) => purse.use(pico));
    let open = true;
    const each = (what: (purse: Purse, hold: Hold) => void) => {
      if (!open) return;
      open = false;
      for (const [index, purse] of wanted.entries()) what(purse, holds[index] as Hold);
    };
    return {
      holds,
      written: () => each((purse, hold) => purse.written(hold)),
      undo(error) {
        // A foreign key that is not there: a slice that was taken away from us.
        const gone = (error as { sqlState?: string } | undefined)?.sqlState === '23503';
        each((purse, hold) => {
          if (gone) {
            purse.written(hold);
            purse.gone(hold.slice);
          } else if (error === undefined) purse.undo(hold);
          else purse.lost(hold);
        });
      },
    };
  }

  return {
    of(spender, atMs) {
      return deps
        .book()
        .of(spender)
        .map(({ budget, subject }) => {
          const { starts, endsMs } = periodAt(budget.period, atMs);
          const key = `${budget.id}\n${spender.tenant}\n${subject}\n${starts}`;
          let purse = purses.get(key);
          if (purse === undefined || purse.name.budget !== budget) {
            // The budget has changed: what lies in the old slice is the same row, and goes on.
            const name = { budget, tenant: spender.tenant, subject, starts, endsMs };
            if (purse === undefined) {
              purse = new Purse(name, deps);
              purses.set(key, purse);
            } else Object.assign(purse.name, name);
          }
          return purse;
        });
    },
    hold(wanted, pico) {
      if (wanted.length === 0 || pico === 0) return NOTHING;
      return wanted.every((purse) => purse.ready(pico)) ? use(wanted, pico) : wait(wanted, pico);
    },
    beat() {
      for (const [key, purse] of purses) {
        void purse.beat();
        if (purse.idle) purses.delete(key);
      }
    },
    async close() {
      await Promise.all([...purses.values()].map((purse) => purse.beat(true)));
    },
  };
}

const WHO: Readonly<Record<string, string>> = {
  tenant: 'this tenant',
  team: 'this team',
  user: 'this user',
  key: 'this key',
  label: 'the label',
};
const PER: Readonly<Record<string, string>> = { day: 'a day', month: 'a month', total: 'in all' };

/** Never 1e-7. */
export const usd = (pico: number): string => {
  const text = dollars(Math.max(0, Math.floor(pico))).toFixed(6);
  return `$${text.replace(/(\.\d\d\d*?)0+$/, '$1')}`;
};

/** Which budget it is, what is left of it, and when it begins anew. */
export function exceeded({ name, leftPico, spentPico, hardPico }: Standing, needPico: number): GoblinError {
  const { budget, subject, endsMs } = name;
  const who = budget.scope === 'label' ? `the label ${subject}` : WHO[budget.scope];
  const title = budget.name === null ? '' : ` (${budget.name})`;
  const held = Math.max(0, (hardPico ?? 0) - spentPico - leftPico);
  const running = held > 0 ? ` and ${usd(held)} is held for requests that run` : '';
  const renews =
    endsMs === null ? 'It does not renew.' : `It renews at ${new Date(endsMs).toISOString().replace('.000', '')}.`;
  return new GoblinError(
    'budget_exceeded',
    `The budget of ${who}${title}, ${usd(hardPico ?? 0)} ${PER[budget.period]}, has ${usd(leftPico)} left, and this request may cost ${usd(needPico)}: ${usd(spentPico)} is spent${running}. ${renews} Ask for fewer tokens with max_tokens, or have the budget raised.`,
  );
}
