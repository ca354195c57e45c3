/** A start that cannot go on says so in one sentence, exits 1, and gives nothing away. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SECRET } from '../support/cluster.ts';
import { makePlace, type Ran, runGoblin } from '../support/server.ts';
import { type PostgresService, type RedisService, startPostgres, startRedis } from '../support/services.ts';

/** Planted in every URL; may be in no output. */
const PLANTED = 'planted-pass-word';

let postgres: PostgresService;
let redis: RedisService;
let guarded: RedisService;

before(async () => {
  [postgres, redis, guarded] = await Promise.all([
    startPostgres(),
    startRedis(),
    startRedis({ password: 'right-one' }),
  ]);
  await postgres.sql(`create role reader login password '${PLANTED}'`);
  await postgres.sql(`alter role reader set default_transaction_read_only = on`);
  await postgres.database('only_read');
  await postgres.sql('alter database only_read set default_transaction_read_only = on');
  await postgres.sql('create role nobody_here nologin');
  assert.equal((await start('migrate', urls())).code, 0);
  await postgres.sql(`create database "latin" encoding 'LATIN1' locale 'C' template template0`);
});
after(() => Promise.all([postgres.kill(), redis.kill(), guarded.kill()]));

type Env = Record<string, string>;

/** What was printed is one sentence of one line. */
function refused(ran: Ran, what: RegExp): void {
  const said = `${ran.stdout}${ran.stderr}`;
  assert.equal(ran.code, 1, `exit code ${ran.code}: ${said}`);
  assert.match(ran.stderr, what);
  const lines = ran.stderr.trim().split('\n');
  assert.equal(lines.length, 1, `more than one sentence:\n${ran.stderr}`);
  assert.match(lines[0] ?? '', /\.$/, 'it ends like a sentence');
  assert.equal(ran.stdout.trim(), '');
  assert.doesNotMatch(said, /node_modules|\.ts:\d+|\bat [\w.]+ \(|Error:/);
  for (const secret of [PLANTED, encodeURIComponent(PLANTED), 'goblin-test', 'right-one', SECRET]) {
    assert.ok(!said.includes(secret), `a secret was printed: ${said}`);
  }
}

async function start(verb: string, env: Env): Promise<Ran & { tookMs: number }> {
  const began = performance.now();
  const more = { MCP_SECRET: SECRET, MCP_AUTH: 'off', ...env };
  const ran = await runGoblin(
    [verb],
    makePlace(),
    Object.fromEntries(Object.entries(more).filter(([, v]) => v !== '')),
  );
  return { ...ran, tookMs: performance.now() - began };
}

const urls = () => ({ DATABASE_URL: postgres.url, REDIS_URL: redis.url });

test('an api or a worker without the drivers that it needs', async () => {
  for (const verb of ['api', 'worker']) {
    refused(await start(verb, {}), /DATABASE_URL and REDIS_URL, e\.g\./);
    refused(await start(verb, { DATABASE_URL: postgres.url }), /set REDIS_URL, e\.g\./);
    refused(await start(verb, { REDIS_URL: redis.url }), /set DATABASE_URL, e\.g\./);
  }
  refused(await start('migrate', {}), /DATABASE_URL is not set/);
});

test('a secret that is missing or too short', async () => {
  for (const verb of ['api', 'worker', 'start']) {
    refused(await start(verb, { ...urls(), MCP_SECRET: '' }), /MCP_SECRET must be set too/);
  }
  refused(await start('api', { ...urls(), MCP_SECRET: 'short' }), /MCP_SECRET is shorter/);
});

const BAD_DATABASE_URLS = [
  `mysql://goblin:${PLANTED}@127.0.0.1/goblin`,
  `postgres://goblin:${PLANTED}@127.0.0.1:99999/goblin`,
  `postgres://goblin:${PLANTED}@127.0.0.1:port/goblin`,
  `postgres://goblin:${PLANTED}@one:1,two:2/goblin`,
  `postgres://goblin:${PLANTED}#x@127.0.0.1/goblin`,
  `postgres://goblin:${PLANTED}@127.0.0.1/goblin?sslmode=${PLANTED}`,
  PLANTED,
];

test('a DATABASE_URL that cannot be read', async () => {
  for (const url of BAD_DATABASE_URLS) {
    const ran = await start('worker', { DATABASE_URL: url, REDIS_URL: redis.url });
    refused(ran, /DATABASE_URL.*postgres:\/\//);
    assert.ok(ran.tookMs < 20_000, 'nothing is waited for');
  }
  // The variable that is wrong is the one that is named.
  const owner = await start('migrate', { DATABASE_URL: postgres.url, DATABASE_OWNER_URL: `http://x:${PLANTED}@y` });
  refused(owner, /DATABASE_OWNER_URL/);
  assert.doesNotMatch(owner.stderr, /DATABASE_URL/);
});

const BAD_REDIS_URLS = [
  `http://:${PLANTED}@127.0.0.1:6379`,
  `redis://:${PLANTED}@127.0.0.1:99999`,
  `redis://:${PLANTED}@127.0.0.1:6379/x`,
  `redis://:${PLANTED}@one,two:6379`,
  `redis+sentinel://:${PLANTED}@one:26379`,
  `redis://:${PLANTED}%zz@127.0.0.1:6379`,
  PLANTED,
];

test('a REDIS_URL that cannot be read', async () => {
  for (const url of BAD_REDIS_URLS) {
    const ran = await start('worker', { DATABASE_URL: postgres.url, REDIS_URL: url });
    refused(ran, /REDIS_URL.*redis/);
    assert.ok(ran.tookMs < 20_000, 'nothing is waited for');
  }
});

test('a refused login, a missing database, one that only reads, one with another encoding', async () => {
  const at = `127.0.0.1:${postgres.port}`;
  const cases: [string, RegExp][] = [
    [`postgres://goblin:${PLANTED}@${at}/goblin`, /refused the login of user "goblin"/],
    [`postgres://ghost:${PLANTED}@${at}/goblin`, /refused the login of user "ghost"/],
    [`postgres://nobody_here:${PLANTED}@${at}/goblin`, /refused the login of user "nobody_here"/],
    [postgres.url.replace(/goblin$/, 'missing'), /there is no database "missing"/],
    [postgres.url.replace(/goblin$/, 'only_read'), /only reads/],
    [`postgres://reader:${PLANTED}@${at}/goblin`, /only reads/],
    [postgres.url.replace(/goblin$/, 'latin').replace('goblin:goblin-test', 'postgres:goblin-test'), /LATIN1/],
  ];
  for (const [url, what] of cases) {
    const ran = await start('api', { DATABASE_URL: url, REDIS_URL: redis.url });
    refused(ran, what);
    assert.match(ran.stderr, /^DATABASE_URL/);
    assert.ok(ran.tookMs < 20_000, `it took ${ran.tookMs} ms`);
  }
  refused(
    await start('migrate', {
      DATABASE_URL: postgres.url,
      DATABASE_OWNER_URL: `postgres://ghost:${PLANTED}@${at}/goblin`,
    }),
    /^DATABASE_OWNER_URL.*refused the login of user "ghost"/,
  );
  for (const verb of ['api', 'worker', 'start']) {
    const ran = await start(verb, {
      DATABASE_URL: postgres.url,
      REDIS_URL: guarded.url.replace('right-one', PLANTED),
    });
    refused(ran, /^REDIS_URL: Redis at 127\.0\.0\.1:\d+ refused the login/);
  }
  const none = guarded.url.replace(':right-one@', '');
  refused(await start('worker', { DATABASE_URL: postgres.url, REDIS_URL: none }), /^REDIS_URL: .*refused the login/);
});
