/** What raw calls learn of a provider, and what keeps them away from it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { call, isProblem, type Json } from '../support/api.ts';
import { type RawHouse, startRawHouse } from '../support/raw.ts';
import { eventually } from '../support/server.ts';

interface Row {
  provider: string;
  model: string | null;
  state: string;
  latency_p50_ms: number | null;
  load: number;
  rests: { key: string | null; model: string | null }[];
}

let house: RawHouse;
before(async () => {
  house = await startRawHouse({ breaker: { consecutive: 5 } });
});
after(() => house.close());

async function rowOf(provider: string): Promise<Row> {
  const { body } = await call<{ providers: Row[] }>(house.server, '/mcp/v1/admin/metrics');
  const row = body.providers.find((one) => one.provider === provider && one.model === 'raw');
  assert.ok(row, `${provider}/raw is not seen`);
  return row;
}

const act = (path: string, json: Json) => call<Json>(house.server, `/mcp/v1/admin/${path}`, { method: 'POST', json });
const retryAfter = (headers: Headers): number => Number(headers.get('retry-after'));
const keys = () => house.vendor.heard.map(({ headers }) => String(headers.authorization));

test('a breaker opens and closes by them, and keeps nobody away: there is no other place to go', async () => {
  for (let i = 0; i < 5; i++) assert.equal((await house.raw('openai/status/500')).status, 500);
  assert.equal((await rowOf('openai')).state, 'open');
  const from = house.vendor.heard.length;
  assert.equal((await house.raw('openai/status/503')).status, 503);
  assert.equal(house.vendor.heard.length, from + 1);
  assert.equal((await house.raw('openai/files')).status, 200);
  // Its load ends a moment after the answer.
  const row = await eventually(async () => {
    const now = await rowOf('openai');
    return now.load === 0 ? now : null;
  }, 'no load');
  assert.equal(row.state, 'closed');
  assert.ok((row.latency_p50_ms ?? -1) >= 0);
  for (let i = 0; i < 6; i++) assert.equal((await house.raw('openai/status/404')).status, 404);
  assert.equal((await rowOf('openai')).state, 'closed', 'what is not there says nothing against the provider');
  for (let i = 0; i < 5; i++) assert.equal((await house.raw('nowhere/files')).status, 502);
  assert.equal((await rowOf('nowhere')).state, 'open');
});

test('closed by hand: 503, with the time that is left, and nothing is sent', async () => {
  const set = await act('breakers', { provider: 'openai', model: 'raw', state: 'open', minutes: 5 });
  assert.equal(set.status, 200, set.text);
  const from = house.vendor.heard.length;
  const refused = await house.raw('openai/files');
  assert.match(isProblem(refused, 503, 'unavailable').detail, /closed by hand/);
  assert.ok(
    retryAfter(refused.headers) > 290 && retryAfter(refused.headers) <= 300,
    String(refused.headers.get('retry-after')),
  );
  await act('breakers', { provider: 'openai', model: 'raw', state: 'open' });
  assert.equal(retryAfter((await house.raw('openai/files')).headers), 60, 'until somebody acts');
  assert.equal(house.vendor.heard.length, from);
  await act('breakers', { provider: 'openai', model: 'raw', state: 'auto' });
  assert.equal((await house.raw('openai/files')).status, 200);
});

test('a key whose vendor asked for time rests, for raw calls alone; when all rest the caller is told how long', async () => {
  assert.equal((await house.raw('two/status/429')).status, 429);
  const limited = keys().at(-1);
  for (let i = 0; i < 12; i++) assert.equal((await house.raw('two/files')).status, 200);
  assert.equal(new Set(keys().slice(-12)).size, 1);
  assert.notEqual(keys().at(-1), limited);
  assert.deepEqual(
    (await rowOf('two')).rests.map(({ model }) => model),
    ['raw'],
  );
  assert.equal((await house.raw('two/status/429')).status, 429);
  const from = house.vendor.heard.length;
  const refused = await house.raw('two/files');
  assert.match(isProblem(refused, 429, 'upstream_rate_limited').detail, /rest for \d+ (ms|s) more/);
  assert.ok(retryAfter(refused.headers) >= 1 && retryAfter(refused.headers) <= 30);
  assert.equal(house.vendor.heard.length, from);
  await act('keys/reset', { provider: 'two' });
  assert.equal((await house.raw('two/files')).status, 200);
});

test('a refused key is passed over by raw calls, and kept for the models; a right that is missing says nothing', async () => {
  await act('keys/reset', { provider: 'two' });
  assert.equal((await house.raw('two/status/403')).status, 502);
  assert.deepEqual((await rowOf('two')).rests, []);
  assert.equal((await house.raw('two/status/401')).status, 502);
  const refused = keys().at(-1);
  assert.deepEqual(
    (await rowOf('two')).rests.map(({ model }) => model),
    ['raw'],
  );
  for (let i = 0; i < 12; i++) assert.equal((await house.raw('two/files')).status, 200);
  assert.ok(!keys().slice(-12).includes(String(refused)));
});
