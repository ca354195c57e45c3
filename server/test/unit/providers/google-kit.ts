/** A loopback server that stands for Google's endpoints, and signers that know no other way out. */
import assert from 'node:assert/strict';
import { createVerify, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as later } from 'node:timers/promises';
import { GoblinError } from '../../../src/contract/errors.ts';
import { createGoogleSigner, type FetchToken, type GoogleSignerOptions } from '../../../src/providers/auth/google.ts';
import { until } from '../../support/patience.ts';

const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const { publicKey } = pair;
export const pem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
export const START = Date.UTC(2026, 0, 1);
export const MINUTE = 60_000;

interface Seen {
  method: string;
  path: string;
  headers: Record<string, unknown>;
  form: URLSearchParams;
}

export interface Answer {
  status: number;
  body: string;
  headers?: Record<string, string>;
  delayMs?: number;
}

export const granted = (token: string, expires_in: unknown = 3600): Answer => ({
  status: 200,
  body: JSON.stringify({ access_token: token, expires_in, token_type: 'Bearer' }),
});

let running = 0;

const fetchToken: FetchToken = (...call) => {
  running++;
  return askForToken(...call).finally(() => {
    running--;
  });
};

const askForToken: FetchToken = (method, url, headers, body, timeoutMs) =>
  new Promise((resolve, reject) => {
    const req = request(url, { method, headers, timeout: timeoutMs }, (res) => {
      let text = '';
      res.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      res.on('end', () =>
        resolve({ status: res.statusCode ?? 0, headers: res.headers as Record<string, string>, body: text }),
      );
    });
    req.on('timeout', () => req.destroy(new Error('late')));
    req.on('error', reject);
    req.end(body ?? undefined);
  });

/** Starts it; `answer` is what it says next, `seen` what it was asked since the last signer was made. */
export async function startGoogle() {
  const google = { answer: granted('none'), seen: [] as Seen[], origin: '', serviceAccount, signer, close };
  const server = createServer((req, res) => {
    let body = '';
    req.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    req.on('end', () => {
      google.seen.push({
        method: req.method ?? '',
        path: req.url ?? '',
        headers: req.headers,
        form: new URLSearchParams(body),
      });
      const said = google.answer;
      setTimeout(() => {
        res.writeHead(said.status, { 'content-type': 'application/json', ...said.headers });
        res.end(said.body);
      }, said.delayMs ?? 0);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  google.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  function serviceAccount(more: Record<string, unknown> = {}): string {
    return JSON.stringify({
      type: 'service_account',
      client_email: 'goblin@p.iam.gserviceaccount.com',
      private_key_id: 'kid-1',
      private_key: pem,
      token_uri: `${google.origin}/token`,
      ...more,
    });
  }

  function signer(options: Partial<GoogleSignerOptions> = {}) {
    google.seen = [];
    const clock = { now: START };
    const made = createGoogleSigner({
      credentials: serviceAccount(),
      metadata: false,
      fetchToken,
      now: () => clock.now,
      allowsTokenUrl: (url) => url.origin === google.origin,
      ...options,
    });
    const call = { method: 'POST' as const, url: new URL('https://aiplatform.googleapis.com/'), headers: {}, body: '' };
    return { clock, sign: async () => made.sign(call), raw: () => made.sign(call) };
  }

  function close(): void {
    server.close();
  }

  return google;
}

export async function refusedWith(code: string, sign: () => Promise<unknown>): Promise<string> {
  try {
    await sign();
  } catch (error) {
    assert.ok(error instanceof GoblinError, String(error));
    assert.equal(error.code, code);
    return error.detail;
  }
  return assert.fail('it was signed');
}

export function verified(
  jwt: string,
  key: KeyObject,
): { header: Record<string, unknown>; claims: Record<string, unknown> } {
  const [header = '', claims = '', signature = ''] = jwt.split('.');
  const check = createVerify('RSA-SHA256').update(`${header}.${claims}`);
  assert.ok(check.verify(key, Buffer.from(signature, 'base64url')), 'the signature holds');
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
  return { header: read(header), claims: read(claims) };
}

/** Whatever was asked for in the background has been answered. */
export async function settled(): Promise<void> {
  await later(15);
  await until(() => running === 0);
  await later(1);
}
