/** The first owner, signing in and staying so, accounts, teams and tenants: what each may, and what nobody may. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bearer, makeKey, makeUser, me, PASSWORD, type SignedInView, setupOf, signIn } from '../support/accounts.ts';
import { call, isProblem, post } from '../support/api.ts';
import { runGoblin, type Server, startServer } from '../support/server.ts';

let server: Server;
let owner: SignedInView;

const refresh = (token: string) => post<SignedInView>(server, '/mcp/v1/auth/refresh', { refresh_token: token });

before(async () => {
  server = await startServer({ env: { MCP_AUTH: 'required' }, settings: { simulator: true } });
});
after(async () => {
  await server.stop();
});

test('the first start prints a token that makes the first owner, once; there is nothing to guess before', async () => {
  const token = await setupOf(server.stdout);
  const methods = await call<{ set_up: boolean }>(server, '/mcp/v1/auth/methods');
  assert.equal(methods.body.set_up, true);
  const first = { email: 'Ada@Example.com', password: PASSWORD };
  for (const [email, password] of [
    ['admin', 'admin'],
    ['admin@example.com', 'admin'],
    ['ada@example.com', PASSWORD],
  ]) {
    const guess = await post(server, '/mcp/v1/auth/login', { email, password });
    assert.ok(guess.status === 401 || guess.status === 400, guess.text);
  }
  const wrong = await post(server, '/mcp/v1/auth/setup', { ...first, token: 'gst_wrong' });
  assert.match(isProblem(wrong, 401, 'unauthorized').detail, /start the server again/);
  isProblem(await post(server, '/mcp/v1/auth/setup', { ...first, token, password: 'short' }), 400, 'invalid_request');
  const all = await Promise.all(
    Array.from({ length: 4 }, (_, n) =>
      post<SignedInView>(server, '/mcp/v1/auth/setup', { ...first, email: `${n}${first.email}`, token }),
    ),
  );
  const won = all.filter((one) => one.status === 201);
  assert.equal(won.length, 1, all.map((one) => one.text).join('\n'));
  for (const one of all) if (one.status !== 201) isProblem(one, 401, 'unauthorized');
  owner = (won[0] as { body: SignedInView }).body;
  assert.equal(owner.user.role, 'owner');
  assert.equal(owner.user.tenant, 'main');
  const late = isProblem(await post(server, '/mcp/v1/auth/setup', { ...first, token }), 401, 'unauthorized');
  assert.match(late.detail, /ask an owner/);
  assert.doesNotMatch(late.detail, /start the server/);
  assert.equal((await call<{ set_up: boolean }>(server, '/mcp/v1/auth/methods')).body.set_up, false);
  const { body } = await me(server, owner.access_token);
  assert.equal(body.everywhere, true);
  assert.ok(body.permissions.includes('tenant:create'));
});

test('a start with an account prints no token', { timeout: 60_000 }, async () => {
  await server.stop();
  server = await server.again();
  assert.doesNotMatch(server.stdout(), /gst_/);
  // Sessions outlive their process.
  assert.equal((await me(server, owner.access_token)).status, 200);
});

test('a session: short token, refresh token that is used once, sign out', async () => {
  await makeUser(server, { tenant: 'acme', email: 'Bob@Example.com', role: 'member', name: 'Bob' });
  const session = await signIn(server, { tenant: 'acme', email: 'bob@example.COM' });
  assert.ok(session.expires_in <= 900);
  assert.match(session.refresh_token, /^gor_/);
  const next = await refresh(session.refresh_token);
  assert.equal(next.status, 200, next.text);
  assert.notEqual(next.body.refresh_token, session.refresh_token);
  assert.equal((await me(server, next.body.access_token)).status, 200);
  const out = await post(server, '/mcp/v1/auth/logout', {}, bearer(next.body.access_token));
  assert.equal(out.status, 200, out.text);
  isProblem(await me(server, next.body.access_token), 401, 'unauthorized');
  isProblem(await me(server, session.access_token), 401, 'unauthorized');
  isProblem(await refresh(next.body.refresh_token), 401, 'unauthorized');
});

test('a refresh token that is used twice ends its session, and only its', async () => {
  const [mine, other] = [
    await signIn(server, { tenant: 'acme', email: 'bob@example.com' }),
    await signIn(server, { tenant: 'acme', email: 'bob@example.com' }),
  ];
  const second = (await refresh(mine.refresh_token)).body;
  const third = (await refresh(second.refresh_token)).body;
  assert.equal((await me(server, third.access_token)).status, 200);
  isProblem(await refresh(mine.refresh_token), 401, 'unauthorized');
  isProblem(await me(server, third.access_token), 401, 'unauthorized');
  isProblem(await refresh(third.refresh_token), 401, 'unauthorized');
  assert.equal((await me(server, other.access_token)).status, 200);
  const race = await Promise.all(Array.from({ length: 5 }, () => refresh(other.refresh_token)));
  assert.ok(race.filter((one) => one.status === 200).length <= 1, 'at most one of those that come at once');
  for (const bad of ['', 'gor_', 'x', null, other.access_token]) {
    const answer = await post(server, '/mcp/v1/auth/refresh', { refresh_token: bad });
    assert.ok(answer.status === 401 || answer.status === 400, answer.text);
  }
});

test('a password: changed with the old one, which ends the other sessions', async () => {
  const email = 'carol@example.com';
  await makeUser(server, { tenant: 'acme', email, role: 'member' });
  const [here, there] = [
    await signIn(server, { tenant: 'acme', email }),
    await signIn(server, { tenant: 'acme', email }),
  ];
  const change = (old: string, next: string) =>
    post(server, '/mcp/v1/auth/password', { old, new: next }, bearer(here.access_token));
  isProblem(await change('wrong', 'another fine password'), 401, 'unauthorized');
  isProblem(await change(PASSWORD, 'short'), 400, 'invalid_request');
  const done = await change(PASSWORD, 'another fine password');
  assert.equal(done.status, 200, done.text);
  assert.equal((await me(server, here.access_token)).status, 200);
  isProblem(await me(server, there.access_token), 401, 'unauthorized');
  isProblem(
    await post(server, '/mcp/v1/auth/login', { tenant: 'acme', email, password: PASSWORD }),
    401,
    'unauthorized',
  );
  await signIn(server, { tenant: 'acme', email, password: 'another fine password' });
  const key = await makeKey(server, { tenant: 'acme', user: here.user.id });
  isProblem(
    await post(server, '/mcp/v1/auth/password', { old: 'another fine password', new: PASSWORD }, bearer(key.key)),
    403,
    'forbidden',
  );
});

test('the command line makes accounts, teams and tenants', { timeout: 120_000 }, async () => {
  const goblin = (...args: string[]) => runGoblin(args, server, {});
  const made = await goblin('user', 'create', '--tenant', 'cli', '--email', 'hal@example.com', '--role', 'owner');
  assert.equal(made.code, 0, made.stderr);
  const password = made.stdout.trim();
  assert.match(password, /^[\w-]{20}$/);
  const session = await signIn(server, { tenant: 'cli', email: 'hal@example.com', password });
  assert.equal(session.user.role, 'owner');
  const list = await goblin('user', 'list', '--tenant', 'cli');
  assert.match(list.stdout, /hal@example\.com +owner +open/);
  assert.equal((await goblin('user', 'disable', session.user.id)).code, 1, 'the last owner');
  const fresh = await goblin('user', 'password', session.user.id);
  isProblem(await me(server, session.access_token), 401, 'unauthorized');
  await signIn(server, { tenant: 'cli', email: 'hal@example.com', password: fresh.stdout.trim() });
  const team = await goblin('team', 'create', 'ops', '--tenant', 'cli');
  assert.match(team.stdout, /^team_/);
  assert.equal((await goblin('team', 'add', team.stdout.trim(), session.user.id, '--role', 'operator')).code, 0);
  assert.match((await goblin('team', 'list')).stdout, /ops +hal@example\.com \(operator\)/);
  assert.equal((await goblin('tenant', 'create', 'cli2', '--name', 'Second')).code, 0);
  assert.match((await goblin('tenant', 'list')).stdout, /cli2 .* open +Second/);
  assert.equal((await goblin('tenant', 'disable', 'cli2')).code, 0);
  const wrong = await goblin('user', 'rol', session.user.id);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /did you mean role\?/);
  assert.ok(!(server.stdout() + server.stderr()).includes(password));
});
