import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GoblinError } from '../../../src/contract/errors.ts';
import type { Issuer } from '../../../src/identity/issuer.ts';
import { createIssuers } from '../../../src/identity/issuers.ts';
import { ec, ed, type Json, jwk, jws, type Pair, pem, rsa, seconds } from './kit.ts';

const KEYS_URL = 'https://login.example.com/keys';
const one = rsa();
const two = ec();

const corp: Issuer = {
  name: 'corp',
  issuer: 'https://login.example.com',
  audience: ['goblin'],
  jwksUrl: KEYS_URL,
  algorithms: ['RS256', 'ES256'],
  tenant: 'acme',
  claims: { roles: 'groups', teams: 'realm.teams', email: 'email', name: 'name' },
  roles: { admins: 'admin', staff: 'member', owners: 'owner' },
  defaultRole: null,
  teams: { 'team-a': 'research' },
  signIn: null,
};

interface World {
  asked: string[];
  keys: Json[];
  status: number;
  now: number;
}

const told: string[] = [];

function world(more: Partial<Issuer> = {}, others: Issuer[] = []) {
  const state: World = {
    asked: [],
    keys: [jwk(one, { kid: 'a' }), jwk(two, { kid: 'b', alg: 'ES256' })],
    status: 200,
    now: Date.now(),
  };
  const issuers = createIssuers(
    [{ ...corp, ...more }, ...others],
    async (_method, url) => {
      state.asked.push(url.href);
      if (state.status === 0) throw new Error('no route');
      return { status: state.status, headers: {}, body: JSON.stringify({ keys: state.keys }) };
    },
    () => state.now,
    (what, issuer, reason) => told.push(`${what} ${issuer?.name} ${reason}`),
  );
  return { ...issuers, state };
}

const claims = (more: Json = {}): Json => ({
  iss: corp.issuer,
  aud: 'goblin',
  sub: 'ada',
  iat: seconds(),
  exp: seconds(300),
  groups: ['staff'],
  ...more,
});
const token = (more: Json = {}, header: Json = {}, pair: Pair = one): string =>
  jws({ alg: 'RS256', kid: 'a', typ: 'JWT', ...header }, claims(more), pair.privateKey);

describe('tokens of other issuers', () => {
  it('say who it is, what he may, and for whom', async () => {
    const { verify, state } = world();
    const found = await verify(
      token({ groups: ['staff', 'admins', 'other'], realm: { teams: ['team-a', 'nobody'] }, email: 'a@b.c' }),
    );
    assert.ok(found);
    assert.equal(found.subject, 'ada');
    assert.equal(found.role, 'admin', 'the highest of several');
    assert.deepEqual(found.teams, ['research']);
    assert.equal(found.issuer.tenant, 'acme');
    assert.equal(found.email, 'a@b.c');
    assert.deepEqual(state.asked, [KEYS_URL]);
    assert.ok(await verify(token({}, { alg: 'ES256', kid: 'b' }, two)));
    assert.deepEqual(state.asked, [KEYS_URL], 'keys are kept');
  });

  it('give no role that nobody gave', async () => {
    const { verify } = world();
    for (const groups of [[], ['others'], 'others', undefined, 7, { staff: true }, ['__proto__'], ['toString']]) {
      assert.equal(await verify(token({ groups })), null, JSON.stringify(groups));
    }
    assert.equal((await world({ defaultRole: 'viewer' }).verify(token({ groups: [] })))?.role, 'viewer');
    assert.equal(
      (await world({ claims: { ...corp.claims, roles: 'scope' } }).verify(token({ scope: 'openid staff' })))?.role,
      'member',
    );
  });

  it('are refused for a reason that is told to the log', async () => {
    const { verify, verifyId } = world();
    const reasons: [string, string][] = [
      [token({ iss: 'https://evil.example' }), 'undefined issuer'],
      [token({}, { alg: 'RS512' }), 'corp algorithm'],
      [token({ aud: 'somebody-else' }), 'corp audience'],
      [token({}, {}, rsa()), 'corp signature'],
      [token({}, { kid: 'z' }), 'corp key'],
      [token({ exp: 1 }), 'corp expired'],
      [token({ nbf: seconds(600) }), 'corp not_yet'],
      [token({ sub: undefined }), 'corp subject'],
      [token({ groups: [] }), 'corp role'],
      [token({}, { jku: 'https://evil.example' }), 'undefined malformed'],
    ];
    for (const [one, reason] of reasons) {
      told.length = 0;
      assert.equal(await verify(one), null, reason);
      assert.deepEqual(told, [`token ${reason}`]);
    }
    told.length = 0;
    assert.equal(await verifyId(corp, token({ nonce: 'x' }), 'goblin', 'y'), null);
    assert.deepEqual(told, ['sign-in corp nonce']);
  });

  const stranger = rsa();
  const header = { alg: 'RS256', kid: 'a', typ: 'JWT' };
  const cases: Record<string, () => string> = {
    'alg none': () => jws({ ...header, alg: 'none' }, claims(), null),
    'another key under a known kid': () => token({}, {}, stranger),
    'a key that is not known': () => token({}, { kid: 'z' }, stranger),
    'a key in its own header': () => token({}, { jwk: jwk(stranger), kid: 'z' }, stranger),
    'a key set of its own choice': () => token({}, { jku: 'https://evil.example/keys', kid: 'z' }, stranger),
    'a certificate of its own choice': () => token({}, { x5u: 'https://evil.example/cert', kid: 'z' }, stranger),
    'a kid that is a path': () => token({}, { kid: '../../../../dev/null' }, stranger),
    'a kid that is SQL': () => token({}, { kid: "a' union select 'x" }, stranger),
    'a kid that is no text': () => token({}, { kid: { a: 1 } }, stranger),
    'HS256 with the public key as its secret': () => jws({ ...header, alg: 'HS256' }, claims(), pem(one)),
    'HS256 with the public key without its last line end': () =>
      jws({ ...header, alg: 'HS256' }, claims(), pem(one).trimEnd()),
    'HS256 with the public key, blanks before it': () => jws({ ...header, alg: 'HS256' }, claims(), `\n \t${pem(one)}`),
    'HS256 with the modulus': () => jws({ ...header, alg: 'HS256' }, claims(), String(jwk(one).n)),
    'an algorithm that is not on the list': () => token({}, { alg: 'RS512' }),
    'an algorithm of another kind of key': () => jws({ ...header, alg: 'ES256', kid: 'a' }, claims(), two.privateKey),
    'EdDSA, which is not on the list': () => jws({ ...header, alg: 'EdDSA' }, claims(), ed().privateKey),
    'another issuer': () => token({ iss: 'https://login.example.com/' }),
    'no issuer': () => token({ iss: undefined }),
    'another audience': () => token({ aud: 'somebody-else' }),
    'no audience': () => token({ aud: undefined }),
    'no subject': () => token({ sub: undefined }),
    'a subject that is no text': () => token({ sub: 7 }),
    'a subject with a line end': () => token({ sub: 'a\nb' }),
    'an endless subject': () => token({ sub: 'a'.repeat(300) }),
    over: () => token({ exp: seconds(-60) }),
    'no end': () => token({ exp: undefined }),
    'not yet': () => token({ nbf: seconds(600) }),
    'a critical header': () => token({}, { crit: ['exp'] }),
    'a claim twice': () =>
      jws(
        header,
        `{"iss":"${corp.issuer}","aud":"goblin","sub":"ada","exp":${seconds(60)},"groups":["staff"],"groups":["admins"]}`,
        one.privateKey,
      ),
    'a header twice': () => jws('{"alg":"RS256","kid":"a","kid":"a"}', claims(), one.privateKey),
    'blanks in it': () => token().replace('.', '. '),
    'a huge one': () => token({ pad: 'x'.repeat(10_000) }),
    'our own name': () => token({ iss: 'urn:goblin:mcp' }),
  };
  for (const [name, make] of Object.entries(cases)) {
    it(`are refused: ${name}`, async () => {
      const { verify, state } = world();
      assert.ok(await verify(token()), 'a good one holds');
      assert.equal(await verify(make()), null);
      assert.ok(
        state.asked.every((url) => url === KEYS_URL),
        `asked ${state.asked}`,
      );
    });
  }

  it('are never checked with a shared secret that stands among the keys, nor with one for encryption', async () => {
    const { verify, state } = world({ algorithms: ['RS256'] });
    state.keys = [
      { kty: 'oct', kid: 'h', k: Buffer.from('secret').toString('base64url') },
      jwk(one, { kid: 'a', use: 'enc' }),
    ];
    assert.equal(await verify(jws({ alg: 'HS256', kid: 'h' }, claims(), 'secret')), null);
    assert.equal(await verify(token()), null);
  });

  it('without a kid hold only when there is no doubt about the key', async () => {
    const { verify, state } = world();
    assert.ok(await verify(token({}, { kid: undefined })), 'one RSA key');
    const other = world();
    other.state.keys = [jwk(one, { kid: 'a' }), jwk(rsa(), { kid: 'c' })];
    assert.equal(await other.verify(token({}, { kid: undefined })), null);
    assert.equal(state.asked.length, 1);
  });

  it('look for a key that is not known, but not again and again', async () => {
    const { verify, state } = world();
    await verify(token());
    const fresh = rsa();
    state.keys = [jwk(fresh, { kid: 'new' })];
    for (let n = 0; n < 50; n++) assert.equal(await verify(token({}, { kid: `made-up-${n}` }, stranger)), null);
    assert.equal(state.asked.length, 1, 'keys were fetched just now');
    state.now += 11_000;
    assert.ok(await verify(token({}, { kid: 'new' }, fresh)), 'the issuer has a new key');
    assert.equal(await verify(token()), null, 'and the old one is gone');
    assert.equal(state.asked.length, 2);
    for (let n = 0; n < 50; n++) await verify(token({}, { kid: `made-up-${n}` }, stranger));
    assert.equal(state.asked.length, 2);
  });

  it('go on for a day while the issuer is away, then nobody gets in, and it is said why', async () => {
    const { verify, state } = world();
    await verify(token());
    state.status = 0;
    state.now += 3_600_000;
    assert.ok(await verify(token({ exp: seconds(7200), iat: seconds(3600) })));
    state.now += 86_400_000;
    await assert.rejects(
      verify(token({ exp: seconds(200_000) })),
      (error) => error instanceof GoblinError && error.code === 'unavailable',
    );
    const never = world();
    for (const status of [0, 500, 302, 404]) {
      never.state.status = status;
      never.state.now += 2000;
      await assert.rejects(
        never.verify(token()),
        (error) => error instanceof GoblinError && error.code === 'unavailable',
      );
    }
  });

  it('are those of the entry that they name, also when two entries have one issuer', async () => {
    const other: Issuer = { ...corp, name: 'other', audience: ['other'], tenant: 'other', defaultRole: 'viewer' };
    const { verify } = world({}, [other]);
    assert.equal((await verify(token({ aud: 'other', groups: [] })))?.issuer.tenant, 'other');
    assert.equal((await verify(token({ aud: ['x', 'goblin'] })))?.issuer.tenant, 'acme');
  });

  it('are not taken from an issuer that is there for sign-in only', async () => {
    assert.equal(await world({ audience: null }).verify(token()), null);
  });
});

describe('the document of an issuer', () => {
  it('says where its keys are, when the configuration does not; and must be its own', async () => {
    const asked: string[] = [];
    let issuer = corp.issuer;
    let jwks = KEYS_URL;
    const make = () =>
      createIssuers([{ ...corp, jwksUrl: null }], async (_method, url) => {
        asked.push(url.href);
        const body = url.pathname.includes('well-known')
          ? { issuer, jwks_uri: jwks }
          : { keys: [jwk(one, { kid: 'a' })] };
        return { status: 200, headers: {}, body: JSON.stringify(body) };
      });
    assert.ok(await make().verify(token()));
    assert.deepEqual(asked, [`${corp.issuer}/.well-known/openid-configuration`, KEYS_URL]);
    issuer = 'https://evil.example';
    await assert.rejects(make().verify(token()), /unavailable/);
    issuer = corp.issuer;
    for (const url of [
      'http://login.example.com/keys',
      'file:///etc/passwd',
      'https://user:pass@login.example.com/keys',
    ]) {
      jwks = url;
      await assert.rejects(make().verify(token()), /unavailable/, url);
    }
  });
});
