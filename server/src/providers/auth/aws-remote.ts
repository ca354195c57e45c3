/** Credentials from where the process runs: a container's endpoint (ECS, EKS Pod Identity), an instance's metadata. */
import type { AwsSources, Found } from './aws-sources.ts';
import { checkedKeys, endOf, refused, unreachable } from './aws-sources.ts';

const TIMEOUT_MS = 2000;
/** The address is the same on every instance; nothing but AWS answers there. */
const METADATA = 'http://169.254.169.254';
const CONTAINER = 'http://169.254.170.2';
const ROLES = '/latest/meta-data/iam/security-credentials/';
/** Hosts besides the machine itself that may be asked without TLS: ECS, and EKS Pod Identity in both families. */
const PLAIN_HOSTS = new Set(['169.254.170.2', '169.254.170.23', '[fd00:ec2::23]', '[::1]', 'localhost']);

/** Null when the environment names no endpoint. */
export async function fromContainer(sources: AwsSources): Promise<Found | null> {
  const { env } = sources;
  const relative = env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI;
  const full = env.AWS_CONTAINER_CREDENTIALS_FULL_URI;
  if (!relative && !full) return null;
  const url = relative ? relativeUrl(relative) : fullUrl(full ?? '');
  const headers: Record<string, string> = { accept: 'application/json' };
  const token = await containerToken(sources);
  if (token !== null) headers.authorization = token;
  const { status, body } = await asked(sources, 'the container’s credentials endpoint', 'GET', url, headers);
  if (status !== 200) throw answered('the container’s credentials endpoint', status);
  return keysIn('the container’s credentials endpoint', body, sources.now());
}

function relativeUrl(path: string): URL {
  // Anything but a path would change the address: `@host/` turns it into a user's name.
  const url = path.startsWith('/') ? URL.parse(`${CONTAINER}${path}`) : null;
  if (url === null) throw refused('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not a path');
  return url;
}

function fullUrl(text: string): URL {
  const url = URL.parse(text);
  const plain =
    url?.protocol === 'http:' && (PLAIN_HOSTS.has(url.hostname) || /^127(\.\d{1,3}){3}$/.test(url.hostname));
  if (url === null || (url.protocol !== 'https:' && !plain)) {
    throw refused(
      'AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or http to this machine or the addresses of ECS and EKS',
    );
  }
  return url;
}

/** The file is replaced while we run, so it is read each time. */
async function containerToken({ env, readFile }: AwsSources): Promise<string | null> {
  const file = env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE;
  const token = file ? ((await readFile(file)) ?? '').trim() : (env.AWS_CONTAINER_AUTHORIZATION_TOKEN ?? null);
  if (token === null) return null;
  if (!/^[\x20-\x7e]+$/.test(token)) throw refused('the token for the container’s credentials endpoint cannot be used');
  return token;
}

/**
 * Version 2 only: a token first, so that nobody who can make us fetch an address gets credentials. Null when nothing
 * answers there, which is the rule everywhere but at AWS.
 */
export async function fromInstance(sources: AwsSources): Promise<Found | null> {
  const disabled = sources.env.AWS_EC2_METADATA_DISABLED;
  if (disabled && disabled.toLowerCase() !== 'false') return null;
  const lives = { 'x-aws-ec2-metadata-token-ttl-seconds': '21600' };
  const first = await sources
    .fetchSmall('PUT', new URL(`${METADATA}/latest/api/token`), lives, null, TIMEOUT_MS)
    .catch(() => null);
  if (first === null) return null;
  const what = 'the instance’s metadata service';
  const token = first.body.trim();
  if (first.status !== 200 || !/^[\x21-\x7e]+$/.test(token)) throw answered(what, first.status);
  const headers = { 'x-aws-ec2-metadata-token': token };
  const roles = await asked(sources, what, 'GET', new URL(METADATA + ROLES), headers);
  if (roles.status === 404) throw refused('the instance has no role that gives credentials');
  if (roles.status !== 200) throw answered(what, roles.status);
  const role = roles.body.trim().split('\n')[0] ?? '';
  const answer = await asked(sources, what, 'GET', new URL(`${METADATA}${ROLES}${encodeURIComponent(role)}`), headers);
  if (answer.status !== 200) throw answered(what, answer.status);
  return keysIn(what, answer.body, sources.now());
}

function asked(sources: AwsSources, what: string, method: 'GET', url: URL, headers: Record<string, string>) {
  return sources.fetchSmall(method, url, headers, null, TIMEOUT_MS).catch(() => {
    throw unreachable(`${what} did not answer`);
  });
}

function answered(what: string, status: number) {
  const detail = `${what} answered with status ${status}`;
  return status === 429 || status >= 500 ? unreachable(detail) : refused(detail);
}

function keysIn(source: string, body: string, now: number): Found {
  let said: Record<string, unknown> = {};
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null) said = value as Record<string, unknown>;
  } catch {
    throw unreachable(`${source} answered something that is not JSON`);
  }
  const { Code, AccessKeyId, SecretAccessKey, Token, Expiration } = said;
  if (Code !== undefined && Code !== 'Success') throw refused(`${source} gave no credentials`);
  const keys = checkedKeys(source, AccessKeyId, SecretAccessKey, Token);
  return { keys, expiresAt: endOf(Expiration, now), again: false };
}
