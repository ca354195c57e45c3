/** Secrets are planted in every place that takes one; after a broad run none is found in anything that is left behind. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import pg from 'pg';
import { openPglite } from '../../src/drivers/pglite.ts';
import { setupOf } from '../support/accounts.ts';
import { type Canaries, createCanaries, dumpTables, filesOf } from '../support/canary.ts';
import { leakySettings, readAll, walk } from '../support/canary-walk.ts';
import { startNode } from '../support/cluster.ts';
import { binary } from '../support/daemon.ts';
import { runGoblin, startServer } from '../support/server.ts';
import { startPostgres, startRedis } from '../support/services.ts';
import { type LeakyVendor, startLeakyVendor } from '../vendors/leaky.ts';

const closing: (() => unknown)[] = [];
after(async () => {
  for (const close of closing.reverse()) await close();
});

/** What the leaky vendor writes of its own: a key that nobody here has seen before. */
const writes = (canaries: Canaries): string =>
  canaries.plant('answer', `SG.${'aB3dE6gH9jK2mN5pQ8sT1v'}.${'wX4yZ7bC0dF3gJ6kL9nP2qR5tV8xA1cE4fH7jM0pS3u'}`);

async function vendorOf(canaries: Canaries): Promise<{ vendor: LeakyVendor; env: Record<string, string> }> {
  const vendor = await startLeakyVendor(writes(canaries));
  closing.push(() => vendor.close());
  return {
    vendor,
    env: {
      MCP_AUTH: 'required',
      LOG_LEVEL: 'debug',
      LEAKY_KEY: canaries.make('key of a vendor', 'sk-'),
      OPENAI_API_KEY: canaries.make('key of another vendor'),
      MCP_SECRET: canaries.plant('MCP_SECRET', canaries.make('half a secret') + canaries.make('other half')),
    },
  };
}

function commandLine(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8') + readFileSync(`/proc/${pid}/comm`, 'utf8');
}

/** The vendor gets its own key, and placeholders where secrets were. */
function heardNothing(canaries: Canaries, vendor: LeakyVendor): void {
  const heard = vendor.heard.join('\n');
  assert.ok(vendor.heard.length > 60 && heard.includes('[[secret:'), `${vendor.heard.length} calls`);
  canaries.look('what the vendor heard', heard, ['key of a vendor']);
}

function isClean(canaries: Canaries, least: number): void {
  const told = canaries.leaks().map(({ secret, place, as, after }) => `${secret} in ${place} (${as}) after ${after}`);
  assert.deepEqual([...new Set(told)].slice(0, 30), []);
  assert.ok(canaries.searched() > least, `${canaries.searched()} characters were searched`);
  assert.ok(canaries.names().length > 40);
}

test('the search itself finds what is planted, however it is written', () => {
  const canaries = createCanaries();
  const one = canaries.plant('one', 'a "secret" of 40%/characters+more');
  const ways: (string | Buffer)[] = [
    `x${one}y`,
    JSON.stringify({ a: one }),
    `?q=${encodeURIComponent(one)}`,
    Buffer.from(`{"z": ${JSON.stringify(one)}}`).toString('base64'),
    Buffer.from(`12${one}34`).toString('base64'),
    Buffer.from(`1${one}234`).toString('base64url'),
    Buffer.from(one).toString('hex').toUpperCase(),
    deflateRawSync(`before ${one} after`),
    Buffer.concat([Buffer.from([1, 0, 0, 0]), Buffer.alloc(16, 7), deflateRawSync(`{"a":"${one}"}`)]),
    `{"data":"\\x${deflateRawSync(`long enough before ${one}`).toString('hex')}"}`,
    Buffer.from(one, 'utf16le'),
  ];
  for (const [at, way] of ways.entries()) {
    canaries.look(`way ${at}`, way);
    assert.equal(canaries.leaks().length, at + 1, `way ${at} is found`);
  }
  canaries.look('nothing', 'a secret of 40% characters');
  canaries.look('allowed', one, ['one']);
  assert.equal(canaries.leaks().length, ways.length);
});

test('embedded: nothing in logs, files, rows, answers, pages, metrics', { timeout: 240_000 }, async () => {
  const canaries = createCanaries();
  const { vendor, env } = await vendorOf(canaries);
  const server = await startServer({ env, settings: leakySettings(vendor) });
  closing.push(() => server.stop());
  const setup = canaries.plant('set-up token', await setupOf(server.stdout));
  const ids = await walk({ server, canaries }, setup, canaries.make('odd password', 'ü"\\\n'));
  assert.ok(ids.length > 60, `${ids.length} requests`);
  assert.ok((await readAll({ server, canaries })) > 20);
  heardNothing(canaries, vendor);
  canaries.plant('token of the operator', server.token);
  canaries.look('command line', commandLine(server.pid));
  const config = await runGoblin(['config'], server, env);
  canaries.look('goblin config', config.stdout + config.stderr);
  const asJson = await runGoblin(['config', '--json'], server, env);
  canaries.look('goblin config --json', asJson.stdout + asJson.stderr);
  assert.equal(asJson.code, 0, asJson.stderr);
  await server.stop();
  canaries.look('stdout', server.stdout(), ['set-up token']);
  canaries.look('stderr', server.stderr());
  assert.match(server.stderr(), /"level"/, 'there are logs to search');

  const database = await openPglite(join(server.dataDir, 'db'));
  const query = (text: string) => database.query<Record<string, unknown>>(text, []);
  const dump = await dumpTables(query);
  for (const [name, rows] of dump) canaries.look(`table ${name}`, rows);
  assert.ok((dump.get('mcp_request') ?? '').split('\n').length > 60);
  // And the search sees what is in a row, compressed.
  const planted = canaries.make('planted in a row');
  await query('create table planted (data bytea)');
  const packed = deflateRawSync(`a long text with ${planted} in it`).toString('hex');
  await query(`insert into planted values (decode('${packed}', 'hex'))`);
  const again = await dumpTables(query);
  const trial = createCanaries();
  trial.plant('planted in a row', planted);
  for (const [name, rows] of again) trial.look(name, rows);
  assert.deepEqual(
    trial.leaks().map(({ place }) => place),
    ['planted, unpacked'],
  );
  await database.close();
  for (const [name, bytes] of filesOf(server.dataDir)) {
    // The note of the running process, for the command line: readable by its owner alone.
    if (name !== 'server.json') canaries.look(`file ${name}`, bytes, ['planted in a row']);
  }
  isClean(canaries, 3_000_000);
});

test('PostgreSQL and Redis: nothing in rows, keys, messages between processes, logs', {
  timeout: 240_000,
}, async () => {
  const canaries = createCanaries();
  const { vendor, env: base } = await vendorOf(canaries);
  const redisPassword = canaries.make('password of Redis');
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis({ password: redisPassword })]);
  closing.push(
    () => postgres.kill(),
    () => redis.kill(),
  );
  const databasePassword = canaries.make('password of the database');
  await postgres.sql(`alter role goblin password '${databasePassword}'`);
  const url = postgres.url.replace(/:[^:@]+@/, `:${databasePassword}@`);
  const env = { ...base, DATABASE_URL: url, REDIS_URL: redis.url };
  // All commands that Redis hears, messages on channels among them.
  const monitor = spawn(binary('redis-cli'), ['-p', String(redis.port), 'monitor'], {
    env: { ...process.env, REDISCLI_AUTH: redisPassword },
  });
  let commands = '';
  monitor.stdout.setEncoding('utf8').on('data', (text: string) => {
    commands += text;
  });
  closing.push(() => monitor.kill());

  const settings = leakySettings(vendor);
  const api = await startNode({ role: 'api', env, settings });
  closing.push(() => api.kill());
  const worker = await startNode({ role: 'worker', env, settings });
  closing.push(() => worker.kill());
  const setup = canaries.plant('set-up token', await setupOf(() => api.log() + worker.log()));
  const server = { address: api.address, token: api.token };
  const ids = await walk({ server, canaries }, setup, canaries.make('odd password', 'ü"\\\n'));
  assert.ok(ids.length > 60);
  assert.ok((await readAll({ server, canaries })) > 20);
  heardNothing(canaries, vendor);
  canaries.plant('token of the operator', api.token);
  for (const node of [api, worker]) canaries.look(`command line of ${node.name}`, commandLine(node.pid));

  for (const name of redis.cli('--scan').split('\n').filter(Boolean)) {
    const dumped = redis.cli('--no-raw', 'dump', name);
    canaries.look(`Redis key ${name}`, name + dumped);
  }
  assert.match(commands, /publish/i, 'messages were heard');
  canaries.look('commands of Redis', commands);
  const client = new pg.Client({ connectionString: postgres.ownerUrl });
  await client.connect();
  const dump = await dumpTables(async (text) => (await client.query(text)).rows as Record<string, unknown>[]);
  await client.end();
  for (const [name, rows] of dump) canaries.look(`table ${name}`, rows);
  assert.ok((dump.get('mcp_request') ?? '').split('\n').length > 60);
  await Promise.all([api.stop(), worker.stop()]);
  for (const node of [api, worker]) canaries.look(`log of ${node.name}`, node.log(), ['set-up token']);
  for (const node of [api, worker]) {
    for (const [name, bytes] of filesOf(node.place.folder)) {
      if (!name.endsWith('server.json')) canaries.look(`file ${name} of ${node.name}`, bytes);
    }
  }
  isClean(canaries, 1_000_000);
});
