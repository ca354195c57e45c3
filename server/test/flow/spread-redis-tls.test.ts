/** Redis that takes nothing but TLS. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { call, result, submit } from '../support/api.ts';
import { SECRET, startNode } from '../support/cluster.ts';
import { eventually } from '../support/server.ts';
import { type PostgresService, type RedisService, startPostgres, startRedis } from '../support/services.ts';

let postgres: PostgresService;
let redis: RedisService;
const closing: (() => unknown)[] = [];

before(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis({ tls: true, password: 'planted-word' })]);
});
after(async () => {
  for (const close of closing) await close();
  await Promise.all([postgres?.stop(), redis?.stop()]);
});

const env = (url: string, more: Record<string, string> = {}) => ({
  MCP_SECRET: SECRET,
  DATABASE_URL: postgres.url,
  REDIS_URL: url,
  LOG_LEVEL: 'info',
  ...more,
});

async function pair(url: string, more: Record<string, string> = {}) {
  const settings = { simulator: true };
  const nodes = await Promise.all(
    (['api', 'worker'] as const).map((role) => startNode({ role, env: env(url, more), settings })),
  );
  closing.unshift(() => Promise.all(nodes.map((node) => node.stop())));
  return nodes as [(typeof nodes)[0], (typeof nodes)[0]];
}

const readiness = async (of: { address: string }) =>
  (await call<{ status: string; missing: string[] }>(of as never, '/readyz')).body;

for (const [how, query, trusts] of [
  ['by the authority that NODE_EXTRA_CA_CERTS names', '', true],
  ['without a look at its certificate, when the address says so', '?tls_verify=no', false],
] as const) {
  test(`tickets and streams go over TLS, ${how}`, async () => {
    const [api, worker] = await pair(redis.url + query, trusts ? { NODE_EXTRA_CA_CERTS: redis.certificate } : {});
    for (const node of [api, worker]) assert.equal((await readiness(node)).status, 'ready', node.log());
    const { request_id: id } = await submit(api, { prompt: 'Hello', model: 'simulator/goblin-sim' });
    assert.equal((await result(api, id)).status, 'succeeded');
    assert.match(redis.cli('keys', '*'), new RegExp(`^goblin:.*${id}`, 'm'), 'its stream went through Redis');
  });
}

test('a certificate that nobody vouches for is refused: degraded, and the log says why', async () => {
  const [api] = await pair(redis.url);
  const { status, missing } = await readiness(api);
  assert.equal(status, 'degraded');
  assert.deepEqual(missing, ['redis']);
  const { request_id: id } = await submit(api, { prompt: 'Hello', model: 'simulator/goblin-sim' });
  assert.equal((await result(api, id)).status, 'succeeded', 'work is found without it');
  await eventually(() => /self-signed certificate/.test(api.log()), 'the reason in the log');
  assert.ok(!api.log().includes('planted-word'), 'its password is not');
});
