/** What operators see of targets, and set by hand: breakers and keys that rest. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import { call, isProblem, type Json, post, type RequestView } from '../support/api.ts';
import { eventually, runGoblin, type Server, startServer } from '../support/server.ts';
import { callsWith, OPENAI_KEY, openaiEnv } from '../support/vendors.ts';

interface Target {
  provider: string;
  model: string | null;
  state: string;
  forced: boolean;
  open_until: string | null;
  reason: string;
  load: number;
  error_rate: number;
  attempts: number;
  keys: string[];
  rests: { provider: string; key: string | null; model: string | null; until: string | null; reason: string }[];
  notice?: string;
}

let first: Simulator;
let second: Simulator;
let server: Server;

before(async () => {
  [first, second] = await Promise.all([
    startSimulator({ journal: true, key: OPENAI_KEY }),
    startSimulator({ journal: true }),
  ]);
  server = await startServer({
    settings: {
      breaker: { consecutive: 3, open_ms: 60_000, max_open_ms: 120_000 },
      retry_budget: { ratio: 10, reserve: 1000 },
      providers: {
        openai: { keys: [{ env: 'OPENAI_API_KEY' }, { env: 'OPENAI_BAD_KEY', models: ['gpt-4o', 'gpt-4.1'] }] },
        second: { base_url: second.url, models: ['goblin-sim'], free: true },
        idle: { base_url: second.url, models: ['nothing'], free: true },
      },
      aliases: { duo: ['openai/gpt-4o-mini', 'second/goblin-sim'], solo: 'openai/gpt-4o-mini' },
    },
    env: { ...openaiEnv(first), OPENAI_BAD_KEY: 'sk-refused' },
  });
});
after(async () => {
  await server.stop();
  await Promise.all([first.close(), second.close()]);
});

async function targets(): Promise<Target[]> {
  const answer = await call<{ providers: Target[] }>(server, '/mcp/v1/admin/metrics');
  assert.equal(answer.status, 200, answer.text);
  return answer.body.providers;
}
const target = async (provider: string, model: string | null): Promise<Target | undefined> =>
  (await targets()).find((one) => one.provider === provider && one.model === model);

const breaker = (body: Json) => post<Target>(server, '/mcp/v1/admin/breakers', body);
const reset = (body: Json) => post<{ reset: Target['rests'] }>(server, '/mcp/v1/admin/keys/reset', body);

async function chat(prompt: string, model: string) {
  const answer = await post(server, '/v1/chat/completions', { model, messages: [{ role: 'user', content: prompt }] });
  return {
    status: answer.status,
    provider: answer.headers.get('x-mcp-provider'),
    text: answer.text,
    headers: answer.headers,
  };
}

test('each target has its breaker, its load, the ids of its keys, and no key', async () => {
  assert.equal((await chat('Hello.', 'duo')).provider, 'openai');
  // Its load ends a moment after the answer.
  await eventually(async () => (await target('openai', 'gpt-4o-mini'))?.load === 0, 'no load');
  const openai = await target('openai', 'gpt-4o-mini');
  assert.deepEqual(openai && [openai.state, openai.forced, openai.open_until, openai.load], ['closed', false, null, 0]);
  assert.deepEqual(openai?.keys, ['OPENAI_API_KEY'], 'the other key is for other models');
  assert.equal(openai?.attempts, 1);
  const idle = await target('idle', null);
  assert.deepEqual(idle && [idle.state, idle.attempts, idle.keys, idle.rests], ['closed', 0, [], []]);
  const all = JSON.stringify(await targets());
  assert.ok(!all.includes(OPENAI_KEY) && !all.includes('sk-refused'));

  const running = chat('[[sim rate=15 tokens=90]] Slowly.', 'solo');
  await eventually(async () => (await target('openai', 'gpt-4o-mini'))?.load === 1, 'a call that runs');
  await running;
  await eventually(async () => (await target('openai', 'gpt-4o-mini'))?.load === 0, 'no call that runs');
});

test('a breaker that opens by itself says until when and why', async () => {
  assert.equal((await chat('Down. [[sim fault=status-500]]', 'solo')).status, 502);
  const open = await target('openai', 'gpt-4o-mini');
  assert.equal(open?.state, 'open');
  assert.equal(open?.forced, false);
  assert.match(open?.reason ?? '', /breaker open for .* after 3 failures in a row/);
  const left = Date.parse(open?.open_until ?? '') - Date.now();
  assert.ok(left > 40_000 && left <= 66_000, `${left} ms`);
  assert.equal((await chat('Elsewhere.', 'duo')).provider, 'second');

  // Closed by hand: calls go there whatever the breaker thinks.
  const closed = await breaker({ provider: 'openai', model: 'gpt-4o-mini', state: 'closed', minutes: 5 });
  assert.equal(closed.status, 200, closed.text);
  assert.deepEqual([closed.body.state, closed.body.forced, closed.body.open_until], ['closed', true, null]);
  assert.match(closed.body.reason, /^set closed by local for /);
  assert.equal((await chat('Back.', 'duo')).provider, 'openai');
});

test('opened by hand: nothing goes there, until it is taken back', async () => {
  const opened = await breaker({ provider: 'openai', model: 'gpt-4o-mini', state: 'open', minutes: 30 });
  assert.equal(opened.status, 200, opened.text);
  assert.equal(opened.body.state, 'open');
  const left = Date.parse(opened.body.open_until ?? '') - Date.now();
  assert.ok(left > 29 * 60_000 && left <= 30 * 60_000, `${left} ms`);
  const other = await chat('Shut.', 'duo');
  assert.equal(other.provider, 'second');
  assert.equal(callsWith(first, 'Shut.').length, 0);
  const row = await call<RequestView & { plan: { dropped: { reason: string }[] } }>(
    server,
    `/mcp/v1/request/${other.headers.get('x-mcp-request-id')}`,
  );
  assert.match(JSON.stringify(row.body.plan), /set open by local/);
  // Where there is nothing else, a hand is obeyed all the same.
  assert.equal((await chat('Shut solo.', 'solo')).status, 503);
  assert.equal(callsWith(first, 'Shut solo.').length, 0);

  const auto = await breaker({ provider: 'openai', model: 'gpt-4o-mini', state: 'auto' });
  assert.deepEqual([auto.body.state, auto.body.forced], ['closed', false]);
  assert.equal((await chat('Open again.', 'duo')).provider, 'openai');

  // Left out, it is for good.
  assert.equal((await breaker({ provider: 'second', model: 'goblin-sim', state: 'open' })).body.open_until, null);
  assert.equal((await breaker({ provider: 'second', model: 'goblin-sim', state: 'auto' })).body.state, 'closed');
});

test('a model that nobody lists is set, and doubted', async () => {
  const typo = await breaker({ provider: 'second', model: 'goblin-smi', state: 'open', minutes: 1 });
  assert.equal(typo.status, 200);
  assert.match(typo.body.notice ?? '', /second does not list the model "goblin-smi"\. Did you mean "goblin-sim"/);
  await breaker({ provider: 'second', model: 'goblin-smi', state: 'auto' });
});

test('wrong names and words are refused, each with what would be right', async () => {
  const unknown = isProblem(await breaker({ provider: 'opnai', model: 'x', state: 'open' }), 404, 'not_found');
  assert.match(unknown.detail, /"opnai" is not a configured provider; configured: openai, .*Did you mean "openai"\?/);
  const vendor = isProblem(await breaker({ provider: 'groq', model: 'x', state: 'open' }), 404, 'not_found');
  assert.match(vendor.detail, /groq.*is not configured: set GROQ_API_KEY/);
  const bad: [Json, RegExp][] = [
    [{ provider: 'openai', state: 'open' }, /model is required/],
    [{ provider: 'openai', model: 'x', state: 'shut' }, /state must be open, closed or auto/],
    [{ provider: 'openai', model: 'x', state: 'open', minutes: 0 }, /minutes must be a number of minutes/],
    [{ provider: 'openai', model: 'x', state: 'open', minutes: 1e9 }, /minutes must be a number of minutes, a week/],
    [{ provider: 'openai', model: 'x', state: 'auto', minutes: 3 }, /minutes has no meaning with auto/],
    [{ provider: 'openai', model: 'x', state: 'open', hours: 3 }, /hours is not a field/],
  ];
  for (const [body, words] of bad) {
    assert.match(isProblem(await breaker(body), 400, 'invalid_request').detail, words, JSON.stringify(body));
  }
  assert.equal((await call(server, '/mcp/v1/admin/breakers', { raw: '{broken' })).status, 400);
  assert.equal((await call(server, '/mcp/v1/admin/breakers')).status, 405);
});

test('a key that was refused rests until somebody acts: all, those of a provider, or one', async () => {
  const spoil = async (): Promise<void> => {
    // Whichever key is drawn: the refused one is found within some conversations.
    for (let n = 0; n < 30; n++) {
      await chat(`Draw ${n} ${Math.random()}.`, 'openai/gpt-4.1');
      if ((await target('openai', 'gpt-4.1'))?.rests.length === 1) return;
    }
    assert.fail('the refused key was never drawn');
  };
  await spoil();
  const [rest] = (await target('openai', 'gpt-4.1'))?.rests ?? [];
  assert.deepEqual(rest && [rest.provider, rest.key, rest.model, rest.until], ['openai', 'OPENAI_BAD_KEY', null, null]);
  assert.match(rest?.reason ?? '', /out until somebody acts/);

  const other = await reset({ provider: 'openai', key: 'OPENAI_API_KEY' });
  assert.deepEqual([other.status, other.body.reset], [200, []]);
  assert.equal((await target('openai', 'gpt-4.1'))?.rests.length, 1);
  const one = await reset({ provider: 'openai', key: 'OPENAI_BAD_KEY' });
  assert.deepEqual(
    one.body.reset.map(({ key }) => key),
    ['OPENAI_BAD_KEY'],
  );
  assert.deepEqual((await target('openai', 'gpt-4.1'))?.rests, []);
  await spoil();
  assert.equal((await reset({ provider: 'openai' })).body.reset.length, 1);
  await spoil();
  assert.equal((await reset({})).body.reset.length, 1);

  const near = isProblem(await reset({ provider: 'openai', key: 'OPENAI_BAD' }), 404, 'not_found');
  assert.match(near.detail, /openai has no key "OPENAI_BAD"; its keys: OPENAI_API_KEY, OPENAI_BAD_KEY/);
  assert.match(isProblem(await reset({ provider: 'second', key: 'X' }), 404, 'not_found').detail, /leave key out/);
  assert.match(isProblem(await reset({ key: 'X' }), 400, 'invalid_request').detail, /provider is required beside key/);
});

test('each of these is in the audit trail', async () => {
  const trail = async (type: string) => {
    const answer = await call<{ items: { type: string; payload: Json }[] }>(
      server,
      `/mcp/v1/admin/audit?type=${type}&limit=1000`,
    );
    assert.equal(answer.status, 200, answer.text);
    return answer.body.items.map(({ payload }) => payload);
  };
  const set = await trail('breaker.set');
  assert.ok(set.length >= 7);
  const one = set.find(({ state, model }) => state === 'open' && model === 'gpt-4o-mini');
  assert.deepEqual(one && [one.provider, one.by, typeof one.until], ['openai', 'local', 'string']);
  const resets = await trail('keys.reset');
  assert.deepEqual(
    resets.map(({ provider, key }) => [provider, key]).slice(0, 3),
    [
      [null, null],
      ['openai', null],
      ['openai', 'OPENAI_BAD_KEY'],
    ],
    'newest first; what was refused is not there',
  );
});

test('goblin breaker: list, set, reset', { timeout: 90_000 }, async () => {
  const opened = await runGoblin(['breaker', 'open', 'openai/gpt-4o', '--minutes', '5'], server);
  assert.equal(opened.code, 0, opened.stderr);
  assert.match(opened.stdout, /openai\/gpt-4o is open: set open by/);
  const list = await runGoblin(['breaker'], server);
  assert.match(list.stdout, /openai\/gpt-4o +open +/);
  const auto = await runGoblin(['breaker', 'auto', 'openai/gpt-4o'], server);
  assert.match(auto.stdout, /is closed/);
  assert.match((await runGoblin(['breaker', 'reset'], server)).stdout, /No key rested/);
  const wrong = await runGoblin(['breaker', 'opne', 'x'], server);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /did you mean open\?/);
  const noModel = await runGoblin(['breaker', 'open', 'openai'], server);
  assert.match(noModel.stderr, /name the target as provider\/model/);
});

test('what was set by hand still holds when the server was started anew, and what was taken back does not', async () => {
  const place = await startServer({
    settings: { providers: { idle: { base_url: second.url, models: ['nothing', 'other'], free: true } } },
  });
  const set = (model: string, state: string, minutes?: number) =>
    post<Target>(place, '/mcp/v1/admin/breakers', { provider: 'idle', model, state, ...(minutes ? { minutes } : {}) });
  assert.equal((await set('nothing', 'open', 30)).status, 200);
  assert.equal((await set('other', 'open')).status, 200);
  assert.equal((await set('raw', 'closed')).status, 200);
  assert.equal((await set('other', 'auto')).status, 200);
  await place.stop();
  const anew = await place.again();
  try {
    const { body } = await call<{ providers: Target[] }>(anew, '/mcp/v1/admin/metrics');
    const rows = new Map(body.providers.filter(({ forced }) => forced).map((row) => [row.model, row]));
    assert.deepEqual([...rows.keys()].sort(), ['nothing', 'raw']);
    assert.match(rows.get('nothing')?.reason ?? '', /^set open by \S+ for (29|30) min more$/);
    const left = Date.parse(rows.get('nothing')?.open_until ?? '') - Date.now();
    assert.ok(left > 25 * 60_000 && left <= 30 * 60_000, String(left));
    const refused = await post<Json>(anew, '/v1/chat/completions', {
      model: 'idle/nothing',
      messages: [{ role: 'user', content: 'a' }],
    });
    assert.equal(refused.status, 503, refused.text);
    assert.ok(Number(refused.headers.get('retry-after')) > 25 * 60);
    await post(anew, '/mcp/v1/admin/breakers', { provider: 'idle', model: 'nothing', state: 'auto' });
    assert.equal(
      (
        await post<Json>(anew, '/v1/chat/completions', {
          model: 'idle/nothing',
          messages: [{ role: 'user', content: 'a' }],
        })
      ).status,
      200,
    );
  } finally {
    await anew.stop();
  }
});
