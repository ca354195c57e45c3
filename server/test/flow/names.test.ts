/** Secrets that are given as names, by mistake: refused before they are stored, and said by nobody. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bearer, makeUser, PASSWORD, type SignedInView, setupOf } from '../support/accounts.ts';
import { call, isProblem, type Json, post } from '../support/api.ts';
import { runGoblin, type Server, startServer } from '../support/server.ts';

const GITHUB = ['gh', 'p_k3J9sL2mQ8wE5rT7yU1iO4pA6dF0gH3jK5lZ'].join('');
/** In the letters that the names of tenants and teams have. */
const SMALL = ['gh', 'p_k3j9sl2mq8we5rt7yu1io4pa6df0gh3jk5lz'].join('');
const OPENAI = ['sk-pr', 'oj-aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5hJ7kL9mN1p'].join('');

let server: Server;
let owner: SignedInView;

before(async () => {
  server = await startServer({ env: { MCP_AUTH: 'required' }, settings: { simulator: true } });
  const token = await setupOf(server.stdout);
  const first = { token, email: 'ada@example.com', password: PASSWORD };
  const refused = await post(server, '/mcp/v1/auth/setup', { ...first, name: GITHUB });
  isProblem(refused, 400, 'invalid_request');
  const made = await post<SignedInView>(server, '/mcp/v1/auth/setup', first);
  assert.equal(made.status, 201, made.text);
  owner = made.body;
});
after(async () => {
  await server?.stop();
});

test('an address to be called back at has no secret in it, however it is written', async () => {
  const headers = bearer(owner.access_token);
  const hidden = [...GITHUB].map((char) => `%${char.charCodeAt(0).toString(16)}`).join('');
  for (const rest of [`?x=1&t=${GITHUB}`, `hook/${OPENAI}`, `?t=${hidden}`]) {
    const json = { prompt: 'x', model: 'simulator/goblin-sim', callback_url: `https://example.com/${rest}` };
    const problem = isProblem(await post(server, '/mcp/v1/request', json, headers), 400, 'invalid_request');
    assert.equal(problem.errors?.[0]?.path, 'callback_url', rest);
    assert.match(problem.errors?.[0]?.message ?? '', /^looks like a secret; /);
    for (const secret of [GITHUB, OPENAI, hidden]) assert.ok(!JSON.stringify(problem).includes(secret), rest);
  }
});

test('names that are secrets are refused wherever a name is stored, and nothing repeats them', async () => {
  const headers = bearer(owner.access_token);
  const user = await makeUser(server, { tenant: 'acme', email: 'a@example.com', role: 'viewer' });
  const team = await post<{ id: string }>(server, '/mcp/v1/teams', { name: 'blue' }, headers);
  const budget = { scope: 'tenant', period: 'day', hard_usd: 1 };
  const own = await post<{ id: string }>(server, '/mcp/v1/admin/budgets', { ...budget, name: 'daily' }, headers);
  assert.deepEqual([team.status, own.status], [201, 201], team.text + own.text);
  const hash = 'a'.repeat(64);
  const rows: [method: string, path: string, json: Json, at: string][] = [
    ['PUT', `/mcp/v1/admin/providers/openai/keys/${OPENAI}`, { key: OPENAI }, 'name'],
    ['PUT', `/mcp/v1/admin/providers/${OPENAI}/keys/main`, { key: OPENAI }, 'provider'],
    ['POST', '/mcp/v1/keys', { name: GITHUB }, 'name'],
    ['POST', '/mcp/v1/keys', { tenant: SMALL }, 'tenant'],
    ['POST', '/mcp/v1/keys/import', { scheme: 'sha256', keys: [{ hash, name: GITHUB }] }, 'keys.0.name'],
    ['POST', '/mcp/v1/teams', { name: SMALL }, 'name'],
    ['PATCH', `/mcp/v1/teams/${team.body.id}`, { name: SMALL }, 'name'],
    ['POST', '/mcp/v1/tenants', { id: SMALL }, 'id'],
    ['POST', '/mcp/v1/tenants', { id: 'fine', name: `ours ${GITHUB}` }, 'name'],
    ['PATCH', '/mcp/v1/tenants/acme', { name: GITHUB }, 'name'],
    ['POST', '/mcp/v1/users', { email: 'b@example.com', name: GITHUB }, 'name'],
    ['POST', '/mcp/v1/users', { email: 'b@example.com', tenant: SMALL }, 'tenant'],
    ['PATCH', `/mcp/v1/users/${user.id}`, { name: GITHUB }, 'name'],
    ['POST', '/mcp/v1/admin/budgets', { ...budget, name: GITHUB }, 'name'],
    ['POST', '/mcp/v1/admin/budgets', { ...budget, scope: 'label', match: `by=${GITHUB}` }, 'match'],
    ['PATCH', `/mcp/v1/admin/budgets/${own.body.id}`, { name: GITHUB }, 'name'],
    [
      'PUT',
      '/mcp/v1/admin/policies',
      { policies: [{ id: OPENAI, cedar: 'permit(principal, action, resource);' }] },
      'policies.0.id',
    ],
    ['PUT', '/mcp/v1/admin/secret-rules', { rules: [{ id: SMALL, literals: ['falcon'] }] }, 'rules.0.id'],
  ];
  for (const [method, path, json, at] of rows) {
    const answer = await call<{ errors: { path: string; message: string }[] }>(server, path, { method, json, headers });
    isProblem(answer, 400, 'invalid_request');
    assert.equal(answer.body.errors[0]?.path, at, `${method} ${path} ${answer.text}`);
    assert.match(answer.body.errors[0]?.message ?? '', /^looks like a secret; /);
    for (const secret of [GITHUB, SMALL, OPENAI]) assert.ok(!answer.text.includes(secret), `${method} ${path}`);
  }
  const trail = await call(server, '/mcp/v1/admin/audit', { headers });
  assert.equal(trail.status, 200, trail.text);
  for (const secret of [GITHUB, SMALL, OPENAI]) {
    assert.ok(!(trail.text + server.stdout() + server.stderr()).includes(secret));
  }
});

test('the verb refuses a key in the place of its name before it is sent anywhere', async () => {
  const run = await runGoblin(['provider', 'key', 'set', 'openai', OPENAI], server);
  assert.equal(run.code, 1);
  assert.match(run.stderr, /name: looks like a secret; give the key itself on standard input/);
  assert.ok(!(run.stdout + run.stderr).includes(OPENAI));
});

test('goblin key refuses it', async () => {
  const run = await runGoblin(['key', 'create', '--tenant', 'acme', '--name', GITHUB], server);
  assert.equal(run.code, 1);
  assert.match(run.stderr, /name looks like a secret/);
  assert.ok(!(run.stdout + run.stderr).includes(GITHUB));
});
