/** Behind a load balancer: who calls is known by what it says, and by nobody else's word. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bearer, makeKey, makeUser, PASSWORD } from '../support/accounts.ts';
import { call, post } from '../support/api.ts';
import { eventually, type Server, startServer } from '../support/server.ts';

let behind: Server;
let alone: Server;

before(async () => {
  const settings = { simulator: true };
  [behind, alone] = await Promise.all([
    startServer({ env: { MCP_AUTH: 'required', MCP_TRUSTED_PROXIES: 'loopback' }, settings }),
    startServer({ env: { MCP_AUTH: 'required' }, settings }),
  ]);
});
after(() => Promise.all([behind.stop(), alone.stop()]));

const login = (server: Server, from: string, password: string, email = 'real@example.com') =>
  post(server, '/mcp/v1/auth/login', { tenant: 'acme', email, password }, { 'x-forwarded-for': from }).then(
    ({ status }) => status,
  );

/** Five guesses are looked at, the sixth is not, unless the machine stood still until the wait was over: then once more. */
async function slows(server: Server, from: (n: number) => string): Promise<void> {
  for (let round = 0; round < 8; round++) {
    const email = round === 0 ? 'real@example.com' : `real-${round}@example.com`;
    const tries: number[] = [];
    for (let n = 0; n < 5; n++) tries.push(await login(server, from(n), 'guess', email));
    const slowed = performance.now();
    tries.push(await login(server, from(5), 'guess', email));
    if (performance.now() - slowed > 900) continue;
    assert.deepEqual(tries, [401, 401, 401, 401, 401, 429]);
    return;
  }
  assert.fail('the machine stood still each time');
}

test('whoever guesses slows himself, not the others behind the same balancer', { timeout: 60_000 }, async () => {
  await makeUser(behind, { tenant: 'acme', email: 'real@example.com', role: 'member' });
  await slows(behind, (n) => `1.1.1.${n}, 8.8.4.4`);
  assert.equal(await login(behind, '9.9.9.9', PASSWORD), 200);
  await makeUser(alone, { tenant: 'acme', email: 'real@example.com', role: 'member' });
  // An address that anybody may write is not believed.
  await slows(alone, (n) => `9.9.9.${n}`);
});

test('a /64 of IPv6 is one who guesses, whatever addresses of it he takes', { timeout: 60_000 }, async () => {
  const email = 'six@example.com';
  await makeUser(behind, { tenant: 'acme', email, role: 'member' });
  const tries: number[] = [];
  for (let n = 0; n < 26; n++) tries.push(await login(behind, `2a00:1:2:3::${n + 1}:${n}`, 'guess', email));
  // As from one address: five for nothing, then hardly any while the wait doubles.
  assert.deepEqual(tries.slice(0, 5), [401, 401, 401, 401, 401]);
  assert.ok(tries.filter((status) => status === 429).length >= 16, tries.join());
  assert.equal(await login(behind, '2a00:1:2:4::1', PASSWORD, email), 200, 'the neighbour is another one');
});

test('a key from a new network, on a connection that many share', async () => {
  const key = await makeKey(behind, { tenant: 'acme' });
  const seen = async () => {
    const answer = await call<{ items: { payload: { key: string } }[] }>(
      behind,
      '/mcp/v1/admin/audit?tenant=acme&type=key.new_place',
      { headers: bearer(behind.token) },
    );
    return answer.body.items.filter(({ payload }) => payload.key === key.id).length;
  };
  const use = async (from: string) => {
    const answer = await call(behind, '/mcp/v1/request?limit=1', {
      headers: { ...bearer(key.key), 'x-forwarded-for': from },
    });
    assert.equal(answer.status, 200, answer.text);
  };
  await use('8.8.4.4');
  await use('8.8.4.5');
  await use('1.2.3.4, 8.8.4.6');
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(await seen(), 0);
  await use('9.9.9.9');
  await eventually(async () => (await seen()) === 1, 'the new network');
});
