/** A loopback server that stands for AWS's endpoints, and a signer that knows no other way out. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { GoblinError } from '../../../src/contract/errors.ts';
import { type AwsSignerOptions, createAwsSigner } from '../../../src/providers/auth/aws.ts';
import type { FetchSmall } from '../../../src/providers/auth/aws-sources.ts';
import { pause, until } from '../../support/patience.ts';

export interface Seen {
  method: string;
  /** With the origin that was meant. */
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

/** Null: the connection is cut. `never`: nothing comes until whoever asks has lost patience. */
export type Answer = { status?: number; body?: string; after?: number; never?: true } | null;

export interface World {
  seen: Seen[];
  files: Record<string, string>;
  time: number;
  /** Asked and not answered yet. */
  running: number;
  fetchSmall: FetchSmall;
}

export async function world(t: TestContext, answer: (seen: Seen) => Answer): Promise<World> {
  const out: World = {
    seen: [],
    files: {},
    time: Date.UTC(2026, 10, 26, 12),
    running: 0,
    fetchSmall: async () => ({ status: 0, body: '' }),
  };
  const asking = new Map<string, AbortController>();
  let calls = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const meant = `${request.headers['x-meant']}${request.url}`;
      const seen = {
        method: request.method ?? '',
        url: meant,
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      };
      out.seen.push(seen);
      const said = answer(seen);
      if (said === null) {
        request.socket.destroy();
        return;
      }
      if (said.never) {
        asking.get(String(request.headers['x-call']))?.abort(new DOMException('late', 'TimeoutError'));
        return;
      }
      setTimeout(() => {
        response.writeHead(said.status ?? 200);
        response.end(said.body ?? '');
      }, said.after ?? 0);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  out.fetchSmall = async (method, url, headers, body) => {
    const name = `${++calls}`;
    const patience = new AbortController();
    asking.set(name, patience);
    out.running++;
    try {
      const response = await fetch(origin + url.pathname + url.search, {
        method,
        headers: { ...headers, 'x-meant': url.origin, 'x-call': name },
        body,
        redirect: 'manual',
        signal: patience.signal,
      });
      return { status: response.status, body: await response.text() };
    } finally {
      out.running--;
    }
  };
  return out;
}

/** What was begun in the background has come to its end. */
export async function settled(made: World): Promise<void> {
  await pause(10);
  await until(() => made.running === 0);
  await pause(10);
}

export function signerIn(made: World, env: Record<string, string>, more: Partial<AwsSignerOptions> = {}) {
  const signer = createAwsSigner({
    env,
    region: 'eu-central-1',
    fetchSmall: made.fetchSmall,
    home: '/home/me',
    readFile: async (path) => made.files[path] ?? null,
    now: () => made.time,
    ...more,
  });
  return (body = '{}') =>
    signer.sign({
      method: 'POST',
      url: new URL('https://bedrock-runtime.eu-central-1.amazonaws.com/model/m/converse'),
      headers: { 'content-type': 'application/json' },
      body,
    });
}

/** Whose key signed. */
export async function signedBy(made: Record<string, string> | Promise<Record<string, string>>): Promise<string> {
  return /Credential=([^/]+)\//.exec((await made).authorization ?? '')?.[1] ?? '';
}

export const stsAnswer = (id: string, end: string, kind = 'AssumeRole') =>
  `<${kind}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <${kind}Result>
    <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/demo/Bob</Arn></AssumedRoleUser>
    <Credentials>
      <AccessKeyId>${id}</AccessKeyId>
      <SecretAccessKey>wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY</SecretAccessKey>
      <SessionToken>AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWL</SessionToken>
      <Expiration>${end}</Expiration>
    </Credentials>
  </${kind}Result>
</${kind}Response>`;

export const LATER = '2026-11-26T13:00:00Z';
export const nobody = (): Answer => null;

/** An instance with a role. */
export function instance(seen: Seen): Answer {
  if (seen.method === 'PUT') return { body: 'IMDS-TOKEN' };
  if (seen.headers['x-aws-ec2-metadata-token'] !== 'IMDS-TOKEN') return { status: 401 };
  if (seen.url.endsWith('/security-credentials/')) return { body: 'my role\n' };
  return {
    body: JSON.stringify({
      Code: 'Success',
      AccessKeyId: 'ASIAEC2',
      SecretAccessKey: 's',
      Token: 't',
      Expiration: LATER,
    }),
  };
}

export async function failed(made: unknown): Promise<GoblinError> {
  try {
    await made;
  } catch (error) {
    assert.ok(error instanceof GoblinError, String(error));
    return error;
  }
  return assert.fail('it was signed');
}
