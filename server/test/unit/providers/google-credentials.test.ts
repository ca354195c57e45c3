/** The credentials that Google is asked with: keys, refresh tokens, files and the machine itself, and those that cannot be used. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createGoogleSigner, type FetchToken } from '../../../src/providers/auth/google.ts';
import { granted, MINUTE, pem, publicKey, refusedWith, startGoogle, verified } from './google-kit.ts';

const google = await startGoogle();
const { origin, serviceAccount, signer } = google;
after(google.close);

test('credentials that cannot be used say what is wrong, and nothing of their key', async () => {
  google.answer = granted('never');
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
  assert.equal(google.seen.length, 0);
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
  google.answer = granted('user-token');
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
  assert.deepEqual(Object.fromEntries(google.seen[0]?.form ?? []), {
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
    google.answer = granted('one');
    const { sign, clock } = signer({ credentials: file });
    await sign();
    await writeFile(file, serviceAccount({ client_email: 'new@p' }));
    clock.now += 61 * MINUTE;
    await sign();
    const mails = google.seen.map((ask) => verified(ask.form.get('assertion') ?? '', publicKey).claims.iss);
    assert.deepEqual(mails, ['old@p', 'new@p']);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the metadata server: asked only when allowed, believed only when it says what it is', async () => {
  const flavor = { 'metadata-flavor': 'Google' };
  const options = { credentials: null, metadata: true, metadataOrigin: origin };
  google.answer = { ...granted('machine'), headers: flavor };
  const { sign } = signer(options);
  assert.deepEqual(await sign(), { authorization: 'Bearer machine' });
  const [ask] = google.seen;
  assert.deepEqual([ask?.method, ask?.headers['metadata-flavor']], ['GET', 'Google']);
  assert.equal(
    ask?.path,
    '/computeMetadata/v1/instance/service-accounts/default/token?scopes=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform',
  );
  google.answer = granted('impostor');
  await refusedWith('upstream_unreachable', signer(options).sign);
  google.answer = { status: 404, body: 'no account', headers: flavor };
  await refusedWith('upstream_unauthorized', signer(options).sign);
  google.answer = { ...granted('machine'), headers: flavor };
  await refusedWith('upstream_unauthorized', signer({ ...options, metadata: false }).sign);
  assert.equal(google.seen.length, 0);
});
