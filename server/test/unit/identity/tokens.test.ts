import assert from 'node:assert/strict';
import { createHash, createPrivateKey, createPublicKey, hkdfSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { createTokens } from '../../../src/identity/tokens.ts';
import { ed, jws, seconds } from './kit.ts';

const SECRET = 's'.repeat(64);
const tokens = createTokens(SECRET);

/** What somebody has who knows the secret: to see that nothing else is what refuses. */
function ownKey() {
  const seed = Buffer.from(hkdfSync('sha256', SECRET, 'goblin-mcp', 'session token 1', 32));
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(privateKey);
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  return { privateKey, publicKey, kid: createHash('sha256').update(spki).digest('hex').slice(0, 16) };
}

const own = ownKey();
const HEAD = { alg: 'EdDSA', kid: own.kid, typ: 'goblin-session+jwt' };
const claims = () => ({
  iss: 'urn:goblin:mcp',
  aud: 'goblin-session',
  sub: 'usr_1',
  sid: 'ses_1',
  iat: seconds(),
  exp: seconds(60),
});

describe('our own tokens', () => {
  it('come back as they were made', async () => {
    const token = await tokens.session('ses_1', 'usr_1', 60);
    const read = await tokens.readSession(token);
    assert.equal(read?.session, 'ses_1');
    assert.ok(read.expires > seconds(50) && read.expires <= seconds(61));
    const link = await tokens.readLink(await tokens.link('req', 'key', 'key_1'));
    assert.deepEqual({ ...link, expires: 0 }, { request: 'req', kind: 'key', id: 'key_1', expires: 0 });
  });

  it('hold in every process with the same secret, and in no other', async () => {
    const token = await tokens.session('ses_1', 'usr_1', 60);
    assert.ok(await createTokens(SECRET).readSession(token));
    assert.equal(await createTokens('t'.repeat(64)).readSession(token), null);
  });

  it('are of one use: a link is no session, and a session is no link', async () => {
    assert.equal(await tokens.readSession(await tokens.link('req', 'session', 'ses_1')), null);
    assert.equal(await tokens.readLink(await tokens.session('ses_1', 'usr_1', 60)), null);
  });

  it('are what this file thinks they are', async () => {
    assert.equal((await tokens.readSession(jws(HEAD, claims(), own.privateKey)))?.session, 'ses_1');
  });

  const pair = ed();
  const spki = own.publicKey.export({ format: 'pem', type: 'spki' }).toString();
  const raw = Buffer.from(own.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('latin1');
  const cases: Record<string, string> = {
    'alg none': jws({ ...HEAD, alg: 'none' }, claims(), null),
    'alg none with a seal': `${jws({ ...HEAD, alg: 'none' }, claims(), null)}AAAA`,
    'alg None': jws({ ...HEAD, alg: 'None' }, claims(), null),
    'HS256 with the public key as its secret': jws({ ...HEAD, alg: 'HS256' }, claims(), spki),
    'HS256 with the public key, blanks around it': jws({ ...HEAD, alg: 'HS256' }, claims(), ` \n${spki}\n `),
    'HS256 with the raw public key': jws({ ...HEAD, alg: 'HS256' }, claims(), raw),
    'HS256 with an empty secret': jws({ ...HEAD, alg: 'HS256' }, claims(), ''),
    'another key': jws(HEAD, claims(), pair.privateKey),
    'another key under another kid': jws({ ...HEAD, kid: 'other' }, claims(), pair.privateKey),
    'our key under another kid': jws({ ...HEAD, kid: '../../dev/null' }, claims(), own.privateKey),
    'no kid': jws({ alg: 'EdDSA', typ: HEAD.typ }, claims(), own.privateKey),
    'another typ': jws({ ...HEAD, typ: 'JWT' }, claims(), own.privateKey),
    'no typ': jws({ alg: 'EdDSA', kid: own.kid }, claims(), own.privateKey),
    'another issuer': jws(HEAD, { ...claims(), iss: 'https://evil.example' }, own.privateKey),
    'another audience': jws(HEAD, { ...claims(), aud: 'goblin-link' }, own.privateKey),
    'no audience': jws(HEAD, { ...claims(), aud: undefined }, own.privateKey),
    over: jws(HEAD, { ...claims(), exp: seconds(-1) }, own.privateKey),
    'no end': jws(HEAD, { ...claims(), exp: undefined }, own.privateKey),
    'an end that is a text': jws(HEAD, { ...claims(), exp: '99999999999' }, own.privateKey),
    'not yet': jws(HEAD, { ...claims(), nbf: seconds(600) }, own.privateKey),
    'no session': jws(HEAD, { ...claims(), sid: undefined }, own.privateKey),
    'a session that is no text': jws(HEAD, { ...claims(), sid: ['ses_1'] }, own.privateKey),
  };
  for (const [name, token] of Object.entries(cases)) {
    it(`are refused: ${name}`, async () => assert.equal(await tokens.readSession(token), null));
  }

  it('are refused with any of their bits changed', async () => {
    const token = await tokens.session('ses_1', 'usr_1', 60);
    for (let at = 0; at < token.length; at += 7) {
      const char = token[at] === 'A' ? 'B' : 'A';
      const changed = token.slice(0, at) + char + token.slice(at + 1);
      if (changed !== token) assert.equal(await tokens.readSession(changed), null, `at ${at}`);
    }
  });
});
