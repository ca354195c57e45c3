/**
 * Access tokens of Microsoft Entra ID for Azure: client credentials with a secret, or with a token that the platform
 * writes into a file (workload identity federation). Source:
 * learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow.
 */
import { readFile } from 'node:fs/promises';
import { GoblinError } from '../../contract/errors.ts';
import type { Signer } from '../../contract/provider.ts';
import type { FetchToken, TokenAnswer } from './google.ts';

export interface EntraCredentials {
  /** A directory: its id or one of its domains. */
  tenant: string;
  clientId: string;
  /** Exactly one of the two is set. The file is read anew for each token: the platform replaces it. */
  secret?: string;
  tokenFile?: string;
  /** Default: the public cloud's. https, without a path. */
  authority?: string;
}

export interface EntraSignerOptions extends EntraCredentials {
  fetchToken: FetchToken;
  /** Default: what Azure OpenAI and Azure AI ask for. */
  scope?: string;
  /** Milliseconds. */
  now?: () => number;
}

const AUTHORITY = 'https://login.microsoftonline.com';
const SCOPE = 'https://cognitiveservices.azure.com/.default';
const TIMEOUT_MS = 10_000;
/** Tokens live for an hour or more: a new one is fetched while the old one still serves. */
const EARLY_MS = 5 * 60_000;
/** A token that is about to run out may do so on its way. */
const LAST_MS = 30_000;
/** After a renewal that failed, and after a refusal. */
const PAUSE_MS = 30_000;
const LONGEST_LIFE_S = 24 * 3600;
const MAX_FILE = 64 * 1024;

interface Token {
  headers: Record<string, string>;
  renewAt: number;
  expiresAt: number;
}

export function createEntraSigner(options: EntraSignerOptions): Signer {
  const now = options.now ?? Date.now;
  let token: Token | null = null;
  let running: Promise<Token> | null = null;
  let refusal: { error: GoblinError; until: number } | null = null;
  let pausedUntil = 0;

  /** One fetch at a time, whoever asks. */
  function renew(): Promise<Token> {
    running ??= ask(options, now)
      .then(
        (fresh) => {
          token = fresh;
          refusal = null;
          return fresh;
        },
        (error: unknown) => {
          const failure = error instanceof GoblinError ? error : unreachable('the token could not be fetched');
          // A secret that was refused is not sent again with every call.
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
        if (at >= token.renewAt && at >= pausedUntil && running === null) renew().catch(() => undefined);
        return token.headers;
      }
      if (refusal !== null && at < refusal.until) return Promise.reject(refusal.error);
      return renew().then((fresh) => fresh.headers);
    },
  };
}

async function ask(options: EntraSignerOptions, now: () => number): Promise<Token> {
  const url = new URL(`${options.authority ?? AUTHORITY}/${encodeURIComponent(options.tenant)}/oauth2/v2.0/token`);
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: options.clientId,
    scope: options.scope ?? SCOPE,
    ...(await proof(options)),
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
  const answer = await options.fetchToken('POST', url, headers, form.toString(), TIMEOUT_MS).catch(() => {
    throw unreachable('Entra ID did not answer');
  });
  return tokenIn(answer, now());
}

async function proof({ secret, tokenFile }: EntraSignerOptions): Promise<Record<string, string>> {
  if (secret !== undefined) return { client_secret: secret };
  if (tokenFile === undefined) throw refused('there is neither a secret nor a token file for Entra ID');
  let assertion: string;
  try {
    assertion = (await readFile(tokenFile, 'utf8')).trim();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw refused(`the federated token file cannot be read (${code})`);
  }
  if (assertion === '' || assertion.length > MAX_FILE) throw refused('the federated token file holds no token');
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  };
}

function tokenIn(answer: TokenAnswer, at: number): Token {
  const said = parse(answer.body);
  if (answer.status !== 200) throw failureOf(answer.status, said);
  const { access_token: value, expires_in: life } = said;
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value))
    throw unreachable('Entra ID answered without a token');
  const seconds = Math.min(Number(life), LONGEST_LIFE_S);
  // A life that is not said, or said wrongly: long enough for this call.
  const expiresAt = at + (seconds > 0 ? seconds * 1000 : 60_000 + LAST_MS) - LAST_MS;
  return {
    headers: { authorization: `Bearer ${value}` },
    expiresAt,
    renewAt: Math.max(at, Math.min(expiresAt, expiresAt + LAST_MS - EARLY_MS)),
  };
}

/** The number of the error says what is wrong; its text names ids of the directory, and stays out. */
function failureOf(status: number, said: Record<string, unknown>): GoblinError {
  const error = typeof said.error === 'string' && /^\w{1,64}$/.test(said.error) ? said.error : `status ${status}`;
  const number = /AADSTS\d+/.exec(typeof said.error_description === 'string' ? said.error_description : '')?.[0];
  const detail = `Entra ID gave no token: ${error}${number === undefined ? '' : ` (${number})`}`;
  const passing = status === 429 || status >= 500 || error === 'temporarily_unavailable';
  return passing ? unreachable(detail) : refused(detail);
}

function parse(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

const refused = (detail: string): GoblinError => new GoblinError('upstream_unauthorized', detail);
const unreachable = (detail: string): GoblinError => new GoblinError('upstream_unreachable', detail);

/** What the usual variables say; a sentence when they do not say enough, or something that is not what it claims. */
export function entraCredentials(env: Readonly<Record<string, string>>): EntraCredentials | string {
  const { AZURE_TENANT_ID: tenant, AZURE_CLIENT_ID: clientId, AZURE_CLIENT_SECRET: secret } = env;
  const tokenFile = env.AZURE_FEDERATED_TOKEN_FILE;
  const authority = env.AZURE_AUTHORITY_HOST?.replace(/\/+$/, '');
  if (!tenant || !clientId || (!secret && !tokenFile)) {
    return 'set AZURE_TENANT_ID, AZURE_CLIENT_ID, and AZURE_CLIENT_SECRET or AZURE_FEDERATED_TOKEN_FILE';
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/.test(tenant)) {
    return 'AZURE_TENANT_ID is not the id or a domain of a directory; write it like contoso.onmicrosoft.com';
  }
  if (authority && !/^https:\/\/[a-z0-9.-]+$/i.test(authority)) {
    return 'AZURE_AUTHORITY_HOST is not an https address without a path; write it like https://login.microsoftonline.us';
  }
  return {
    tenant,
    clientId,
    ...(secret ? { secret } : { tokenFile: tokenFile as string }),
    ...(authority ? { authority } : {}),
  };
}
