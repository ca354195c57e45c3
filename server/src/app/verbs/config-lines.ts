/** What `goblin config` prints of `goblin.yaml`, under the names that it has there. Lists of rules are counted, addresses shown without what may be secret in them. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Budget, LimitRule } from '../../contract/limits.ts';
import { dollars } from '../../money/cost.ts';
import type { HookSettings } from '../../settings/guard.ts';
import type { SettingsFile } from '../../settings/schema.ts';
import { parseSettings } from '../../settings/settings.ts';
import type { Config } from '../config.ts';

export interface Line {
  name: string;
  value: string | number | boolean | null;
  source: string;
}

type Value = Line['value'];
type Group = 'clocks' | 'breaker' | 'retry_budget' | 'cache' | 'queue';

export function settingLines({ settings, settingsFile }: Config): Line[] {
  const file: SettingsFile = settingsFile
    ? parseSettings(readFileSync(resolve(process.cwd(), settingsFile), 'utf8'), settingsFile)
    : {};
  const line = (name: string, value: Value, written: unknown): Line => ({
    name,
    value,
    source: written === undefined ? 'default' : (settingsFile ?? 'default'),
  });
  const group = (name: Group, values: object): Line[] =>
    Object.entries<number | boolean>({ ...values }).map(([key, value]) => {
      const given = file[name] as Record<string, unknown> | undefined;
      return line(`${name}.${snake(key)}`, value, given?.[snake(key)]);
    });
  const access = settings.identity;
  const { answers } = settings.secrets;
  const { before, after } = settings.guardrails;
  const { webhook_url: webhook } = file.budgets ?? {};
  return [
    ...group('clocks', settings.clocks),
    ...group('breaker', settings.breaker),
    ...group('retry_budget', settings.retryBudget),
    ...group('cache', settings.cache),
    ...group('queue', settings.queue),
    line('attempts', settings.attempts, file.attempts),
    line('running_per_worker', settings.runningPerWorker, file.running_per_worker),
    line('body_bytes', settings.bodyBytes, file.body_bytes),
    line('frames_hours', settings.framesHours, file.frames_hours),
    line('bodies', settings.bodies, file.bodies),
    line('bodies_days', settings.bodiesDays, file.bodies_days),
    line('rows_days', settings.rowsDays, file.rows_days),
    line('local_servers', settings.localServers, file.local_servers),
    line('simulator', settings.simulator, file.simulator),
    line('callbacks.allow_private', settings.allowPrivateCallbacks, file.callbacks?.allow_private),
    line('limits', settings.limits.length, file.limits),
    ...settings.limits.map((rule, at) => line(`limits.${at}`, limitText(rule), rule)),
    line('budgets.list', settings.budgets.length, file.budgets?.list),
    ...settings.budgets.map((budget, at) => line(`budgets.list.${at}`, budgetText(budget), budget)),
    line(
      'budgets.unknown_price',
      settings.unknownPrice === 'refuse' ? 'refuse' : `${settings.unknownPrice.usdPerMillion} USD per million`,
      file.budgets?.unknown_price,
    ),
    line('budgets.webhook_url', webhook === undefined ? null : hostOf(webhook), webhook),
    line('secrets.enabled', settings.secrets.enabled, file.secrets?.enabled),
    line('secrets.rules', countOf(settings.secrets.rules), file.secrets?.rules),
    line('secrets.kinds', pairs(settings.secrets.kinds), file.secrets?.kinds),
    line('secrets.tasks', countOf(settings.secrets.tasks), file.secrets?.tasks),
    line('secrets.answers.enabled', answers.enabled, file.secrets?.answers?.enabled),
    line('secrets.answers.reveal', answers.reveal, file.secrets?.answers?.reveal),
    line('secrets.answers.rules', countOf(answers.rules), file.secrets?.answers?.rules),
    line('secrets.answers.kinds', pairs(answers.kinds), file.secrets?.answers?.kinds),
    line('policies', settings.policies.length, file.policies),
    line('policy_file', settings.policyFile, file.policy_file),
    line('guardrails.before', before && hookText(before), file.guardrails?.before),
    line('guardrails.after', after && hookText(after, after.buffer), file.guardrails?.after),
    line('audit.stream', settings.audit.stream && bare(settings.audit.stream.name), file.audit?.stream),
    line('audit.headers_env', file.audit?.headers_env ?? null, file.audit?.headers_env),
    line('identity.public_url', access.publicUrl, file.identity?.public_url),
    line('identity.tenant', access.tenant, file.identity?.tenant),
    line('identity.access_minutes', access.accessMinutes, file.identity?.access_minutes),
    line('identity.session_days', access.sessionDays, file.identity?.session_days),
    line(
      'identity.issuers',
      access.issuers.map(({ name, issuer }) => `${name} (${issuer})`).join(', ') || null,
      file.identity?.issuers,
    ),
  ];
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const countOf = (rules: object = {}): number => Object.keys(rules).length;
const pairs = (of: object = {}): string | null =>
  Object.entries(of)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ') || null;

/** Without its parameters, which may be a token. */
const bare = (address: string): string => address.replace(/\?.*$/, '?…');
/** Of a web hook: its path is the secret as often as not. */
const hostOf = (address: string): string => `${new URL(address).origin}/…`;

const facts = (all: (string | false | null | undefined)[]): string => all.filter(Boolean).join(', ');

function limitText({ scope, match, requestsPerMinute, tokensPerMinute, concurrent }: LimitRule): string {
  return facts([
    `${scope} ${match?.join(' ') ?? '(each)'}`,
    requestsPerMinute !== undefined && `${requestsPerMinute} requests a minute`,
    tokensPerMinute !== undefined && `${tokensPerMinute} tokens a minute`,
    concurrent !== undefined && `${concurrent} at once`,
  ]);
}

function budgetText({ name, tenant, scope, match, period, hardPico, softPico, webhookUrl }: Budget): string {
  return facts([
    name,
    `${scope} ${match ?? '(each)'}`,
    scope !== 'tenant' && tenant !== null && `of ${tenant}`,
    `by ${period}`,
    hardPico !== null && `hard ${dollars(hardPico)} USD`,
    softPico !== null && `soft ${dollars(softPico)} USD`,
    webhookUrl !== null && hostOf(webhookUrl),
  ]);
}

const hookText = ({ url, timeoutMs, onFailure }: HookSettings, buffer = false): string =>
  facts([bare(url.href), `${timeoutMs} ms`, `${onFailure} on failure`, buffer && 'buffered']);
