/** What each may, and what nobody may: rights, owners, teams, keys, tenants. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  bearer,
  makeKey,
  makeUser,
  me,
  PASSWORD,
  person,
  type SignedInView,
  setupOf,
  signIn,
  type UserView,
} from '../support/accounts.ts';
import { call, isProblem, type Json, post } from '../support/api.ts';
import { type Server, startServer } from '../support/server.ts';

let server: Server;
let owner: SignedInView;

const refresh = (token: string) => post<SignedInView>(server, '/mcp/v1/auth/refresh', { refresh_token: token });

before(async () => {
  server = await startServer({ env: { MCP_AUTH: 'required' }, settings: { simulator: true } });
  const token = await setupOf(server.stdout);
  const made = await post<SignedInView>(server, '/mcp/v1/auth/setup', {
    token,
    email: 'ada@example.com',
    password: PASSWORD,
  });
  assert.equal(made.status, 201, made.text);
  owner = made.body;
});
after(async () => {
  await server.stop();
});

test('nobody gives what he does not have, or changes who has more', async () => {
  const admin = await person(server, 'acme', 'admin');
  const boss = await makeUser(server, { tenant: 'acme', email: 'boss@example.com', role: 'owner' });
  const by = bearer(admin.access_token);
  isProblem(await post(server, '/mcp/v1/users', { email: 'x@example.com', role: 'owner' }, by), 403, 'forbidden');
  isProblem(await post(server, '/mcp/v1/keys', { role: 'owner' }, by), 403, 'forbidden');
  const change = (id: string, body: Json, headers = by) =>
    call(server, `/mcp/v1/users/${id}`, { method: 'PATCH', json: body, headers });
  isProblem(await change(admin.user.id, { role: 'owner' }), 403, 'forbidden');
  isProblem(await change(boss.id, { role: 'viewer' }), 403, 'forbidden');
  isProblem(await change(boss.id, { password: 'a password of his own' }), 403, 'forbidden');
  isProblem(await change(boss.id, { disabled: true }), 403, 'forbidden');
  isProblem(await change(owner.user.id, { disabled: true }), 404, 'not_found');
  for (const field of ['everywhere', 'tenant', 'email', 'id', '__proto__']) {
    isProblem(
      await call(server, `/mcp/v1/users/${admin.user.id}`, { method: 'PATCH', raw: `{"${field}":true}`, headers: by }),
      400,
      'invalid_request',
    );
  }
  // What a key may is at most what its maker may, also when it is asked for by scope.
  const key = await makeKey(server, { role: 'admin', scopes: ['key:write', 'request:read'] }, admin.access_token);
  assert.deepEqual((await me(server, key.key)).body.permissions.sort(), ['key:write', 'request:read', 'self']);
  isProblem(await post(server, '/mcp/v1/keys', { role: 'admin' }, bearer(key.key)), 403, 'forbidden');
  isProblem(await post(server, '/mcp/v1/keys', { role: 'service' }, bearer(key.key)), 403, 'forbidden');
});

test('the last owner of a tenant stays one, also when two go at once', async () => {
  const [one, two] = [
    await makeUser(server, { tenant: 'duo', email: 'one@example.com', role: 'owner' }),
    await makeUser(server, { tenant: 'duo', email: 'two@example.com', role: 'owner' }),
  ];
  const change = (id: string, body: Json) =>
    call<Json>(server, `/mcp/v1/users/${id}`, { method: 'PATCH', json: body, headers: bearer(server.token) });
  const answers = await Promise.all([change(one.id, { role: 'viewer' }), change(two.id, { disabled: true })]);
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400]);
  const users = await call<{ items: UserView[] }>(server, '/mcp/v1/users?tenant=duo', {
    headers: bearer(server.token),
  });
  const left = users.body.items.filter(({ role, disabled_at: closed }) => role === 'owner' && closed === null);
  assert.equal(left.length, 1);
});

test('teams: a role that holds when one acts for them; a key belongs to one; closing ends its keys', async () => {
  const headers = bearer(server.token);
  const team = await post<{ id: string; name: string }>(
    server,
    '/mcp/v1/teams',
    { tenant: 'acme', name: 'research' },
    headers,
  );
  assert.equal(team.status, 201, team.text);
  isProblem(await post(server, '/mcp/v1/teams', { tenant: 'acme', name: 'research' }, headers), 400, 'invalid_request');
  for (const name of ['team_x', 'A', '', 'x'.repeat(64)]) {
    isProblem(await post(server, '/mcp/v1/teams', { tenant: 'acme', name }, headers), 400, 'invalid_request');
  }
  const dan = await makeUser(server, { tenant: 'acme', email: 'dan@example.com', role: 'viewer' });
  const path = `/mcp/v1/teams/${team.body.id}/members/${dan.id}`;
  isProblem(await call(server, path, { method: 'PUT', json: { role: 'owner' }, headers }), 400, 'invalid_request');
  const joined = await call<{ members: Json[] }>(server, path, { method: 'PUT', json: { role: 'member' }, headers });
  assert.equal(joined.status, 200, joined.text);
  assert.deepEqual(joined.body.members, [{ user: dan.id, email: 'dan@example.com', role: 'member', source: 'local' }]);
  const stranger = await makeUser(server, { tenant: 'other', email: 'eve@example.com', role: 'member' });
  isProblem(
    await call(server, `/mcp/v1/teams/${team.body.id}/members/${stranger.id}`, { method: 'PUT', json: {}, headers }),
    404,
    'not_found',
  );

  const session = await signIn(server, { tenant: 'acme', email: 'dan@example.com', team: 'research' });
  const seen = await me(server, session.access_token);
  assert.equal(seen.body.team, team.body.id);
  assert.ok(seen.body.permissions.includes('request:write'), 'as a member of the team');
  isProblem(
    await post(server, '/mcp/v1/auth/login', {
      tenant: 'acme',
      email: 'dan@example.com',
      password: PASSWORD,
      team: 'nobody',
    }),
    401,
    'unauthorized',
  );

  const key = await makeKey(server, { tenant: 'acme', team: 'research' });
  assert.equal((await me(server, key.key)).body.team, team.body.id);
  isProblem(await post(server, '/mcp/v1/keys', { tenant: 'acme', team: 'nobody' }, headers), 404, 'not_found');
  isProblem(await post(server, '/mcp/v1/keys', { tenant: 'other', team: team.body.id }, headers), 404, 'not_found');

  assert.equal((await call(server, path, { method: 'DELETE', headers })).status, 200);
  const after = await me(server, session.access_token);
  assert.equal(after.body.team, null);
  assert.ok(!after.body.permissions.includes('request:write'), 'he is a viewer again');

  assert.equal((await call(server, `/mcp/v1/teams/${team.body.id}`, { method: 'DELETE', headers })).status, 200);
  isProblem(await me(server, key.key), 401, 'unauthorized');
  isProblem(await call(server, `/mcp/v1/teams/${team.body.id}`, { method: 'DELETE', headers }), 404, 'not_found');
  const again = await post(server, '/mcp/v1/teams', { tenant: 'acme', name: 'research' }, headers);
  assert.equal(again.status, 201, 'its name is free');
});

test('keys: of an account, and over by themselves', async () => {
  const headers = bearer(server.token);
  const fay = await makeUser(server, { tenant: 'acme', email: 'fay@example.com', role: 'viewer' });
  const key = await makeKey(server, { tenant: 'acme', user: fay.id, role: 'member' });
  const seen = await me(server, key.key);
  assert.equal(seen.body.user, fay.id);
  assert.ok(!seen.body.permissions.includes('request:write'), 'never more than its account');
  isProblem(await post(server, '/mcp/v1/keys', { tenant: 'other', user: fay.id }, headers), 404, 'not_found');
  const soon = await makeKey(server, { tenant: 'acme', expires_at: new Date(Date.now() + 5000).toISOString() });
  assert.equal((await me(server, soon.key)).status, 200);
  await new Promise((resolve) => setTimeout(resolve, 5200));
  isProblem(await me(server, soon.key), 401, 'unauthorized');
  for (const bad of ['2020-01-01T00:00:00Z', 'soon', '']) {
    isProblem(await post(server, '/mcp/v1/keys', { tenant: 'acme', expires_at: bad }, headers), 400, 'invalid_request');
  }
});

test('another tenant’s things are as unknown as any other, in the same words', async () => {
  const mine = bearer((await person(server, 'acme', 'admin')).access_token);
  const headers = bearer(server.token);
  const key = await makeKey(server, { tenant: 'other' });
  const user = await makeUser(server, { tenant: 'other', email: 'gil@example.com', role: 'member' });
  const team = (await post<{ id: string }>(server, '/mcp/v1/teams', { tenant: 'other', name: 'theirs' }, headers)).body;
  const routes: [string, string, string, string, unknown?][] = [
    ['GET', '/mcp/v1/keys/ID', key.id, 'key_unknown'],
    ['POST', '/mcp/v1/keys/ID/revoke', key.id, 'key_unknown'],
    ['GET', '/mcp/v1/users/ID', user.id, 'usr_unknown'],
    ['PATCH', '/mcp/v1/users/ID', user.id, 'usr_unknown', { name: 'x' }],
    ['GET', '/mcp/v1/teams/ID', team.id, 'team_unknown'],
    ['PATCH', '/mcp/v1/teams/ID', team.id, 'team_unknown', { name: 'x' }],
    ['DELETE', '/mcp/v1/teams/ID', team.id, 'team_unknown'],
    ['PUT', `/mcp/v1/teams/ID/members/${user.id}`, team.id, 'team_unknown', {}],
    ['GET', '/mcp/v1/tenants/ID', 'other', 'nobody'],
    ['GET', '/mcp/v1/users?tenant=ID', 'other', 'nobody'],
    ['GET', '/mcp/v1/teams?tenant=ID', 'other', 'nobody'],
    ['GET', '/mcp/v1/keys?tenant=ID', 'other', 'nobody'],
    ['POST', '/mcp/v1/keys', 'other', 'nobody', { tenant: 'ID' }],
    ['POST', '/mcp/v1/users', 'other', 'nobody', { tenant: 'ID', email: 'new@example.com' }],
    ['POST', '/mcp/v1/teams', 'other', 'nobody', { tenant: 'ID', name: 'new' }],
  ];
  for (const [method, path, theirs, unknown, body] of routes) {
    const ask = (id: string) =>
      call(server, path.replace('ID', id), {
        method,
        headers: mine,
        ...(body === undefined ? {} : { raw: JSON.stringify(body).replace('ID', id) }),
      });
    const [foreign, none] = [await ask(theirs), await ask(unknown)];
    isProblem(foreign, 404, 'not_found');
    assert.equal(foreign.text.replaceAll(theirs, 'ID'), none.text.replaceAll(unknown, 'ID'), `${method} ${path}`);
  }
  const lists = await Promise.all(
    ['users', 'teams', 'keys', 'tenants'].map((name) => call(server, `/mcp/v1/${name}`, { headers: mine })),
  );
  for (const { text } of lists) assert.ok(!text.includes('"other"') && !text.includes('gil@'), text);
  assert.equal(
    (await call(server, `/mcp/v1/keys/${key.id}`, { headers })).status,
    200,
    'and nothing of theirs was touched',
  );
  const there = await call<UserView>(server, `/mcp/v1/users/${user.id}`, { headers });
  assert.equal(there.body.disabled_at, null);
});

test('tenants are made and closed by who runs the installation', async () => {
  const headers = bearer(server.token);
  assert.equal(
    (await post(server, '/mcp/v1/tenants', { id: 'nova', name: 'Nova Ltd' }, bearer(owner.access_token))).status,
    201,
  );
  isProblem(await post(server, '/mcp/v1/tenants', { id: 'nova' }, headers), 400, 'invalid_request');
  const key = await makeKey(server, { tenant: 'nova' });
  const ruler = await person(server, 'nova', 'owner');
  const change = (body: Json, by: Record<string, string>) =>
    call(server, '/mcp/v1/tenants/nova', { method: 'PATCH', json: body, headers: by });
  assert.equal((await change({ name: 'Nova' }, bearer(ruler.access_token))).status, 200);
  isProblem(await change({ disabled: true }, bearer(ruler.access_token)), 403, 'forbidden');
  assert.equal((await change({ disabled: true }, headers)).status, 200);
  isProblem(await me(server, key.key), 401, 'unauthorized');
  isProblem(await me(server, ruler.access_token), 401, 'unauthorized');
  isProblem(
    await post(server, '/mcp/v1/auth/login', { tenant: 'nova', email: ruler.user.email, password: PASSWORD }),
    401,
    'unauthorized',
  );
  isProblem(await refresh(ruler.refresh_token), 401, 'unauthorized');
  assert.equal((await change({ disabled: false }, headers)).status, 200);
  assert.equal((await me(server, key.key)).status, 200);
});

test('stored prompts are read by a permission of its own, and each reading is in the trail', async () => {
  const key = await makeKey(server, { tenant: 'acme' });
  const made = await post<{ request_id: string }>(
    server,
    '/mcp/v1/request',
    { prompt: 'Marker-91ab', model: 'simulator/goblin-sim' },
    bearer(key.key),
  );
  const path = `/mcp/v1/request/${made.body.request_id}`;
  const operator = await person(server, 'acme', 'operator');
  const admin = await person(server, 'acme', 'admin');
  isProblem(await call(server, `${path}/content`, { headers: bearer(operator.access_token) }), 403, 'forbidden');
  const own = await call(server, `${path}/content`, { headers: bearer(key.key) });
  assert.equal(own.status, 200, own.text);
  const other = await makeKey(server, { tenant: 'acme' });
  isProblem(await call(server, `${path}/content`, { headers: bearer(other.key) }), 403, 'forbidden');
  const read = await call(server, `${path}/content`, { headers: bearer(admin.access_token) });
  assert.equal(read.status, 200, read.text);
  assert.match(read.text, /Marker-91ab/);
  const trail = await call<{ items: { type: string }[] }>(server, `${path}/events`, {
    headers: bearer(admin.access_token),
  });
  assert.equal(trail.body.items.filter(({ type }) => type === 'content.read').length, 1);
});
