/** `goblin provider key`: keys of vendors in the record. Through the running server, else one of its own. */
import { ask } from './actions.ts';
import { columns, type Input, near, type Verb, VerbError } from './flags.ts';

interface ListedKey {
  id: string;
  provider: string;
  name: string;
  tenant: string | null;
  last_four: string;
  origin: string;
  state: string;
}

const ACTIONS: Readonly<Record<string, (input: Input) => Promise<number>>> = { set, list, remove };
const USUAL = 'main';
const MOST_BYTES = 16_384;

export const verb: Verb = {
  name: 'provider',
  usage: 'key set <provider> [name] | key list [provider] | key remove <provider> [name]',
  about: [
    'key set <provider> [name]     sets a key of a vendor: typed when asked for, or from standard input, so that it stands in',
    '                              no list of processes and no history. It is encrypted, and never shown again.',
    'key list [provider]           shows which keys are set, each by its last four characters.',
    'key remove <provider> [name]  takes one away.',
    'Without --tenant it is a key of the installation, for all tenants that have none of their own. The name is "main",',
    'unless said otherwise. A change is in force in every process within five seconds.',
  ].join('\n'),
  words: { most: 4 },
  flags: { tenant: { value: 'name', help: 'whose key it is; left out: of the installation' } },
  examples: [
    'npm run goblin -- provider key set openai',
    'cat key.txt | npm run goblin -- provider key set anthropic --tenant acme',
  ],
  async run(input) {
    const [thing, action = ''] = input.words;
    const run = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
    if (thing === 'key' && run) return await run(input);
    const close = thing === 'key' ? near(action, Object.keys(ACTIONS)) : [];
    const meant =
      close.length > 0 ? `did you mean key ${close.join(' or ')}?` : 'there are key set, key list, key remove.';
    throw new VerbError(`goblin provider: ${thing === undefined ? 'say what to do' : 'that is not known'}; ${meant}`);
  },
};

function providerOf(input: Input, action: string): string {
  const provider = input.words[2];
  if (provider === undefined) throw new VerbError(`goblin provider key ${action}: name the provider, e.g. openai.`);
  return provider;
}

const pathOf = (provider: string, name: string): string =>
  `/mcp/v1/admin/providers/${encodeURIComponent(provider)}/keys/${encodeURIComponent(name)}`;

const whose = ({ tenant }: Pick<ListedKey, 'tenant'>): string => (tenant === null ? 'the installation' : tenant);

async function set(input: Input): Promise<number> {
  const provider = providerOf(input, 'set');
  const name = input.words[3] ?? USUAL;
  // A key in the place of its name must not go out in an address either.
  const { nameFault } = await import('../../guard/secrets/named.ts');
  for (const [what, word] of Object.entries({ provider, name })) {
    const fault = nameFault(word, 'give the key itself on standard input');
    if (fault !== null) throw new VerbError(`goblin provider key set: ${what}: ${fault}.`);
  }
  const tenant = input.text('tenant');
  const key = await readKey(provider);
  const body = { key, ...(tenant === undefined ? {} : { tenant }) };
  const made = await ask<ListedKey>(pathOf(provider, name), { method: 'PUT', body });
  console.error(`The key ${made.name} of ${whose(made)} for ${made.provider} is set; it goes to ${made.origin} alone.`);
  return 0;
}

async function list(input: Input): Promise<number> {
  if (input.words.length > 3)
    throw new VerbError(`goblin provider key list: "${input.words[3]}" is one word too many.`);
  const provider = input.words[2];
  const tenant = input.text('tenant');
  const place = provider === undefined ? 'keys' : `${encodeURIComponent(provider)}/keys`;
  const query = tenant === undefined ? '' : `?tenant=${encodeURIComponent(tenant)}`;
  const { items } = await ask<{ items: ListedKey[] }>(`/mcp/v1/admin/providers/${place}${query}`);
  if (items.length === 0) {
    console.error('No keys are set; set one with: goblin provider key set <provider>');
    return 0;
  }
  const rows = items.map((key) => [
    key.provider,
    key.name,
    key.tenant ?? '(installation)',
    key.last_four === '' ? '…' : `…${key.last_four}`,
    key.state,
    key.origin,
    key.id,
  ]);
  console.log(columns([['provider', 'name', 'whose', 'key', 'state', 'goes to', 'id'], ...rows]).join('\n'));
  return 0;
}

async function remove(input: Input): Promise<number> {
  const provider = providerOf(input, 'remove');
  const name = input.words[3] ?? USUAL;
  const tenant = input.text('tenant');
  const query = tenant === undefined ? '' : `?tenant=${encodeURIComponent(tenant)}`;
  await ask(`${pathOf(provider, name)}${query}`, { method: 'DELETE' });
  console.error(`The key ${name} of ${whose({ tenant: tenant ?? null })} for ${provider} is gone.`);
  return 0;
}

/** Typed without being shown, or the whole of standard input. */
async function readKey(provider: string): Promise<string> {
  const text = process.stdin.isTTY ? await typed(`Key for ${provider} (it is not shown): `) : await piped();
  const key = text.trim();
  if (key === '') throw new VerbError('goblin provider key set: no key came; type it, or send it to standard input.');
  return key;
}

async function piped(): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    size += (chunk as Buffer).length;
    if (size > MOST_BYTES) throw new VerbError('goblin provider key set: that is no key, it is far too long.');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function typed(question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  const { Writable } = await import('node:stream');
  process.stderr.write(question);
  // What is typed would be written there.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  lines.on('SIGINT', () => process.exit(130));
  try {
    return await lines.question('');
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
