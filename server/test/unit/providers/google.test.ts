import assert from 'node:assert/strict';
import { createVerify, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { GoblinError } from '../../../src/contract/errors.ts';
import { createGoogleSigner, type FetchToken, type GoogleSignerOptions } from '../../../src/providers/auth/google.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const START = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;

interface Seen {
  method: string;
  path: string;
  headers: Record<string, unknown>;
  form: URLSearchParams;
}

/** What the endpoint answers, and what it was asked. */
let answer: { status: number; body: string; headers?: Record<string, string>; delayMs?: number };
let seen: Seen[] = [];
let origin = '';
const granted = (token: string, expires_in: unknown = 3600) => ({
  status: 200,
  body: JSON.stringify({ access_token: token, expires_in, token_type: 'Bearer' }),
});

const server = createServer((req, res) => {
  let body = '';
  req.on('data', (chunk: Buffer) => {
    body += chunk.toString();
  });
  req.on('end', () => {
    seen.push({
      method: req.method ?? '',
      path: req.url ?? '',
      headers: req.headers,
      form: new URLSearchParams(body),
    });
    const said = answer;
    setTimeout(() => {
      res.writeHead(said.status, { 'content-type': 'application/json', ...said.headers });
      res.end(said.body);
    }, said.delayMs ?? 0);
  });
});

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

const fetchToken: FetchToken = (method, url, headers, body, timeoutMs) =>
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

function serviceAccount(more: Record<string, unknown> = {}): string {
  return JSON.stringify({
    type: 'service_account',
    client_email: 'goblin@p.iam.gserviceaccount.com',
    private_key_id: 'kid-1',
    private_key: pem,
    token_uri: `${origin}/token`,
    ...more,
  });
}

function signer(options: Partial<GoogleSignerOptions> = {}) {
  seen = [];
  const clock = { now: START };
  const made = createGoogleSigner({
    credentials: serviceAccount(),
    metadata: false,
    fetchToken,
    now: () => clock.now,
    allowsTokenUrl: (url) => url.origin === origin,
    ...options,
  });
  const call = { method: 'POST' as const, url: new URL('https://aiplatform.googleapis.com/'), headers: {}, body: '' };
  return { clock, sign: async () => made.sign(call), raw: () => made.sign(call) };
}

async function refusedWith(code: string, sign: () => Promise<unknown>): Promise<string> {
  try {
    await sign();
  } catch (error) {
    assert.ok(error instanceof GoblinError, String(error));
    assert.equal(error.code, code);
    return error.detail;
  }
  return assert.fail('it was signed');
}

function verified(jwt: string, key: KeyObject): { header: Record<string, unknown>; claims: Record<string, unknown> } {
  const [header = '', claims = '', signature = ''] = jwt.split('.');
  const check = createVerify('RSA-SHA256').update(`${header}.${claims}`);
  assert.ok(check.verify(key, Buffer.from(signature, 'base64url')), 'the signature holds');
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
  return { header: read(header), claims: read(claims) };
}

test('a service account: a signed JWT for a token, which then serves at once', async () => {
  answer = granted('ya29.one');
  const { sign, raw } = signer();
  assert.deepEqual(await sign(), { authorization: 'Bearer ya29.one' });
  const [ask] = seen;
  assert.equal(ask?.method, 'POST');
  assert.equal(ask?.headers['content-type'], 'application/x-www-form-urlencoded');
  assert.equal(ask?.form.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer');
  const { header, claims } = verified(ask?.form.get('assertion') ?? '', publicKey);
  assert.deepEqual(header, { alg: 'RS256', typ: 'JWT', kid: 'kid-1' });
  assert.deepEqual(claims, {
    iss: 'goblin@p.iam.gserviceaccount.com',
    scope: 'https://www.googleapis.com/auth/cloud-platform',
    aud: `${origin}/token`,
    iat: START / 1000 - 30,
    exp: START / 1000 - 30 + 3600,
  });
  // No promise while a token is there.
  assert.deepEqual(raw(), { authorization: 'Bearer ya29.one' });
  assert.equal(seen.length, 1);
});

test('many callers at once fetch one token, also when it fails', async () => {
  answer = { ...granted('ya29.one'), delayMs: 20 };
  const { sign } = signer();
  const all = await Promise.all(Array.from({ length: 50 }, sign));
  assert.ok(all.every((headers) => headers.authorization === 'Bearer ya29.one'));
  assert.equal(seen.length, 1);
  answer = { status: 503, body: '', delayMs: 20 };
  const failing = signer();
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, failing.sign));
  assert.ok(outcomes.every((outcome) => outcome.status === 'rejected'));
  assert.equal(seen.length, 1);
});

test('five minutes before its end a token is renewed beside the calls, and only once', async () => {
  answer = granted('one');
  const { sign, raw, clock } = signer();
  await sign();
  clock.now += 54 * MINUTE;
  raw();
  await settled();
  assert.equal(seen.length, 1);
  clock.now += 1 * MINUTE;
  answer = { ...granted('two'), delayMs: 10 };
  for (let n = 0; n < 5; n++) assert.deepEqual(raw(), { authorization: 'Bearer one' });
  await until(() => (raw() as Record<string, string>).authorization === 'Bearer two');
  assert.equal(seen.length, 2);
});

test('an early renewal that fails leaves the old token, pauses, and is told when the token has run out', async () => {
  answer = granted('one');
  const { sign, raw, clock } = signer();
  await sign();
  clock.now += 56 * MINUTE;
  answer = { status: 500, body: 'oops' };
  raw();
  await until(() => seen.length === 2);
  await settled();
  assert.deepEqual(raw(), { authorization: 'Bearer one' });
  await settled();
  assert.equal(seen.length, 2);
  clock.now += 31_000;
  raw();
  await until(() => seen.length === 3);
  await settled();
  clock.now += 4 * MINUTE;
  assert.match(await refusedWith('upstream_unreachable', sign), /500/);
  answer = granted('two');
  assert.deepEqual(await sign(), { authorization: 'Bearer two' });
});

test('a token of the metadata server that is not renewed yet is not asked for with every call', async () => {
  answer = { ...granted('one', 240), headers: { 'metadata-flavor': 'Google' } };
  const { sign, raw, clock } = signer({ credentials: null, metadata: true, metadataOrigin: origin });
  await sign();
  for (let n = 0; n < 20; n++) {
    clock.now += 1000;
    raw();
    await settled();
  }
  assert.equal(seen.length, 1);
  clock.now += 105_000;
  raw();
  await until(() => seen.length === 2);
});

test('refused credentials: said, not repeated for half a minute', async () => {
  answer = {
    status: 400,
    body: JSON.stringify({ error: 'invalid_grant', error_description: 'Invalid JWT Signature.' }),
  };
  const { sign, clock } = signer();
  assert.match(await refusedWith('upstream_unauthorized', sign), /invalid_grant/);
  await refusedWith('upstream_unauthorized', sign);
  assert.equal(seen.length, 1);
  clock.now += 31_000;
  answer = granted('one');
  assert.deepEqual(await sign(), { authorization: 'Bearer one' });
});

test('answers that are none: every one is a failure of its class', async () => {
  const table: [string, typeof answer, string][] = [
    ['overloaded', { status: 429, body: '{}' }, 'upstream_unreachable'],
    ['down', { status: 502, body: '<html>' }, 'upstream_unreachable'],
    ['a redirect', { status: 302, body: '', headers: { location: 'https://evil.example' } }, 'upstream_unreachable'],
    ['a page', { status: 200, body: '<html>sign in</html>' }, 'upstream_unreachable'],
    ['no token', { status: 200, body: '{"expires_in":10}' }, 'upstream_unreachable'],
    ['a token that breaks out', granted('x\r\nhost: evil'), 'upstream_unreachable'],
    ['forbidden', { status: 403, body: 'no' }, 'upstream_unauthorized'],
    ['unauthorized', { status: 401, body: '[]' }, 'upstream_unauthorized'],
  ];
  for (const [what, said, code] of table) {
    answer = said;
    await refusedWith(code, signer().sign).catch((error) => assert.fail(`${what}: ${error}`));
  }
  const unreachable: FetchToken = () => Promise.reject(new Error('connect ECONNREFUSED 10.0.0.1'));
  const detail = await refusedWith('upstream_unreachable', signer({ fetchToken: unreachable }).sign);
  assert.doesNotMatch(detail, /10\.0/);
});

test('a life that is not said or absurd is short or capped', async () => {
  for (const [life, good, gone] of [
    [undefined, 9, 10],
    [-5, 9, 10],
    ['3600', 9, 10],
    [1e12, 719, 720],
  ] as const) {
    answer = { status: 200, body: JSON.stringify({ access_token: 'one', expires_in: life }) };
    const { sign, raw, clock } = signer();
    await sign();
    clock.now = START + good * MINUTE;
    assert.ok(!(raw() instanceof Promise), String(life));
    await settled();
    const before = seen.length;
    clock.now = START + 2 * gone * MINUTE;
    await sign();
    assert.equal(seen.length, before + 1, String(life));
  }
});

test('credentials that cannot be used say what is wrong, and nothing of their key', async () => {
  answer = granted('never');
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  const table: [string, string | null, RegExp][] = [
    ['none', null, /GOOGLE_APPLICATION_CREDENTIALS/],
    ['empty', ' ', /GOOGLE_APPLICATION_CREDENTIALS/],
    ['cut short', `{"private_key": "${pem.slice(0, 60)}`, /not a JSON object/],
    ['a missing file', '/nowhere/key.json', /cannot be read \(ENOENT\)/],
    ['another type', serviceAccount({ type: 'external_account' }), /service_account/],
    ['no mail', serviceAccount({ client_email: '' }), /client_email/],
    ['no key', serviceAccount({ private_key: 7 }), /private_key/],
    ['a broken key', serviceAccount({ private_key: 'secret' }), /not an RSA key/],
    ['a key of another kind', serviceAccount({ private_key: ec.toString() }), /not an RSA key/],
    ['another endpoint', serviceAccount({ token_uri: 'https://evil.example/token' }), /token_uri/],
    ['no endpoint', serviceAccount({ token_uri: 'token' }), /token_uri/],
  ];
  for (const [what, credentials, words] of table) {
    const detail = await refusedWith('upstream_unauthorized', signer({ credentials }).sign);
    assert.match(detail, words, what);
    assert.doesNotMatch(detail, /secret|BEGIN|nowhere/, what);
  }
  assert.equal(seen.length, 0);
});

test('without an exception a key names only https hosts of googleapis.com', async () => {
  const asked: string[] = [];
  const fetchToken: FetchToken = (_method, url) => {
    asked.push(url.href);
    return Promise.resolve({ status: 200, headers: {}, body: granted('one').body });
  };
  const with_ = (token_uri: unknown) =>
    createGoogleSigner({ credentials: serviceAccount({ token_uri }), metadata: true, fetchToken }).sign({
      method: 'GET',
      url: new URL('https://x.example'),
      headers: {},
      body: '',
    });
  for (const bad of [
    'http://oauth2.googleapis.com/token',
    'https://evilgoogleapis.com/token',
    'https://googleapis.com.evil.example/token',
    'https://oauth2.googleapis.com@evil.example/',
    'https://user:pass@oauth2.googleapis.com/token',
    'http://169.254.169.254/',
    7,
    null,
  ]) {
    await assert.rejects(async () => with_(bad), { code: 'upstream_unauthorized' }, String(bad));
  }
  await with_('https://oauth2.googleapis.com/token');
  await with_(undefined);
  assert.deepEqual(asked, ['https://oauth2.googleapis.com/token', 'https://oauth2.googleapis.com/token']);
});

test("a user's refresh token, and the project that pays", async () => {
  answer = granted('user-token');
  const { sign } = signer({
    credentials: JSON.stringify({
      type: 'authorized_user',
      client_id: 'id',
      client_secret: 's&cret',
      refresh_token: '1//r',
      quota_project_id: 'my-project',
      token_uri: `${origin}/token`,
    }),
  });
  assert.deepEqual(await sign(), { authorization: 'Bearer user-token', 'x-goog-user-project': 'my-project' });
  assert.deepEqual(Object.fromEntries(seen[0]?.form ?? []), {
    grant_type: 'refresh_token',
    client_id: 'id',
    client_secret: 's&cret',
    refresh_token: '1//r',
  });
});

test('a file is read anew for each token', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'google-'));
  const file = join(folder, 'key.json');
  try {
    await writeFile(file, serviceAccount({ client_email: 'old@p' }));
    answer = granted('one');
    const { sign, clock } = signer({ credentials: file });
    await sign();
    await writeFile(file, serviceAccount({ client_email: 'new@p' }));
    clock.now += 61 * MINUTE;
    await sign();
    const mails = seen.map((ask) => verified(ask.form.get('assertion') ?? '', publicKey).claims.iss);
    assert.deepEqual(mails, ['old@p', 'new@p']);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the metadata server: asked only when allowed, believed only when it says what it is', async () => {
  const flavor = { 'metadata-flavor': 'Google' };
  const options = { credentials: null, metadata: true, metadataOrigin: origin };
  answer = { ...granted('machine'), headers: flavor };
  const { sign } = signer(options);
  assert.deepEqual(await sign(), { authorization: 'Bearer machine' });
  const [ask] = seen;
  assert.deepEqual([ask?.method, ask?.headers['metadata-flavor']], ['GET', 'Google']);
  assert.equal(
    ask?.path,
    '/computeMetadata/v1/instance/service-accounts/default/token?scopes=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform',
  );
  answer = granted('impostor');
  await refusedWith('upstream_unreachable', signer(options).sign);
  answer = { status: 404, body: 'no account', headers: flavor };
  await refusedWith('upstream_unauthorized', signer(options).sign);
  answer = { ...granted('machine'), headers: flavor };
  await refusedWith('upstream_unauthorized', signer({ ...options, metadata: false }).sign);
  assert.equal(seen.length, 0);
});

const settled = () => new Promise((resolve) => setTimeout(resolve, 15));

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 3000;
  while (!condition()) {
    assert.ok(Date.now() < end, 'it never came');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
