/** The only reader of `process.env`. Every value knows where it came from; a wrong one stops the start in one sentence. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { isProxy } from '../edge/caller-address.ts';
import { writtenSecrets } from '../guard/secrets/written.ts';
import { parseSettings, type Settings, SettingsError, settle } from '../settings/settings.ts';

/** A start that cannot go on. The message is one sentence with a good example; the exit code is 1. */
export class ConfigError extends Error {}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface Config {
  host: string;
  port: number;
  /** Whether somebody chose the port. */
  portChosen: boolean;
  dataDir: string;
  /** Null: the embedded database in the data folder. */
  database: { url: string; ownerUrl: string | null; pool: number } | null;
  /** Null: queue and bus inside the process. */
  redis: { url: string } | null;
  auth: 'off' | 'required';
  origins: string[];
  /** Proxies whose `X-Forwarded-For` is believed. */
  trustedProxies: string[];
  /** Null: made once, in the data folder. */
  secret: string | null;
  /** Earlier ones, which only read. */
  previousSecrets: readonly string[];
  logLevel: LogLevel;
  proxy: { https: string; none: string } | null;
  settings: Settings;
  settingsFile: string | null;
  /** Places in it with values that look like secrets: they belong into the environment. */
  writtenSecrets: readonly string[];
  /** Environment and `.env`, for provider keys and base URLs. Empty values count as unset. */
  env: Record<string, string>;
  /** What `goblin config` prints. */
  report: ConfigLine[];
}

export interface ConfigLine {
  name: string;
  value: string;
  source: 'environment' | '.env' | 'goblin.yaml' | 'default' | 'derived';
  secret?: boolean;
}

const MAKE_SECRET = `node -e "console.log(crypto.randomBytes(32).toString('hex'))"`;
const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'];

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Reads environment, `.env` and `goblin.yaml` of the folder. Throws `ConfigError`. */
export function readConfig(folder: string, processEnv: Record<string, string | undefined>): Config {
  const sources = new Map<string, ConfigLine['source']>();
  const env: Record<string, string> = {};
  const file = resolve(folder, '.env');
  if (existsSync(file)) {
    for (const [name, value] of Object.entries(parseEnv(readFileSync(file, 'utf8')))) {
      if (value !== undefined && value.trim() !== '') {
        env[name] = value.trim();
        sources.set(name, '.env');
      }
    }
  }
  for (const [name, value] of Object.entries(processEnv)) {
    if (value !== undefined && value.trim() !== '') {
      env[name] = value.trim();
      sources.set(name, 'environment');
    }
  }

  const report: ConfigLine[] = [];
  const read = (name: string, fallback: string, secret = false): string => {
    const value = env[name] ?? fallback;
    report.push({ name, value, source: sources.get(name) ?? 'default', ...(secret ? { secret } : {}) });
    return value;
  };

  if (env.CHROMA_URL) {
    throw new ConfigError(
      'CHROMA_URL is set, but this version has no documents and cannot use Chroma; unset CHROMA_URL, e.g. env -u CHROMA_URL npm start.',
    );
  }

  /** A URL is shown, but for its password. */
  const readUrl = (name: string): string => {
    const value = env[name] ?? '';
    const shown = value.replace(/^([a-z+]+:\/\/[^:@/]*):.*@/i, '$1:…@');
    report.push({ name, value: shown, source: sources.get(name) ?? 'default' });
    return value;
  };

  const host = read('HOST', '127.0.0.1');
  const port = integer('PORT', read('PORT', '8000'), 0, 65_535, 'PORT=8000');
  const dataDir = resolve(folder, read('MCP_DATA_DIR', './data'));
  const settingsName = read('MCP_CONFIG', 'goblin.yaml');
  const found = readSettings(resolve(folder, settingsName), settingsName, sources.has('MCP_CONFIG'));
  const database = readDatabase(read, readUrl, env);
  const redis = readRedis(read, readUrl, env);
  const auth = env.MCP_AUTH ?? (isLoopback(host) && !database ? 'off' : 'required');
  report.push({ name: 'MCP_AUTH', value: auth, source: sources.get('MCP_AUTH') ?? 'derived' });
  if (auth !== 'off' && auth !== 'required') {
    throw new ConfigError(`MCP_AUTH is "${auth}" but takes only off or required, e.g. MCP_AUTH=required.`);
  }
  if (auth === 'off' && !isLoopback(host)) {
    throw new ConfigError(
      `MCP_AUTH=off is refused on HOST=${host}, because anyone who reaches that address could use your keys; set MCP_AUTH=required, or HOST=127.0.0.1.`,
    );
  }
  const origins = list(read('MCP_ORIGINS', ''));
  for (const origin of origins) {
    if (!isOrigin(origin)) {
      throw new ConfigError(
        `MCP_ORIGINS has "${origin}", which is not an origin; write it like https://app.example.com.`,
      );
    }
  }
  const trustedProxies = list(read('MCP_TRUSTED_PROXIES', ''));
  const odd = trustedProxies.find((proxy) => !isProxy(proxy));
  if (odd !== undefined) {
    throw new ConfigError(
      `MCP_TRUSTED_PROXIES has "${odd}", which is neither an address nor a network; write them like 10.0.0.0/8,192.168.1.5.`,
    );
  }
  const secret = read('MCP_SECRET', '', true) || null;
  if (secret !== null && secret.length < 32) {
    throw new ConfigError(`MCP_SECRET is shorter than 32 characters; make one with: ${MAKE_SECRET}.`);
  }
  if (database && secret === null) {
    throw new ConfigError(
      `DATABASE_URL is set, so MCP_SECRET must be set too, the same for every process; make one with: ${MAKE_SECRET}.`,
    );
  }
  const previousSecrets = read('MCP_SECRET_PREVIOUS', '', true)
    .split(/[\s,]+/)
    .filter((one) => one !== '');
  if (previousSecrets.length > 0 && secret === null) {
    throw new ConfigError('MCP_SECRET_PREVIOUS is set without MCP_SECRET; set that to the new secret.');
  }
  if (previousSecrets.some((one) => one.length < 32)) {
    throw new ConfigError(
      'MCP_SECRET_PREVIOUS has a secret that is shorter than 32 characters; it takes earlier values of MCP_SECRET, divided by blanks.',
    );
  }
  const logLevel = read('LOG_LEVEL', 'info');
  if (!LOG_LEVELS.includes(logLevel)) {
    throw new ConfigError(`LOG_LEVEL is "${logLevel}" but takes ${LOG_LEVELS.join(', ')}, e.g. LOG_LEVEL=info.`);
  }
  const https = env.HTTPS_PROXY ?? env.https_proxy;
  if (https && !isHttpUrl(https)) {
    throw new ConfigError(
      `HTTPS_PROXY is "${mask(https)}", which is not an http URL; write it like http://proxy.example.com:3128.`,
    );
  }

  return {
    host,
    port,
    portChosen: sources.has('PORT'),
    dataDir,
    database,
    redis,
    auth,
    origins,
    trustedProxies,
    secret,
    previousSecrets,
    logLevel: logLevel as LogLevel,
    proxy: https ? { https, none: env.NO_PROXY ?? env.no_proxy ?? '' } : null,
    settings: found.settings ?? settle({}),
    settingsFile: found.settings ? settingsName : null,
    writtenSecrets: found.written,
    env,
    report,
  };
}

type Read = (name: string, fallback: string, secret?: boolean) => string;

function readDatabase(
  read: Read,
  readUrl: (name: string) => string,
  env: Readonly<Record<string, string>>,
): Config['database'] {
  const url = readUrl('DATABASE_URL');
  const ownerUrl = readUrl('DATABASE_OWNER_URL');
  const pool = integer('DATABASE_POOL', read('DATABASE_POOL', '10'), 2, 500, 'DATABASE_POOL=10');
  if (url === '' && (ownerUrl !== '' || env.DATABASE_POOL !== undefined)) {
    throw new ConfigError(
      `${ownerUrl === '' ? 'DATABASE_POOL' : 'DATABASE_OWNER_URL'} is set without DATABASE_URL; set that too, e.g. DATABASE_URL=postgres://goblin:secret@127.0.0.1:5432/goblin.`,
    );
  }
  return url === '' ? null : { url, ownerUrl: ownerUrl || null, pool };
}

function readRedis(
  read: Read,
  readUrl: (name: string) => string,
  env: Readonly<Record<string, string>>,
): Config['redis'] {
  const url = readUrl('REDIS_URL');
  const host = read('REDIS_HOST', '');
  if (url !== '' && host !== '') {
    throw new ConfigError(
      'REDIS_URL and REDIS_HOST are both set; keep one of them, e.g. REDIS_URL=redis://127.0.0.1:6379.',
    );
  }
  if (url !== '') {
    const beside = ['REDIS_PORT', 'REDIS_PASSWORD'].find((name) => env[name] !== undefined);
    if (beside === undefined) return { url };
    throw new ConfigError(
      `${beside} belongs to REDIS_HOST, but REDIS_URL is set; put it into the URL, e.g. REDIS_URL=redis://:secret@127.0.0.1:6379.`,
    );
  }
  if (host === '') {
    const alone = ['REDIS_PORT', 'REDIS_PASSWORD'].find((name) => env[name] !== undefined);
    if (alone === undefined) return null;
    throw new ConfigError(`${alone} is set without REDIS_HOST; set that too, e.g. REDIS_HOST=127.0.0.1.`);
  }
  const port = integer('REDIS_PORT', read('REDIS_PORT', '6379'), 1, 65_535, 'REDIS_PORT=6379');
  const password = read('REDIS_PASSWORD', '', true);
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  return { url: `redis://${password === '' ? '' : `:${encodeURIComponent(password)}@`}${name}:${port}` };
}

interface SettingsRead {
  /** Null: there is no file. */
  settings: Settings | null;
  written: readonly string[];
}

function readSettings(path: string, name: string, asked: boolean): SettingsRead {
  if (!existsSync(path)) {
    if (asked)
      throw new ConfigError(
        `MCP_CONFIG names ${name}, which is not there; give the path of a file, e.g. MCP_CONFIG=goblin.yaml.`,
      );
    return { settings: null, written: [] };
  }
  try {
    const file = parseSettings(readFileSync(path, 'utf8'), name);
    return { settings: settle(file, name), written: writtenSecrets(file) };
  } catch (error) {
    if (error instanceof SettingsError) throw new ConfigError(error.message);
    throw new ConfigError(
      `${name} cannot be read (${(error as { code?: string }).code ?? 'unknown reason'}); check that it is a readable file.`,
    );
  }
}

function integer(name: string, text: string, least: number, most: number, example: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw new ConfigError(`${name} is "${text}" but takes a whole number from ${least} to ${most}, e.g. ${example}.`);
  }
  return value;
}

const list = (text: string): string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

function isOrigin(text: string): boolean {
  return isHttpUrl(text) && new URL(text).origin === text;
}

export function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol } = new URL(text);
  return protocol === 'http:' || protocol === 'https:';
}

/** `sk-…abcd`: enough to tell two secrets apart. */
export function mask(value: string): string {
  if (value === '') return '';
  return value.length < 12 ? '…' : `…${value.slice(-4)}`;
}
