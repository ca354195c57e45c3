/** `goblin key`: API keys. Through the running server, else straight in the database: no server is started for it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyRow } from '../../contract/record.ts';
import { type Config, readConfig } from '../config.ts';
import { openFolder } from '../folder.ts';
import { columns, type Input, near, type Verb, VerbError } from './flags.ts';
import { bodyOf, reach, running } from './link.ts';

interface ListedKey {
  id: string;
  tenant: string;
  name: string | null;
  last_four: string;
  created_at: string;
  revoked_at: string | null;
}

interface Keys {
  create(tenant: string, name: string | undefined): Promise<{ id: string; key: string }>;
  list(tenant: string | undefined): Promise<ListedKey[]>;
  revoke(id: string): Promise<void>;
  close(): Promise<void>;
}

/** As the server has it; checked here too, so that a typing error costs no start of the database. */
const TENANT = /^[a-z0-9][a-z0-9_-]{0,62}$/;

const ACTIONS: Record<string, (input: Input) => Promise<number>> = {
  create,
  list,
  revoke,
  'webhook-secret': webhookSecret,
};

export const verb: Verb = {
  name: 'key',
  usage: 'create | list | revoke <id> | webhook-secret',
  about: [
    'create          makes a key, and the tenant if that is missing. The key alone goes to standard output, once.',
    'list            shows the keys: all, or those of a tenant.',
    'revoke <id>     ends a key for good, within five seconds.',
    'webhook-secret  prints the secret that signs the call-backs of a tenant.',
  ].join('\n'),
  words: { most: 2 },
  flags: {
    tenant: { value: 'name', help: 'whose key it is: 1 to 63 of a-z, 0-9, hyphen and underscore' },
    name: { value: 'text', help: 'what to call a new key' },
  },
  examples: ['npm run -s goblin -- key create --tenant acme --name laptop', 'npm run goblin -- key list'],
  run,
};

async function run(input: Input): Promise<number> {
  const [name = ''] = input.words;
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (action) return await action(input);
  const names = Object.keys(ACTIONS);
  const close = near(name, names);
  const meant = close.length > 0 ? `did you mean ${close.join(' or ')}?` : `there are ${names.join(', ')}.`;
  throw new VerbError(`goblin key: ${name === '' ? 'say what to do' : `"${name}" is not known`}; ${meant}`);
}

async function create(input: Input): Promise<number> {
  only(input, 'create', ['tenant', 'name'], 1);
  const tenant = tenantOf(input, 'create');
  const name = input.text('name');
  if (name !== undefined && !/^[\x20-\x7e]{1,100}$/.test(name)) {
    throw new VerbError('goblin key create: --name takes 1 to 100 printable ASCII characters.');
  }
  const config = readConfig(process.cwd(), process.env);
  const { id, key } = await withKeys(config, (keys) => keys.create(tenant, name));
  console.log(key);
  console.error(`This is the only time the key of ${tenant} is shown; end it with: goblin key revoke ${id}`);
  return 0;
}

async function list(input: Input): Promise<number> {
  only(input, 'list', ['tenant'], 1);
  const config = readConfig(process.cwd(), process.env);
  const rows = await withKeys(config, (keys) => keys.list(input.text('tenant')));
  if (rows.length === 0) {
    console.error('There are no keys; make one with: goblin key create --tenant <name>');
    return 0;
  }
  const day = (iso: string) => iso.slice(0, 16).replace('T', ' ');
  const lines = rows.map((row) => [
    row.id,
    row.tenant,
    `…${row.last_four}`,
    day(row.created_at),
    row.revoked_at === null ? 'valid' : `revoked ${day(row.revoked_at)}`,
    row.name ?? '',
  ]);
  console.log(columns([['id', 'tenant', 'key', 'made (UTC)', 'state', 'name'], ...lines]).join('\n'));
  return 0;
}

async function revoke(input: Input): Promise<number> {
  only(input, 'revoke', [], 2);
  const id = input.words[1];
  if (id === undefined) throw new VerbError('goblin key revoke: name the key by its id, as goblin key list shows it.');
  await withKeys(readConfig(process.cwd(), process.env), (keys) => keys.revoke(id));
  console.error(`${id} is revoked.`);
  return 0;
}

async function webhookSecret(input: Input): Promise<number> {
  only(input, 'webhook-secret', ['tenant'], 1);
  const tenant = tenantOf(input, 'webhook-secret');
  const config = readConfig(process.cwd(), process.env);
  const file = join(config.dataDir, 'secret');
  const secret = config.secret ?? (existsSync(file) ? readFileSync(file, 'utf8').trim() : null);
  if (!secret) {
    throw new VerbError(
      `There is no secret in ${config.dataDir} yet; start the server once, or set MCP_SECRET, and ask again.`,
    );
  }
  const { deriveSecrets } = await import('../../identity/secrets.ts');
  console.log(deriveSecrets(secret).webhookSecret(tenant));
  return 0;
}

function tenantOf(input: Input, action: string): string {
  const tenant = input.text('tenant');
  if (!tenant) throw new VerbError(`goblin key ${action}: say whose, e.g. goblin key ${action} --tenant acme`);
  if (TENANT.test(tenant)) return tenant;
  throw new VerbError(
    `goblin key ${action}: "${tenant}" cannot name a tenant; it takes 1 to 63 of a-z, 0-9, hyphen and underscore, e.g. acme.`,
  );
}

/** One table of flags serves all actions; what an action does not take is refused by name. */
function only(input: Input, action: string, flags: readonly string[], words: number): void {
  for (const flag of Object.keys(verb.flags)) {
    if (input.on(flag) && !flags.includes(flag)) throw new VerbError(`goblin key ${action} does not take --${flag}.`);
  }
  const extra = input.words[words];
  if (extra !== undefined) throw new VerbError(`goblin key ${action}: "${extra}" is one word too many.`);
}

async function withKeys<T>(config: Config, work: (keys: Keys) => Promise<T>): Promise<T> {
  // A database of its own can be asked at any time; an embedded one belongs to the server that runs on it.
  const keys = config.database
    ? await direct(config)
    : await reach<Keys>(
        config,
        (note) => served(running(note)),
        () => direct(config),
      );
  try {
    return await work(keys);
  } finally {
    await keys.close();
  }
}

function served(link: ReturnType<typeof running>): Keys {
  return {
    async create(tenant, name) {
      const body = { tenant, ...(name === undefined ? {} : { name }) };
      return await bodyOf(await link.call('/mcp/v1/keys', { method: 'POST', body }));
    },
    async list(tenant) {
      const query = tenant === undefined ? '' : `?tenant=${encodeURIComponent(tenant)}`;
      return (await bodyOf<{ items: ListedKey[] }>(await link.call(`/mcp/v1/keys${query}`))).items;
    },
    async revoke(id) {
      await bodyOf(await link.call(`/mcp/v1/keys/${encodeURIComponent(id)}/revoke`, { method: 'POST' }));
    },
    close: link.close,
  };
}

async function direct(config: Config): Promise<Keys> {
  const folder = config.database ? null : openFolder(config.dataDir, config.secret);
  try {
    const [{ openDatabase, openEmbedded }, { createKey, listKeys, revokeKey }] = await Promise.all([
      import('../open.ts'),
      import('../../identity/keys.ts'),
    ]);
    const sql = folder
      ? await openEmbedded(folder.database)
      : (await openDatabase(config.database as NonNullable<Config['database']>, 'goblin key', null)).sql;
    const iso = (ms: number) => new Date(ms).toISOString();
    return {
      create: (tenant, name) => createKey(sql, tenant, name ?? null),
      list: async (tenant) =>
        (await listKeys(sql, tenant ?? null)).map((row: KeyRow) => ({
          id: row.id,
          tenant: row.tenant,
          name: row.name,
          last_four: row.lastFour,
          created_at: iso(row.createdAt),
          revoked_at: row.revokedAt === null ? null : iso(row.revokedAt),
        })),
      async revoke(id) {
        if (!(await revokeKey(sql, id))) throw new VerbError('There is no such key, or it was revoked before.');
      },
      async close() {
        await sql.close();
        folder?.release();
      },
    };
  } catch (error) {
    folder?.release();
    throw error;
  }
}
