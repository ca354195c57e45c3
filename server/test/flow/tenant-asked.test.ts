/** Who runs the installation looks into the record of any tenant, on the command line too; others into their own only. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bearer, makeKey, person } from '../support/accounts.ts';
import { call, isProblem, outcome, submit } from '../support/api.ts';
import { runGoblin, type Server, startServer } from '../support/server.ts';

const AUTH = { MCP_AUTH: 'required' };
let server: Server;
let id: string;

interface Trail {
  items: { type: string; actor: string | null; request_id: string | null }[];
}

before(async () => {
  server = await startServer({ env: AUTH, settings: { simulator: true } });
  const key = bearer((await makeKey(server, { tenant: 'acme' })).key);
  const body = { prompt: 'Of acme', model: 'simulator/goblin-sim', metadata: { order: 'n-7' } };
  id = (await submit(server, body, key)).request_id;
  assert.equal((await outcome(server, id, key)).status, 200);
});
after(() => server.stop());

test('the operator names the tenant, and what is shown of others leaves a trace there', async () => {
  const headers = bearer(server.token);
  for (const part of ['', '/events', '/receipt']) {
    isProblem(await call(server, `/mcp/v1/request/${id}${part}`, { headers }), 404, 'not_found');
    const seen = await call(server, `/mcp/v1/request/${id}${part}?tenant=acme`, { headers });
    assert.equal(seen.status, 200, seen.text);
  }
  const trail = await call<Trail>(server, '/mcp/v1/admin/audit?tenant=acme&type=answer.read', { headers });
  assert.deepEqual(
    trail.body.items.map(({ actor, request_id }) => [actor, request_id]),
    [['operator', id]],
  );
  assert.equal((await call(server, '/mcp/v1/admin/audit?tenant=acme&format=ndjson', { headers })).status, 200);
  const exported = await call<Trail>(server, '/mcp/v1/admin/audit?tenant=acme&type=audit.exported', { headers });
  assert.equal(exported.body.items.length, 1);
});

test('nobody else names another tenant', async () => {
  const headers = bearer((await person(server, 'other', 'owner')).access_token);
  for (const path of [`request/${id}`, `request/${id}/events`, `request/${id}/receipt`, 'admin/audit']) {
    const refused = await call<{ detail: string }>(server, `/mcp/v1/${path}?tenant=acme`, { headers });
    isProblem(refused, 404, 'not_found');
    assert.equal(refused.body.detail, 'There is no such tenant.');
  }
  assert.equal((await call(server, '/mcp/v1/admin/audit?tenant=other', { headers })).status, 200);
  assert.equal((await call(server, '/mcp/v1/admin/audit?type=user.created', { headers })).status, 200);
});

test('goblin explain and goblin receipt take --tenant, and say where they looked', async () => {
  for (const [verb, found] of [
    ['explain', /is succeeded[\s\S]*simulator\/goblin-sim/],
    ['receipt', /"tenant": "acme"/],
  ] as const) {
    const seen = await runGoblin([verb, id, '--tenant', 'acme'], server, AUTH);
    assert.equal(seen.code, 0, seen.stderr);
    assert.match(seen.stdout, found);
    const missed = await runGoblin([verb, id], server, AUTH);
    assert.equal(missed.code, 1);
    assert.match(missed.stderr, /There is no request \S+ in tenant local; name another with --tenant\./);
  }
});
