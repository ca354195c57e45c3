/** Counts inside a process and in Redis, by one suite; and what only Redis can do to them. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import type { Rates } from '../../src/contract/ports.ts';
import { createMemoryRates } from '../../src/drivers/memory-rates.ts';
import { COMMAND_MS, makeClient } from '../../src/drivers/redis-client.ts';
import { createLine, type Line } from '../../src/drivers/redis-line.ts';
import { createRedisRates } from '../../src/drivers/redis-rates.ts';
import { readRedisUrl } from '../../src/drivers/redis-url.ts';
import { eventually } from '../support/server.ts';
import { startRedis, startRedisCluster } from '../support/services.ts';
import { ratesConformance, sharedRatesConformance } from './suites/rates.ts';

const secret = randomBytes(32);
const [single, cluster] = await Promise.all([startRedis(), startRedisCluster()]);
const lines: Line[] = [];
after(async () => {
  await Promise.all(lines.map((line) => line.close()));
  await Promise.all([single.stop(), cluster.stop()]);
});

async function open(url: string, prefix = 'goblin:rate:', windowS = 60): Promise<Rates> {
  const address = readRedisUrl(url);
  const line = createLine({
    name: 'commands',
    make: () => makeClient(address, 'test', COMMAND_MS),
    prepare: (client) => rates.prepare(client),
    ping: (client) => client.ping(),
    log: () => {},
  });
  lines.push(line);
  const rates = createRedisRates({ main: line, secret, instance: `i${lines.length}`, prefix, windowS });
  assert.equal(await line.first, null);
  return rates;
}

ratesConformance('memory', async (windowS) => createMemoryRates(undefined, windowS));
for (const [form, { url }] of Object.entries({ single, cluster })) {
  ratesConformance(`redis ${form}`, (windowS) => open(url, undefined, windowS));
  sharedRatesConformance(`redis ${form}`, () => open(url));
}

const ask = { limit: 10, need: 1, want: 4 };

test('names in Redis say nothing of ids, and all of them run out', async () => {
  const rates = await open(single.url, 'apart:');
  await rates.take({ ...ask, id: 'key:key_of_acme' });
  await rates.seats({ id: 'key:key_of_acme/seats', limit: 4, used: 1, need: 1, want: 1 });
  const keys = single.cli('keys', 'apart:*').split('\n');
  assert.equal(keys.length, 2);
  for (const key of keys) {
    assert.doesNotMatch(key, /acme/);
    assert.ok(Number(single.cli('pttl', key)) > 0, key);
  }
});

test('what others wrote there stops nobody', async () => {
  const rates = await open(single.url, 'garbage:');
  await rates.take({ ...ask, id: 'a' });
  const [key = ''] = single.cli('keys', 'garbage:*').split('\n');
  single.cli('hset', key, 'seconds', 'many', '99999999999', '500', '12', 'x');
  assert.equal((await rates.take({ ...ask, id: 'a' })).left, 2);
  single.cli('del', key);
  single.cli('set', key, 'not a hash');
  assert.equal((await rates.take({ ...ask, id: 'a' })).left, 6);
  single.cli('set', key, 'not a hash');
  rates.charge('a', 3);
  single.cli('set', key, 'not a hash');
  assert.equal((await rates.seats({ id: 'a', limit: 2, used: 0, need: 1, want: 1 })).seats, 1);
});

test('a server that forgot its scripts and counts, and one that is gone', async () => {
  const own = await startRedis();
  after(() => own.kill());
  const rates = await open(own.url);
  await rates.take({ ...ask, id: 'a' });
  own.cli('script', 'flush');
  assert.equal((await rates.take({ ...ask, id: 'a' })).left, 2);
  const losses = rates.losses();
  await own.kill();
  await eventually(() => (rates.up() ? null : true), 'it is down');
  await assert.rejects(async () => await rates.take({ ...ask, id: 'a' }), { code: 'unavailable' });
  rates.charge('a', 1);
  rates.giveBack('a', 1, 1);
  await own.start();
  await eventually(() => (rates.up() ? true : null), 'it is up');
  assert.ok(rates.losses() > losses, 'it says that counts were lost');
  assert.equal((await rates.take({ ...ask, id: 'a' })).left, 6);
});
