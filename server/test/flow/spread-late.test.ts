/** What stands behind a process is not there when it starts. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, result, submit } from '../support/api.ts';
import { type ClusterNode, type Fleet, SECRET, startFleet, startNode } from '../support/cluster.ts';
import { eventually, makePlace, runGoblin } from '../support/server.ts';
import { freePort, startPostgres, startRedis } from '../support/services.ts';
import { MODEL } from '../support/vendors.ts';

let fleet: Fleet;
before(async () => {
  fleet = await startFleet();
});
after(() => fleet.close());

test('no PostgreSQL at the start', { concurrency: true }, async (t) => {
  const gone = t.test('is retried for 30 s, then exit 1 in one sentence', async () => {
    const began = performance.now();
    const ran = await runGoblin(
      ['worker'],
      makePlace(),
      {
        MCP_SECRET: SECRET,
        DATABASE_URL: `postgres://goblin:planted@127.0.0.1:${await freePort()}/goblin`,
        REDIS_URL: fleet.redis.url,
      },
      60_000,
    );
    const took = performance.now() - began;
    assert.equal(ran.code, 1, ran.stderr);
    assert.match(ran.stderr, /^DATABASE_URL: PostgreSQL at 127\.0\.0\.1:\d+ did not answer within (29|30) s/);
    assert.equal(ran.stderr.trim().split('\n').length, 1, ran.stderr);
    assert.doesNotMatch(ran.stderr, /planted|node_modules|\.ts:/);
    assert.ok(took > 28_000 && took < 38_000, `it took ${took} ms`);
  });

  const late = t.test('comes up when the database does, three seconds later', async () => {
    const postgres = await startPostgres();
    await postgres.stop();
    const began = performance.now();
    const env = { ...fleet.env, DATABASE_URL: postgres.url };
    const roles = ['api', 'worker'] as const;
    const starting = Promise.all(roles.map((role) => startNode({ role, env })));
    starting.catch(() => {});
    await sleep(3000);
    await postgres.start();
    const nodes: ClusterNode[] = await starting;
    const took = performance.now() - began;
    assert.ok(took > 3000 && took < 15_000, `it took ${took} ms`);
    const [api] = nodes as [ClusterNode];
    const { request_id: id } = await submit(api, { prompt: 'Late', model: MODEL });
    assert.equal((await result(api, id)).status, 'succeeded');
    assert.deepEqual(await Promise.all(nodes.map((node) => node.stop())), [0, 0]);
    await postgres.kill();
  });

  const frozen = t.test('also one that takes connections and does not answer', async () => {
    const postgres = await startPostgres();
    postgres.freeze();
    const starting = startNode({ role: 'worker', env: { ...fleet.env, DATABASE_URL: postgres.url } });
    starting.catch(() => {});
    await sleep(3000);
    postgres.thaw();
    const node = await starting;
    assert.equal(await node.stop(), 0);
    await postgres.kill();
  });
  await Promise.all([gone, late, frozen]);
});

test('without Redis a process starts degraded, works, and is ready when Redis has come', async () => {
  const port = await freePort();
  const env = { REDIS_URL: `redis://127.0.0.1:${port}` };
  const began = performance.now();
  const [api, worker] = await Promise.all([fleet.start('api', { env }), fleet.start('worker', { env })]);
  const took = performance.now() - began;
  assert.ok(took < 15_000, `the start took ${took} ms`);
  for (const node of [api, worker]) {
    const ready = await call(node, '/readyz');
    assert.deepEqual([ready.status, ready.body], [200, { status: 'degraded', missing: ['redis'] }]);
  }
  const { request_id: id } = await submit(api, { prompt: 'Without Redis', model: MODEL });
  assert.equal((await result(api, id)).status, 'succeeded');
  const redis = await startRedis({}, port);
  for (const node of [api, worker]) {
    await eventually(
      async () => ((await call<{ status: string }>(node, '/readyz')).body.status === 'ready' ? true : null),
      `${node.name} is ready`,
      6000,
    );
  }
  assert.deepEqual(await Promise.all([api.stop(), worker.stop()]), [0, 0]);
  await redis.kill();
});
