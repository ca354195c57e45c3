/** One immutable snapshot of what the file says, with every default filled in. */
import { Value, type ValueError } from '@sinclair/typebox/value';
import { parse } from 'yaml';
import type { AnswerSettings } from '../guard/answers.ts';
import type { ActionSettings } from '../guard/secrets/actions.ts';
import { ALL_RULES } from '../guard/secrets/rules/index.ts';
import type { Bodies } from '../ledger/content.ts';
import type { RouteRule } from '../routing/rule.ts';
import type { HealthRules } from '../routing/target.ts';
import { type AllowanceSettings, readAllowance } from './allowance.ts';
import { type AuditSettings, readAuditEntry } from './audit.ts';
import { type GuardSettings, readGuard } from './guard.ts';
import { type IdentitySettings, readIdentity } from './identity.ts';
import { readRoutes } from './routes.ts';
import { type ProviderEntry, SettingsFile } from './schema.ts';

export interface Settings {
  providers: Readonly<Record<string, ProviderEntry>>;
  aliases: Readonly<Record<string, readonly string[]>>;
  tasks: Readonly<Record<string, { model?: readonly string[] }>>;
  /** How the lists of aliases and task types are used, where more is said than a list. */
  routes: { aliases: Readonly<Record<string, RouteRule>>; tasks: Readonly<Record<string, RouteRule>> };
  breaker: HealthRules['breaker'];
  retryBudget: HealthRules['retryBudget'];
  /** Of answers, in each process. */
  cache: { enabled: boolean; ttlS: number; maxMb: number };
  limits: AllowanceSettings['limits'];
  budgets: AllowanceSettings['budgets'];
  unknownPrice: AllowanceSettings['unknownPrice'];
  /** USD per million tokens, by `provider/model`. */
  prices: NonNullable<SettingsFile['prices']>;
  clocks: {
    connectMs: number;
    headersMs: number;
    answerMs: number;
    firstTokenMs: number;
    idleMs: number;
    totalMs: number;
    leaseMs: number;
    heartbeatMs: number;
    drainMs: number;
  };
  attempts: number;
  runningPerWorker: number;
  /** Requests that may wait. */
  queue: { perTenant: number; total: number };
  bodyBytes: number;
  framesHours: number;
  bodiesDays: number;
  rowsDays: number;
  /** How content of tenants rests that say nothing of it themselves. */
  bodies: Bodies;
  localServers: boolean;
  simulator: boolean;
  allowPrivateCallbacks: boolean;
  /** What is done about secrets in what callers send; see guard/secrets/actions.ts. */
  secrets: ActionSettings & { enabled: boolean; answers: AnswerSettings };
  identity: IdentitySettings;
  policies: GuardSettings['policies'];
  /** As the file names it. */
  policyFile: string | null;
  guardrails: GuardSettings['guardrails'];
  audit: AuditSettings['audit'];
}

export const TASK_TYPES = ['chat', 'summarize', 'extract', 'classify', 'translate', 'code'] as const;

/** Thrown with one sentence that names the place and what is accepted. */
export class SettingsError extends Error {}

/** Reads the text of `goblin.yaml` (YAML or JSON). Throws `SettingsError`. */
export function parseSettings(text: string, fileName: string): SettingsFile {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 100 }) ?? {};
  } catch (error) {
    const first = String((error as Error).message).split('\n')[0];
    throw new SettingsError(`${fileName} is not valid YAML: ${first}`);
  }
  if (Value.Check(SettingsFile, value)) return value;
  const error = innermost([...Value.Errors(SettingsFile, value)].at(0));
  const path = error ? error.path.slice(1).replaceAll('/', '.') || 'the whole file' : 'the file';
  if (error?.schema && error.message === 'Unexpected property') {
    throw new SettingsError(`${fileName}: ${path} is not a setting; see docs/configuration.md for those that are.`);
  }
  throw new SettingsError(`${fileName}: ${path}: ${sayError(error)}.`);
}

/** What is wrong inside an object that may also be a text, rather than that it is neither. */
function innermost(error: ValueError | undefined): ValueError | undefined {
  if (error === undefined || typeof error.value !== 'object' || error.value === null) return error;
  for (const variant of error.errors) {
    const inner = [...variant].at(0);
    if (inner !== undefined && inner.path !== error.path) return innermost(inner);
  }
  return error;
}

function sayError(error: ValueError | undefined): string {
  if (typeof error?.schema.takes === 'string') return `takes ${error.schema.takes}`;
  const choices: unknown[] = (error?.schema.anyOf ?? []).map((one: { const?: unknown }) => one.const);
  if (choices.length > 0 && choices.every((one) => typeof one === 'string')) return `takes ${choices.join(', ')}`;
  return lower(error?.message ?? 'not accepted');
}

const lower = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);

/** Fills in the defaults of API.md. Throws `SettingsError` when values contradict each other. */
export function settle(file: SettingsFile, fileName = 'goblin.yaml'): Settings {
  const clocks = file.clocks ?? {};
  const leaseMs = clocks.lease_ms ?? 15_000;
  const heartbeatMs = clocks.heartbeat_ms ?? Math.min(5000, Math.floor(leaseMs / 3));
  if (heartbeatMs * 2 > leaseMs) {
    throw new SettingsError(
      `${fileName}: clocks.heartbeat_ms (${heartbeatMs}) must be at most half of clocks.lease_ms (${leaseMs}).`,
    );
  }
  const totalMs = clocks.total_ms ?? 600_000;
  const bodiesDays = file.bodies_days ?? 30;
  const rowsDays = file.rows_days ?? Math.max(400, bodiesDays);
  if (rowsDays < bodiesDays) {
    throw new SettingsError(
      `${fileName}: rows_days (${rowsDays}) must be at least bodies_days (${bodiesDays}): content without its request could not be found.`,
    );
  }
  const refuse = (message: string): never => {
    throw new SettingsError(`${fileName}: ${message}`);
  };
  const aliases = readRoutes('aliases', file.aliases ?? {}, refuse);
  for (const name of Object.keys(file.aliases ?? {})) {
    if (name === 'auto') {
      refuse(
        'aliases.auto would have no effect, because auto means that the router chooses; take another name, or say where a task type goes, e.g. tasks: { chat: [openai/gpt-4.1-nano] }.',
      );
    }
    if (!aliases.lists.has(name)) refuse(`aliases.${name} names no model: add model.`);
  }
  const tasks = readRoutes('tasks', file.tasks ?? {}, refuse);
  return Object.freeze({
    providers: file.providers ?? {},
    aliases: Object.fromEntries(aliases.lists),
    tasks: Object.fromEntries(
      Object.keys(file.tasks ?? {}).map((name) => {
        const model = tasks.lists.get(name);
        return [name, model ? { model } : {}];
      }),
    ),
    routes: { aliases: Object.fromEntries(aliases.rules), tasks: Object.fromEntries(tasks.rules) },
    breaker: breakerOf(file, refuse),
    retryBudget: { ratio: file.retry_budget?.ratio ?? 0.1, reserve: file.retry_budget?.reserve ?? 10 },
    cache: cacheOf(file, refuse),
    ...readAllowance(file, refuse),
    prices: pricesOf(file, fileName),
    clocks: {
      connectMs: clocks.connect_ms ?? 5000,
      headersMs: clocks.headers_ms ?? 60_000,
      // An unstreamed answer has its headers when it is ready. Whoever sets the headers clock means it for both.
      answerMs: clocks.answer_ms ?? clocks.headers_ms ?? totalMs,
      firstTokenMs: clocks.first_token_ms ?? 60_000,
      idleMs: clocks.idle_ms ?? 30_000,
      totalMs,
      leaseMs,
      heartbeatMs,
      drainMs: clocks.drain_ms ?? 10_000,
    },
    attempts: file.attempts ?? 4,
    runningPerWorker: file.running_per_worker ?? 64,
    queue: { perTenant: file.queue?.per_tenant ?? 100_000, total: file.queue?.total ?? 1_000_000 },
    bodyBytes: file.body_bytes ?? 10 * 1024 * 1024,
    framesHours: file.frames_hours ?? 24,
    bodiesDays,
    rowsDays,
    bodies: file.bodies ?? 'stored',
    localServers: file.local_servers ?? true,
    simulator: file.simulator ?? false,
    allowPrivateCallbacks: file.callbacks?.allow_private ?? false,
    secrets: secretsOf(file.secrets ?? {}, knownTasks(file.tasks), refuse),
    identity: readIdentity(file.identity, refuse),
    ...readGuard(file, refuse),
    ...readAuditEntry(file, refuse),
  });
}

function breakerOf(file: SettingsFile, refuse: (message: string) => never): Settings['breaker'] {
  const given = file.breaker ?? {};
  const openMs = given.open_ms ?? Math.min(5000, given.max_open_ms ?? 5000);
  const maxOpenMs = given.max_open_ms ?? Math.max(300_000, openMs);
  if (maxOpenMs < openMs) {
    refuse(`breaker.max_open_ms (${maxOpenMs}) must be at least breaker.open_ms (${openMs}).`);
  }
  return {
    consecutive: given.consecutive ?? 5,
    rate: given.rate ?? 0.5,
    minCalls: given.min_calls ?? 20,
    windowMs: given.window_ms ?? 60_000,
    openMs,
    maxOpenMs,
    slowMs: given.slow_ms ?? 0,
    probes: given.probes ?? 1,
  };
}

function cacheOf(file: SettingsFile, refuse: (message: string) => never): Settings['cache'] {
  const { enabled = false, ttl_s: ttlS = 300, max_mb: maxMb = 64 } = file.cache ?? {};
  // Its answers are attempts at a provider of this name.
  if (Object.hasOwn(file.providers ?? {}, 'cache')) {
    refuse('providers.cache has the name of the response cache; choose another, e.g. cache-server.');
  }
  for (const [where, entries] of Object.entries({ aliases: file.aliases ?? {}, tasks: file.tasks ?? {} })) {
    for (const [name, entry] of Object.entries(entries)) {
      if (typeof entry === 'string' || Array.isArray(entry) || entry.cache !== true || enabled) continue;
      refuse(`${where}.${name}.cache is true, but the response cache is off; set cache: { enabled: true }.`);
    }
  }
  return { enabled, ttlS, maxMb };
}

/** Those of `prices`, and those that stand beside the models of a provider. Throws when both name one model. */
function pricesOf(file: SettingsFile, fileName: string): Settings['prices'] {
  const prices = { ...file.prices };
  for (const [provider, entry] of Object.entries(file.providers ?? {})) {
    for (const model of entry.models ?? []) {
      if (typeof model === 'string' || model.price === undefined) continue;
      const name = `${provider}/${model.id}`;
      if (Object.hasOwn(prices, name)) {
        throw new SettingsError(`${fileName}: the price of ${name} stands there twice; keep one of them.`);
      }
      prices[name] = model.price;
    }
  }
  return prices;
}

export function taskTypes(settings: Settings): string[] {
  return [...new Set([...TASK_TYPES, ...Object.keys(settings.tasks)])];
}

/** What a request can have for a task type: calls for vectors and raw calls have one of their own. */
export const knownTasks = (tasks: object = {}): string[] => [
  ...new Set([...TASK_TYPES, 'embed', 'raw', ...Object.keys(tasks)]),
];

/** A rule that is misspelled would look for nothing, and say nothing. */
function secretsOf(
  given: NonNullable<SettingsFile['secrets']>,
  known: readonly string[],
  refuse: (message: string) => never,
): Settings['secrets'] {
  const check = (rules: object, place: string): void => {
    for (const id of Object.keys(rules)) {
      if (!ALL_RULES.some((rule) => rule.id === id))
        refuse(`${place}.${id} is not a rule; goblin rules list shows them.`);
    }
  };
  check(given.rules ?? {}, 'secrets.rules');
  for (const [task, { rules = {} }] of Object.entries(given.tasks ?? {})) {
    if (!known.includes(task)) refuse(`secrets.tasks.${task} is no task type; there are ${known.join(', ')}.`);
    check(rules, `secrets.tasks.${task}.rules`);
  }
  const { enabled = true, reveal = true, ...answers } = given.answers ?? {};
  check(answers.rules ?? {}, 'secrets.answers.rules');
  return {
    enabled: given.enabled ?? true,
    answers: { enabled, reveal, ...answers },
    ...(given.rules ? { rules: given.rules } : {}),
    ...(given.kinds ? { kinds: given.kinds } : {}),
    ...(given.tasks ? { tasks: given.tasks } : {}),
  };
}
