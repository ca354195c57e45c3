/** `goblin rules`: what the scanner looks for in a tenant's requests, and what is done about it. */
import { readFileSync } from 'node:fs';
import { parse, YAMLError } from 'yaml';
import { actionOf, ask, only, tenantNeeded, wordOf } from './actions.ts';
import { columns, type Input, type Verb, VerbError } from './flags.ts';

interface Listed {
  tenant: string;
  version: number;
  rules: Record<string, unknown>[];
  actions: Record<string, unknown>;
  changed_by: string | null;
  changed_at: string | null;
  installation: { enabled: boolean; actions: Record<string, unknown> };
  in_force: { id: string; description: string; kind: string; action: string; own: boolean }[];
}

const ACTIONS = { list, show, set };
const PATH = '/mcp/v1/admin/secret-rules';

export const verb: Verb = {
  name: 'rules',
  usage: 'list | show [--version n] | set <file> [--version n]',
  about: [
    'list        shows all rules that hold for a tenant, and what is done about what they find.',
    'show        prints the rules and actions that the tenant has set, in the form in which set takes them.',
    'set <file>  replaces them by those of a file in YAML or JSON, if they make sense; with --version only if that is',
    '            still the newest.',
  ].join('\n'),
  words: { most: 2 },
  flags: {
    tenant: { value: 'name', help: 'whose rules; to be said where keys are asked for' },
    version: { value: 'number', help: 'the version to show, or that was changed' },
  },
  examples: ['npm run goblin -- rules list --tenant acme', 'npm run goblin -- rules set rules.yaml --tenant acme'],
  run: (input) => actionOf('rules', ACTIONS, input),
};

async function list(input: Input): Promise<number> {
  only(verb, input, 'list', ['tenant'], 1);
  const found = await read(tenantNeeded('rules', 'list', input), null);
  const rows = found.in_force.map(({ id, kind, action, own, description }) => [
    ...[id, kind, action, own ? 'own' : '', description],
  ]);
  console.log(columns([['rule', 'kind', 'action', '', 'what it finds'], ...rows]).join('\n'));
  if (!found.installation.enabled)
    console.error('The scanner is switched off in goblin.yaml (secrets.enabled): only policies ask these rules.');
  return 0;
}

async function show(input: Input): Promise<number> {
  only(verb, input, 'show', ['tenant', 'version'], 1);
  const whose = tenantNeeded('rules', 'show', input);
  const { tenant, version, rules, actions, changed_at: at, changed_by: by } = await read(whose, versionOf(input));
  console.log(JSON.stringify({ rules, actions }, null, 2));
  console.error(version === 0 ? `${tenant} has set nothing.` : `Version ${version} of ${tenant}, ${at} by ${by}.`);
  return 0;
}

async function set(input: Input): Promise<number> {
  only(verb, input, 'set', ['tenant', 'version'], 2);
  const file = wordOf('rules', 'set', input, 'a file with rules, e.g. rules.yaml');
  const tenant = tenantNeeded('rules', 'set', input);
  const version = versionOf(input);
  const body = {
    ...readRules(file),
    ...(tenant === undefined ? {} : { tenant }),
    ...(version === null ? {} : { version }),
  };
  const saved = await ask<{ tenant: string; version: number }>(PATH, { method: 'PUT', body });
  console.error(`The rules of ${saved.tenant} are version ${saved.version} now.`);
  return 0;
}

async function read(tenant: string | undefined, version: number | null): Promise<Listed> {
  const query = new URLSearchParams();
  if (tenant !== undefined) query.set('tenant', tenant);
  if (version !== null) query.set('version', String(version));
  return await ask<Listed>(query.size === 0 ? PATH : `${PATH}?${query}`);
}

function versionOf(input: Input): number | null {
  const text = input.text('version');
  if (text === undefined) return null;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new VerbError(`goblin rules: --version takes a number, not "${text}".`);
}

function readRules(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new VerbError(`goblin rules: ${file} cannot be read; name a file with rules.`);
  }
  let read: unknown;
  try {
    read = parse(text);
  } catch (error) {
    const where = error instanceof YAMLError && error.linePos ? `:${error.linePos[0].line}` : '';
    throw new VerbError(`goblin rules: ${file}${where}: ${String((error as Error).message).split('\n')[0]}`);
  }
  if (typeof read === 'object' && read !== null && !Array.isArray(read)) return { rules: [], ...read };
  throw new VerbError(`goblin rules: ${file} must hold an object with "rules" and "actions".`);
}
