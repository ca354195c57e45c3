/** A wake-up that was lost costs less than a second, and a process with nothing to do costs the database next to nothing. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { result, submit } from '../support/api.ts';
import { type ClusterNode, type Fleet, startFleet } from '../support/cluster.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { MODEL } from '../support/vendors.ts';

/** As they are by default. */
const clocks = { lease_ms: 15_000, heartbeat_ms: 5000 };

let fleet: Fleet;
let proxy: FaultProxy;
let cut: ClusterNode;
let api: ClusterNode;

before(async () => {
  fleet = await startFleet({ settings: { clocks }, postgres: { shared_preload_libraries: 'pg_stat_statements' } });
  await fleet.sql('create extension pg_stat_statements');
  proxy = await startFaultProxy(fleet.redis.port);
  const env = { REDIS_URL: `redis://127.0.0.1:${proxy.port}` };
  [cut, api] = await Promise.all([fleet.start('api', { env }), fleet.start('api'), fleet.start('worker')]);
});
after(async () => {
  await fleet.close();
  await proxy?.close();
});

/** How long requests waited for their start. Milliseconds, shortest first. */
async function waits(ids: readonly string[]): Promise<number[]> {
  for (const id of ids) assert.equal((await result(api, id)).status, 'succeeded');
  const rows = await fleet.sql<{ ms: number }>(
    `select (extract(epoch from started_at - created_at) * 1000)::float8 as ms from mcp_request
     where id in (${ids.map((id) => `'${id}'`).join()}) order by 1`,
  );
  return rows.map((row) => row.ms);
}

const shown = (sorted: readonly number[]): string =>
  `${Math.round(sorted[0] ?? 0)} to ${Math.round(sorted.at(-1) ?? 0)} ms, half within ${Math.round(sorted[sorted.length >> 1] ?? 0)} ms`;

test('with a ticket work is found at once', async (t) => {
  const ids: string[] = [];
  for (let n = 0; n < 10; n++) {
    ids.push((await submit(api, { prompt: `Woken ${n}`, model: MODEL })).request_id);
    await sleep(60);
  }
  const sorted = await waits(ids);
  t.diagnostic(`found after ${shown(sorted)}`);
  assert.ok((sorted[sorted.length >> 1] as number) < 100, shown(sorted));
});

test('tickets that never arrive: the line of the API to Redis is dead and it does not know yet', async (t) => {
  const ids: string[] = [];
  for (let round = 0; round < 3; round++) {
    proxy.freeze();
    for (let n = 0; n < 8; n++) {
      ids.push((await submit(cut, { prompt: `Lost ${round}-${n}`, model: MODEL })).request_id);
      await sleep(110);
    }
    proxy.reset();
    proxy.thaw();
    await sleep(500);
  }
  const sorted = await waits(ids);
  t.diagnostic(`found after ${shown(sorted)}`);
  assert.ok((sorted.at(-1) as number) <= 1000, shown(sorted));
});

test('tickets that somebody else takes', async (t) => {
  const thieves = Array.from({ length: 6 }, () => new Redis(fleet.redis.url, { maxRetriesPerRequest: 0 }));
  let stolen = 0;
  let over = false;
  const stealing = thieves.map(async (thief) => {
    while (!over) if (await thief.blpop('goblin:tickets', 1).catch(() => null)) stolen++;
  });
  const ids: string[] = [];
  for (let n = 0; n < 24; n++) {
    ids.push((await submit(api, { prompt: `Stolen ${n}`, model: MODEL })).request_id);
    await sleep(90);
  }
  over = true;
  await Promise.all(stealing);
  for (const thief of thieves) thief.disconnect();
  const sorted = await waits(ids);
  t.diagnostic(`${stolen} tickets stolen, work found after ${shown(sorted)}`);
  assert.ok(stolen >= 12, `${stolen} stolen`);
  assert.ok((sorted.at(-1) as number) <= 1000, shown(sorted));
});

test('at rest each process asks the database at most twice a second', async (t) => {
  // Told apart by their roles.
  const roles = ['all', 'api', 'worker'] as const;
  const nodes = await Promise.all(
    roles.map(async (role) => {
      await fleet.sql(`create role "only ${role}" superuser login password 'x'`);
      const url = fleet.postgres.url.replace('goblin:goblin-test', `only%20${role}:x`);
      return await fleet.start(role, { env: { DATABASE_URL: url } });
    }),
  );
  // What a start does is over by then.
  await sleep(3000);
  const count = async () => {
    const rows = await fleet.sql<{ role: string; calls: number }>(
      `select rolname as role, sum(calls)::int as calls from pg_stat_statements s join pg_roles r on r.oid = s.userid
       where rolname like 'only %' group by 1`,
    );
    return new Map(rows.map((row) => [row.role, row.calls]));
  };
  const [from, began] = [await count(), performance.now()];
  await sleep(10_000);
  const [to, seconds] = [await count(), (performance.now() - began) / 1000];
  for (const role of roles) {
    const name = `only ${role}`;
    const perSecond = ((to.get(name) ?? 0) - (from.get(name) ?? 0)) / seconds;
    t.diagnostic(`${role}: ${perSecond.toFixed(2)} queries a second`);
    assert.ok(perSecond > 0.5, `${role} is measured at all: ${perSecond}`);
    assert.ok(perSecond <= 2, `${role}: ${perSecond}`);
  }
  for (const node of nodes) assert.equal(await node.stop(), 0);
});
