/** One schema for many: who may change it, who comes first, which builds may start on it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import { result, submit } from '../support/api.ts';
import { type ClusterNode, type Role, SECRET, startNode } from '../support/cluster.ts';
import { makePlace, type Ran, runGoblin } from '../support/server.ts';
import { type PostgresService, type RedisService, startPostgres, startRedis } from '../support/services.ts';
import { MODEL, OPENAI_KEY, openaiEnv } from '../support/vendors.ts';

/** Of the day on which this began: it may end before the tests do. */
const [TOMORROW, IN_FIVE] = [dayName(1), dayName(5)];

let postgres: PostgresService;
let redis: RedisService;
let vendor: Simulator;
const nodes: ClusterNode[] = [];

before(async () => {
  [postgres, redis, vendor] = await Promise.all([
    startPostgres(),
    startRedis(),
    startSimulator({ journal: true, key: OPENAI_KEY }),
  ]);
});
after(async () => {
  for (const node of nodes) await node.kill();
  await vendor.close();
  await Promise.all([postgres.kill(), redis.kill()]);
});

async function query<T = Record<string, unknown>>(url: string, text: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows as T[];
  } finally {
    await client.end();
  }
}

const migrate = (env: Record<string, string>): Promise<Ran> =>
  runGoblin(['migrate'], makePlace(), { MCP_SECRET: SECRET, ...env });

async function node(role: Role, env: Record<string, string>): Promise<ClusterNode> {
  const made = await startNode({ role, env: { REDIS_URL: redis.url, ...openaiEnv(vendor), ...env } });
  nodes.push(made);
  return made;
}

const stopAll = () => Promise.all(nodes.splice(0).map((one) => one.stop()));

test('five processes start at once on an empty database: each migration runs once, all come up', async () => {
  const url = await postgres.database('five');
  const roles: Role[] = ['api', 'worker', 'all', 'worker', 'api'];
  const started = await Promise.allSettled(roles.map((role) => node(role, { DATABASE_URL: url })));
  const failures = started.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []));
  assert.deepEqual(failures, []);
  const ran = await query<{ version: number }>(url, 'select version from mcp_migration order by version');
  assert.deepEqual(
    ran.map((row) => row.version),
    ran.map((_, index) => index + 1),
  );
  // Partitions from yesterday to a week ahead, of each kind, no more and no fewer.
  const made = await query<{ parent: string; days: number }>(
    url,
    `select inhparent::regclass::text as parent, count(*)::int as days from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where c.relkind = 'r' group by 1 order by 1`,
  );
  assert.ok(made.length >= 4, JSON.stringify(made));
  for (const { parent, days } of made)
    assert.ok(days === 9 || (days === 10 && dayName(1) !== TOMORROW), `${parent}: ${days}`);
  const api = nodes.find((one) => one.role === 'api') as ClusterNode;
  const { request_id: id } = await submit(api, { prompt: 'First', model: MODEL });
  assert.equal((await result(api, id)).status, 'succeeded');
  assert.deepEqual(await stopAll(), [0, 0, 0, 0, 0]);
});

test('migrate by the owner: the application has rows, not tables', async () => {
  const owner = await postgres.database('owned');
  await postgres.sql(`create role app login password 'app-pass'`);
  const url = owner.replace('goblin:goblin-test', 'app:app-pass');
  // Nobody may create anything in it but its owner.
  await query(
    owner.replace('goblin:goblin-test', 'postgres:goblin-test'),
    'revoke create on schema public from public',
  );
  await query(owner.replace('goblin:goblin-test', 'postgres:goblin-test'), 'grant create on schema public to goblin');

  const early = await runGoblin(['worker'], makePlace(), {
    MCP_SECRET: SECRET,
    DATABASE_URL: url,
    REDIS_URL: redis.url,
  });
  assert.equal(early.code, 1, 'without an owner nobody can migrate');
  assert.match(early.stderr, /lacks rights.*DATABASE_OWNER_URL.*npm run migrate/);
  assert.equal(early.stderr.trim().split('\n').length, 1, early.stderr);

  const first = await migrate({ DATABASE_URL: url, DATABASE_OWNER_URL: owner });
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /\d migrations ran/);
  const second = await migrate({ DATABASE_URL: url, DATABASE_OWNER_URL: owner });
  assert.deepEqual([second.code, second.stdout.trim()], [0, 'The database is up to date.']);

  // A night has passed: tomorrow's partitions are missing, and old ones are due.
  await query(owner, `drop table mcp_frame_${IN_FIVE}, mcp_body_${IN_FIVE}`);
  for (const parent of ['mcp_body', 'mcp_frame', 'mcp_result', 'mcp_partial']) {
    await query(
      owner,
      `create table ${parent}_20200101 partition of ${parent} for values from ('2020-01-01') to ('2020-01-02')`,
    );
  }
  const [api, worker] = await Promise.all([node('api', { DATABASE_URL: url }), node('worker', { DATABASE_URL: url })]);
  const { request_id: id } = await submit(api, { prompt: 'As the application', model: MODEL });
  assert.equal((await result(api, id)).status, 'succeeded');
  const there = async (name: string) =>
    (await query<{ yes: boolean }>(owner, `select to_regclass('${name}') is not null as yes`))[0]?.yes;
  assert.equal(await there(`mcp_frame_${IN_FIVE}`), true, 'the application makes partitions by a function');
  assert.equal(await there(`mcp_body_${IN_FIVE}`), true);
  const until = performance.now() + 30_000;
  while ((await there('mcp_frame_20200101')) && performance.now() < until) await new Promise((r) => setTimeout(r, 200));
  assert.equal(await there('mcp_frame_20200101'), false, 'and drops them by a function');

  const refusals = [
    'create table mine (n int)',
    'create table mcp_mine (n int)',
    'drop table mcp_request',
    `drop table mcp_frame_${TOMORROW}`,
    'alter table mcp_request add column mine int',
    'truncate mcp_event',
    `update mcp_migration set checksum = 'x'`,
    `select mcp_drop_partitions('pg_class', current_date)`,
    'create schema mine',
  ];
  for (const text of refusals) {
    const error = await query(url, text).then(
      () => 'done',
      (problem: Error) => problem.message,
    );
    assert.match(error, /permission denied|must be owner|not a partitioned table/, text);
  }
  assert.deepEqual(await Promise.all([api.stop(), worker.stop()]), [0, 0]);
  nodes.length = 0;
});

test('a build starts on a newer schema that says it is compatible, and on no other', async () => {
  const url = await postgres.database('newer');
  assert.equal((await migrate({ DATABASE_URL: url })).code, 0);
  const [top] = await query<{ version: number }>(url, 'select max(version) as version from mcp_migration');
  const version = top?.version ?? 0;
  const insert = (number: number, from: number | 'null') =>
    query(
      url,
      `insert into mcp_migration (version, name, checksum, compatible_from) values (${number}, '${number}_later.sql', 'x', ${from})`,
    );
  await insert(9000, version);
  const again = await migrate({ DATABASE_URL: url });
  assert.deepEqual([again.code, again.stdout.trim()], [0, 'The database is up to date.']);
  const [api, worker] = await Promise.all([node('api', { DATABASE_URL: url }), node('worker', { DATABASE_URL: url })]);
  const { request_id: id } = await submit(api, { prompt: 'On a newer schema', model: MODEL });
  assert.equal((await result(api, id)).status, 'succeeded');
  assert.deepEqual(await Promise.all([api.stop(), worker.stop()]), [0, 0]);
  nodes.length = 0;

  for (const from of [9001, 'null'] as const) {
    await insert(9001, from);
    for (const verb of ['api', 'worker', 'start', 'migrate']) {
      const env = { MCP_SECRET: SECRET, DATABASE_URL: url, REDIS_URL: redis.url };
      const ran = await runGoblin([verb], makePlace(), env);
      assert.equal(ran.code, 1, `${verb}: ${ran.stdout}${ran.stderr}`);
      assert.match(ran.stderr, /newer version \(schema 9001;.*start that version\./);
      assert.equal(ran.stderr.trim().split('\n').length, 1, ran.stderr);
    }
    await query(url, 'delete from mcp_migration where version = 9001');
  }
});

/** Of a UTC day from now: 20260131. */
function dayName(ahead: number): string {
  return new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
}
