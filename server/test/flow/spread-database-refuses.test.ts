/** PostgreSQL answers, but takes no writes, or no more connections. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { call, isProblem, post, result, submit } from '../support/api.ts';
import { type ClusterNode, type Fleet, startFleet } from '../support/cluster.ts';
import { eventually } from '../support/server.ts';
import { checkFrames, openSse, readAll, textOf } from '../support/streams.ts';
import { callsWith, MODEL, saidBy } from '../support/vendors.ts';

let fleet: Fleet;
let api: ClusterNode;
let worker: ClusterNode;

before(async () => {
  // A longer lease than in other tests: on a busy machine a late heartbeat must not look like a loss.
  fleet = await startFleet({ settings: { clocks: { lease_ms: 10_000, heartbeat_ms: 500 } } });
  [api, worker] = await Promise.all([fleet.start('api'), fleet.start('worker')]);
});
after(() => fleet.close());

const state = async (node: ClusterNode) => (await call<{ status: string }>(node, '/readyz')).body.status;
const becomes = (what: string) =>
  Promise.all(
    [api, worker].map((node) =>
      eventually(async () => ((await state(node)) === what ? true : null), `${node.name} is ${what}`, 20_000),
    ),
  );

async function run(name: string): Promise<{ done(): Promise<void> }> {
  const prompt = `${name} [[sim tokens=80 rate=10]]`;
  const said = saidBy(fleet.vendor, prompt);
  const { request_id: id } = await submit(api, { prompt, model: MODEL });
  const reader = await openSse(api, id);
  await reader.until((frame) => frame.type === 'text');
  return {
    async done() {
      const frames = await readAll(Promise.resolve(reader));
      assert.equal(checkFrames(frames).status, 'succeeded');
      assert.equal(textOf(frames), (await said).text);
      assert.equal((await result(api, id)).text, (await said).text);
      assert.equal(callsWith(fleet.vendor, name).filter((entry) => entry.stream).length, 1);
    },
  };
}

test('a database that turns read-only in the middle of it, as after a failover to a standby', async () => {
  const running = await run('Read-only');
  await fleet.postgres.sql('alter system set default_transaction_read_only = on');
  await fleet.postgres.sql('select pg_reload_conf()');
  await becomes('degraded');
  isProblem(await post(api, '/mcp/v1/request', { prompt: 'Refused, read-only', model: MODEL }), 503, 'unavailable');
  const waiting = post(api, '/v1/chat/completions', {
    model: MODEL,
    messages: [{ role: 'user', content: 'Door, read-only' }],
  });
  await sleep(1000);
  assert.equal(callsWith(fleet.vendor, 'read-only').length, 0);
  await fleet.postgres.sql('alter system reset default_transaction_read_only');
  await fleet.postgres.sql('select pg_reload_conf()');
  await becomes('ready');
  assert.equal((await waiting).status, 200);
  await running.done();
});

test('a database without a free connection: who has one works on, and who has none recovers', async () => {
  const running = await run('Squeezed');
  const crowd: pg.Client[] = [];
  const fill = async (): Promise<void> => {
    for (let refused = 0; refused < 3; ) {
      const client = new pg.Client({ connectionString: fleet.postgres.ownerUrl });
      client.on('error', () => {});
      await client.connect().then(
        () => crowd.push(client),
        () => refused++,
      );
    }
  };
  await fill();
  const beside = await submit(api, { prompt: 'Beside the crowd', model: MODEL });
  assert.equal((await result(api, beside.request_id)).status, 'succeeded');

  // Ours are ended, and the crowd takes their places.
  const [boss] = crowd;
  await boss?.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'goblin %'`);
  await fill();
  const left = (await boss?.query(`select 1 from pg_stat_activity where application_name like 'goblin %'`))?.rows
    .length;
  const answer = await post(api, '/mcp/v1/request', { prompt: 'Crowded out', model: MODEL });
  if (left === 0) isProblem(answer, 503, 'unavailable');
  await sleep(500);
  for (const client of crowd) await client.end().catch(() => {});
  await becomes('ready');
  const later = await eventually(async () => {
    const again = await post<{ request_id: string }>(api, '/mcp/v1/request', {
      prompt: 'After the crowd',
      model: MODEL,
    });
    return again.status === 202 ? again.body.request_id : null;
  }, 'a submit is taken again');
  assert.equal((await result(api, later)).status, 'succeeded');
  await running.done();
});
