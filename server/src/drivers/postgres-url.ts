/** Reads DATABASE_URL. What pg would take from it silently and do harm with is left out; what is wrong is said. */
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { PostgresStartError, type Where } from './postgres-errors.ts';

const EXAMPLE = 'DATABASE_URL=postgres://user:password@localhost:5432/goblin';
const SSLMODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

/** pg copies every parameter of the URL into its own options: these are the ones that are for it. */
const PARAMETERS = new Set([
  'host',
  'port',
  'user',
  'password',
  'ssl',
  'sslmode',
  'sslcert',
  'sslkey',
  'sslrootcert',
  'sslnegotiation',
  'uselibpqcompat',
  'application_name',
  'options',
  'client_encoding',
  'lock_timeout',
  // Of socket:/folder?db=name
  'db',
  'encoding',
]);

export interface Address extends Where {
  /** For pg. Holds the password. */
  connectionString: string;
}

export function readUrl(url: string): Address {
  const text = url.trim();
  if (!/^(postgres|postgresql|socket):/i.test(text)) {
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1];
    throw new PostgresStartError(
      `DATABASE_URL must begin with postgres://${scheme ? `, not with ${scheme}:` : ''}, as in ${EXAMPLE}.`,
    );
  }
  // An @ after the first / that is in no parameter: a password with signs that a URL uses for itself.
  const rest = text.slice(text.indexOf('://') + 3);
  const end = rest.search(/[/?#]/);
  if (end >= 0 && rest.lastIndexOf('@') > end && !rest.slice(end, rest.lastIndexOf('@')).includes('=')) {
    throw new PostgresStartError(
      'DATABASE_URL: user or password hold a sign that must be percent-encoded: @ as %40, / as %2F, : as %3A, # as %23, ? as %3F, as in DATABASE_URL=postgres://goblin:p%40ss@127.0.0.1:5432/goblin.',
    );
  }
  const [base = '', search = ''] = split(text, '?');
  const given = new URLSearchParams(search);
  const parameters = new URLSearchParams();
  for (const [name, value] of given) if (PARAMETERS.has(name)) parameters.append(name, value);

  const mode = parameters.get('sslmode');
  if (mode !== null && !SSLMODES.includes(mode)) {
    throw new PostgresStartError(
      `DATABASE_URL: sslmode must be one of ${SSLMODES.join(', ')}, as in ${EXAMPLE}?sslmode=verify-full.`,
    );
  }
  // For pg 8 these three mean verify-full already, and it prints a warning each time.
  if ((mode === 'prefer' || mode === 'require' || mode === 'verify-ca') && !parameters.has('uselibpqcompat')) {
    parameters.set('sslmode', 'verify-full');
  }
  for (const name of ['sslcert', 'sslkey', 'sslrootcert']) {
    const file = parameters.get(name);
    if (file !== null) readable(name, file);
  }

  const query = parameters.size > 0 ? `?${parameters}` : '';
  try {
    // pg takes whatever its parser makes of it, so a host or a port that is none is found here.
    if (!base.startsWith('socket:')) {
      const { hash, pathname } = new URL(base.replace('@/', '@localhost/'));
      if (hash !== '') throw new Error('has a # that is not percent-encoded');
      decodeURIComponent(pathname);
    }
    const { host, port, user, database } = new pg.Client({ connectionString: base + query });
    if (!Number.isInteger(port)) throw new Error('has no usable port');
    return {
      connectionString: base + query,
      address: host.startsWith('/') ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`,
      user: user ?? '',
      database: database ?? '',
    };
  } catch {
    // Their errors hold the whole URL, so nothing of them is passed on.
    throw new PostgresStartError(
      `DATABASE_URL cannot be read as a URL of one host (special characters of user and password must be percent-encoded: # as %23, / as %2F, @ as %40), a good one is ${EXAMPLE}.`,
    );
  }
}

function readable(name: string, file: string): void {
  try {
    readFileSync(file);
  } catch (error) {
    throw new PostgresStartError(
      `DATABASE_URL: the file of ${name} cannot be read (${(error as Error).message}): correct its path.`,
    );
  }
}

function split(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
