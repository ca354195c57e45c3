/** `goblin user`: accounts. Through the running server, else one of its own. */
import { randomBytes } from 'node:crypto';
import { OPERATOR } from '../../identity/callers.ts';
import { readConfig } from '../config.ts';
import { actionOf, ask, only, tenantNeeded, tenantOf, wordOf } from './actions.ts';
import { columns, type Input, type Verb, VerbError } from './flags.ts';
import { bodyOf, reachServer } from './link.ts';

interface ListedUser {
  id: string;
  tenant: string;
  email: string;
  role: string;
  everywhere: boolean;
  teams: { name: string; role: string }[];
  seen_at: string | null;
  disabled_at: string | null;
}

const ACTIONS = {
  create,
  list,
  role,
  password,
  disable: (input: Input) => close(input, 'disable', true),
  enable: (input: Input) => close(input, 'enable', false),
  erase,
};

export const verb: Verb = {
  name: 'user',
  usage: 'create | list | role <id> <role> | password <id> | disable <id> | enable <id> | erase <user>',
  about: [
    'create          makes an account, and the tenant if that is missing. Its password alone goes to standard output, once;',
    '                with --no-password it has none, and signs in at another provider.',
    'list            shows the accounts: all, or those of a tenant.',
    'role            changes what somebody is: owner, admin, operator, member or viewer.',
    'password        gives a new password and prints it, once; all sessions of the account end.',
    'erase           takes everything that a user has asked out of the record, wherever it is, and waits until that is done:',
    '                an account by id or address, what callers give as user_id, or its hash. Rows and money stay.',
    'disable         closes an account: its sessions and keys end within five seconds. enable opens it again.',
  ].join('\n'),
  words: { most: 3 },
  flags: {
    tenant: { value: 'name', help: 'whose account, or user, it is; erase needs it with MCP_AUTH=required' },
    email: { value: 'address', help: 'of a new account' },
    name: { value: 'text', help: 'of a new account' },
    role: { value: 'role', help: 'of a new account: member, unless said otherwise' },
    'no-password': { help: 'a new account has no password' },
  },
  examples: [
    'npm run -s goblin -- user create --tenant acme --email ada@example.com --role owner',
    'npm run goblin -- user list --tenant acme',
  ],
  run: (input) => actionOf('user', ACTIONS, input),
};

/** 20 characters of a 64-letter alphabet: 120 bits. */
const newPassword = (): string => randomBytes(15).toString('base64url');

const pathOf = (id: string): string => `/mcp/v1/users/${encodeURIComponent(id)}`;

async function create(input: Input): Promise<number> {
  only(verb, input, 'create', ['tenant', 'email', 'name', 'role', 'no-password'], 1);
  const tenant = tenantOf('user', 'create', input);
  const email = input.text('email');
  if (email === undefined) throw new VerbError('goblin user create: whose? --email ada@example.com');
  const password = input.on('no-password') ? undefined : newPassword();
  const [name, role] = [input.text('name'), input.text('role')];
  const made = await ask<ListedUser>('/mcp/v1/users', {
    method: 'POST',
    body: {
      tenant,
      email,
      ...(name === undefined ? {} : { name }),
      ...(role === undefined ? {} : { role }),
      ...(password === undefined ? {} : { password }),
    },
  });
  if (password !== undefined) console.log(password);
  console.error(
    `${made.id} is ${made.role} of ${made.tenant}${password === undefined ? '' : '; this is the only time the password is shown'}.`,
  );
  return 0;
}

async function list(input: Input): Promise<number> {
  only(verb, input, 'list', ['tenant'], 1);
  const tenant = input.text('tenant');
  const rows: ListedUser[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const query = new URLSearchParams({ limit: '200', ...(tenant ? { tenant } : {}), ...(after ? { after } : {}) });
    const page: { items: ListedUser[]; next: string | null } = await ask(`/mcp/v1/users?${query}`);
    rows.push(...page.items);
    after = page.next;
  }
  if (rows.length === 0) {
    console.error('There are no accounts; make one with: goblin user create --tenant <name> --email <address>');
    return 0;
  }
  const lines = rows.map((row) => [
    row.id,
    row.tenant,
    row.email,
    row.everywhere ? `${row.role}, everywhere` : row.role,
    row.disabled_at === null ? 'open' : 'closed',
    row.teams.map((team) => team.name).join(','),
    row.seen_at?.slice(0, 16).replace('T', ' ') ?? 'never',
  ]);
  console.log(columns([['id', 'tenant', 'e-mail', 'role', 'state', 'teams', 'seen (UTC)'], ...lines]).join('\n'));
  return 0;
}

async function role(input: Input): Promise<number> {
  only(verb, input, 'role', [], 3);
  const id = wordOf('user', 'role', input, 'the account by its id, as goblin user list shows it');
  const to = wordOf('user', 'role', input, 'the role', 2);
  const { email } = await ask<ListedUser>(pathOf(id), { method: 'PATCH', body: { role: to } });
  console.error(`${email} is ${to} now.`);
  return 0;
}

async function password(input: Input): Promise<number> {
  only(verb, input, 'password', [], 2);
  const id = wordOf('user', 'password', input, 'the account by its id, as goblin user list shows it');
  const fresh = newPassword();
  const { email } = await ask<ListedUser>(pathOf(id), { method: 'PATCH', body: { password: fresh } });
  console.log(fresh);
  console.error(`This is the only time the password of ${email} is shown.`);
  return 0;
}

async function close(input: Input, action: string, disabled: boolean): Promise<number> {
  only(verb, input, action, [], 2);
  const id = wordOf('user', action, input, 'the account by its id, as goblin user list shows it');
  const { email } = await ask<ListedUser>(pathOf(id), { method: 'PATCH', body: { disabled } });
  console.error(`${email} is ${disabled ? 'closed' : 'open'}.`);
  return 0;
}

interface ErasureView {
  status: 'running' | 'done';
  counts: Record<string, number>;
  links: { self: string };
}

async function erase(input: Input): Promise<number> {
  only(verb, input, 'erase', ['tenant'], 2);
  const who = wordOf('user', 'erase', input, 'the user: an account by id or address, a user_id, or its hash');
  // Somebody who is not found in one tenant may have asked everything in another.
  const asked = tenantNeeded('user', 'erase', input);
  const query = asked === undefined ? '' : `?tenant=${asked}`;
  // One server for all of it: what runs ends first, and every process lets go of what it remembers, which takes seconds.
  const link = await reachServer(readConfig(process.cwd(), process.env));
  let seen: ErasureView;
  try {
    seen = await bodyOf<ErasureView>(await link.call(`${pathOf(who)}/data${query}`, { method: 'DELETE' }));
    while (seen.status !== 'done') {
      await new Promise((resolve) => setTimeout(resolve, 500));
      seen = await bodyOf<ErasureView>(await link.call(seen.links.self));
    }
  } finally {
    await link.close();
  }
  const { requests = 0, ...others } = seen.counts;
  const found = Object.entries({ requests, ...others }).filter(([, n]) => n > 0);
  if (found.length === 0) {
    const tenant = new URL(seen.links.self, 'http://server').searchParams.get('tenant') ?? OPERATOR.tenant;
    throw new VerbError(`Nothing was found in ${tenant}.`);
  }
  console.log(`Erased: ${found.map(([name, n]) => `${n} ${name.replaceAll('_', ' ')}`).join(', ')}.`);
  return 0;
}
