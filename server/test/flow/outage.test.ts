/**
 * Vendors that are down, or limit us, or refuse a key: who is asked how often, and what callers get. All times are a tenth
 * of those of a real server: a minute is six seconds.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ERRORS } from '../../src/contract/errors.ts';
import { type Outage, recordOf, startOutage, tell, type Vendor } from '../support/outage.ts';
import { eventually } from '../support/server.ts';
import { SPEAKERS } from '../vendors/speak.ts';
import { refusalOf, type WorldCall } from '../vendors/world.ts';

const MINUTE = 6000;
/** The defaults of a real server, a tenth of their time. */
const BREAKER = { consecutive: 5, open_ms: 500, max_open_ms: 30_000, window_ms: 6000 };

/** After half a second, one, two, four and eight: no more fit into a minute and a bit. */
const PROBES = 5;

const WORDS = ['Well', ' said', ' and', ' whole', '.'];
const USAGE = { input: 40, output: 5 };
const well: Vendor = { dialect: 'openai', say: () => ({ words: WORDS, usage: USAGE }) };

let firstDown = false;
const failing = (dialect: Vendor['dialect'], isDown: () => boolean = () => true): Vendor => ({
  dialect,
  say: () => (isDown() ? refusalOf(dialect, 503, SPEAKERS[dialect].error('broken')) : { words: WORDS, usage: USAGE }),
});

/** Limits once, then has time again. */
const limiting = (headers: () => [string, string][]): Vendor => {
  let asked = 0;
  return {
    dialect: 'openai',
    say: () =>
      asked++ === 0
        ? refusalOf('openai', 429, SPEAKERS.openai.error('rate'), headers())
        : { words: WORDS, usage: USAGE },
  };
};

/** Whole seconds, at least a second from now. */
const inASecond = () => new Date(Math.ceil((Date.now() + 1000) / 1000) * 1000);
const LIMITS: Record<string, () => [string, string][]> = {
  seconds: () => [['retry-after', '1']],
  date: () => [['retry-after', inASecond().toUTCString()]],
  ms: () => [['retry-after-ms', '1000']],
  reset: () => [
    ['x-ratelimit-remaining-requests', '0'],
    ['x-ratelimit-reset-requests', '1s'],
  ],
  stamp: () => [
    ['x-ratelimit-remaining-tokens', '0'],
    ['x-ratelimit-reset-tokens', String(Math.ceil(Date.now() / 1000) + 1)],
  ],
};

const KEYS = { ONE: 'sk-one-0123456789', TWO: 'sk-two-0123456789' };
/** The first key is no good, in this way; the second is. */
const keyed = (dialect: Vendor['dialect'], header: string, refuse: () => ReturnType<typeof refusalOf>): Vendor => ({
  dialect,
  entry: { auth: header === 'authorization' ? 'bearer' : header, keys: [{ env: 'ONE' }, { env: 'TWO' }] },
  say: (call) => (usesTwo(call) ? { words: WORDS, usage: USAGE } : refuse()),
});
const usesTwo = ({ headers }: WorldCall): boolean =>
  [headers.authorization, headers['x-api-key']].some((shown) => shown?.includes(KEYS.TWO));
const refusing = (dialect: Vendor['dialect'], kind: 'key' | 'quota' | 'forbidden') => () =>
  refusalOf(dialect, SPEAKERS[dialect].statuses[kind] ?? 400, SPEAKERS[dialect].error(kind));

const KEYED: Record<string, Vendor> = {
  'keys-refused': keyed('openai', 'authorization', refusing('openai', 'key')),
  'keys-claude': keyed('anthropic', 'x-api-key', refusing('anthropic', 'key')),
  'keys-quota': keyed('openai', 'authorization', refusing('openai', 'quota')),
  'keys-forbidden': keyed('openai', 'authorization', refusing('openai', 'forbidden')),
};

const vendors: Record<string, Vendor> = {
  'first-a': failing('openai', () => firstDown),
  'first-b': well,
  'both-a': failing('gemini'),
  'both-b': failing('bedrock'),
  alone: failing('openai'),
  'storm-a': {
    dialect: 'anthropic',
    say: () => refusalOf('anthropic', 429, SPEAKERS.anthropic.error('rate'), [['retry-after', '30']]),
  },
  'storm-b': well,
  'filter-a': { dialect: 'openai', say: () => refusalOf('openai', 400, SPEAKERS.openai.error('filter')) },
  'stopped-a': {
    dialect: 'gemini',
    say: () => ({ words: WORDS.slice(0, 3), finish: 'content_filter', usage: USAGE }),
  },
  small: { dialect: 'cohere', say: () => refusalOf('cohere', 400, SPEAKERS.cohere.error('context')) },
  large: well,
  'last-b': well,
  ...Object.fromEntries(Object.entries(LIMITS).map(([form, headers]) => [`limit-${form}`, limiting(headers)])),
  ...KEYED,
};

const lists: Record<string, string[]> = {
  first: ['first-a', 'first-b'],
  both: ['both-a', 'both-b'],
  storm: ['storm-a', 'storm-b'],
  filter: ['filter-a', 'last-b'],
  stopped: ['stopped-a', 'last-b'],
  context: ['small', 'large'],
  ...Object.fromEntries(Object.keys(LIMITS).map((form) => [form, [`limit-${form}`, 'last-b']])),
};

let house: Outage;
before(async () => {
  house = await startOutage(vendors, lists, {
    env: { ONE: KEYS.ONE, TWO: KEYS.TWO },
    settings: {
      breaker: BREAKER,
      clocks: { headers_ms: 15_000, answer_ms: 15_000, first_token_ms: 15_000, idle_ms: 15_000 },
    },
  });
});
after(() => house.close());

async function firstIsDown(): Promise<void> {
  const { server, world } = house;
  assert.equal((await tell(server, 'first', 'Before.')).truth?.provider, 'first-a');
  firstDown = true;
  const from = world.calls('first-a').length;
  const told = await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      await sleep((i * MINUTE) / 20);
      return await tell(server, 'first', `During ${i}.`, { json: { stream: i % 2 === 0 } });
    }),
  );
  for (const one of told) {
    assert.equal(one.code, null);
    assert.equal(one.text, WORDS.join(''));
    assert.equal(one.headers.get('x-mcp-provider'), 'first-b');
    // Breakers are waited for longer, were there nobody else.
    assert.ok(one.ms < 6000, `${one.ms} ms`);
  }
  const asked = world.calls('first-a').length - from;
  assert.ok(
    asked >= BREAKER.consecutive && asked <= BREAKER.consecutive + PROBES,
    `${asked} calls of the one that is down`,
  );
  assert.equal(world.calls('first-b').length, 20, 'each was answered once');
  for (const { id } of told) {
    const row = await recordOf(server, id);
    const counted = row.attempts.map((one) => [one.provider, one.error?.code ?? null, one.cost_usd]);
    const good = ['first-b', null, (USAGE.input * 2 + USAGE.output * 10) / 1e6];
    // What the vendor never took costs nothing.
    const bad = ['first-a', 'upstream_unavailable', 0];
    assert.deepEqual(counted, counted.length === 1 ? [good] : [bad, good]);
  }
  firstDown = false;
  await eventually(
    async () => (await tell(server, 'first', 'After.')).truth?.provider === 'first-a',
    'the return of the first',
    30_000,
  );
  for (let i = 0; i < 5; i++) assert.equal((await tell(server, 'first', 'Well.')).truth?.provider, 'first-a');
}

/** `list`: the alias that is asked for; `names`: all of its vendors, which are down. */
async function nobodyIsUp(list: string, names: readonly string[]): Promise<void> {
  const { server, world } = house;
  const requests = 60;
  const told = await Promise.all(
    Array.from({ length: requests }, async (_, i) => {
      await sleep((i * MINUTE) / requests);
      return await tell(server, list, `Nobody ${i}.`, { json: { stream: i % 2 === 0 } });
    }),
  );
  for (const one of told) {
    assert.ok(one.status >= 500, `${one.status}`);
    assert.ok(Number(one.headers.get('retry-after')) >= 1, 'a caller may come back, and is told when');
    // Eight seconds at most are waited for breakers.
    assert.ok(one.ms < 18_000, `${one.ms} ms`);
  }
  const calls = names.reduce((sum, name) => sum + world.calls(name).length, 0);
  // A tenth more, and probes: those that fit into a minute and the ten seconds after it. Four attempts each would be 240.
  const most = 1.1 * requests + names.length * PROBES;
  assert.ok(calls <= most, `${calls} calls for ${requests} requests, more than ${most}`);
}

test('outages of a minute', { timeout: 60_000, concurrency: 3 }, async (t) => {
  await Promise.all([
    t.test('the first is down, over twenty requests: the second answers all, the first is hardly asked', firstIsDown),
    t.test('both are down: hardly more calls than requests, and every caller is told so', () =>
      nobodyIsUp('both', ['both-a', 'both-b']),
    ),
    t.test('the only one is down: the same', () => nobodyIsUp('alone/m-1', ['alone'])),
  ]);
});

for (const form of Object.keys(LIMITS)) {
  test(`a rate limit told as ${form}: nobody is sent there until then, and then somebody is`, async () => {
    const { server, world } = house;
    const limited = `limit-${form}`;
    const began = performance.now();
    const first = await tell(server, form, 'Limited.');
    assert.deepEqual([first.code, first.truth?.provider, first.truth?.attempts], [null, 'last-b', 2]);
    const early = () => performance.now() - began < 900;
    while (early()) {
      const next = await tell(server, form, 'Meanwhile.');
      // One that took long may have been sent when the time was over.
      if (!early()) break;
      assert.deepEqual([next.truth?.provider, next.truth?.attempts], ['last-b', 1]);
    }
    const meanwhile = world.calls(limited).filter(({ at }) => at - began < 900);
    assert.equal(meanwhile.length, 1, 'it is left alone');
    await eventually(
      async () => (await tell(server, form, 'Again.')).truth?.provider === limited,
      'its return',
      15_000,
    );
  });
}

test('a storm of rate limits: thirty at once, and thirty after them', async () => {
  const { server, world } = house;
  const atOnce = await Promise.all(Array.from({ length: 30 }, (_, i) => tell(server, 'storm', `Storm ${i}.`)));
  const asked = world.calls('storm-a').length;
  for (let i = 0; i < 30; i++) atOnce.push(await tell(server, 'storm', `Later ${i}.`));
  assert.equal(world.calls('storm-a').length, asked, 'nobody asks one that named a time');
  assert.ok(asked <= 30, 'nobody asked twice');
  for (const one of atOnce)
    assert.deepEqual([one.code, one.text, one.truth?.provider], [null, WORDS.join(''), 'storm-b']);
});

test('what a filter refuses or stops goes to nobody else', async () => {
  const { server, world } = house;
  const before = world.calls('last-b').length;
  for (const stream of [true, false]) {
    const refused = await tell(server, 'filter', 'Forbidden.', { json: { stream } });
    assert.deepEqual([refused.status, refused.code], [ERRORS.content_filter.status, 'content_filter']);
    assert.equal(refused.headers.get('x-should-retry'), 'false');
    const stopped = await tell(server, 'stopped', 'Half of it.', { json: { stream } });
    assert.deepEqual(
      [stopped.code, stopped.finish, stopped.text],
      [null, 'content_filter', WORDS.slice(0, 3).join('')],
    );
  }
  assert.equal(world.calls('last-b').length, before);
});

test('a prompt that is too long for one model goes to the next, and to nobody when there is none', async () => {
  const { server, world } = house;
  const told = await tell(server, 'context', 'Long.');
  assert.deepEqual([told.code, told.truth?.provider, told.truth?.attempts], [null, 'large', 2]);
  const again = await tell(server, 'context', 'Short.');
  assert.equal(again.truth?.attempts, 2, 'it says nothing against the health of the first');
  const alone = await tell(server, 'small/command-a-03-2025', 'Long.');
  assert.deepEqual([alone.status, alone.code], [400, 'upstream_context_too_long']);
  assert.equal(alone.headers.get('x-should-retry'), 'false');
  assert.equal(world.calls('small').length, 3);
});

for (const [name, vendor] of Object.entries(KEYED)) {
  test(`${name}: the other key of the same provider takes over, for this request and for those after it`, async () => {
    const { server, world } = house;
    const model = `${name}/${vendor.dialect === 'anthropic' ? 'claude-sonnet-4-5' : 'm-1'}`;
    const refusals = () => world.calls(name).filter((call) => !usesTwo(call)).length;
    for (let i = 0; i < 40; i++) {
      const told = await tell(server, model, `Key ${i}.`, { json: { stream: i % 2 === 0 } });
      assert.deepEqual([told.code, told.text], [null, WORDS.join('')]);
      if (told.truth && told.truth.attempts > 1) {
        const row = await recordOf(server, told.id);
        assert.deepEqual(
          row.attempts.map((one) => [one.provider, one.status]),
          [
            [name, 'failed'],
            [name, 'succeeded'],
          ],
        );
      }
    }
    assert.equal(refusals(), 1, 'the key that is no good was tried once');
  });
}
