/** Which budgets concern a request, looked up by who asks. */
import type { Budget, BudgetScope } from '../../contract/limits.ts';

export interface Spender {
  tenant: string;
  key: string | null;
  team: string | null;
  /** Of the caller's label of an end user. */
  userHash: string;
  labels: Readonly<Record<string, string>> | null;
}

export interface BudgetBook {
  readonly any: boolean;
  /** Each with whom it is counted for. */
  of(spender: Spender): { budget: Budget; subject: string }[];
}

/** `userHash`: budgets of the file name users by their labels. */
export function createBudgetBook(
  budgets: readonly Budget[],
  userHash: (tenant: string, user: string) => string,
): BudgetBook {
  /** Of each one of a scope, and of one by its name. */
  const each = new Map<BudgetScope, Budget[]>();
  const named = new Map<string, Budget[]>();
  const fileUsers: Budget[] = [];
  const labels: Budget[] = [];
  const add = <K>(map: Map<K, Budget[]>, key: K, budget: Budget) => {
    const list = map.get(key);
    if (list) list.push(budget);
    else map.set(key, [budget]);
  };
  for (const budget of budgets) {
    if (budget.scope === 'label') labels.push(budget);
    else if (budget.match === null) add(each, budget.scope, budget);
    else if (budget.scope === 'user' && budget.source === 'file') fileUsers.push(budget);
    else add(named, `${budget.scope} ${budget.match}`, budget);
  }

  return {
    any: budgets.length > 0,
    of(spender) {
      const found: { budget: Budget; subject: string }[] = [];
      const { tenant } = spender;
      const take = (list: readonly Budget[] | undefined, subject: string) => {
        for (const budget of list ?? []) {
          if (budget.tenant === null || budget.tenant === tenant) found.push({ budget, subject });
        }
      };
      const look = (scope: BudgetScope, subject: string | null) => {
        if (subject === null) return;
        take(each.get(scope), subject);
        if (named.size > 0) take(named.get(`${scope} ${subject}`), subject);
      };
      look('tenant', tenant);
      look('team', spender.team);
      look('key', spender.key);
      look('user', spender.userHash);
      for (const budget of fileUsers) {
        if (budget.match !== null && userHash(tenant, budget.match) === spender.userHash)
          take([budget], spender.userHash);
      }
      for (const budget of labels) {
        const subject = labelOf(budget.match ?? '', spender.labels);
        if (subject !== null) take([budget], subject);
      }
      return found;
    },
  };
}

/** `team` stands for any value, `team=search` for one. */
function labelOf(match: string, labels: Spender['labels']): string | null {
  const [name = '', value] = cut(match);
  if (labels === null || !Object.hasOwn(labels, name)) return null;
  const said = labels[name] as string;
  return value === undefined || value === said ? `${name}=${said}` : null;
}

export function cut(match: string): [name: string, value?: string] {
  const at = match.indexOf('=');
  return at === -1 ? [match] : [match.slice(0, at), match.slice(at + 1)];
}
