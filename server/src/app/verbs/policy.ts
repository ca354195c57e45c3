/** `goblin policy`: what policies are in force, what new ones would do, and setting them. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type ReadyPolicy, readyPolicies } from '../ready-policies.ts';
import { actionOf, ask, only, tenantNeeded, wordOf } from './actions.ts';
import { columns, type Input, near, type Verb, VerbError } from './flags.ts';

interface Text {
  id: string;
  cedar: string;
}

interface Listed {
  tenant: string;
  version: number;
  policies: Text[];
  changed_by: string | null;
  changed_at: string | null;
  installation: Text[];
}

interface Tried {
  requests: number;
  truncated: boolean;
  changed: {
    request: string;
    at: string;
    key: string | null;
    task_type: string;
    target: string;
    before: string;
    after: string;
    reason: string | null;
  }[];
}

const ACTIONS = { show, set, ready, use, drop, back, test };
const PATH = '/mcp/v1/admin/policies';
const SHOWN = 50;

export const verb: Verb = {
  name: 'policy',
  usage: 'show | set <file> | ready [name] | use <name> | drop <id> | back <version> | test [--file new.cedar]',
  about: [
    'show            prints the policies in force, or those of --version.',
    'set <file>      replaces the policies of a tenant by those of a file in Cedar, if they make sense; with --version',
    '                only if that is still the newest.',
    'ready [name]    lists the policies that ship with the server, or prints one: change it, and set it.',
    'use <name>      adds one of these to the policies of a tenant.',
    'drop <id>       takes one out again.',
    'back <version>  puts the policies of an earlier version into force again, as a new version.',
    'test            tries policies on past requests, and prints what they would decide in another way: those of --file',
    '                against those in force, or, without it, those in force against what ran. Nothing is changed.',
  ].join('\n'),
  words: { most: 2 },
  flags: {
    tenant: { value: 'name', help: 'whose policies; to be said where keys are asked for' },
    version: { value: 'number', help: 'the version to show, or that was changed' },
    since: { value: 'time', help: 'how far back, e.g. 12h or 7d: 7d, unless said otherwise' },
    file: { value: 'file', help: 'a file with policies in Cedar' },
  },
  examples: [
    'npm run goblin -- policy use local-at-night --tenant acme',
    'npm run goblin -- policy test --since 7d --file new.cedar --tenant acme',
    'npm run goblin -- policy set new.cedar --tenant acme',
  ],
  run: (input) => actionOf('policy', ACTIONS, input),
};

async function show(input: Input): Promise<number> {
  only(verb, input, 'show', ['tenant', 'version'], 1);
  const tenant = tenantNeeded('policy', 'show', input);
  const found = await read(tenant, versionOf(input.text('version')));
  const print = (title: string, policies: readonly Text[]) => {
    console.log(`// ${title}`);
    for (const { id, cedar } of policies) console.log(`// ${id}\n${cedar.trim()}\n`);
  };
  if (found.installation.length > 0) print('goblin.yaml', found.installation);
  if (found.policies.length > 0) {
    print(`${found.tenant}, version ${found.version}, ${found.changed_at} by ${found.changed_by}`, found.policies);
  }
  if (found.installation.length + found.policies.length === 0) {
    console.error(`There are no policies for ${found.tenant}: whatever permissions allow is allowed.`);
  }
  return 0;
}

async function set(input: Input): Promise<number> {
  only(verb, input, 'set', ['tenant', 'version'], 2);
  const tenant = tenantNeeded('policy', 'set', input);
  const policies = readPolicies(wordOf('policy', 'set', input, 'a file with policies, e.g. new.cedar'));
  return await save(tenant, policies, versionOf(input.text('version')));
}

async function ready(input: Input): Promise<number> {
  only(verb, input, 'ready', [], 2);
  const name = input.words[1];
  if (name === undefined) {
    const rows = readyPolicies().map((one) => [one.name, one.description]);
    console.log(columns(rows).join('\n'));
  } else console.log(readyOf(name).cedar.trimEnd());
  return 0;
}

async function use(input: Input): Promise<number> {
  only(verb, input, 'use', ['tenant'], 2);
  const { name, cedar } = readyOf(wordOf('policy', 'use', input, 'a policy that goblin policy ready lists'));
  const tenant = tenantNeeded('policy', 'use', input);
  const { policies, version } = await read(tenant, null);
  const others = policies.filter(({ id }) => id !== name);
  return await save(tenant, [...others, { id: name, cedar }], version);
}

async function drop(input: Input): Promise<number> {
  only(verb, input, 'drop', ['tenant'], 2);
  const id = wordOf('policy', 'drop', input, 'the policy by its id, as goblin policy show has it');
  const tenant = tenantNeeded('policy', 'drop', input);
  const { policies, version } = await read(tenant, null);
  if (!policies.some((one) => one.id === id)) {
    const names = policies.map((one) => one.id);
    throw new VerbError(`goblin policy drop: there is no ${id}; there are ${names.join(', ') || 'none'}.`);
  }
  const others = policies.filter((one) => one.id !== id);
  return await save(tenant, others, version);
}

async function back(input: Input): Promise<number> {
  only(verb, input, 'back', ['tenant'], 2);
  const to = versionOf(wordOf('policy', 'back', input, 'the version, e.g. 3'));
  const tenant = tenantNeeded('policy', 'back', input);
  const { version } = await read(tenant, null);
  return await save(tenant, (await read(tenant, to)).policies, version);
}

async function test(input: Input): Promise<number> {
  only(verb, input, 'test', ['tenant', 'since', 'file'], 1);
  const file = input.text('file');
  const tenant = tenantNeeded('policy', 'test', input);
  const body = {
    since_ms: sinceOf(input.text('since') ?? '7d'),
    ...(file === undefined ? {} : { policies: readPolicies(file) }),
    ...(tenant === undefined ? {} : { tenant }),
  };
  const tried = await ask<Tried>(`${PATH}/test`, { method: 'POST', body });
  const { changed } = tried;
  const rows = changed
    .slice(0, SHOWN)
    .map((one) => [one.at, one.request, one.target, one.task_type, `${one.before} → ${one.after}`, one.reason ?? '']);
  if (rows.length > 0)
    console.log(columns([['at', 'request', 'target', 'task', 'decision', 'why'], ...rows]).join('\n'));
  if (changed.length > SHOWN) console.log(`… and ${changed.length - SHOWN} more`);
  const most = tried.truncated ? ' (the newest; there are more)' : '';
  console.error(`${tried.requests} requests${most}, ${changed.length} decided in another way.`);
  return 0;
}

function versionOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new VerbError(`goblin policy: a version is a number, not "${text}".`);
}

async function read(tenant: string | undefined, version: number | null): Promise<Listed> {
  const query = new URLSearchParams();
  if (tenant !== undefined) query.set('tenant', tenant);
  if (version !== null) query.set('version', String(version));
  return await ask<Listed>(query.size === 0 ? PATH : `${PATH}?${query}`);
}

/** `version`: the one that was changed; null: whichever. */
async function save(tenant: string | undefined, policies: readonly Text[], version: number | null): Promise<number> {
  const body = {
    policies,
    ...(version === null ? {} : { version }),
    ...(tenant === undefined ? {} : { tenant }),
  };
  const saved = await ask<{ tenant: string; version: number }>(PATH, { method: 'PUT', body });
  console.error(`The policies of ${saved.tenant} are version ${saved.version} now.`);
  return 0;
}

function readyOf(name: string): ReadyPolicy {
  const all = readyPolicies();
  const found = all.find((one) => one.name === name);
  if (found) return found;
  const names = all.map((one) => one.name);
  const close = near(name, names);
  throw new VerbError(`goblin policy: "${name}" is none of ${(close.length > 0 ? close : names).join(', ')}.`);
}

function readPolicies(file: string): Text[] {
  try {
    const id = basename(file)
      .replace(/\.cedar$/, '')
      .replace(/[^A-Za-z0-9._-]/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '');
    return [{ id: id || 'policy', cedar: readFileSync(file, 'utf8') }];
  } catch {
    throw new VerbError(`goblin policy: ${file} cannot be read; name a file with policies in Cedar.`);
  }
}

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

function sinceOf(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,4})([mhd])$/.exec(text) ?? [];
  const ms = Number(count) * (UNITS[unit] ?? 0);
  if (ms > 0) return ms;
  throw new VerbError(`goblin policy test: --since takes a time like 30m, 12h or 7d, not "${text}".`);
}
