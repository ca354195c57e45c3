/** The tables about limits and budgets: what their entries in `goblin.yaml` may say. */
import { BudgetEntry, LimitEntry } from '../src/settings/schema.ts';
import { accepted, code, meaning, propertiesOf, table } from './tables.ts';

const LIMIT: Readonly<Record<string, string>> = {
  scope: 'what is counted together',
  match:
    'for whom: ids of keys, teams and tenants, labels of users, `provider/model`; a `*` stands for any text, but not in labels of users. Left out: each one of the scope has its own count',
  requests_per_minute: 'requests that begin in a minute',
  tokens_per_minute: 'tokens of prompts and answers in a minute',
  concurrent: 'requests that run at the same time',
};

const BUDGET: Readonly<Record<string, string>> = {
  name: 'what people call it',
  tenant: 'of which tenant; left out: of each',
  scope: 'whose spending is added up',
  match:
    'the tenant; the id of a team or a key; the label of a user; `name` or `name=value` of a label. Left out: each one of the scope has its own. A label needs its name',
  period: 'for how long it is; `total` does not renew',
  hard_usd: 'what may be spent in a period. US dollars',
  soft_usd: 'when this is spent it is said; not above `hard_usd`. US dollars',
  webhook_url: 'where limits that are reached are told; that of `budgets` when left out',
};

function fields(schema: Parameters<typeof propertiesOf>[0], meanings: Readonly<Record<string, string>>): string {
  const rows = Object.entries(propertiesOf(schema)).map(([name, field]) => [
    code(name),
    name === 'match' && field.anyOf ? 'a text or a list of texts' : accepted(field),
    meaning(meanings, name),
  ]);
  return table(['field', 'takes', 'meaning'], rows);
}

export const LIMIT_TABLES: Readonly<Record<string, () => string>> = {
  limits: () => fields(LimitEntry, LIMIT),
  budgets: () => fields(BudgetEntry, BUDGET),
};
