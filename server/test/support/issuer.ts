/** An OpenID provider on loopback: document, keys, code flow with PKCE; it signs whatever it is told to. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Claims = Record<string, unknown>;

export interface TestIssuer {
  url: string;
  /** Paths that were asked for, with the method. */
  asked: string[];
  /** What an ID token says beside what it must. */
  person: Claims;
  /** Changes the claims of the next ID tokens last of all. */
  twist: (claims: Claims) => Claims;
  /** A token for us as a credential. */
  token(claims: Claims, header?: Claims): string;
  /** A browser that agrees: follows the address of a sign-in, answers where it is sent back to. */
  agree(authorization: string): URL;
  /** New keys; the old ones are not published any more. */
  renew(): void;
  close(): Promise<void>;
}

const CLIENT_ID = 'goblin';
export const CLIENT_SECRET = 'a secret: of 100 %';

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export async function startIssuer(): Promise<TestIssuer> {
  let number = 0;
  let kid = '';
  let key: KeyObject;
  let open: KeyObject;
  const renew = () => {
    ({ privateKey: key, publicKey: open } = generateKeyPairSync('rsa', { modulusLength: 2048 }));
    kid = `key-${++number}`;
  };
  renew();
  const codes = new Map<string, { challenge: string; nonce: string; redirect: string }>();
  const asked: string[] = [];
  const issuer: TestIssuer = {
    url: '',
    asked,
    person: { sub: 'ada', email: 'ada@example.com', email_verified: true, name: 'Ada', groups: ['staff'] },
    twist: (claims) => claims,
    token(claims, header = {}) {
      const now = Math.floor(Date.now() / 1000);
      const body = { iss: issuer.url, aud: 'goblin-api', iat: now, exp: now + 300, ...claims };
      return jws({ alg: 'RS256', kid, typ: 'JWT', ...header }, body);
    },
    agree(authorization) {
      const { searchParams: query } = new URL(authorization);
      if (query.get('code_challenge_method') !== 'S256' || query.get('response_type') !== 'code')
        throw new Error('no PKCE');
      if (!query.get('scope')?.split(' ').includes('openid')) throw new Error('no openid');
      const code = randomBytes(9).toString('base64url');
      const redirect = query.get('redirect_uri') ?? '';
      codes.set(code, { challenge: query.get('code_challenge') ?? '', nonce: query.get('nonce') ?? '', redirect });
      const back = new URL(redirect);
      back.searchParams.set('code', code);
      back.searchParams.set('state', query.get('state') ?? '');
      back.searchParams.set('iss', issuer.url);
      return back;
    },
    renew,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  function jws(header: Claims, claims: Claims): string {
    const input = `${encode(header)}.${encode(claims)}`;
    return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`;
  }

  function exchange(form: URLSearchParams, authorization: string | undefined): Claims | null {
    const pair = [CLIENT_ID, CLIENT_SECRET]
      .map((part) => new URLSearchParams({ v: part }).toString().slice(2))
      .join(':');
    if (authorization !== `Basic ${Buffer.from(pair).toString('base64')}`) return null;
    const code = codes.get(form.get('code') ?? '');
    // Once.
    codes.delete(form.get('code') ?? '');
    const verifier = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (!code || code.challenge !== verifier || code.redirect !== form.get('redirect_uri')) return null;
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: issuer.url, aud: CLIENT_ID, iat: now, exp: now + 60, nonce: code.nonce, ...issuer.person };
    return { access_token: 'x', token_type: 'Bearer', id_token: jws({ alg: 'RS256', kid }, issuer.twist(claims)) };
  }

  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    asked.push(`${request.method} ${path}`);
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (path === '/.well-known/openid-configuration') {
      answer(200, {
        issuer: issuer.url,
        jwks_uri: `${issuer.url}/keys`,
        authorization_endpoint: `${issuer.url}/authorize`,
        token_endpoint: `${issuer.url}/token`,
        authorization_response_iss_parameter_supported: true,
      });
    } else if (path === '/keys') answer(200, { keys: [{ ...open.export({ format: 'jwk' }), kid, use: 'sig' }] });
    else if (path === '/token' && request.method === 'POST') {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      request.on('end', () => {
        const tokens = exchange(new URLSearchParams(body), request.headers.authorization);
        answer(tokens ? 200 : 400, tokens ?? { error: 'invalid_grant' });
      });
    } else answer(404, {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return issuer;
}
