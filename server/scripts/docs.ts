/**
 * Writes the tables of the documents from the tables in code, so that they cannot differ. In a document such a table
 * stands between `<!-- table: NAME -->` and `<!-- end -->`. Run it with `npx node server/scripts/docs.ts`; a test says
 * when a document is old.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { TSchema } from '@sinclair/typebox';
import { ERRORS } from '../src/contract/errors.ts';
import { EVENT_TYPES, isWarning } from '../src/contract/events.ts';
import { isTerminal, MOVES, STATES } from '../src/contract/states.ts';
import { SubmitBody } from '../src/edge/schemas.ts';
import { FAULTS, type FaultRow } from '../src/providers/simulator/faults.ts';
import { SettingsFile } from '../src/settings/schema.ts';
import { settle } from '../src/settings/settings.ts';
import { IDENTITY_TABLES } from './identity.ts';
import { LIMIT_TABLES } from './limits.ts';
import { PROVIDER_TABLES } from './providers.ts';
import { accepted, code, meaning, propertiesOf, table } from './tables.ts';

/** Documents with tables, from the root of the repository. */
export const DOCUMENTS = [
  'docs/architecture.md',
  'docs/configuration.md',
  'docs/errors.md',
  'docs/limits.md',
  'docs/providers.md',
  'docs/requests.md',
  'docs/security.md',
  'docs/simulator.md',
];

const yes = (flag: boolean): string => (flag ? 'yes' : '');

/** What each scalar setting of `goblin.yaml` means. A setting without a line here stops the script. */
const MEANINGS: Readonly<Record<string, string>> = {
  'clocks.connect_ms': 'time to open a connection to a provider',
  'clocks.headers_ms': 'time from sending a call to the first header of a streamed answer',
  'clocks.answer_ms': 'the same for an answer that is not streamed: its headers come when it is ready',
  'clocks.first_token_ms': 'time from the headers to the first part of a streamed answer',
  'clocks.idle_ms': 'longest silence inside an answer; comments and pings do not count as a sign of life',
  'clocks.total_ms': 'time for the whole request with all its attempts, from its first start',
  'clocks.lease_ms': 'how long a process that gives no sign of life keeps its requests',
  'clocks.heartbeat_ms': 'how often a process says that it lives; at most half of the lease',
  'clocks.drain_ms':
    'how long a process that is told to stop lets what it runs come to its end, before it hands the rest back',
  'breaker.consecutive': 'failures in a row after which a target (a provider and a model) is left alone',
  'breaker.rate': 'the same by the share of calls that failed in the window, once there were `min_calls`',
  'breaker.min_calls': 'calls in the window from which on `rate` counts',
  'breaker.window_ms': 'what counts as lately',
  'breaker.open_ms': 'how long it is left alone at first; the time doubles each time in a row',
  'breaker.max_open_ms': 'how long at most; at least `open_ms`',
  'breaker.slow_ms': 'a first token that takes longer counts as a failure; 0: never',
  'breaker.probes': 'calls that may try at once whether it is back',
  'retry_budget.ratio': 'repeated calls to a target for each first one',
  'retry_budget.reserve': 'repeated calls to a target in each minute, however few first ones there are',
  'cache.enabled': 'keep answers, and give them again to the same call of the same tenant',
  'cache.ttl_s': 'how long an answer is kept. Seconds',
  'cache.max_mb': 'how much of them one process keeps; those that were not used for longest go first. Megabytes',
  attempts: 'most attempts of one request; those that a stopping process handed back do not count',
  running_per_worker: 'most detached requests that run at once in one process',
  'queue.per_tenant': 'most requests of one tenant that may wait; then 429',
  'queue.total': 'most requests that may wait in all; then 503',
  body_bytes: 'largest request body',
  frames_hours: 'how long a stream can be replayed after its end; then 410',
  bodies_days: 'how long prompts, results and partial texts are kept, from the day the request was made',
  bodies:
    'how prompts and answers rest, unless a tenant says it itself: as they are, encrypted, or erased ten minutes after the end',
  rows_days: 'how long requests, attempts and the audit trail are kept; at least `bodies_days`',
  policy_file: 'a file with policies in Cedar, by its path from `goblin.yaml`',
  local_servers: 'look for Ollama, LM Studio, llama.cpp, vLLM and SGLang on this machine, at the start and every 30 s',
  simulator: 'offer the provider `simulator` also when real ones are configured',
  'callbacks.allow_private': 'let `callback_url` lead to private addresses',
};

const camel = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** Scalars of the file, those in groups with their group's name before them. */
function settingsTable(): string {
  const defaults = settle({});
  const rows: string[][] = [];
  const add = (name: string, schema: TSchema, value: unknown) =>
    rows.push([code(name), code(String(value)), accepted(schema), meaning(MEANINGS, name)]);
  for (const [name, schema] of Object.entries(propertiesOf(SettingsFile))) {
    if (name === 'clocks') {
      const clocks = defaults.clocks as Readonly<Record<string, number>>;
      for (const [clock, of] of Object.entries(propertiesOf(schema))) add(`clocks.${clock}`, of, clocks[camel(clock)]);
    } else if (name === 'queue') {
      const caps = defaults.queue as Readonly<Record<string, number>>;
      for (const [field, of] of Object.entries(propertiesOf(schema))) add(`queue.${field}`, of, caps[camel(field)]);
    } else if (name === 'breaker' || name === 'retry_budget') {
      const group: Readonly<Record<string, number>> = { ...defaults[name === 'breaker' ? 'breaker' : 'retryBudget'] };
      for (const [field, of] of Object.entries(propertiesOf(schema))) add(`${name}.${field}`, of, group[camel(field)]);
    } else if (name === 'cache') {
      const group: Readonly<Record<string, unknown>> = defaults.cache;
      for (const [field, of] of Object.entries(propertiesOf(schema))) add(`cache.${field}`, of, group[camel(field)]);
    } else if (name === 'callbacks') {
      for (const [field, of] of Object.entries(propertiesOf(schema)))
        add(`callbacks.${field}`, of, defaults.allowPrivateCallbacks);
    } else if (schema.type !== 'object' && schema.type !== 'array') {
      add(name, schema, (defaults as unknown as Record<string, unknown>)[camel(name)]);
    }
  }
  return table(['setting', 'default', 'takes', 'meaning'], rows);
}

const TABLES: Readonly<Record<string, () => string>> = {
  ...PROVIDER_TABLES,
  ...IDENTITY_TABLES,
  ...LIMIT_TABLES,
  events: () =>
    table(
      ['type', 'warning', 'written when, and what it says'],
      Object.entries(EVENT_TYPES).map(([name, { about }]) => [code(name), yes(isWarning(name)), about]),
    ),
  errors: () =>
    table(
      ['code', 'status', 'try again', 'same target', 'next target', 'title'],
      Object.entries(ERRORS).map(([name, row]) => [
        code(name),
        String(row.status),
        yes(row.callerRetry),
        yes(row.retry),
        yes(row.fallback),
        row.title,
      ]),
    ),
  states: () =>
    table(
      ['state', 'may become'],
      STATES.map((state) => [code(state), isTerminal(state) ? '(the end)' : MOVES[state].map(code).join(', ')]),
    ),
  submit: () =>
    table(
      ['field', 'takes', 'meaning'],
      Object.entries(propertiesOf(SubmitBody)).map(([name, schema]) => [
        code(name),
        String(schema.accepts ?? ''),
        schema.description ?? '',
      ]),
    ),
  settings: settingsTable,
  faults: () =>
    table(
      ['fault', 'what happens', 'without a number', 'still a whole answer'],
      Object.entries<FaultRow>(FAULTS).map(([name, row]) => [
        code(name),
        row.title,
        row.n === undefined ? '' : String(row.n),
        yes(row.whole),
      ]),
    ),
};

/** The text of a document with every table made anew. */
export function withTables(text: string): string {
  return text.replace(/<!-- table: (\w+) -->[\s\S]*?<!-- end -->/g, (_, name: string) => {
    const make = TABLES[name];
    if (make === undefined) throw new Error(`There is no table ${name}; there are ${Object.keys(TABLES).join(', ')}.`);
    return `<!-- table: ${name} -->\n${make()}\n<!-- end -->`;
  });
}

/** From the root of the repository to where it is. */
export const pathOf = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

if (import.meta.main) {
  for (const name of DOCUMENTS) {
    const path = pathOf(name);
    const before = readFileSync(path, 'utf8');
    const after = withTables(before);
    if (after === before) continue;
    writeFileSync(path, after);
    console.log(`${name} is written anew`);
  }
}
