/** Credentials of a role, from the Security Token Service ("AWS STS API reference", version 2011-06-15). */
import { awsDomain } from './aws-region.ts';
import { type AwsKeys, createSigV4 } from './aws-sigv4.ts';
import { type AwsSources, checkedKeys, endOf, type Found, refused, unreachable } from './aws-sources.ts';

const TIMEOUT_MS = 5000;
/** What passes by itself, although its status is 400. */
const PASSING = new Set(['IDPCommunicationError', 'Throttling', 'ThrottlingException', 'RequestLimitExceeded']);

export interface Role {
  arn: string;
  sessionName?: string;
  externalId?: string;
  /** Seconds. */
  duration?: string;
  region?: string;
}

export function assumeRole(sources: AwsSources, role: Role, keys: AwsKeys): Promise<Found> {
  return ask(
    sources,
    role,
    { Action: 'AssumeRole', ...(role.externalId ? { ExternalId: role.externalId } : {}) },
    keys,
  );
}

/** The file is replaced while we run, so it is read each time. */
export async function assumeWithToken(sources: AwsSources, role: Role, file: string): Promise<Found> {
  const token = ((await sources.readFile(file)) ?? '').trim();
  if (token === '') throw refused('the web identity token file is missing or empty');
  return ask(sources, role, { Action: 'AssumeRoleWithWebIdentity', WebIdentityToken: token }, null);
}

async function ask(
  sources: AwsSources,
  role: Role,
  more: Record<string, string>,
  keys: AwsKeys | null,
): Promise<Found> {
  const region = role.region ?? sources.region;
  const url = new URL(`https://sts.${region}.${awsDomain(region)}/`);
  const sessionName = role.sessionName ?? sources.env.AWS_ROLE_SESSION_NAME ?? `goblin-${sources.now()}`;
  const form = new URLSearchParams({
    Version: '2011-06-15',
    RoleArn: role.arn,
    RoleSessionName: sessionName,
    ...(role.duration ? { DurationSeconds: role.duration } : {}),
    ...more,
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/xml' };
  const body = form.toString();
  const call = { method: 'POST', url, headers, body };
  const signed = keys === null ? {} : createSigV4(region, 'sts')(call, keys, sources.now());
  const answer = await sources.fetchSmall('POST', url, { ...headers, ...signed }, body, TIMEOUT_MS).catch(() => {
    throw unreachable('AWS STS did not answer');
  });
  if (answer.status !== 200) throw failureOf(answer.status, answer.body);
  const given = element(answer.body, 'Credentials') ?? '';
  const [id, secret, token] = ['AccessKeyId', 'SecretAccessKey', 'SessionToken'].map((name) => element(given, name));
  const found = checkedKeys('AWS STS', id, secret, token);
  return { keys: found, expiresAt: endOf(element(given, 'Expiration'), sources.now()), again: false };
}

/** The error's code says what is wrong; its message names accounts and roles, and stays out. */
function failureOf(status: number, body: string) {
  const code = element(body, 'Code') ?? '';
  const known = /^[\w.]{1,64}$/.test(code) ? code : `status ${status}`;
  const detail = `AWS STS gave no credentials: ${known}`;
  return status >= 500 || status === 429 || PASSING.has(code) ? unreachable(detail) : refused(detail);
}

/** The answer is XML of a fixed form, and none of these values has anything in it that XML escapes. */
function element(xml: string, name: string): string | undefined {
  const from = xml.indexOf(`<${name}>`);
  const to = xml.indexOf(`</${name}>`, from);
  return from === -1 || to === -1 ? undefined : xml.slice(from + name.length + 2, to).trim();
}
