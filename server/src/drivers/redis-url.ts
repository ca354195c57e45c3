/** Reads REDIS_URL: one server, a cluster or a sentinel set. */
import { isIP } from 'node:net';

/** Why the driver cannot start. One sentence for the operator; never holds the password. */
export class RedisStartError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'RedisStartError';
  }
}

export interface Host {
  host: string;
  port: number;
}

export interface RedisAddress {
  kind: 'single' | 'cluster' | 'sentinel';
  hosts: readonly [Host, ...Host[]];
  /** Hosts and ports, for messages. */
  words: string;
  username: string | undefined;
  password: string | undefined;
  db: number;
  /** Of a sentinel set: the name of its master. */
  master: string;
  sentinelUsername: string | undefined;
  sentinelPassword: string | undefined;
  tls: { servername?: string; rejectUnauthorized: boolean } | undefined;
}

const EXAMPLES = {
  single: 'REDIS_URL=redis://user:password@localhost:6379/0',
  cluster: 'REDIS_URL=redis+cluster://host1:6379,host2:6379',
  sentinel: 'REDIS_URL=redis+sentinel://host1:26379,host2:26379/mymaster/0',
};

const FORM = /^(rediss?)(?:[+-](cluster|sentinel))?:\/\/(?:(.*)@)?([^/?#@]*)(\/[^?#]*)?(?:\?([^#]*))?$/i;

export function readRedisUrl(url: string): RedisAddress {
  const text = url.trim();
  if (!/^rediss?([+-](cluster|sentinel))?:\/\//i.test(text)) {
    throw new RedisStartError(
      `REDIS_URL must begin with redis://, rediss://, redis+cluster:// or redis+sentinel://, as in ${EXAMPLES.single}.`,
    );
  }
  const [, scheme = '', form, login, places = '', path = '', search = ''] = FORM.exec(text) ?? [];
  const kind = (form?.toLowerCase() ?? 'single') as RedisAddress['kind'];
  const wrong = (what: string) =>
    new RedisStartError(`REDIS_URL cannot be read (${what}), a good one is ${EXAMPLES[kind]}.`);
  if (scheme === '') throw wrong('it is no URL');

  const parameters = new URLSearchParams(search);
  const hosts = places.split(',').map((place) => readHost(place, kind === 'sentinel' ? 26_379 : 6_379));
  const [first, ...others] = hosts;
  if (!first || hosts.includes(null))
    throw wrong('each host must be a name or an address, and each port a number to 65535');
  if (kind === 'single' && others.length > 0) throw wrong('several hosts need redis+cluster:// or redis+sentinel://');

  const segments = path.split('/').filter(Boolean);
  const master = kind === 'sentinel' ? segments.shift() : '';
  if (master === undefined) throw wrong('after the sentinels comes the name of their master');
  const [database = '0', ...rest] = segments;
  if (!/^\d{1,4}$/.test(database) || rest.length > 0) throw wrong('the database is a number, at the end');
  if (kind === 'cluster' && Number(database) !== 0) throw wrong('a cluster has only the database 0');

  try {
    const { username, password } = readLogin(login);
    const secure = scheme.toLowerCase() === 'rediss';
    return {
      kind,
      hosts: [first, ...(others as Host[])],
      words: (hosts as Host[]).map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(','),
      username,
      password,
      db: Number(database),
      master: decodeURIComponent(master),
      sentinelUsername: parameters.get('sentinel_username') ?? undefined,
      sentinelPassword: parameters.get('sentinel_password') ?? undefined,
      tls: secure
        ? {
            rejectUnauthorized: parameters.get('tls_verify') !== 'no',
            ...(kind === 'single' && isIP(first.host) === 0 ? { servername: first.host } : {}),
          }
        : undefined,
    };
  } catch {
    // Its error holds the text.
    throw wrong('user and password must be percent-encoded, as % is %25');
  }
}

function readHost(text: string, port: number): Host | null {
  const [, bracketed, plain, given] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s]*))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  const number = given === undefined ? port : Number(given);
  if (host === undefined || number < 1 || number > 65_535) return null;
  return { host: host === '' ? 'localhost' : host, port: number };
}

function readLogin(login: string | undefined): { username: string | undefined; password: string | undefined } {
  if (login === undefined) return { username: undefined, password: undefined };
  const at = login.indexOf(':');
  const user = decodeURIComponent(at < 0 ? login : login.slice(0, at));
  const password = at < 0 ? '' : decodeURIComponent(login.slice(at + 1));
  return { username: user === '' ? undefined : user, password: password === '' ? undefined : password };
}

export function loginRefused(error: unknown): boolean {
  return /\b(WRONGPASS|NOAUTH|NOPERM)\b|invalid password|invalid username-password/i.test(String(error));
}

/** The server has no database of that number. */
export const noSuchDatabase = (error: unknown): boolean => /DB index is out of range/i.test(String(error));

export function refusedSentence(address: RedisAddress, error: unknown): string {
  const said = (error as Error).message.split('\n', 1)[0]?.slice(0, 200);
  return `REDIS_URL: Redis at ${address.words} refused the login (${said}): check user and password, as in ${EXAMPLES[address.kind]}.`;
}
