/** Other issuers: their tokens as credentials, and sign-in at one of them, against a provider on loopback. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bearer, makeUser, me, type UserView } from '../support/accounts.ts';
import { call, isProblem, type Json, post } from '../support/api.ts';
import { freePort } from '../support/daemon.ts';
import { CLIENT_SECRET, startIssuer, type TestIssuer } from '../support/issuer.ts';
import { eventually, type Server, startServer } from '../support/server.ts';

let issuer: TestIssuer;
let server: Server;

const claims = { roles: 'groups', teams: 'groups' };
const roles = { staff: 'member', bosses: 'admin' };

before(async () => {
  issuer = await startIssuer();
  const port = await freePort();
  server = await startServer({
    env: { MCP_AUTH: 'required', OIDC_SECRET: CLIENT_SECRET, PORT: String(port) },
    settings: {
      simulator: true,
      identity: {
        public_url: `http://127.0.0.1:${port}`,
        issuers: [
          {
            name: 'corp',
            issuer: issuer.url,
            audience: 'goblin-api',
            jwks_url: `${issuer.url}/keys`,
            tenant: 'acme',
            claims,
            roles,
            teams: { 'team-a': 'research' },
            sign_in: { client_id: 'goblin', client_secret_env: 'OIDC_SECRET', title: 'Corp' },
          },
          {
            name: 'linked',
            issuer: issuer.url,
            tenant: 'acme',
            default_role: 'viewer',
            sign_in: { client_id: 'goblin', client_secret_env: 'OIDC_SECRET', link_by_email: true },
          },
        ],
      },
    },
  });
});
after(async () => {
  await server.stop();
  await issuer.close();
});

interface Browser {
  cookies: Map<string, string>;
  get(path: string): Promise<Response>;
}

/** Waits until the log warns of a refusal for this reason, since it was last asked; without the token. */
let read = 0;
async function told(reason: string): Promise<void> {
  const has = () => server.stderr().slice(read).includes(`"reason":"${reason}","msg":"a sign-in at`);
  await eventually(has, `the reason ${reason} in the log`);
  assert.ok(!server.stderr().includes('eyJ') && server.stderr().slice(read).includes('"level":40'));
  read = server.stderr().length;
}

/** Keeps cookies as a browser would, and follows nothing by itself. */
function browser(): Browser {
  const cookies = new Map<string, string>();
  return {
    cookies,
    async get(path) {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const answer = await fetch(path.startsWith('http') ? path : server.url(path), {
        redirect: 'manual',
        headers: cookie === '' ? {} : { cookie },
      });
      for (const line of answer.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        if (/Max-Age=0/.test(line)) cookies.delete(name);
        else cookies.set(name, value);
      }
      return answer;
    },
  };
}

async function begin(by: Browser, name = 'corp', returnTo = '/somewhere?x=1'): Promise<URL> {
  const start = await by.get(`/mcp/v1/auth/oidc/${name}/start?return_to=${encodeURIComponent(returnTo)}`);
  assert.equal(start.status, 302, await start.text());
  return issuer.agree(start.headers.get('location') ?? '');
}

async function signIn(person: Json, name = 'corp'): Promise<{ by: Browser; answer: Response }> {
  issuer.person = person;
  const by = browser();
  return { by, answer: await by.get((await begin(by, name)).href) };
}

test('a token of a trusted issuer is a credential, by its claims and no further', async () => {
  const token = issuer.token({ sub: 'machine-1', groups: ['staff'] });
  const seen = await me(server, token);
  assert.equal(seen.status, 200, seen.text);
  assert.equal(seen.body.tenant, 'acme');
  assert.equal(seen.body.user, 'corp:machine-1');
  assert.ok(seen.body.permissions.includes('request:write') && !seen.body.permissions.includes('key:write'));
  assert.equal(
    (await post(server, '/mcp/v1/request', { prompt: 'x', model: 'simulator/goblin-sim' }, bearer(token))).status,
    202,
  );
  const boss = issuer.token({ sub: 'machine-2', groups: ['bosses'] });
  assert.equal((await call(server, '/mcp/v1/keys', { headers: bearer(boss) })).status, 200);
  for (const bad of [
    issuer.token({ sub: 'x', groups: ['staff'], aud: 'goblin' }),
    issuer.token({ sub: 'x', groups: ['staff'], iss: `${issuer.url}/` }),
    issuer.token({ sub: 'x', groups: ['staff'], exp: 1 }),
    issuer.token({ sub: 'x', groups: ['nobody'] }),
    issuer.token({ sub: 'x', groups: ['staff'] }, { jku: `${issuer.url}/evil` }),
    issuer.token({ sub: 'x', groups: ['staff'] }, { alg: 'none' }),
    `${token}x`,
    token.slice(0, -20),
  ]) {
    isProblem(await me(server, bad), 401, 'unauthorized');
  }
  assert.ok(!issuer.asked.includes('GET /evil'));
});

test('an issuer that renews its keys is followed; its old tokens end', { timeout: 90_000 }, async () => {
  const old = issuer.token({ sub: 'machine-1', groups: ['staff'] });
  issuer.renew();
  const fresh = issuer.token({ sub: 'machine-1', groups: ['staff'] });
  const until = performance.now() + 60_000;
  let status = 0;
  while (status !== 200 && performance.now() < until) {
    status = (await me(server, fresh)).status;
    if (status !== 200) await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  assert.equal(status, 200);
  isProblem(await me(server, old), 401, 'unauthorized');
});

test('sign-in: code, PKCE, state, nonce; groups become a role and teams; cookies that no script sees', async () => {
  const { by, answer } = await signIn({
    sub: 'ada',
    email: 'Ada@example.com',
    groups: ['staff', 'team-a'],
    name: 'Ada',
  });
  assert.equal(answer.status, 302, await answer.text());
  assert.equal(answer.headers.get('location'), '/somewhere?x=1');
  const lines = answer.headers.getSetCookie();
  const session = lines.find((line) => line.startsWith('goblin_session=')) ?? '';
  assert.match(session, /HttpOnly; SameSite=Strict/);
  assert.match(
    lines.find((line) => line.startsWith('goblin_refresh=')) ?? '',
    /Path=\/mcp\/v1\/auth; HttpOnly; SameSite=Strict/,
  );
  assert.ok(!by.cookies.has('goblin_sign_in'), 'what waited for the answer is gone');
  const seen = (await (await by.get('/mcp/v1/auth/me')).json()) as Json;
  assert.equal(seen.tenant, 'acme');
  assert.ok(String(seen.account).startsWith('usr_'));
  const users = await call<{ items: UserView[] }>(server, '/mcp/v1/users?tenant=acme', {
    headers: bearer(server.token),
  });
  const ada = users.body.items.find(({ email }) => email === 'Ada@example.com');
  assert.ok(ada);
  assert.equal(ada.role, 'member');
  assert.deepEqual(
    ada.teams.map(({ name }) => name),
    ['research'],
  );

  // Once more, with other groups: the same account, what the issuer says now.
  await signIn({ sub: 'ada', email: 'changed@example.com', groups: ['bosses'] });
  const again = await call<UserView>(server, `/mcp/v1/users/${ada.id}`, { headers: bearer(server.token) });
  assert.equal(again.body.role, 'admin');
  assert.deepEqual(again.body.teams, []);
  assert.equal(again.body.email, 'Ada@example.com');
});

test('a sign-in is finished by who began it, once, and by the provider that was asked', async () => {
  issuer.person = { sub: 'bob', email: 'bob@example.com', groups: ['staff'] };
  const refused = async (answer: Response) => {
    assert.equal(answer.status, 401, await answer.clone().text());
    assert.ok(!answer.headers.getSetCookie().some((line) => line.startsWith('goblin_session=')));
  };
  const one = browser();
  const back = await begin(one);
  await refused(await browser().get(back.href));
  const two = browser();
  await begin(two);
  await refused(await two.get(back.href));
  const wrongState = new URL(back);
  wrongState.searchParams.set('state', 'x'.repeat(43));
  const cookies = new Map(one.cookies);
  const withCookies = async (url: URL) => {
    const by = browser();
    for (const [name, value] of cookies) by.cookies.set(name, value);
    return await by.get(url.href);
  };
  await refused(await withCookies(wrongState));
  const wrongIssuer = new URL(back);
  wrongIssuer.searchParams.set('iss', 'https://evil.example');
  await refused(await withCookies(wrongIssuer));
  const nameless = new URL(back);
  nameless.searchParams.delete('iss');
  await refused(await withCookies(nameless));
  await told('issuer_missing');
  const other = new URL(back.href.replace('/oidc/corp/', '/oidc/linked/'));
  await refused(await withCookies(other));
  const said = new URL(back);
  said.searchParams.set('error', 'access_denied');
  await refused(await withCookies(said));
  assert.equal((await withCookies(back)).status, 302);
  await refused(await withCookies(back));
  assert.equal((await browser().get('/mcp/v1/auth/oidc/nobody/start')).status, 404);
});

test('an ID token must be ours, of now, for this very sign-in', async () => {
  issuer.person = { sub: 'carl', email: 'carl@example.com', groups: ['staff'] };
  const twists: [string, (claims: Json) => Json, string][] = [
    ['another nonce', (one) => ({ ...one, nonce: 'x' }), 'nonce'],
    ['no nonce', ({ nonce: _nonce, ...one }) => one, 'nonce'],
    ['another audience', (one) => ({ ...one, aud: 'goblin-api' }), 'audience'],
    ['several audiences, none said to have asked', (one) => ({ ...one, aud: ['goblin', 'other'] }), 'authorized_party'],
    ['asked by another', (one) => ({ ...one, azp: 'other' }), 'authorized_party'],
    ['another issuer', (one) => ({ ...one, iss: 'https://evil.example' }), 'issuer'],
    ['over', (one) => ({ ...one, exp: 1 }), 'expired'],
    ['old', (one) => ({ ...one, iat: Number(one.iat) - 3600 }), 'too_old'],
    ['without a role', (one) => ({ ...one, groups: [] }), 'role'],
    ['without a subject', ({ sub: _sub, ...one }) => one, 'subject'],
  ];
  for (const [name, twist, reason] of twists) {
    issuer.twist = twist;
    const by = browser();
    const answer = await by.get((await begin(by)).href);
    assert.equal(answer.status, 401, `${name}: ${await answer.text()}`);
    assert.equal(by.cookies.size, 0, name);
    await told(reason);
  }
  issuer.twist = (one) => ({ ...one, aud: ['goblin', 'other'], azp: 'goblin' });
  const by = browser();
  assert.equal((await by.get((await begin(by)).href)).status, 302);
  issuer.twist = (one) => one;
});

test('an account is not taken over by its e-mail address', async () => {
  await makeUser(server, { tenant: 'acme', email: 'root@example.com', role: 'owner' });
  for (const person of [
    { sub: 'mallory', email: 'root@example.com', email_verified: true, groups: ['staff'] },
    { sub: 'mallory', email: 'ROOT@example.com', email_verified: true, groups: ['staff'] },
  ]) {
    const { answer } = await signIn(person);
    assert.equal(answer.status, 403, await answer.text());
  }
  await told('email_taken');
  const trail = '/mcp/v1/admin/audit?tenant=acme&type=session.refused';
  await eventually(async () => {
    const { body } = await call<{ items: { payload: Json }[] }>(server, trail, { headers: bearer(server.token) });
    return body.items.some(({ payload: { method, reason } }) => method === 'oidc' && reason === 'email_taken');
  }, 'the event');
  // Only where the configuration trusts the provider's word, and it gives it.
  const unverified = await signIn({ sub: 'mallory', email: 'root@example.com', groups: [] }, 'linked');
  assert.equal(unverified.answer.status, 403);
  const verified = await signIn({ sub: 'root', email: 'root@example.com', email_verified: true }, 'linked');
  assert.equal(verified.answer.status, 302);
  const seen = (await (await verified.by.get('/mcp/v1/auth/me')).json()) as { permissions: string[] };
  assert.ok(seen.permissions.includes('tenant:write'), 'his own role, which this provider says nothing of');
  const nobody = await signIn({ sub: 'nobody', groups: ['staff'] });
  assert.equal(nobody.answer.status, 403, 'without an address there is no account');
});

test('a closed account is closed, whoever vouches for it', async () => {
  await signIn({ sub: 'dora', email: 'dora@example.com', groups: ['staff'] });
  const users = await call<{ items: UserView[] }>(server, '/mcp/v1/users?tenant=acme', {
    headers: bearer(server.token),
  });
  const dora = users.body.items.find(({ email }) => email === 'dora@example.com');
  assert.ok(dora);
  const token = issuer.token({ sub: 'dora', groups: ['staff'] });
  assert.equal((await me(server, token)).body.user, dora.id, 'her token is hers');
  await call(server, `/mcp/v1/users/${dora.id}`, {
    method: 'PATCH',
    json: { disabled: true },
    headers: bearer(server.token),
  });
  isProblem(await me(server, token), 401, 'unauthorized');
  const { answer } = await signIn({ sub: 'dora', email: 'dora@example.com', groups: ['staff'] });
  assert.equal(answer.status, 403);
});

test('where a sign-in returns to is here', async () => {
  issuer.person = { sub: 'ada', email: 'ada@example.com', groups: ['staff'] };
  for (const path of ['//evil.example', 'https://evil.example', '/\\evil.example', 'javascript:alert(1)', '']) {
    const by = browser();
    const answer = await by.get((await begin(by, 'corp', path)).href);
    assert.equal(answer.headers.get('location'), '/', path);
  }
});
