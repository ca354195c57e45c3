import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIni } from '../../../src/providers/auth/aws-files.ts';
import {
  type Answer,
  failed,
  instance,
  LATER,
  nobody,
  type Seen,
  signedBy,
  signerIn,
  stsAnswer,
  world,
} from './aws-kit.ts';

const ENV = { AWS_ACCESS_KEY_ID: 'AKIAENV', AWS_SECRET_ACCESS_KEY: 'envsecret' };
const form = (seen: Seen | undefined) => Object.fromEntries(new URLSearchParams(seen?.body ?? ''));

test('the environment comes first and asks nobody', async (t) => {
  const made = await world(t, nobody);
  made.files['/home/me/.aws/credentials'] = '[default]\naws_access_key_id=AKIAFILE\naws_secret_access_key=x';
  const sign = signerIn(made, { ...ENV, AWS_SESSION_TOKEN: 'token' });
  const headers = await sign();
  assert.equal(await signedBy(headers), 'AKIAENV');
  assert.deepEqual(Object.keys(headers).sort(), ['authorization', 'x-amz-date', 'x-amz-security-token']);
  assert.equal(headers['x-amz-date'], '20261126T120000Z');
  assert.ok(!(sign() instanceof Promise), 'later calls do not wait');
  assert.equal(made.seen.length, 0);
});

test('half a key is told apart from none', async (t) => {
  const made = await world(t, nobody);
  const half = await failed(signerIn(made, { AWS_ACCESS_KEY_ID: 'AKIA' })());
  assert.deepEqual([half.code, half.detail.includes('environment')], ['upstream_unauthorized', true]);
  const broken = await failed(signerIn(made, { ...ENV, AWS_SECRET_ACCESS_KEY: 'a\r\nb' })());
  assert.ok(!broken.message.includes('a\r\nb'));
  const none = await failed(signerIn(made, { AWS_EC2_METADATA_DISABLED: 'true' })());
  assert.equal(none.code, 'upstream_unauthorized');
  assert.equal(made.seen.length, 0);
});

test('shared files: profiles, names, comments, which file wins', async (t) => {
  const made = await world(t, nobody);
  made.files['/home/me/.aws/config'] = [
    '[default]',
    'region = us-east-1 ; the nearest',
    '[profile team "x"]',
    '[profile work]',
    'aws_access_key_id = AKIACONFIG',
    'aws_secret_access_key = configsecret # not a comment of ours',
    's3 =',
    '  aws_access_key_id = nested',
    '[other]',
    'aws_access_key_id = AKIANOT',
  ].join('\r\n');
  made.files['/home/me/.aws/credentials'] = [
    '# keys',
    '[default]',
    'aws_access_key_id=AKIADEFAULT',
    'aws_secret_access_key=a=b+c/d',
    '[work]',
    'aws_access_key_id=AKIAWORK',
  ].join('\n');
  assert.equal(await signedBy(signerIn(made, {})()), 'AKIADEFAULT');
  assert.equal(await signedBy(signerIn(made, { AWS_PROFILE: 'work' })()), 'AKIAWORK');
  assert.equal(await signedBy(signerIn(made, ENV, { profile: 'work' })()), 'AKIAWORK');
  assert.equal(
    await signedBy(signerIn(made, { AWS_PROFILE: 'work', AWS_SHARED_CREDENTIALS_FILE: '/none' })()),
    'AKIACONFIG',
  );
  const missing = await failed(signerIn(made, { AWS_PROFILE: 'nope' })());
  assert.match(missing.detail, /"nope" is not there/);
  assert.match((await failed(signerIn(made, { AWS_PROFILE: 'other' })())).detail, /"other"/);
  made.files['/else'] = '[default]\naws_access_key_id=AKIAELSE\naws_secret_access_key=x';
  assert.equal(await signedBy(signerIn(made, { AWS_SHARED_CREDENTIALS_FILE: '/else' })()), 'AKIAELSE');
  assert.equal(parseIni('a = b\n[x]\n= c\nd\n').get('x')?.size, 0);
});

test('what a profile asks for that is not done here is refused by name', async (t) => {
  const made = await world(t, nobody);
  made.files['/home/me/.aws/config'] = [
    '[profile run]\ncredential_process = /bin/evil',
    '[profile sso]\nsso_session = my',
    '[profile mfa]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = run\nmfa_serial = arn:aws:iam::1:mfa/me',
    '[profile a]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = b',
    '[profile b]\nrole_arn = arn:aws:iam::1:role/b\nsource_profile = a',
    '[profile lost]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = nope',
    '[profile bare]\nrole_arn = arn:aws:iam::1:role/r',
  ].join('\n');
  const table: [string, RegExp][] = [
    ['run', /no program is run/],
    ['sso', /sign-in/],
    ['mfa', /multi-factor/],
    ['a', /leads back to itself/],
    ['lost', /source has no credentials/],
    ['bare', /neither source_profile/],
  ];
  for (const [profile, words] of table) {
    const error = await failed(signerIn(made, {}, { profile })());
    assert.equal(error.code, 'upstream_unauthorized');
    assert.match(error.detail, words);
  }
  assert.equal(made.seen.length, 0);
});

test('a role by source_profile, through STS, signed with the source’s keys', async (t) => {
  const made = await world(t, () => ({ body: stsAnswer('ASIAROLE', LATER) }));
  made.files['/home/me/.aws/config'] = [
    '[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s',
    '[profile mid]\nrole_arn = arn:aws:iam::1:role/mid\nsource_profile = base\nregion = us-west-2',
    '[profile top]\nrole_arn = arn:aws:iam::2:role/top\nsource_profile = mid\nexternal_id = ext\nrole_session_name = me\nduration_seconds = 900',
    '[profile self]\nrole_arn = arn:aws:iam::3:role/self\nsource_profile = self\naws_access_key_id = AKIASELF\naws_secret_access_key = s',
  ].join('\n');
  const headers = await signerIn(made, {}, { profile: 'top' })();
  assert.equal(await signedBy(headers), 'ASIAROLE');
  assert.match(headers['x-amz-security-token'] ?? '', /^AQoD/);
  const [mid, top] = made.seen;
  assert.equal(mid?.url, 'https://sts.us-west-2.amazonaws.com/');
  assert.match(mid?.headers.authorization ?? '', /Credential=AKIABASE\/20261126\/us-west-2\/sts\//);
  assert.equal(form(mid).RoleArn, 'arn:aws:iam::1:role/mid');
  assert.equal(top?.url, 'https://sts.eu-central-1.amazonaws.com/');
  assert.match(top?.headers.authorization ?? '', /Credential=ASIAROLE\//);
  assert.deepEqual(form(top), {
    Version: '2011-06-15',
    Action: 'AssumeRole',
    RoleArn: 'arn:aws:iam::2:role/top',
    RoleSessionName: 'me',
    ExternalId: 'ext',
    DurationSeconds: '900',
  });
  await signerIn(made, {}, { profile: 'self' })();
  assert.match(made.seen[2]?.headers.authorization ?? '', /Credential=AKIASELF\//);
});

test('a role by credential_source', async (t) => {
  const made = await world(t, () => ({ body: stsAnswer('ASIAROLE', LATER) }));
  made.files['/home/me/.aws/config'] =
    '[profile env]\nrole_arn = arn:aws:iam::1:role/r\ncredential_source = Environment';
  assert.equal(await signedBy(signerIn(made, ENV, { profile: 'env' })()), 'ASIAROLE');
  assert.match(made.seen[0]?.headers.authorization ?? '', /Credential=AKIAENV\//);
});

test('a web identity: the token of the file, unsigned', async (t) => {
  const made = await world(t, () => ({ body: stsAnswer('ASIAWEB', LATER, 'AssumeRoleWithWebIdentity') }));
  made.files['/token'] = 'eyJ.token.one\n';
  const env = {
    AWS_WEB_IDENTITY_TOKEN_FILE: '/token',
    AWS_ROLE_ARN: 'arn:aws:iam::1:role/pod',
    AWS_ROLE_SESSION_NAME: 'pod',
  };
  assert.equal(await signedBy(signerIn(made, env)()), 'ASIAWEB');
  assert.equal(made.seen[0]?.headers.authorization, undefined);
  assert.deepEqual(form(made.seen[0]), {
    Version: '2011-06-15',
    Action: 'AssumeRoleWithWebIdentity',
    RoleArn: 'arn:aws:iam::1:role/pod',
    RoleSessionName: 'pod',
    WebIdentityToken: 'eyJ.token.one',
  });
  const missing = await failed(signerIn(made, { ...env, AWS_WEB_IDENTITY_TOKEN_FILE: '/none' })());
  assert.equal(missing.code, 'upstream_unauthorized');
});

test('what STS refuses, and what passes by itself', async (t) => {
  let answer: Answer = null;
  const made = await world(t, () => answer);
  made.files['/token'] = 'secret-token';
  const env = { AWS_WEB_IDENTITY_TOKEN_FILE: '/token', AWS_ROLE_ARN: 'arn:aws:iam::1:role/pod' };
  const error = (code: string) =>
    `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>User arn:aws:iam::1:x is not authorized secret-token</Message></Error></ErrorResponse>`;
  const table: [Answer, string, RegExp][] = [
    [{ status: 403, body: error('AccessDenied') }, 'upstream_unauthorized', /AccessDenied$/],
    [{ status: 400, body: error('ExpiredTokenException') }, 'upstream_unauthorized', /ExpiredTokenException$/],
    [{ status: 400, body: error('IDPCommunicationError') }, 'upstream_unreachable', /IDPCommunicationError$/],
    [{ status: 400, body: error('Throttling') }, 'upstream_unreachable', /Throttling$/],
    [{ status: 503, body: '<html>' }, 'upstream_unreachable', /status 503$/],
    [{ status: 302 }, 'upstream_unauthorized', /status 302$/],
    [{ body: '<html>fine</html>' }, 'upstream_unauthorized', /AWS STS has no AWS key/],
    [{ body: stsAnswer('ASIA', '2020-01-01T00:00:00Z') }, 'upstream_unreachable', /run out/],
    [{ never: true }, 'upstream_unreachable', /did not answer/],
    [null, 'upstream_unreachable', /did not answer/],
  ];
  for (const [said, code, words] of table) {
    answer = said;
    const found = await failed(signerIn(made, env)());
    assert.equal(found.code, code, JSON.stringify(said));
    assert.match(found.detail, words);
    assert.ok(!found.detail.includes('secret-token') && !found.detail.includes('arn:'));
  }
});

const CONTAINER = JSON.stringify({
  RoleArn: 'r',
  AccessKeyId: 'ASIATASK',
  SecretAccessKey: 's',
  Token: 't',
  Expiration: LATER,
});

test('a container’s endpoint, by path and by address, with its token', async (t) => {
  const made = await world(t, () => ({ body: CONTAINER }));
  assert.equal(
    await signedBy(signerIn(made, { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/x?a=1' })()),
    'ASIATASK',
  );
  assert.equal(made.seen[0]?.url, 'http://169.254.170.2/v2/credentials/x?a=1');
  assert.equal(made.seen[0]?.headers.authorization, undefined);
  made.files['/pod'] = 'from-file\n';
  const eks = {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://169.254.170.23/v1/credentials',
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/pod',
    AWS_CONTAINER_AUTHORIZATION_TOKEN: 'from-env',
  };
  await signerIn(made, eks)();
  assert.deepEqual(
    [made.seen[1]?.url, made.seen[1]?.headers.authorization],
    ['http://169.254.170.23/v1/credentials', 'from-file'],
  );
  const { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: _, ...plain } = eks;
  await signerIn(made, plain)();
  assert.equal(made.seen[2]?.headers.authorization, 'from-env');
  assert.equal(
    (await failed(signerIn(made, { ...eks, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/none' })())).code,
    'upstream_unauthorized',
  );
});

test('addresses of containers that are not theirs are refused unasked', async (t) => {
  const made = await world(t, () => ({ body: CONTAINER }));
  for (const uri of [
    'http://example.com/',
    'http://169.254.169.254/latest/',
    'http://127.0.0.1.example.com/',
    'http://localhost.example.com/',
    'ftp://localhost/',
    'nonsense',
    '',
  ]) {
    const env = { AWS_CONTAINER_CREDENTIALS_FULL_URI: uri, AWS_EC2_METADATA_DISABLED: 'true' };
    assert.equal((await failed(signerIn(made, env)())).code, 'upstream_unauthorized', uri);
  }
  for (const path of ['@evil.example/x', '.evil.example/', 'x', ':80@evil.example/']) {
    const found = await failed(signerIn(made, { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: path })());
    assert.match(found.detail, /not a path/, path);
  }
  assert.equal(made.seen.length, 0);
  for (const uri of ['http://127.0.0.1:1/x', 'http://[::1]/x', 'http://localhost/x', 'https://vault.example.com/x']) {
    assert.equal(await signedBy(signerIn(made, { AWS_CONTAINER_CREDENTIALS_FULL_URI: uri })()), 'ASIATASK', uri);
  }
});

test('an instance’s role: the token first, at the one address', async (t) => {
  const made = await world(t, instance);
  assert.equal(await signedBy(signerIn(made, {})()), 'ASIAEC2');
  assert.deepEqual(
    made.seen.map((seen) => `${seen.method} ${seen.url}`),
    [
      'PUT http://169.254.169.254/latest/api/token',
      'GET http://169.254.169.254/latest/meta-data/iam/security-credentials/',
      'GET http://169.254.169.254/latest/meta-data/iam/security-credentials/my%20role',
    ],
  );
  assert.equal(made.seen[0]?.headers['x-aws-ec2-metadata-token-ttl-seconds'], '21600');
});

test('an instance that gives nothing', async (t) => {
  let at: (seen: Seen) => Answer = nobody;
  const made = await world(t, (seen) => at(seen));
  const table: [(seen: Seen) => Answer, string, RegExp][] = [
    [nobody, 'upstream_unauthorized', /no AWS credentials/],
    [() => ({ never: true }), 'upstream_unauthorized', /no AWS credentials/],
    // Version 1 is never asked.
    [() => ({ status: 404 }), 'upstream_unauthorized', /status 404/],
    [() => ({ body: 'two words' }), 'upstream_unauthorized', /status 200/],
    [(seen) => (seen.method === 'PUT' ? { body: 'T' } : { status: 404 }), 'upstream_unauthorized', /no role/],
    [(seen) => (seen.method === 'PUT' ? { body: 'T' } : { status: 500 }), 'upstream_unreachable', /status 500/],
    [(seen) => (seen.method === 'PUT' ? { body: 'T' } : null), 'upstream_unreachable', /did not answer/],
    [(seen) => (seen.method === 'PUT' ? { body: 'T' } : { body: 'not JSON' }), 'upstream_unreachable', /not JSON/],
    [
      (seen) => (seen.method === 'PUT' ? { body: 'T' } : { body: '{"Code":"AssumeRoleUnauthorizedAccess"}' }),
      'upstream_unauthorized',
      /gave no credentials/,
    ],
  ];
  for (const [answer, code, words] of table) {
    at = answer;
    const found = await failed(signerIn(made, {})());
    assert.deepEqual([found.code, words.test(found.detail)], [code, true], `${found.detail} ${words}`);
  }
});
