/**
 * AWS Signature Version 4 (IAM guide, "Create a signed AWS API request"), held to Amazon's published test vectors. Our
 * own eighty lines, because what there is in packages either waits for promises on every call or reads the process's
 * environment by itself.
 */
import { createHmac, hash } from 'node:crypto';

export interface AwsKeys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

export interface SignedCall {
  method: string;
  url: URL;
  headers: Readonly<Record<string, string>>;
  body: string | Buffer;
}

/** Answers the headers that sign the call; `at` is in milliseconds. */
export type SigV4 = (call: SignedCall, keys: AwsKeys, at: number) => Record<string, string>;

/** Signed are the host, the content type and what begins with `x-amz-`: proxies may change others on the way. */
export function createSigV4(region: string, service: string): SigV4 {
  /** The key of the day: four of the five HMACs are the same for every call. */
  let day: { secret: string; date: string; key: Buffer } = { secret: '', date: '', key: Buffer.alloc(0) };

  function keyOf(secret: string, date: string): Buffer {
    if (day.secret !== secret || day.date !== date) {
      const steps = [region, service, 'aws4_request'];
      day = { secret, date, key: steps.reduce(hmac, hmac(`AWS4${secret}`, date)) };
    }
    return day.key;
  }

  return (call, keys, at) => {
    const time = new Date(at).toISOString().replace(/[-:]|\.\d{3}/g, '');
    const date = time.slice(0, 8);
    const added: Record<string, string> = { 'x-amz-date': time };
    if (keys.sessionToken !== undefined) added['x-amz-security-token'] = keys.sessionToken;
    const signed = new Map([['host', call.url.host], ...relevant(call.headers), ...Object.entries(added)]);
    const names = [...signed.keys()].sort();
    const canonical = [
      call.method,
      canonicalPath(call.url.pathname),
      canonicalQuery(call.url.searchParams),
      ...names.map((name) => `${name}:${signed.get(name)?.trim().replace(/\s+/g, ' ')}`),
      '',
      names.join(';'),
      sha256(call.body),
    ].join('\n');
    const scope = `${date}/${region}/${service}/aws4_request`;
    const text = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n');
    const signature = hmac(keyOf(keys.secretAccessKey, date), text).toString('hex');
    added.authorization = `AWS4-HMAC-SHA256 Credential=${keys.accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
    return added;
  };
}

function relevant(headers: Readonly<Record<string, string>>): [string, string][] {
  const found: [string, string][] = [];
  for (const name in headers) {
    const lower = name.toLowerCase();
    if (lower === 'content-type' || lower.startsWith('x-amz-')) found.push([lower, headers[name] ?? '']);
  }
  return found;
}

/** All services but S3 want the path, which is escaped already, escaped once more. */
function canonicalPath(path: string): string {
  const segments = path.split('/').filter((segment) => segment !== '');
  const end = segments.length > 0 && path.endsWith('/') ? '/' : '';
  return `/${segments.map(escaped).join('/')}${end}`;
}

function canonicalQuery(query: URLSearchParams): string {
  const pairs = [...query].map(([name, value]) => `${escaped(name)}=${escaped(value)}`);
  return pairs.sort().join('&');
}

function escaped(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(data: string | Buffer): string {
  return hash('sha256', data);
}
