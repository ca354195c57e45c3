/**
 * Access tokens of Google's cloud: from the key of a service account (a signed JWT, RFC 7523), from a user's refresh
 * token (`gcloud auth application-default login`), or from the metadata server of a machine of theirs. Sources:
 * developers.google.com/identity/protocols/oauth2/service-account, cloud.google.com/compute/docs/access/authenticate-workloads.
 */
import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { GoblinError } from '../../contract/errors.ts';
import type { Signer } from '../../contract/provider.ts';

export interface TokenAnswer {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
}

/** The one way out of this process; never follows a redirect. Rejects when there is no answer within `timeoutMs`. */
export type FetchToken = (
  method: 'GET' | 'POST',
  url: URL,
  headers: Record<string, string>,
  body: string | null,
  timeoutMs: number,
) => Promise<TokenAnswer>;

export interface GoogleSignerOptions {
  /**
   * What `GOOGLE_APPLICATION_CREDENTIALS` says: the path of a file, or the JSON itself. The file is read anew for each
   * token, so that it may be changed. Null: only the metadata server is left.
   */
  credentials: string | null;
  /** Whether the metadata server may be asked when there are no credentials. */
  metadata: boolean;
  fetchToken: FetchToken;
  /** Space-separated. Default: the whole cloud, as far as the account may. */
  scope?: string;
  /** Milliseconds. */
  now?: () => number;
  /** Whether a key may name this token endpoint. Default: https at googleapis.com, so that a forged file sends nothing elsewhere. */
  allowsTokenUrl?: (url: URL) => boolean;
  /** Default: the fixed address of the metadata server, which no name server can change. */
  metadataOrigin?: string;
}

interface Token {
  headers: Record<string, string>;
  /** Milliseconds. From `renewAt` on a new one is fetched while this one still serves. */
  renewAt: number;
  expiresAt: number;
}

const CLOUD = 'https://www.googleapis.com/auth/cloud-platform';
const TOKEN_URL = 'https://oauth2.googleapis.com/token';
const METADATA = 'http://169.254.169.254';
const METADATA_PATH = '/computeMetadata/v1/instance/service-accounts/default/token';
const TIMEOUT_MS = 10_000;
/** It answers at once or not at all, and off Google's machines never. */
const METADATA_TIMEOUT_MS = 3_000;
const EARLY_MS = 5 * 60_000;
const LAST_MS = 30_000;
/** After an early renewal that failed or brought nothing newer, and after a refusal. */
const PAUSE_MS = 30_000;
const LONGEST_LIFE_S = 12 * 3600;
/** When the answer does not say how long the token lives. */
const UNSAID_LIFE_S = 600;
/** Google's clock may be behind ours: a token from the future is refused. */
const BACKDATED_S = 30;
const MAX_FILE = 64 * 1024;

export function createGoogleSigner(options: GoogleSignerOptions): Signer {
  const now = options.now ?? Date.now;
  let token: Token | null = null;
  let running: Promise<Token> | null = null;
  let refusal: { error: GoblinError; until: number } | null = null;
  let pausedUntil = 0;

  /** One fetch at a time, whoever asks. */
  function renew(): Promise<Token> {
    running ??= fetchAny(options, now)
      .then(
        (fresh) => {
          token = fresh;
          refusal = null;
          return fresh;
        },
        (error: unknown) => {
          const failure = asGoblin(error);
          // A refused key is not asked about with every call.
          if (failure.code === 'upstream_unauthorized') refusal = { error: failure, until: now() + PAUSE_MS };
          throw failure;
        },
      )
      .finally(() => {
        running = null;
        pausedUntil = now() + PAUSE_MS;
      });
    return running;
  }

  return {
    sign() {
      const at = now();
      if (token !== null && at < token.expiresAt) {
        // What becomes of it shows when this token has run out.
        if (at >= token.renewAt && at >= pausedUntil && running === null) renew().catch(() => undefined);
        return token.headers;
      }
      if (refusal !== null && at < refusal.until) return Promise.reject(refusal.error);
      return renew().then((fresh) => fresh.headers);
    },
  };
}

async function fetchAny(options: GoogleSignerOptions, now: () => number): Promise<Token> {
  if (options.credentials !== null && options.credentials.trim() !== '') {
    const key = await readKey(options.credentials);
    return exchange(key, options, now);
  }
  if (!options.metadata) throw refused('no Google credentials are set (GOOGLE_APPLICATION_CREDENTIALS)');
  return askMetadata(options, now);
}

async function readKey(credentials: string): Promise<Record<string, unknown>> {
  const text = credentials.trimStart().startsWith('{') ? credentials : await readKeyFile(credentials.trim());
  try {
    const key: unknown = JSON.parse(text);
    if (typeof key === 'object' && key !== null && !Array.isArray(key)) return key as Record<string, unknown>;
  } catch {
    // The message of the parser shows a piece of the key.
  }
  throw refused('the Google credentials are not a JSON object');
}

async function readKeyFile(path: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw refused(`the file of the Google credentials cannot be read (${code})`);
  }
  if (text.length > MAX_FILE) throw refused('the file of the Google credentials is too large to be one');
  return text;
}

async function exchange(key: Record<string, unknown>, options: GoogleSignerOptions, now: () => number): Promise<Token> {
  const url = tokenUrl(key.token_uri, options.allowsTokenUrl ?? isGoogles);
  const form = new URLSearchParams(grant(key, url, options.scope ?? CLOUD, now()));
  const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
  const answer = await fetched(options, 'POST', url, headers, form.toString(), TIMEOUT_MS);
  const project = typeof key.quota_project_id === 'string' ? key.quota_project_id : '';
  // A user's token belongs to no project, so the one that pays must be named.
  return tokenIn(answer, now(), isHeaderText(project) ? { 'x-goog-user-project': project } : {});
}

function grant(key: Record<string, unknown>, url: URL, scope: string, at: number): Record<string, string> {
  switch (key.type) {
    case 'service_account':
      return { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: assertion(key, url, scope, at) };
    case 'authorized_user':
      return {
        grant_type: 'refresh_token',
        client_id: textIn(key, 'client_id'),
        client_secret: textIn(key, 'client_secret'),
        refresh_token: textIn(key, 'refresh_token'),
      };
    default:
      throw refused('Google credentials of this type cannot be used; service_account and authorized_user can');
  }
}

function assertion(key: Record<string, unknown>, url: URL, scope: string, at: number): string {
  const iat = Math.floor(at / 1000) - BACKDATED_S;
  const header = {
    alg: 'RS256',
    typ: 'JWT',
    ...(typeof key.private_key_id === 'string' ? { kid: key.private_key_id } : {}),
  };
  const claims = { iss: textIn(key, 'client_email'), scope, aud: url.href, iat, exp: iat + 3600 };
  const said = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${said}.${sign('RSA-SHA256', Buffer.from(said), privateKey(textIn(key, 'private_key'))).toString('base64url')}`;
}

function privateKey(pem: string): KeyObject {
  let key: KeyObject | null = null;
  try {
    key = createPrivateKey(pem);
  } catch {
    // Said below; the library's message is of no help.
  }
  if (key?.asymmetricKeyType !== 'rsa') throw refused('the private_key of the Google credentials is not an RSA key');
  return key;
}

function textIn(key: Record<string, unknown>, field: string): string {
  const value = key[field];
  if (typeof value === 'string' && value !== '') return value;
  throw refused(`the Google credentials have no ${field}`);
}

function tokenUrl(value: unknown, allows: (url: URL) => boolean): URL {
  const text = value === undefined ? TOKEN_URL : value;
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : null;
  if (url !== null && url.username === '' && url.password === '' && allows(url)) return url;
  throw refused('the token_uri of the Google credentials is not an https address of googleapis.com');
}

function isGoogles(url: URL): boolean {
  return url.protocol === 'https:' && (url.hostname === 'googleapis.com' || url.hostname.endsWith('.googleapis.com'));
}

async function askMetadata(options: GoogleSignerOptions, now: () => number): Promise<Token> {
  const url = new URL(METADATA_PATH, options.metadataOrigin ?? METADATA);
  url.searchParams.set('scopes', (options.scope ?? CLOUD).split(' ').join(','));
  const headers = { 'metadata-flavor': 'Google' };
  const answer = await fetched(options, 'GET', url, headers, null, METADATA_TIMEOUT_MS);
  // Something else may live at that address in other networks; only the real one says this.
  if (answer.headers['metadata-flavor'] !== 'Google') throw silent('no metadata server of Google answers here');
  if (answer.status === 404) throw refused('this machine has no service account of Google');
  return tokenIn(answer, now(), {});
}

async function fetched(
  options: GoogleSignerOptions,
  ...[method, url, headers, body, timeoutMs]: Parameters<FetchToken>
): Promise<TokenAnswer> {
  try {
    return await options.fetchToken(method, url, headers, body, timeoutMs);
  } catch {
    throw silent(`the source of Google access tokens (${url.hostname}) does not answer`);
  }
}

function tokenIn(answer: TokenAnswer, at: number, more: Record<string, string>): Token {
  const said = parsed(answer.body);
  if (answer.status >= 400 && answer.status < 500 && answer.status !== 429 && answer.status !== 408) {
    throw refused(`Google refuses the credentials (${wordIn(said.error) ?? `HTTP ${answer.status}`})`);
  }
  if (answer.status !== 200) throw silent(`Google gives no access token (HTTP ${answer.status})`);
  const { access_token, expires_in } = said;
  if (typeof access_token !== 'string' || !isHeaderText(access_token)) {
    throw silent('Google answered without an access token');
  }
  const seconds = typeof expires_in === 'number' && expires_in > 0 ? expires_in : UNSAID_LIFE_S;
  const life = Math.min(seconds, LONGEST_LIFE_S) * 1000;
  return {
    headers: { authorization: `Bearer ${access_token}`, ...more },
    renewAt: at + life - Math.min(EARLY_MS, life / 2),
    // A call that is on its way when a token runs out is refused.
    expiresAt: at + life - Math.min(LAST_MS, life / 10),
  };
}

function parsed(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** `invalid_grant` and its like; longer texts may repeat what we sent. */
function wordIn(error: unknown): string | null {
  return typeof error === 'string' && /^[a-z_]{1,40}$/.test(error) ? error : null;
}

function isHeaderText(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

function refused(detail: string): GoblinError {
  return new GoblinError('upstream_unauthorized', detail);
}

function silent(detail: string): GoblinError {
  return new GoblinError('upstream_unreachable', detail);
}

function asGoblin(error: unknown): GoblinError {
  if (error instanceof GoblinError) return error;
  return new GoblinError('upstream_unauthorized', 'a Google access token could not be made', { cause: error });
}
