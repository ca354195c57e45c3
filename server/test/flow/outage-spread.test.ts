/** Two processes over Redis: what one has learnt of a vendor and of its keys, the other knows. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { call } from '../support/api.ts';
import { type ClusterNode, type Fleet, startFleet } from '../support/cluster.ts';
import { settingsOf, tell, type Vendor } from '../support/outage.ts';
import { eventually } from '../support/server.ts';
import { SPEAKERS } from '../vendors/speak.ts';
import { refusalOf, startVendors, type World, type WorldCall } from '../vendors/world.ts';

const BREAKER = { consecutive: 5, open_ms: 12_000, window_ms: 60_000 };
/** Who changed something tells the others within a quarter of a second. */
const TOLD_MS = 8000;
const KEYS = { ONE: 'sk-one-0123456789', TWO: 'sk-two-0123456789' };
const usesTwo = ({ headers }: WorldCall): boolean => headers.authorization?.includes(KEYS.TWO) ?? false;

let down = true;
const vendors: Record<string, Vendor> = {
  sick: {
    dialect: 'anthropic',
    say: () =>
      down ? refusalOf('anthropic', 500, SPEAKERS.anthropic.error('broken')) : { words: ['Back', ' again', '.'] },
  },
  well: { dialect: 'gemini', say: () => ({ words: ['Well', '.'] }) },
  limited: {
    dialect: 'openai',
    say: () => refusalOf('openai', 429, SPEAKERS.openai.error('rate'), [['retry-after', '60']]),
  },
  keyed: {
    dialect: 'openai',
    entry: { auth: 'bearer', keys: [{ env: 'ONE' }, { env: 'TWO' }] },
    say: (one) => (usesTwo(one) ? { words: ['Keyed', '.'] } : refusalOf('openai', 401, SPEAKERS.openai.error('key'))),
  },
};
const lists = { outage: ['sick', 'well'], storm: ['limited', 'well'] };

let fleet: Fleet;
let world: World;
let here: ClusterNode;
let there: ClusterNode;
before(async () => {
  [fleet, world] = await Promise.all([startFleet(), startVendors(vendors)]);
  const more = { settings: { ...settingsOf(world, vendors, lists), breaker: BREAKER }, env: KEYS };
  [here, there] = await Promise.all([fleet.start('api', more), fleet.start('api', more)]);
});
after(async () => {
  await fleet.close();
  await world.close();
});

interface Row {
  provider: string;
  state: string;
  rests: { key: string | null; until: string | null }[];
}

async function rowOf(node: ClusterNode, provider: string): Promise<Row | undefined> {
  const headers = { authorization: `Bearer ${node.token}` };
  const { body } = await call<{ providers: Row[] }>(node, '/mcp/v1/admin/metrics', { headers });
  return body.providers.find((one) => one.provider === provider);
}

test('a breaker that opens here is open there; the probe of one closes it for both', { timeout: 150_000 }, async () => {
  for (let i = 0; i < BREAKER.consecutive; i++) {
    assert.equal((await tell(here, 'outage', `Fails ${i}.`)).truth?.provider, 'well');
  }
  const failed = world.calls('sick').length;
  assert.equal(failed, BREAKER.consecutive);
  await eventually(async () => (await rowOf(there, 'sick'))?.state === 'open', 'the other knows', TOLD_MS);
  for (let i = 0; i < 5; i++) {
    const told = await tell(there, 'outage', `Elsewhere ${i}.`);
    assert.deepEqual([told.truth?.provider, told.truth?.attempts], ['well', 1]);
  }
  assert.equal(world.calls('sick').length, failed, 'the other has not asked it once');

  down = false;
  // Its time is over for both; the first that asks is the probe.
  await eventually(
    async () => (await tell(here, 'outage', 'Probe.')).truth?.provider === 'sick',
    'the return of the first',
    3 * BREAKER.open_ms,
  );
  await eventually(async () => (await rowOf(there, 'sick'))?.state === 'closed', 'the other knows that too', TOLD_MS);
  assert.equal((await tell(there, 'outage', 'Well again.')).truth?.provider, 'sick');
});

test('a rate limit that one has met is kept by the other', async () => {
  assert.equal((await tell(here, 'storm', 'Limited.')).truth?.provider, 'well');
  await eventually(async () => ((await rowOf(there, 'limited'))?.rests.length ?? 0) > 0, 'the other knows', TOLD_MS);
  for (let i = 0; i < 5; i++) assert.equal((await tell(there, 'storm', `Limited ${i}.`)).truth?.attempts, 1);
  assert.equal(world.calls('limited').length, 1);
});

test('a key that was refused to one is not tried by the other', async () => {
  const refusals = () => world.calls('keyed').filter((one) => !usesTwo(one)).length;
  for (let i = 0; refusals() === 0; i++) {
    assert.ok(i < 200, 'the first key has its turn');
    assert.equal((await tell(here, 'keyed/m-1', `Key ${i}.`)).text, 'Keyed.');
  }
  await eventually(async () => ((await rowOf(there, 'keyed'))?.rests.length ?? 0) > 0, 'the other knows', TOLD_MS);
  for (let i = 0; i < 30; i++) assert.equal((await tell(there, 'keyed/m-1', `There ${i}.`)).text, 'Keyed.');
  assert.equal(refusals(), 1);
});

test('without Redis each goes by what it sees itself, and answers all the same', { timeout: 60_000 }, async () => {
  await fleet.redis.kill();
  down = true;
  const asked = world.calls('sick').length;
  for (const node of [here, there]) {
    for (let i = 0; i < 8; i++) assert.equal((await tell(node, 'outage', `Alone ${i}.`)).truth?.provider, 'well');
  }
  const calls = world.calls('sick').length - asked;
  assert.ok(calls <= 2 * BREAKER.consecutive, `${calls} calls of the one that is down`);
});
