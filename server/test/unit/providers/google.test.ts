/** Tokens of Google: fetched once for all, renewed in time, and what an answer that is none means. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { FetchToken } from '../../../src/providers/auth/google.ts';
import { until } from '../../support/patience.ts';
import {
  type Answer,
  granted,
  MINUTE,
  publicKey,
  refusedWith,
  START,
  settled,
  startGoogle,
  verified,
} from './google-kit.ts';

const google = await startGoogle();
const { origin, signer } = google;
after(google.close);

test('a service account: a signed JWT for a token, which then serves at once', async () => {
  google.answer = granted('ya29.one');
  const { sign, raw } = signer();
  assert.deepEqual(await sign(), { authorization: 'Bearer ya29.one' });
  const [ask] = google.seen;
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
  assert.equal(google.seen.length, 1);
});

test('many callers at once fetch one token, also when it fails', async () => {
  google.answer = { ...granted('ya29.one'), delayMs: 20 };
  const { sign } = signer();
  const all = await Promise.all(Array.from({ length: 50 }, sign));
  assert.ok(all.every((headers) => headers.authorization === 'Bearer ya29.one'));
  assert.equal(google.seen.length, 1);
  google.answer = { status: 503, body: '', delayMs: 20 };
  const failing = signer();
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, failing.sign));
  assert.ok(outcomes.every((outcome) => outcome.status === 'rejected'));
  assert.equal(google.seen.length, 1);
});

test('five minutes before its end a token is renewed beside the calls, and only once', async () => {
  google.answer = granted('one');
  const { sign, raw, clock } = signer();
  await sign();
  clock.now += 54 * MINUTE;
  raw();
  await settled();
  assert.equal(google.seen.length, 1);
  clock.now += 1 * MINUTE;
  google.answer = { ...granted('two'), delayMs: 10 };
  for (let n = 0; n < 5; n++) assert.deepEqual(raw(), { authorization: 'Bearer one' });
  await until(() => (raw() as Record<string, string>).authorization === 'Bearer two');
  assert.equal(google.seen.length, 2);
});

test('an early renewal that fails leaves the old token, pauses, and is told when the token has run out', async () => {
  google.answer = granted('one');
  const { sign, raw, clock } = signer();
  await sign();
  clock.now += 56 * MINUTE;
  google.answer = { status: 500, body: 'oops' };
  raw();
  await until(() => google.seen.length === 2);
  await settled();
  assert.deepEqual(raw(), { authorization: 'Bearer one' });
  await settled();
  assert.equal(google.seen.length, 2);
  clock.now += 31_000;
  raw();
  await until(() => google.seen.length === 3);
  await settled();
  clock.now += 4 * MINUTE;
  assert.match(await refusedWith('upstream_unreachable', sign), /500/);
  google.answer = granted('two');
  assert.deepEqual(await sign(), { authorization: 'Bearer two' });
});

test('a token of the metadata server that is not renewed yet is not asked for with every call', async () => {
  google.answer = { ...granted('one', 240), headers: { 'metadata-flavor': 'Google' } };
  const { sign, raw, clock } = signer({ credentials: null, metadata: true, metadataOrigin: origin });
  await sign();
  for (let n = 0; n < 20; n++) {
    clock.now += 1000;
    raw();
    await settled();
  }
  assert.equal(google.seen.length, 1);
  clock.now += 105_000;
  raw();
  await until(() => google.seen.length === 2);
});

test('refused credentials: said, not repeated for half a minute', async () => {
  google.answer = {
    status: 400,
    body: JSON.stringify({ error: 'invalid_grant', error_description: 'Invalid JWT Signature.' }),
  };
  const { sign, clock } = signer();
  assert.match(await refusedWith('upstream_unauthorized', sign), /invalid_grant/);
  await refusedWith('upstream_unauthorized', sign);
  assert.equal(google.seen.length, 1);
  clock.now += 31_000;
  google.answer = granted('one');
  assert.deepEqual(await sign(), { authorization: 'Bearer one' });
});

test('answers that are none: every one is a failure of its class', async () => {
  const table: [string, Answer, string][] = [
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
    google.answer = said;
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
    google.answer = { status: 200, body: JSON.stringify({ access_token: 'one', expires_in: life }) };
    const { sign, raw, clock } = signer();
    await sign();
    clock.now = START + good * MINUTE;
    assert.ok(!(raw() instanceof Promise), String(life));
    await settled();
    const before = google.seen.length;
    clock.now = START + 2 * gone * MINUTE;
    await sign();
    assert.equal(google.seen.length, before + 1, String(life));
  }
});
