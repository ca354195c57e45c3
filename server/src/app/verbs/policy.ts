/** `goblin policy`: what policies are in force, what new ones would do, and setting them. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { actionOf, ask, only, wordOf } from './actions.ts';
import { columns, type Input, type Verb, VerbError } from './flags.ts';

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

const ACTIONS = { show, set, test };
const PATH = '/mcp/v1/admin/policies';
const SHOWN = 50;

export const verb: Verb = {
  name: 'policy',
  usage: 'show | set <file> | test [--since 7d] [--file new.cedar]',
  about: [
    'show        prints the policies in force.',
    'set <file>  replaces the policies of a tenant by those of a file in Cedar, if they make sense.',
    'test        tries policies on past requests, and prints what they would decide in another way: those of --file',
    '            against those in force, or, without it, those in force against what ran. Nothing is changed.',
  ].join('\n'),
  words: { most: 2 },
  flags: {
    tenant: { value: 'name', help: 'whose policies; your own tenant, unless said otherwise' },
    since: { value: 'time', help: 'how far back, e.g. 12h or 7d: 7d, unless said otherwise' },
    file: { value: 'file', help: 'a file with policies in Cedar' },
  },
  examples: ['npm run goblin -- policy test --since 7d --file new.cedar', 'npm run goblin -- policy set new.cedar'],
  run: (input) => actionOf('policy', ACTIONS, input),
};

async function show(input: Input): Promise<number> {
  only(verb, input, 'show', ['tenant'], 1);
  const found = await ask<Listed>(`${PATH}${tenantQuery(input)}`);
  const print = (title: string, policies: readonly Text[]) => {
    console.log(`// ${title}`);
    for (const { id, cedar } of policies) console.log(`// ${id}\n${cedar.trim()}\n`);
  };
  if (found.installation.length > 0) print('goblin.yaml', found.installation);
  if (found.policies.length > 0) {
    print(`${found.tenant}, version ${found.version}, ${found.changed_at} by ${found.changed_by}`, found.policies);
  }
  if (found.installation.length + found.policies.length === 0) {
    console.error('There are no policies: whatever permissions allow is allowed.');
  }
  return 0;
}

async function set(input: Input): Promise<number> {
  only(verb, input, 'set', ['tenant'], 2);
  const policies = readPolicies(wordOf('policy', 'set', input, 'a file with policies, e.g. new.cedar'));
  const tenant = input.text('tenant');
  const body = { policies, ...(tenant === undefined ? {} : { tenant }) };
  const saved = await ask<{ tenant: string; version: number }>(PATH, { method: 'PUT', body });
  console.error(`The policies of ${saved.tenant} are version ${saved.version} now.`);
  return 0;
}

async function test(input: Input): Promise<number> {
  only(verb, input, 'test', ['tenant', 'since', 'file'], 1);
  const file = input.text('file');
  const tenant = input.text('tenant');
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

const tenantQuery = (input: Input): string => {
  const tenant = input.text('tenant');
  return tenant === undefined ? '' : `?tenant=${encodeURIComponent(tenant)}`;
};

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
