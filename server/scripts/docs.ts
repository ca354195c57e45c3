/**
 * Writes the tables of the documents from the tables in code, so that they cannot differ. In a document such a table
 * stands between `<!-- table: NAME -->` and `<!-- end -->`. Run it with `npx node server/scripts/docs.ts`; a test says
 * when a document is old.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { TSchema } from '@sinclair/typebox';
import { LOCAL_VENDORS, VENDORS } from '../src/catalogue/vendors.ts';
import { ERRORS } from '../src/contract/errors.ts';
import type { Vendor } from '../src/contract/provider.ts';
import { isTerminal, MOVES, STATES } from '../src/contract/states.ts';
import { SubmitBody } from '../src/edge/schemas.ts';
import { FAULTS, type FaultRow } from '../src/providers/simulator/faults.ts';
import { SettingsFile } from '../src/settings/schema.ts';
import { settle } from '../src/settings/settings.ts';

/** Documents with tables, from the root of the repository. */
export const DOCUMENTS = [
  'docs/architecture.md',
  'docs/configuration.md',
  'docs/errors.md',
  'docs/providers.md',
  'docs/requests.md',
  'docs/simulator.md',
];

const code = (text: string): string => `\`${text}\``;
const yes = (flag: boolean): string => (flag ? 'yes' : '');

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

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
  attempts: 'most attempts of one request; those that a stopping process handed back do not count',
  running_per_worker: 'most detached requests that run at once in one process',
  'queue.per_tenant': 'most requests of one tenant that may wait; then 429',
  'queue.total': 'most requests that may wait in all; then 503',
  body_bytes: 'largest request body',
  frames_hours: 'how long a stream can be replayed after its end; then 410',
  bodies_days: 'how long prompts, results and partial texts are kept, from the day the request was made',
  rows_days: 'how long requests, attempts and the audit trail are kept; at least `bodies_days`',
  local_servers: 'look for Ollama, LM Studio, llama.cpp and vLLM on this machine, at the start and every 30 s',
  simulator: 'offer the provider `simulator` also when real ones are configured',
  'callbacks.allow_private': 'let `callback_url` lead to private addresses',
};

/** Fields of an entry under `providers`. */
const ENTRY_MEANINGS: Readonly<Record<string, string>> = {
  dialect: 'wire format of a provider that is not in the catalogue; `openai` when left out',
  base_url: 'where it is; required for a provider that is not in the catalogue',
  key_env: 'the variable that holds its key; it comes before all others',
  models: 'names of models to offer, beside what is known of it',
  headers: 'headers to send with every call; their values stand in the file in the open',
  free: 'its calls cost nothing',
  enabled: '`false` switches it off, whatever is set elsewhere',
};

type Properties = Record<string, TSchema>;
const propertiesOf = (schema: TSchema): Properties => (schema.properties ?? {}) as Properties;

function accepted(schema: TSchema): string {
  if (schema.type === 'boolean') return 'true or false';
  if (schema.type === 'integer') return `${schema.minimum} to ${schema.maximum}`;
  if (schema.type === 'array') return 'a list of texts';
  if (schema.anyOf) return (schema.anyOf as TSchema[]).map((one) => code(String(one.const))).join(' or ');
  return schema.type === 'object' ? 'pairs of texts' : 'a text';
}

function meaning(of: Readonly<Record<string, string>>, name: string): string {
  const text = of[name];
  if (text === undefined) throw new Error(`server/scripts/docs.ts says nothing about the setting ${name}`);
  return text;
}

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
    } else if (name === 'callbacks') {
      for (const [field, of] of Object.entries(propertiesOf(schema)))
        add(`callbacks.${field}`, of, defaults.allowPrivateCallbacks);
    } else if (schema.type !== 'object') {
      add(name, schema, (defaults as unknown as Record<string, unknown>)[camel(name)]);
    }
  }
  return table(['setting', 'default', 'takes', 'meaning'], rows);
}

function entryTable(): string {
  const [entry] = Object.values((propertiesOf(SettingsFile).providers as TSchema).patternProperties as Properties);
  const rows = Object.entries(propertiesOf(entry as TSchema)).map(([name, schema]) => [
    code(name),
    accepted(schema),
    meaning(ENTRY_MEANINGS, name),
  ]);
  return table(['field', 'takes', 'meaning'], rows);
}

function vendorRow(vendor: Vendor): string[] {
  const keys = vendor.keyVariables.map(code).join(' or ');
  return [
    code(vendor.name),
    vendor.title,
    vendor.local ? keys || 'none' : keys,
    code(`${vendor.variablePrefix}_BASE_URL`),
    vendor.dialect,
    code(vendor.baseUrl),
    vendor.needsEntry ? 'needs an entry in `goblin.yaml`' : '',
  ];
}

const VENDOR_HEAD = ['provider', 'name', 'key', 'base URL', 'dialect', 'default base URL', ''];

const TABLES: Readonly<Record<string, () => string>> = {
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
  entry: entryTable,
  vendors: () => table(VENDOR_HEAD, VENDORS.map(vendorRow)),
  locals: () =>
    table(
      VENDOR_HEAD.slice(0, -1),
      LOCAL_VENDORS.map((vendor) => vendorRow(vendor).slice(0, -1)),
    ),
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
