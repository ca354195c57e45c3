/** `goblin key`: API keys. Through the running server, else one of its own. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readDayOrTime } from '../../contract/time.ts';
import type { ExportedKey } from '../../identity/export-file.ts';
import type { KeyFields } from '../../identity/new-key.ts';
import { IMPORTED } from '../../identity/schemes.ts';
import { type Config, readConfig } from '../config.ts';
import { actionOf, only, tenantOf } from './actions.ts';
import { columns, type Input, type Verb, VerbError } from './flags.ts';
import { type Keys, type ListedKey, withKeys } from './key-store.ts';

const ACTIONS: Record<string, (input: Input) => Promise<number>> = {
  create,
  list,
  revoke,
  import: importKeys,
  'webhook-secret': webhookSecret,
};

export const verb: Verb = {
  name: 'key',
  usage: 'create | list | revoke <id> | import <file> | webhook-secret',
  about: [
    'create          makes a key, and the tenant if that is missing. The key alone goes to standard output, once.',
    'list            shows the keys: all, or those of a tenant.',
    'revoke <id>     ends a key for good, within five seconds; what it has open ends too.',
    `import <file>   takes over keys of another gateway by their hashes; - reads standard input. Schemes: ${IMPORTED.join(', ')}.`,
    'webhook-secret  prints the secret that signs the call-backs of a tenant.',
  ].join('\n'),
  words: { most: 2 },
  flags: {
    tenant: { value: 'name', help: 'whose key it is: 1 to 63 of a-z, 0-9, hyphen and underscore' },
    name: { value: 'text', help: 'what to call a new key' },
    team: { value: 'name', help: 'the team whose key it is' },
    user: { value: 'id', help: 'the account that it ends with' },
    role: { value: 'role', help: 'what it may do at most: service, unless said otherwise' },
    scopes: { value: 'list', help: 'permissions, with commas: less than its role has' },
    models: { value: 'list', help: 'models that it may ask, with commas, e.g. openai/gpt-4o-mini,anthropic/*' },
    expires: { value: 'time', help: 'when it ends: 2027-01-31T12:00:00Z, or 30d for thirty days' },
    scheme: { value: 'name', help: 'of import: how the hashes were made' },
  },
  examples: [
    'npm run -s goblin -- key create --tenant acme --name laptop',
    'npm run -s goblin -- key create --tenant acme --models "openai/*" --expires 30d',
    'npm run goblin -- key import keys.jsonl --tenant acme --scheme sha256',
    'npm run goblin -- key list',
  ],
  run: (input) => actionOf('key', ACTIONS, input),
};

async function create(input: Input): Promise<number> {
  only(verb, input, 'create', ['tenant', 'name', 'team', 'user', 'role', 'scopes', 'models', 'expires'], 1);
  const tenant = tenantOf('key', 'create', input);
  const name = input.text('name');
  if (name !== undefined && !/^[\x20-\x7e]{1,100}$/.test(name)) {
    throw new VerbError('goblin key create: --name takes 1 to 100 printable ASCII characters.');
  }
  const fields = fieldsOf(input);
  const { id, key, tenant_made: made } = await withKeys(config(), (keys) => keys.create(tenant, fields));
  console.log(key);
  if (made) console.error(`The tenant ${tenant} was not there; it is made.`);
  console.error(`This is the only time the key of ${tenant} is shown; end it with: goblin key revoke ${id}`);
  return 0;
}

const config = (): Config => readConfig(process.cwd(), process.env);

function fieldsOf(input: Input): KeyFields {
  const list = (flag: string) =>
    input
      .text(flag)
      ?.split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  const [name, team, user, role] = ['name', 'team', 'user', 'role'].map((flag) => input.text(flag));
  const [scopes, models, expires] = [list('scopes'), list('models'), input.text('expires')];
  return {
    ...(name === undefined ? {} : { name }),
    ...(team === undefined ? {} : { team }),
    ...(user === undefined ? {} : { user }),
    ...(role === undefined ? {} : { role }),
    ...(scopes === undefined ? {} : { scopes }),
    ...(models === undefined ? {} : { models }),
    ...(expires === undefined ? {} : { expires_at: timeOf(expires) }),
  };
}

function timeOf(text: string): string {
  const days = /^(\d{1,5})d$/.exec(text)?.[1];
  const at = days === undefined ? readDayOrTime(text) : Date.now() + Number(days) * 86_400_000;
  if (at === null) throw new VerbError(`goblin key: --expires takes a time as in 2027-01-31T12:00:00Z, or 30d.`);
  return new Date(at).toISOString();
}

async function list(input: Input): Promise<number> {
  only(verb, input, 'list', ['tenant'], 1);
  const rows = await withKeys(config(), (keys) => keys.list(input.text('tenant')));
  if (rows.length === 0) {
    console.error('There are no keys; make one with: goblin key create --tenant <name>');
    return 0;
  }
  const day = (iso: string) => iso.slice(0, 16).replace('T', ' ');
  const state = ({ revoked_at: revoked, expires_at: expires }: ListedKey) =>
    revoked !== null ? `revoked ${day(revoked)}` : expires !== null ? `until ${day(expires)}` : 'valid';
  const lines = rows.map((row) => [
    row.id,
    row.tenant,
    `…${row.last_four}`,
    row.role,
    day(row.created_at),
    state(row),
    row.name ?? '',
  ]);
  console.log(columns([['id', 'tenant', 'key', 'role', 'made (UTC)', 'state', 'name'], ...lines]).join('\n'));
  return 0;
}

async function revoke(input: Input): Promise<number> {
  only(verb, input, 'revoke', [], 2);
  const id = input.words[1];
  if (id === undefined) throw new VerbError('goblin key revoke: name the key by its id, as goblin key list shows it.');
  await withKeys(config(), (keys) => keys.revoke(id));
  console.error(`${id} is revoked.`);
  return 0;
}

async function importKeys(input: Input): Promise<number> {
  only(verb, input, 'import', ['tenant', 'scheme'], 2);
  const tenant = tenantOf('key', 'import', input);
  const scheme = input.text('scheme');
  if (scheme === undefined || !(IMPORTED as readonly string[]).includes(scheme)) {
    throw new VerbError(`goblin key import: say how the hashes were made: --scheme ${IMPORTED.join(' | ')}`);
  }
  const file = input.words[1];
  if (file === undefined)
    throw new VerbError('goblin key import: name the file with the hashes, or - for standard input.');
  const { readExport } = await import('../../identity/export-file.ts');
  let read: ReturnType<typeof readExport>;
  try {
    read = readExport(readFileSync(file === '-' ? 0 : file, 'utf8'));
  } catch (error) {
    throw new VerbError(`goblin key import: ${file} cannot be read: ${(error as Error).message}`);
  }
  const all = read.keys.length + read.left.length;
  if (all === 0) throw new VerbError(`goblin key import: ${file} is empty.`);
  const first = read.left.find(({ wrong }) => wrong);
  if (first !== undefined && read.keys.length === 0) {
    throw new VerbError(
      `goblin key import: ${file}, entry ${first.line}: ${first.why}. 0 of ${all} keys are taken over.`,
    );
  }
  for (const { line, why } of read.left) console.error(`entry ${line} is left out: ${why}`);
  const refused = await withKeys(config(), (keys) => sendAll(keys, tenant, scheme, read.keys));
  for (const { index, message } of refused) console.error(`${read.keys[index]?.hash} is refused: ${message}`);
  console.error(`${read.keys.length - refused.length} of ${all} keys are taken over.`);
  return refused.length === 0 && first === undefined ? 0 : 1;
}

const AT_ONCE = 500;

async function sendAll(keys: Keys, tenant: string, scheme: string, all: readonly ExportedKey[]) {
  const refused: { index: number; message: string }[] = [];
  for (let from = 0; from < all.length; from += AT_ONCE) {
    const some = await keys.import(tenant, scheme, all.slice(from, from + AT_ONCE));
    refused.push(...some.map(({ index, message }) => ({ index: index + from, message })));
  }
  return refused;
}

async function webhookSecret(input: Input): Promise<number> {
  only(verb, input, 'webhook-secret', ['tenant'], 1);
  const tenant = tenantOf('key', 'webhook-secret', input);
  const { dataDir, secret: given } = config();
  const file = join(dataDir, 'secret');
  const secret = given ?? (existsSync(file) ? readFileSync(file, 'utf8').trim() : null);
  if (!secret) {
    throw new VerbError(
      `There is no secret in ${dataDir} yet; start the server once, or set MCP_SECRET, and ask again.`,
    );
  }
  const { webhookSecretOf } = await import('../../identity/secrets.ts');
  console.log(webhookSecretOf(secret, tenant));
  return 0;
}
