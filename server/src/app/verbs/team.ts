/** `goblin team`: teams and who is in them. Through the running server, else one of its own. */
import { actionOf, ask, only, tenantOf, wordOf } from './actions.ts';
import { columns, type Input, type Verb } from './flags.ts';

interface ListedTeam {
  id: string;
  tenant: string;
  name: string;
  members: { user: string; email: string; role: string }[];
}

const ACTIONS = { create, list, add, remove, close };
const TEAM = 'the team by its id, as goblin team list shows it';
const USER = 'the account by its id, as goblin user list shows it';

export const verb: Verb = {
  name: 'team',
  usage: 'create <name> | list | add <team> <user> | remove <team> <user> | close <team>',
  about: [
    'create <name>         makes a team.',
    'list                  shows the teams and who is in them: all, or those of a tenant.',
    'add <team> <user>     puts an account into a team, with --role operator, member or viewer.',
    'remove <team> <user>  takes it out again.',
    'close <team>          closes a team for good: its keys end within five seconds.',
  ].join('\n'),
  words: { most: 3 },
  flags: {
    tenant: { value: 'name', help: 'whose team it is' },
    role: { value: 'role', help: 'what somebody is in the team: member, unless said otherwise' },
  },
  examples: ['npm run goblin -- team create research --tenant acme'],
  run: (input) => actionOf('team', ACTIONS, input),
};

const pathOf = (team: string, user?: string): string =>
  `/mcp/v1/teams/${encodeURIComponent(team)}${user === undefined ? '' : `/members/${encodeURIComponent(user)}`}`;

async function create(input: Input): Promise<number> {
  only(verb, input, 'create', ['tenant'], 2);
  const name = wordOf('team', 'create', input, 'the team, e.g. research');
  const tenant = tenantOf('team', 'create', input);
  const made = await ask<ListedTeam>('/mcp/v1/teams', { method: 'POST', body: { name, tenant } });
  console.log(made.id);
  return 0;
}

async function list(input: Input): Promise<number> {
  only(verb, input, 'list', ['tenant'], 1);
  const tenant = input.text('tenant');
  const { items } = await ask<{ items: ListedTeam[] }>(
    `/mcp/v1/teams${tenant === undefined ? '' : `?tenant=${encodeURIComponent(tenant)}`}`,
  );
  if (items.length === 0) {
    console.error('There are no teams; make one with: goblin team create <name> --tenant <name>');
    return 0;
  }
  const lines = items.map(({ id, tenant: of, name, members }) => [
    id,
    of,
    name,
    members.map(({ email, role }) => `${email} (${role})`).join(', '),
  ]);
  console.log(columns([['id', 'tenant', 'name', 'members'], ...lines]).join('\n'));
  return 0;
}

async function add(input: Input): Promise<number> {
  only(verb, input, 'add', ['role'], 3);
  const [team, user] = [wordOf('team', 'add', input, TEAM), wordOf('team', 'add', input, USER, 2)];
  const role = input.text('role');
  await ask(pathOf(team, user), { method: 'PUT', body: role === undefined ? {} : { role } });
  console.error(`${user} is in ${team}.`);
  return 0;
}

async function remove(input: Input): Promise<number> {
  only(verb, input, 'remove', [], 3);
  const [team, user] = [wordOf('team', 'remove', input, TEAM), wordOf('team', 'remove', input, USER, 2)];
  await ask(pathOf(team, user), { method: 'DELETE' });
  console.error(`${user} is not in ${team} any more.`);
  return 0;
}

async function close(input: Input): Promise<number> {
  only(verb, input, 'close', [], 2);
  const team = wordOf('team', 'close', input, TEAM);
  await ask(pathOf(team), { method: 'DELETE' });
  console.error(`${team} is closed.`);
  return 0;
}
