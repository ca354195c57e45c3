/** Tokens of Entra ID, from a server on loopback that answers as the documented endpoint does. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { GoblinError } from '../../../src/contract/errors.ts';
import { createEntraSigner, type EntraSignerOptions, entraCredentials } from '../../../src/providers/auth/entra.ts';
import { pause, until } from '../../support/patience.ts';

interface Asked {
  path: string;
  form: Record<string, string>;
}

let asked: Asked[] = [];
let answer: () => { status: number; body: unknown } = () => ({ status: 500, body: {} });
let time = 1_000_000;
let folder = '';

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

const server = createServer(async (request, response) => {
  const form = Object.fromEntries(new URLSearchParams(await bodyOf(request)));
  assert.equal(request.headers['content-type'], 'application/x-www-form-urlencoded');
  asked.push({ path: request.url ?? '', form });
  const { status, body } = answer();
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
});

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'goblin-entra-'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
after(() => {
  rmSync(folder, { recursive: true });
  server.close();
});
let issued = 0;
beforeEach(() => {
  asked = [];
  issued = 0;
  time = 1_000_000;
  answer = () => ({
    status: 200,
    body: { token_type: 'Bearer', expires_in: 3599, access_token: `token-${++issued}` },
  });
});

let running = 0;
const fetchToken: EntraSignerOptions['fetchToken'] = async (method, url, headers, body) => {
  running++;
  try {
    const reply = await fetch(url, { method, headers, body, redirect: 'manual' });
    return { status: reply.status, headers: {}, body: await reply.text() };
  } finally {
    running--;
  }
};

const signer = (more: Partial<EntraSignerOptions> = {}) =>
  createEntraSigner({
    tenant: 'contoso.onmicrosoft.com',
    clientId: 'client-1',
    secret: 's3cret&=+',
    authority: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fetchToken,
    now: () => time,
    ...more,
  });
const CALL = { method: 'POST', url: new URL('https://x.openai.azure.com/'), headers: {}, body: '' } as const;
const code = (expected: string, says: RegExp) => (error: unknown) => {
  assert.ok(error instanceof GoblinError);
  assert.equal(error.code, expected);
  assert.match(error.detail, says);
  return true;
};

test('client credentials as documented', async () => {
  assert.deepEqual(await signer().sign(CALL), { authorization: 'Bearer token-1' });
  assert.deepEqual(asked, [
    {
      path: '/contoso.onmicrosoft.com/oauth2/v2.0/token',
      form: {
        grant_type: 'client_credentials',
        client_id: 'client-1',
        client_secret: 's3cret&=+',
        scope: 'https://cognitiveservices.azure.com/.default',
      },
    },
  ]);
});

test('one fetch at a time; a token serves until it runs out, and is renewed early beside the calls', async () => {
  const sign = signer();
  const many = await Promise.all(Array.from({ length: 20 }, () => sign.sign(CALL)));
  assert.equal(asked.length, 1);
  assert.ok(many.every(({ authorization }) => authorization === 'Bearer token-1'));
  time += 50 * 60_000;
  assert.deepEqual(sign.sign(CALL), { authorization: 'Bearer token-1' }, 'no promise while a token serves');
  assert.equal(asked.length, 1);
  time += 6 * 60_000;
  // Due: this call still has the old one, and nobody waits.
  assert.deepEqual(sign.sign(CALL), { authorization: 'Bearer token-1' });
  sign.sign(CALL);
  await until(async () => (await sign.sign(CALL)).authorization === 'Bearer token-2');
  assert.equal(asked.length, 2);
  time += 2 * 3600_000;
  assert.deepEqual(await sign.sign(CALL), { authorization: 'Bearer token-3' });
});

test('an early renewal that fails leaves the old token, and is not tried with every call', async () => {
  const sign = signer();
  await sign.sign(CALL);
  answer = () => ({ status: 503, body: {} });
  time += 56 * 60_000;
  for (let i = 0; i < 5; i++) {
    assert.deepEqual(await sign.sign(CALL), { authorization: 'Bearer token-1' });
    await until(() => running === 0);
    await pause(10);
  }
  assert.equal(asked.length, 2);
  time += 60 * 60_000;
  await assert.rejects(async () => sign.sign(CALL), code('upstream_unreachable', /status 503/));
});

test('a federated token is read anew for each token', async () => {
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, 'jwt-1\n');
  const options = {
    tenant: 't1',
    clientId: 'c',
    tokenFile,
    authority: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  };
  const sign = createEntraSigner({ ...options, fetchToken, now: () => time });
  await sign.sign(CALL);
  writeFileSync(tokenFile, 'jwt-2');
  time += 2 * 3600_000;
  await sign.sign(CALL);
  assert.deepEqual(
    asked.map(({ form }) => [form.client_assertion_type, form.client_assertion, form.client_secret]),
    [
      ['urn:ietf:params:oauth:client-assertion-type:jwt-bearer', 'jwt-1', undefined],
      ['urn:ietf:params:oauth:client-assertion-type:jwt-bearer', 'jwt-2', undefined],
    ],
  );
  const missing = createEntraSigner({ ...options, tokenFile: join(folder, 'none'), fetchToken });
  await assert.rejects(async () => missing.sign(CALL), code('upstream_unauthorized', /cannot be read \(ENOENT\)/));
  writeFileSync(tokenFile, ' ');
  const empty = createEntraSigner({ ...options, fetchToken });
  await assert.rejects(async () => empty.sign(CALL), code('upstream_unauthorized', /holds no token/));
});

test('a refusal says its number and nothing else of the directory, and is not repeated at once', async () => {
  // learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow, the error response.
  const body = {
    error: 'invalid_client',
    error_description:
      "AADSTS7000215: Invalid client secret provided for app '00001111-aaaa-2222'.\r\nTrace ID: 255d1aef",
    error_codes: [7000215],
  };
  answer = () => ({ status: 401, body });
  const sign = signer();
  const refused = code('upstream_unauthorized', /^Entra ID gave no token: invalid_client \(AADSTS7000215\)$/);
  await assert.rejects(async () => sign.sign(CALL), refused);
  await assert.rejects(async () => sign.sign(CALL), refused);
  assert.equal(asked.length, 1);
  time += 31_000;
  answer = () => ({ status: 200, body: { access_token: 'later', expires_in: 3600 } });
  assert.deepEqual(await sign.sign(CALL), { authorization: 'Bearer later' });
});

test('what is no token is none', async () => {
  for (const body of ['<html>', {}, { access_token: 'a\nb', expires_in: 60 }, { access_token: 7 }, [], 'null']) {
    answer = () => ({ status: 200, body });
    await assert.rejects(async () => signer().sign(CALL), code('upstream_unreachable', /without a token/));
  }
  answer = () => ({ status: 302, body: {} });
  await assert.rejects(async () => signer().sign(CALL), code('upstream_unauthorized', /status 302/));
  const deaf = signer({ fetchToken: () => Promise.reject(new Error('late')) });
  await assert.rejects(async () => deaf.sign(CALL), code('upstream_unreachable', /did not answer/));
  // A life that is not said is a short one.
  answer = () => ({ status: 200, body: { access_token: 'x' } });
  const sign = signer();
  await sign.sign(CALL);
  time += 5 * 60_000;
  await sign.sign(CALL);
  assert.ok(asked.length > 8);
});

test('the usual variables, or a sentence that says what is missing', () => {
  const env = {
    AZURE_TENANT_ID: 't',
    AZURE_CLIENT_ID: 'c',
    AZURE_CLIENT_SECRET: 's',
    AZURE_FEDERATED_TOKEN_FILE: '/f',
  };
  assert.deepEqual(entraCredentials(env), { tenant: 't', clientId: 'c', secret: 's' });
  const { AZURE_CLIENT_SECRET: _, ...federated } = env;
  assert.deepEqual(entraCredentials({ ...federated, AZURE_AUTHORITY_HOST: 'https://login.microsoftonline.us/' }), {
    tenant: 't',
    clientId: 'c',
    tokenFile: '/f',
    authority: 'https://login.microsoftonline.us',
  });
  assert.match(String(entraCredentials({})), /AZURE_TENANT_ID/);
  for (const tenant of ['a/b', '../x', 'a?b', '.'])
    assert.equal(typeof entraCredentials({ ...env, AZURE_TENANT_ID: tenant }), 'string');
  for (const host of ['http://x', 'https://x/y', 'https://u@x', 'x']) {
    assert.match(String(entraCredentials({ ...env, AZURE_AUTHORITY_HOST: host })), /AZURE_AUTHORITY_HOST/);
  }
});
