/** Identity over several processes: what is taken away at one is gone at all, and the record may be away. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bearer, makeKey, me, person } from '../support/accounts.ts';
import { call, isProblem, post } from '../support/api.ts';
import { type ClusterNode, type Fleet, startFleet } from '../support/cluster.ts';
import { type DoorStream, openDoor, within } from '../support/open-door.ts';
import { eventually } from '../support/server.ts';
import { MODEL, openaiEnv } from '../support/vendors.ts';

/** Five seconds are promised; the rest is for a machine that stands still now and then. Left alone the answers take 80 s. */
const LIMIT_MS = 10_000;

const slow = (marker: string) => ({
  model: MODEL,
  messages: [{ role: 'user', content: `${marker} [[sim tokens=4000 rate=50]]` }],
});

test('on every node, with Redis and without it', { timeout: 180_000 }, async () => {
  const fleet: Fleet = await startFleet({ settings: { simulator: false } });
  try {
    const env = { MCP_AUTH: 'required', ...openaiEnv(fleet.vendor) };
    const [here, there]: ClusterNode[] = await Promise.all([fleet.start('api', { env }), fleet.start('api', { env })]);
    await fleet.start('worker', { env });
    assert.ok(here && there);
    for (const redis of [true, false]) {
      if (!redis) await fleet.redis.kill();
      const key = await makeKey(here, { tenant: 'acme' });
      const session = await person(here, 'acme', 'member');
      const doors: DoorStream[] = await Promise.all([
        openDoor(there, { ...slow(`key-${redis}`), stream: true }, bearer(key.key)),
        openDoor(there, { ...slow(`session-${redis}`), stream: true }, bearer(session.access_token)),
      ]);
      assert.deepEqual(
        doors.map(({ status }) => status),
        [200, 200],
      );
      await call(here, `/mcp/v1/keys/${key.id}/revoke`, { method: 'POST', headers: bearer(here.token) });
      await call(here, `/mcp/v1/users/${session.user.id}`, {
        method: 'PATCH',
        json: { disabled: true },
        headers: bearer(here.token),
      });
      for (const door of doors) await within(door.over, redis ? 'with Redis' : 'without Redis', LIMIT_MS);
      await eventually(async () => (await me(there, key.key)).status === 401, 'the refusal of the key', LIMIT_MS);
      await eventually(
        async () => (await me(there, session.access_token)).status === 401,
        'the refusal of the session',
        LIMIT_MS,
      );
      isProblem(
        await post(there, '/mcp/v1/auth/login', { tenant: 'acme', email: session.user.email, password: 'x' }),
        401,
        'unauthorized',
      );
    }
  } finally {
    await fleet.close();
  }
});

test('while the record is away nobody is let in, nobody is called unknown, and nothing goes to a vendor', {
  timeout: 180_000,
}, async () => {
  const fleet: Fleet = await startFleet({});
  try {
    const env = { MCP_AUTH: 'required', ...openaiEnv(fleet.vendor) };
    const node = await fleet.start('all', { env });
    const key = await makeKey(node, { tenant: 'acme' });
    const session = await person(node, 'acme', 'member');
    assert.equal((await me(node, key.key)).status, 200);
    await fleet.postgres.kill();
    // What is remembered of a credential is remembered for four seconds.
    await new Promise((resolve) => setTimeout(resolve, 4500));
    const calls = fleet.vendor.journal().length;
    for (const token of [key.key, session.access_token, 'gob_unknown', 'sk-unknown']) {
      isProblem(await me(node, token), 503, 'unavailable');
      isProblem(await post(node, '/mcp/v1/request', { prompt: 'x', model: MODEL }, bearer(token)), 503, 'unavailable');
    }
    isProblem(
      await post(node, '/mcp/v1/auth/login', { tenant: 'acme', email: session.user.email, password: 'x' }),
      503,
      'unavailable',
    );
    isProblem(await post(node, '/mcp/v1/auth/refresh', { refresh_token: session.refresh_token }), 503, 'unavailable');
    const gone = new AbortController();
    const waiting = fetch(`${node.address}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...bearer('gob_unknown') },
      body: JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'x' }] }),
      signal: gone.signal,
    }).then(
      ({ status }) => status,
      () => 'left',
    );
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert.equal(fleet.vendor.journal().length, calls);
    await fleet.postgres.start();
    assert.equal(await waiting, 401, 'a door waits for the record, and then knows');
    await eventually(async () => (await me(node, key.key)).status === 200, 'the key again', 30_000);
    isProblem(await me(node, 'gob_unknown'), 401, 'unauthorized');
    assert.equal((await post(node, '/mcp/v1/auth/refresh', { refresh_token: session.refresh_token })).status, 200);
  } finally {
    await fleet.close();
  }
});
