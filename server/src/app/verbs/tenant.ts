/** `goblin tenant`: tenants. Through the running server, else one of its own. */
import { actionOf, ask, only, wordOf } from './actions.ts';
import { columns, type Input, type Verb, VerbError } from './flags.ts';

interface ListedTenant {
  id: string;
  name: string | null;
  bodies: string | null;
  created_at: string;
  disabled_at: string | null;
}

const ACTIONS = {
  create,
  list,
  set,
  disable: (input: Input) => close(input, 'disable', true),
  enable: (input: Input) => close(input, 'enable', false),
};

export const verb: Verb = {
  name: 'tenant',
  usage: 'create <id> | list | set <id> | disable <id> | enable <id>',
  about: [
    'create <id>   makes a tenant.',
    'list          shows the tenants.',
    'set <id>      says how prompts and answers of a tenant rest (--bodies): stored, encrypted, erased ten minutes after the',
    '              end, or usual: as goblin.yaml says. In every process within five seconds.',
    'disable <id>  closes one: none of its keys and sessions works, within five seconds. enable opens it again.',
  ].join('\n'),
  words: { most: 2 },
  flags: {
    name: { value: 'text', help: 'what to call a new one' },
    bodies: { value: 'how', help: 'stored, encrypted, erased or usual' },
  },
  examples: ['npm run goblin -- tenant create acme --name "Acme Ltd"'],
  run: (input) => actionOf('tenant', ACTIONS, input),
};

async function create(input: Input): Promise<number> {
  only(verb, input, 'create', ['name'], 2);
  const id = wordOf('tenant', 'create', input, 'the tenant, e.g. acme');
  const name = input.text('name');
  await ask('/mcp/v1/tenants', { method: 'POST', body: { id, ...(name === undefined ? {} : { name }) } });
  console.error(`${id} is there.`);
  return 0;
}

const HOW = ['stored', 'encrypted', 'erased', 'usual'];

async function set(input: Input): Promise<number> {
  only(verb, input, 'set', ['bodies'], 2);
  const id = wordOf('tenant', 'set', input, 'the tenant');
  const how = input.text('bodies') ?? '';
  if (!HOW.includes(how)) {
    throw new VerbError(`goblin tenant set: say --bodies ${HOW.join(', --bodies ')}.`);
  }
  const body = { bodies: how === 'usual' ? null : how };
  await ask(`/mcp/v1/tenants/${encodeURIComponent(id)}`, { method: 'PATCH', body });
  console.error(`The content of ${id} is ${how === 'usual' ? 'kept as goblin.yaml says' : how} from now on.`);
  return 0;
}

async function list(input: Input): Promise<number> {
  only(verb, input, 'list', [], 1);
  const { items } = await ask<{ items: ListedTenant[] }>('/mcp/v1/tenants');
  const lines = items.map((row) => [
    row.id,
    row.created_at.slice(0, 16).replace('T', ' '),
    row.disabled_at === null ? 'open' : 'closed',
    row.bodies ?? '',
    row.name ?? '',
  ]);
  console.log(columns([['id', 'made (UTC)', 'state', 'bodies', 'name'], ...lines]).join('\n'));
  return 0;
}

async function close(input: Input, action: string, disabled: boolean): Promise<number> {
  only(verb, input, action, [], 2);
  const id = wordOf('tenant', action, input, 'the tenant');
  await ask(`/mcp/v1/tenants/${encodeURIComponent(id)}`, { method: 'PATCH', body: { disabled } });
  console.error(`${id} is ${disabled ? 'closed' : 'open'}.`);
  return 0;
}
