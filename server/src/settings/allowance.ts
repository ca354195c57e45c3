/** How `limits` and `budgets` of the file are read. */
import { createHash } from 'node:crypto';
import type { Budget, LimitRule, LimitScope, UnknownPrice } from '../contract/limits.ts';
import { hookProblem } from '../guard/egress.ts';
import { budgetProblems, picoOf } from '../money/sense.ts';
import type { BudgetEntry, LimitEntry, SettingsFile } from './schema.ts';

export interface AllowanceSettings {
  limits: readonly LimitRule[];
  budgets: readonly Budget[];
  unknownPrice: UnknownPrice;
}

type Refuse = (message: string) => never;

/** Calls `refuse` with the place and the reason when something makes no sense. */
export function readAllowance(file: SettingsFile, refuse: Refuse): AllowanceSettings {
  const { unknown_price: unknown = 'refuse', list = [], webhook_url: webhookUrl } = file.budgets ?? {};
  const seen = new Set<string>();
  const once = (what: string, where: string) => {
    if (seen.has(what)) refuse(`${where} is there twice: ${what}. Keep one of them.`);
    seen.add(what);
  };
  return {
    limits: (file.limits ?? []).map((entry, index) => limitOf(entry, `limits.${index}`, once, refuse)),
    budgets: list.map((entry, index) => budgetOf(entry, webhookUrl ?? null, `budgets.list.${index}`, once, refuse)),
    unknownPrice: unknown === 'refuse' ? unknown : { usdPerMillion: unknown.usd_per_million },
  };
}

/** Scopes that go by ids or hashes, where a `*` would mean nothing that anybody wants. */
const EXACT: ReadonlySet<LimitScope> = new Set(['user']);

function limitOf(
  entry: LimitEntry,
  where: string,
  once: (what: string, where: string) => void,
  refuse: Refuse,
): LimitRule {
  const { scope, requests_per_minute: requests, tokens_per_minute: tokens, concurrent } = entry;
  const match = entry.match === undefined ? null : [entry.match].flat();
  if (requests === undefined && tokens === undefined && concurrent === undefined) {
    refuse(`${where} limits nothing: give it requests_per_minute, tokens_per_minute or concurrent.`);
  }
  if (scope === 'global' && match !== null) refuse(`${where}.match: the scope global has only one; leave match out.`);
  for (const one of match ?? ['']) {
    if (EXACT.has(scope) && one.includes('*')) {
      refuse(
        `${where}.match: a ${scope} is named in full, because only its hash is kept; leave match out for each one.`,
      );
    }
    once(one === '' ? `scope ${scope}` : `scope ${scope}, match ${one}`, where);
  }
  return {
    scope,
    match,
    ...(requests === undefined ? {} : { requestsPerMinute: requests }),
    ...(tokens === undefined ? {} : { tokensPerMinute: tokens }),
    ...(concurrent === undefined ? {} : { concurrent }),
  };
}

function budgetOf(
  entry: BudgetEntry,
  webhookUrl: string | null,
  where: string,
  once: (what: string, where: string) => void,
  refuse: Refuse,
): Budget {
  const [problem] = budgetProblems({ ...entry, webhook_url: entry.webhook_url ?? webhookUrl }, hookProblem);
  if (problem) refuse(`${where}.${problem.path} ${problem.message}.`);
  const { name = null, tenant = null, scope, match = null, period, hard_usd: hard, soft_usd: soft } = entry;
  if (scope === 'tenant' && tenant !== null) refuse(`${where}.tenant: the scope tenant is named by match.`);
  const what = [tenant ?? '', scope, match ?? '', period];
  once(`budget of ${scope} ${match ?? '(each)'}${tenant === null ? '' : ` of ${tenant}`} by ${period}`, where);
  return {
    // The same at each start, so that what is spent stays with it.
    id: `file_${createHash('sha256').update(JSON.stringify(what)).digest('base64url').slice(0, 16)}`,
    name,
    tenant: scope === 'tenant' ? match : tenant,
    scope,
    match,
    period,
    hardPico: hard === undefined ? null : picoOf(hard),
    softPico: soft === undefined ? null : picoOf(soft),
    webhookUrl: entry.webhook_url ?? webhookUrl,
    source: 'file',
  };
}
